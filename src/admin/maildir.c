/*
 * admin/maildir.c: see maildir.h.
 */
#include "admin/maildir.h"
#include "store/store.h"

static const struct {
    char letter;
    uint8_t flag;
} flag_letters[] = {
    {'D', FLAG_DRAFT}, {'F', FLAG_FLAGGED}, {'R', FLAG_ANSWERED}, {'S', FLAG_SEEN}, {'T', FLAG_DELETED},
};
enum { FLAG_LETTERS = sizeof(flag_letters) / sizeof(flag_letters[0]) };

bool maildir_name_read(struct view file, struct maildir_name *name_r)
{
    memset(name_r, 0, sizeof(*name_r));
    if (file.size == 0 || file.data[0] == '.')
        return false;
    size_t colon = view_find(file, ':', 0);
    name_r->base = view_slice(file, 0, colon == SIZE_MAX ? file.size : colon);
    struct view info = colon == SIZE_MAX ? VIEW_EMPTY : view_skip(file, colon + 1);
    if (name_r->base.size == 0)
        return false;
    if (!view_starts_with(info, VIEW_LITERAL("2,")))
        return true;
    for (size_t i = 2; i < info.size && info.data[i] != ','; i++) {
        char letter = info.data[i];
        for (size_t k = 0; k < FLAG_LETTERS; k++)
            if (flag_letters[k].letter == letter)
                name_r->flags |= flag_letters[k].flag;
        if (letter == 'P')
            name_r->passed = true;
        if (letter >= 'a' && letter <= 'z')
            name_r->keywords |= (uint32_t)1 << (letter - 'a');
    }
    return true;
}

void maildir_flags_write(uint8_t flags, bool passed, uint32_t keywords, struct buffer *out)
{
    /* Letters in ASCII order: D F P R S T, then a to z. */
    buffer_append_string(out, ":2,");
    for (size_t k = 0; k < FLAG_LETTERS; k++) {
        if (k == 2 && passed)
            buffer_append_char(out, 'P');
        if ((flags & flag_letters[k].flag) != 0)
            buffer_append_char(out, flag_letters[k].letter);
    }
    for (unsigned i = 0; i < MAILDIR_KEYWORDS; i++)
        if ((keywords & ((uint32_t)1 << i)) != 0)
            buffer_append_char(out, (char)('a' + i));
}

/* The next word of a line, separated by blanks; empty at the end. */
static struct view word(struct view *rest)
{
    while (rest->size > 0 && rest->data[0] == ' ')
        *rest = view_skip(*rest, 1);
    size_t end = view_find(*rest, ' ', 0);
    struct view found = view_slice(*rest, 0, end == SIZE_MAX ? rest->size : end);
    *rest = view_skip(*rest, found.size);
    return found;
}

bool uidlist_header_read(struct view line, struct uidlist_header *header_r)
{
    uint64_t version, number;
    memset(header_r, 0, sizeof(*header_r));
    struct view rest = view_trim(line);
    if (!view_parse_u64(word(&rest), 3, &version) || (version != 1 && version != 3))
        return false;
    header_r->version = (int)version;
    for (int at = 0;; at++) {
        struct view field = word(&rest);
        if (field.size == 0)
            break;
        bool validity = version == 1 ? at == 0 : field.data[0] == 'V';
        bool next = version == 1 ? at == 1 : field.data[0] == 'N';
        if (!validity && !next)
            continue;
        if (!view_parse_u64(view_skip(field, version == 1 ? 0 : 1), UINT32_MAX, &number) || number == 0)
            return false;
        if (validity)
            header_r->uidvalidity = (uint32_t)number;
        else
            header_r->uidnext = (uint32_t)number;
    }
    return header_r->uidvalidity != 0;
}

