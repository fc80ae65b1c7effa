/*
 * imap/respond.c: what is sent: untagged lines, tagged ones, strings, flags, dates (RFC 3501 7, 9; RFC 5530).
 *
 * Called   by all of imap, on the loop or, while the session is lent, on a pool thread.
 * Tested   tests/unit/imap_respond.c, tests/e2e/test_imap.py
 */
#include "base/clock.h"
#include "imap/private.h"
#include "language/say.h"
#include "store/mutf7.h"

struct buffer *imap_output(struct imap *imap)
{
    return stream_output(imap->session->stream);
}

void imap_begin_fetch(const struct imap *imap, struct buffer *out, uint32_t uid, uint32_t number)
{
    bool by_uid = imap->enabled & ENABLED_UIDONLY;
    buffer_append_string(out, "* ");
    buffer_append_u64(out, by_uid ? uid : number);
    buffer_append_string(out, by_uid ? " UIDFETCH (" : " FETCH (");
}

void imap_say(struct imap *imap, const char *text)
{
    language_say(imap_output(imap), imap->session->language, text);
}

void imap_untagged(struct imap *imap, const char *format, ...)
{
    va_list arguments;
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* ");
    va_start(arguments, format);
    language_vprintf(out, imap->session->language, format, arguments);
    va_end(arguments);
    buffer_append_string(out, "\r\n");
}

/* ---- the tagged response ---- */

static struct buffer *begin_tagged(struct imap *imap, const char *status)
{
    buffer_clear(&imap->tagged);
    buffer_append_string(&imap->tagged, status);
    buffer_append_char(&imap->tagged, ' ');
    imap->finished = true;
    return &imap->tagged;
}

void imap_finish_printf(struct imap *imap, const char *status, const char *format, ...)
{
    va_list arguments;
    struct buffer *out = begin_tagged(imap, status);
    va_start(arguments, format);
    language_vprintf(out, imap->session->language, format, arguments);
    va_end(arguments);
}

void imap_finish(struct imap *imap, const char *status, const char *code, const char *text)
{
    struct buffer *out = begin_tagged(imap, status);
    if (code)
        buffer_printf(out, "[%s] ", code);
    language_say(out, imap->session->language, text);
}

void imap_end_after(struct imap *imap, bool clean, const char *reason)
{
    imap->end_clean = clean;
    imap->end_reason = reason;
}

void imap_finish_error(struct imap *imap, enum store_error error)
{
    static const struct {
        const char *code, *text;
    } answers[STORE_ERROR_COUNT] = {
        [STORE_NOT_FOUND] = {"NONEXISTENT", "It is not there"},
        [STORE_NO_ACCOUNT] = {"UNAVAILABLE", "The account is not there any more"},
        [STORE_NO_MAILBOX] = {"NONEXISTENT", "There is no such mailbox"},
        [STORE_EXISTS] = {"ALREADYEXISTS", "There is a mailbox of that name"},
        [STORE_EXPUNGED] = {"EXPUNGEISSUED", "Some of the messages no longer exist"},
        [STORE_OVER_QUOTA] = {"OVERQUOTA", "The quota is used up"},
        [STORE_LIMIT] = {"LIMIT", "A limit of this server is reached"},
        [STORE_BAD_NAME] = {"CANNOT", "A mailbox can't have that name"},
        [STORE_FORBIDDEN] = {"CANNOT", "That can't be done to this mailbox"},
        [STORE_NO_RIGHT] = {"NOPERM", "You have no right to do that"},
        [STORE_HAS_CHILDREN] = {"HASCHILDREN", "The mailbox has children"},
        [STORE_MODIFIED] = {"MODIFIED", "The message was changed meanwhile"},
        [STORE_TOO_OLD] = {"CANNOT", "That is too long ago"},
        [STORE_BUSY] = {"INUSE", "The mailbox is busy, try again"},
        [STORE_FULL] = {"UNAVAILABLE", "The disk is full"},
        [STORE_READ_ONLY] = {"UNAVAILABLE", "The store is read-only for now"},
        [STORE_CORRUPT] = {"CORRUPTION", "What is stored there is damaged; the administrator can see it in the log"},
        [STORE_IO] = {"UNAVAILABLE", "The disk fails"},
    };
    bool known = error < STORE_ERROR_COUNT && answers[error].text;
    imap_finish(imap, "NO", known ? answers[error].code : "SERVERBUG", known ? answers[error].text : "Internal error");
}

