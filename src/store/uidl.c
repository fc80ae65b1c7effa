/* store/uidl.c: see store/uidl.h. */
#include "store/uidl.h"

static const char *const words[] = {
    [UIDL_UW] = "uw", [UIDL_DOVECOT] = "dovecot", [UIDL_COURIER] = "courier", [UIDL_CYRUS] = "cyrus"};

bool uidl_format_read(struct view word, unsigned *format_r)
{
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!view_equal_string(word, words[i]))
            continue;
        *format_r = i;
        return true;
    }
    return false;
}

/* ---- ranges ---- */

static struct view take_word(struct view *rest)
{
    size_t end = view_find(*rest, ' ', 0);
    struct view word = view_slice(*rest, 0, end);
    *rest = end == SIZE_MAX ? VIEW_EMPTY : view_skip(*rest, end + 1);
    return word;
}

void uidl_ranges_read(struct uidl_ranges *ranges, struct view text)
{
    ranges->count = 0;
    while (text.size > 0 && ranges->count < LIMIT_POP3_UIDL_FORMATS) {
        uint64_t from = 0;
        unsigned format = 0;
        bool good = view_parse_u64(take_word(&text), UINT32_MAX, &from);
        if (!uidl_format_read(take_word(&text), &format) || !good)
            break;
        ranges->rows[ranges->count++] = (struct uidl_range){.from_uid = (uint32_t)from, .format = (uint8_t)format};
    }
}

void uidl_ranges_write(const struct uidl_ranges *ranges, struct buffer *out)
{
    for (size_t i = 0; i < ranges->count; i++)
        buffer_printf(out, "%s%u %s", i ? " " : "", ranges->rows[i].from_uid, words[ranges->rows[i].format]);
}

static void row_name(uint32_t mailbox, char name[LIMIT_SETTING_NAME])
{
    snprintf(name, LIMIT_SETTING_NAME, ".pop3.uidl.%08x", mailbox);
}

struct search {
    struct uidl_ranges *ranges;
    const char *name;
};

static void take_row(void *ctx, struct view name, struct view value)
{
    struct search *search = ctx;
    if (view_equal_string(name, search->name))
        uidl_ranges_read(search->ranges, value);
}

enum store_error uidl_ranges_load(const struct reader *reader, const struct mailbox *mailbox,
                                  struct uidl_ranges *ranges_r)
{
    char name[LIMIT_SETTING_NAME];
    struct search search = {ranges_r, name};
    *ranges_r = (struct uidl_ranges){.mailbox = mailbox->id, .uidvalidity = mailbox->uidvalidity};
    row_name(mailbox->id, name);
    return account_settings_each(reader, name, take_row, &search);
}

enum store_error uidl_ranges_put(struct txn *txn, const struct uidl_ranges *ranges)
{
    char name[LIMIT_SETTING_NAME];
    struct buffer value = {0};
    row_name(ranges->mailbox, name);
    uidl_ranges_write(ranges, &value);
    enum store_error error = account_setting_put(txn, view_of_string(name), buffer_view(&value));
    buffer_free(&value);
    return error;
}

bool uidl_ranges_extend(struct uidl_ranges *ranges, unsigned format, uint32_t uidnext)
{
    uint32_t from = ranges->count ? uidnext : 1;
    struct uidl_range *last = ranges->count ? &ranges->rows[ranges->count - 1] : NULL;
    if (last && last->format == format)
        return false;
    if (last && last->from_uid == from) { /* no message has shown it */
        last->format = (uint8_t)format;
        return true;
    }
    if (ranges->count == LIMIT_POP3_UIDL_FORMATS)
        return false;
    ranges->rows[ranges->count++] = (struct uidl_range){.from_uid = from, .format = (uint8_t)format};
    return true;
}

/* ---- one UIDL ---- */

size_t uidl_put_decimal(char *out, uint64_t value)
{
    char digits[20];
    size_t count = 0, size = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0)
        out[size++] = digits[--count];
    return size;
}

static size_t put_hex(char *out, uint32_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 4)
        out[i] = "0123456789abcdef"[value & 15];
    return 8;
}

static unsigned format_of(const struct uidl_ranges *ranges, uint32_t uid)
{
    unsigned format = UIDL_UW;
    for (size_t i = 0; i < ranges->count && ranges->rows[i].from_uid <= uid; i++)
        format = ranges->rows[i].format;
    return format;
}

size_t uidl_write(const struct uidl_ranges *ranges, uint32_t uid, char *out)
{
    uint32_t validity = ranges->uidvalidity;
    size_t size = 0;
    switch (format_of(ranges, uid)) {
    case UIDL_DOVECOT:
        size = put_hex(out, uid);
        return size + put_hex(out + size, validity);
    case UIDL_COURIER:
        memcpy(out, "UID", 3);
        size = 3 + uidl_put_decimal(out + 3, uid);
        out[size++] = '-';
        return size + uidl_put_decimal(out + size, validity);
    case UIDL_CYRUS:
        size = uidl_put_decimal(out, validity);
        out[size++] = '.';
        return size + uidl_put_decimal(out + size, uid);
    default:
        size = put_hex(out, validity);
        return size + put_hex(out + size, uid);
    }
}