bool uidlist_row_read(int version, struct view line, struct uidlist_row *row_r)
{
    struct view rest = view_trim(line);
    uint64_t uid;
    memset(row_r, 0, sizeof(*row_r));
    if (!view_parse_u64(word(&rest), UINT32_MAX, &uid) || uid == 0)
        return false;
    row_r->uid = (uint32_t)uid;
    while (version == 3 && rest.size > 0) {
        struct view peek = rest, field = word(&peek);
        if (field.size == 0 || field.data[0] == ':')
            break;
        if (field.data[0] == 'P')
            row_r->uidl = view_skip(field, 1);
        rest = peek;
    }
    rest = view_trim(rest);
    if (version == 3) {
        if (rest.size == 0 || rest.data[0] != ':')
            return false;
        rest = view_skip(rest, 1);
    }
    size_t colon = view_find(rest, ':', 0);
    row_r->base = view_slice(rest, 0, colon == SIZE_MAX ? rest.size : colon);
    return row_r->base.size > 0;
}

/* Courier before its version 1 shows the file's name, with "+XX" for what a UIDL can't hold. */
static void put_courier_name(struct view base, struct buffer *out)
{
    for (size_t i = 0; i < base.size; i++) {
        char c = base.data[i];
        if (c < '!' || c > '~' || c == '\'' || c == '"' || c == '+')
            buffer_printf(out, "+%02X", (unsigned char)c);
        else
            buffer_append_char(out, c);
    }
}

bool courier_row_read(struct view line, struct buffer *text, struct view *base_r, struct view *uidl_r)
{
    struct view rest = view_trim(line), name = word(&rest), size = word(&rest), number = word(&rest);
    uint64_t octets, uid = 0, validity = 0;
    *base_r = view_slice(name, 0, view_find(name, ':', 0));
    if (base_r->size == 0 || base_r->data[0] == '/' || !view_parse_u64(size, UINT64_MAX, &octets))
        return false;
    size_t colon = view_find(number, ':', 0);
    struct view after = colon == SIZE_MAX ? VIEW_EMPTY : view_skip(number, colon + 1);
    after = view_slice(after, 0, view_find(after, ':', 0)); /* version 3 has one more field */
    if (number.size > 0 && !view_parse_u64(view_slice(number, 0, colon), UINT32_MAX, &uid))
        return false;
    if (after.size > 0 && !view_parse_u64(after, UINT32_MAX, &validity))
        return false;
    buffer_clear(text);
    if (uid == 0)
        put_courier_name(*base_r, text);
    else if (validity == 0)
        buffer_printf(text, "UID%llu", (unsigned long long)uid);
    else
        buffer_printf(text, "UID%llu-%llu", (unsigned long long)uid, (unsigned long long)validity);
    *uidl_r = buffer_view(text);
    return true;
}

bool keyword_row_read(struct view line, unsigned *number_r, struct view *name_r)
{
    struct view rest = view_trim(line);
    uint64_t number;
    if (!view_parse_u64(word(&rest), MAILDIR_KEYWORDS - 1, &number))
        return false;
    *number_r = (unsigned)number;
    *name_r = view_trim(rest);
    return name_r->size > 0;
}

/* ---- modified UTF-7 (RFC 9051 A.1) ---- */

static const char base64_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int base64_value(char c)
{
    const char *at = c == 0 ? NULL : strchr(base64_letters, c);
    return at == NULL ? -1 : (int)(at - base64_letters);
}