/* ---- strings ---- */

/* Quoted strings hold no control characters, no 8-bit, and are kept short (RFC 3501 4.3). */
static bool can_be_quoted(struct view text)
{
    if (text.size > 1024)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < 0x20 || (unsigned char)text.data[i] >= 0x7f)
            return false;
    return true;
}

static void write_quoted(struct buffer *out, struct view text)
{
    buffer_append_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            buffer_append_char(out, '\\');
        buffer_append_char(out, text.data[i]);
    }
    buffer_append_char(out, '"');
}

void imap_write_string(struct buffer *out, struct view text)
{
    if (can_be_quoted(text)) {
        write_quoted(out, text);
        return;
    }
    buffer_append_char(out, '{');
    buffer_append_u64(out, text.size);
    buffer_append_string(out, "}\r\n");
    buffer_append_view(out, text);
}

static bool is_plain_atom(struct view text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if ((unsigned char)c <= 0x20 || (unsigned char)c >= 0x7f || memchr("(){%*\"\\]", c, 8))
            return false;
    }
    return text.size > 0 && !view_equal_string_nocase(text, "NIL");
}

void imap_write_astring(struct buffer *out, struct view text)
{
    if (is_plain_atom(text))
        buffer_append_view(out, text);
    else
        imap_write_string(out, text);
}

void imap_write_octets(struct buffer *out, struct view octets)
{
    if (view_find(octets, '\0', 0) == SIZE_MAX) {
        imap_write_string(out, octets);
        return;
    }
    buffer_printf(out, "~{%llu}\r\n", (unsigned long long)octets.size);
    buffer_append_view(out, octets);
}

void imap_write_mailbox(struct imap *imap, struct buffer *out, struct view name)
{
    struct buffer encoded = {0};
    if (imap->enabled & ENABLED_ANY_UTF8) {
        write_quoted(out, name); /* a name holds no control characters, and is no longer than a quoted string may be */
        return;
    }
    mutf7_encode(name, &encoded);
    imap_write_astring(out, buffer_view(&encoded));
    buffer_free(&encoded);
}

void imap_write_date_time(struct buffer *out, int64_t utc_s, int16_t zone_minutes)
{
    struct civil_time c;
    civil_from_seconds(utc_s, zone_minutes, &c);
    int zone = zone_minutes < 0 ? -zone_minutes : zone_minutes;
    buffer_printf(out, "\"%02d-%s-%04d %02d:%02d:%02d %c%02d%02d\"", c.day, civil_month_name(c.month), c.year, c.hour,
                  c.minute, c.second, zone_minutes < 0 ? '-' : '+', zone / 60, zone % 60);
}

void imap_write_flags(struct buffer *out, uint8_t flags, const struct keywords *keywords, const struct view *names,
                      size_t name_count)
{
    static const struct view words[] = {VIEW_LITERAL("\\Seen"), VIEW_LITERAL("\\Answered"), VIEW_LITERAL("\\Flagged"),
                                        VIEW_LITERAL("\\Deleted"), VIEW_LITERAL("\\Draft")};
    bool any = false;
    buffer_append_char(out, '(');
    for (unsigned left = flags & FLAG_SYSTEM_ALL; left; left &= left - 1, any = true) {
        if (any)
            buffer_append_char(out, ' ');
        buffer_append_view(out, words[__builtin_ctz(left)]);
    }
    for (size_t word = 0; word < 4; word++) {
        for (uint64_t left = keywords->bits[word]; left; left &= left - 1) {
            size_t number = word * 64 + (size_t)__builtin_ctzll(left);
            if (number >= name_count)
                continue;
            if (any)
                buffer_append_char(out, ' ');
            buffer_append_view(out, names[number]);
            any = true;
        }
    }
    buffer_append_char(out, ')');
}