static void append_utf8(struct buffer *out, uint32_t c)
{
    static const unsigned char firsts[] = {0, 0, 0xc0, 0xe0, 0xf0};
    unsigned size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    char octets[4];
    for (unsigned i = size; i-- > 1;) {
        octets[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    octets[0] = (char)(size == 1 ? c : firsts[size] | c);
    buffer_append(out, octets, size);
}

/* One shifted run, without '&' and '-'. Surrogates must pair up, no printable ASCII inside, no bits left over. */
static bool decode_run(struct view run, struct buffer *out)
{
    uint32_t bits = 0, high = 0;
    unsigned count = 0;
    for (size_t i = 0; i < run.size; i++) {
        int value = base64_value(run.data[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count < 16)
            continue;
        count -= 16;
        uint32_t unit = bits >> count & 0xffff;
        bits &= ((uint32_t)1 << count) - 1;
        bool is_high = unit >= 0xd800 && unit < 0xdc00, is_low = unit >= 0xdc00 && unit < 0xe000;
        if ((high != 0) != is_low || (unit >= 0x20 && unit < 0x7f) || unit == 0)
            return false;
        if (is_low)
            append_utf8(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
        else if (!is_high)
            append_utf8(out, unit);
        high = is_high ? unit : 0;
    }
    return high == 0 && bits == 0 && count < 6 && run.size > 0;
}

bool utf7_decode(struct view text, struct buffer *utf8)
{
    size_t before = buffer_size(utf8);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c != '&') {
            if ((unsigned char)c < 0x20 || (unsigned char)c > 0x7e)
                goto bad;
            buffer_append_char(utf8, c);
            continue;
        }
        size_t end = view_find(text, '-', i + 1);
        if (end == SIZE_MAX)
            goto bad;
        if (end == i + 1)
            buffer_append_char(utf8, '&');
        else if (!decode_run(view_slice(text, i + 1, end - i - 1), utf8))
            goto bad;
        i = end;
    }
    return true;
bad:
    buffer_truncate(utf8, before);
    return false;
}

/* The next code point of UTF-8; malformed octets stand for themselves. */
static uint32_t next_point(struct view text, size_t *at)
{
    unsigned char first = (unsigned char)text.data[(*at)++];
    unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    static const uint32_t masks[] = {0xff, 0x1f, 0x0f, 0x07};
    uint32_t point = first & masks[more];
    if (text.size - *at < more)
        return first;
    for (unsigned i = 0; i < more; i++) {
        unsigned char octet = (unsigned char)text.data[*at + i];
        if ((octet & 0xc0) != 0x80)
            return first;
        point = point << 6 | (octet & 0x3f);
    }
    *at += more;
    return point > 0x10ffff ? 0xfffd : point;
}

struct run {
    struct buffer *out;
    uint32_t bits;
    unsigned count;
    bool open;
};

static void run_add(struct run *run, uint32_t unit)
{
    if (!run->open)
        buffer_append_char(run->out, '&');
    run->open = true;
    run->bits = run->bits << 16 | unit;
    run->count += 16;
    while (run->count >= 6) {
        run->count -= 6;
        buffer_append_char(run->out, base64_letters[run->bits >> run->count & 0x3f]);
    }
    run->bits &= ((uint32_t)1 << run->count) - 1;
}

static void run_close(struct run *run)
{
    if (!run->open)
        return;
    if (run->count > 0)
        buffer_append_char(run->out, base64_letters[run->bits << (6 - run->count) & 0x3f]);
    buffer_append_char(run->out, '-');
    run->bits = run->count = 0;
    run->open = false;
}

void utf7_encode(struct view utf8, struct buffer *text)
{
    struct run run = {.out = text};
    for (size_t at = 0; at < utf8.size;) {
        uint32_t point = next_point(utf8, &at);
        if (point >= 0x20 && point < 0x7f) {
            run_close(&run);
            buffer_append_char(text, (char)point);
            if (point == '&')
                buffer_append_char(text, '-');
        } else if (point < 0x10000) {
            run_add(&run, point);
        } else {
            run_add(&run, 0xd800 + ((point - 0x10000) >> 10));
            run_add(&run, 0xdc00 + ((point - 0x10000) & 0x3ff));
        }
    }
    run_close(&run);
}

/* ---- folders ---- */

bool maildir_folder_read(struct view folder, struct buffer *name)
{
    size_t before = buffer_size(name);
    if (folder.size < 2 || folder.data[0] != '.' || (folder.size == 2 && folder.data[1] == '.'))
        return false;
    struct view rest = view_skip(folder, 1);
    if (!utf7_decode(rest, name)) /* written with UTF-8 names */
        buffer_append_view(name, rest);
    for (size_t i = before; i < buffer_size(name); i++)
        if (name->memory[name->start + i] == '.')
            name->memory[name->start + i] = '/';
    return true;
}

void maildir_folder_write(struct view name, struct buffer *folder)
{
    buffer_append_char(folder, '.');
    size_t before = buffer_size(folder);
    utf7_encode(name, folder);
    for (size_t i = before; i < buffer_size(folder); i++) {
        char *c = &folder->memory[folder->start + i];
        *c = *c == '/' ? '.' : *c == '.' ? '_' : *c;
    }
}
