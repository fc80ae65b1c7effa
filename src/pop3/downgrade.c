/*
 * pop3/downgrade.c: headers in UTF-8 for clients that did not say UTF8 (RFC 6856 2.1: a surrogate message).
 *
 * Does     rewrites fields that hold UTF-8 in the way of RFC 6857: names and texts become encoded words (RFC 2047), an
 *          address that ASCII can't say becomes an empty group that shows it, parameters take RFC 2231's form, and
 *          other structured fields go under a Downgraded- name as text. The headers of parts too. What is no UTF-8 is
 *          left as it came: nobody knows what it says. The message in the store stays as it is.
 * Called   by snapshot.c for the sizes, by retrieve.c for the octets: both get the same, for it depends on the message
 *          alone.
 * Limits   LIMIT_POP3_DOWNGRADE: a longer header is left as it is.
 * Tested   tests/unit/pop3.c, tests/e2e/test_pop3.py, fuzz/downgrade.c
 */
#include "base/memory.h"
#include "digest/transfer.h"
#include "pop3/private.h"

enum { WORD_OCTETS = 45 }; /* become 60 of base64: with its frame an encoded word of 72 (RFC 2047 2: at most 75) */

/* ---- UTF-8 ---- */

/* Octets of the character that begins v, 0 if it is none. */
static size_t character_size(struct view v)
{
    unsigned char first = (unsigned char)v.data[0];
    size_t size = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (size > v.size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if (((unsigned char)v.data[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

static bool has_8bit(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if ((unsigned char)v.data[i] >= 0x80)
            return true;
    return false;
}

static bool is_utf8(struct view v)
{
    while (v.size > 0) {
        size_t size = character_size(v);
        if (size == 0)
            return false;
        v = view_skip(v, size);
    }
    return true;
}

/* ---- encoded words ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct view trim(struct view v)
{
    while (v.size > 0 && is_blank(v.data[0]))
        v = view_skip(v, 1);
    while (v.size > 0 && is_blank(v.data[v.size - 1]))
        v.size--;
    return v;
}

/* Folded lines are one: without their ends. */
static void unfold(struct view v, struct buffer *out)
{
    for (size_t i = 0; i < v.size; i++)
        if (v.data[i] != '\r' && v.data[i] != '\n')
            buffer_append_char(out, v.data[i]);
}

static void put_words(struct view text, struct buffer *out)
{
    struct buffer flat = {0};
    unfold(text, &flat);
    struct view rest = buffer_view(&flat);
    for (bool first = true; rest.size > 0; first = false) {
        size_t size = 0;
        while (size < rest.size && size + character_size(view_skip(rest, size)) <= WORD_OCTETS)
            size += character_size(view_skip(rest, size));
        size = size ? size : 1; /* never in UTF-8, and never for ever in anything else */
        buffer_append_string(out, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        base64_encode(view_slice(rest, 0, size), out);
        buffer_append_string(out, "?=");
        rest = view_skip(rest, size);
    }
    buffer_free(&flat);
}

/* Free text: from its first word that isn't ASCII to the last one. */
static void put_text(struct view value, struct buffer *out)
{
    size_t from = 0, to = value.size;
    while (from < to && (unsigned char)value.data[from] < 0x80)
        from++;
    while (to > from && (unsigned char)value.data[to - 1] < 0x80)
        to--;
    while (from > 0 && !is_blank(value.data[from - 1]))
        from--;
    while (to < value.size && !is_blank(value.data[to]))
        to++;
    size_t kept = from;
    while (kept > 0 && is_blank(value.data[kept - 1]))
        kept--;
    buffer_append_view(out, view_slice(value, 0, kept));
    buffer_append_string(out, kept > 0 ? "\r\n " : " ");
    put_words(view_slice(value, from, to - from), out);
    buffer_append_view(out, view_skip(value, to));
}

/* ---- structured values ---- */

/* Where the first of `stops` stands outside quotes, comments and angles; v.size if nowhere. */
static size_t find_outside(struct view v, const char *stops)
{
    bool quoted = false, angle = false;
    unsigned comments = 0;
    for (size_t i = 0; i < v.size; i++) {
        char c = v.data[i];
        bool outside = !quoted && comments == 0 && !angle;
        if (c != '\0' && outside && strchr(stops, c))
            return i;
        if (c == '\\' && (quoted || comments > 0))
            i++;
        else if (c == '"' && comments == 0)
            quoted = !quoted;
        else if (c == '(' && !quoted)
            comments++;
        else if (c == ')' && comments > 0)
            comments--;
        else if ((c == '<' || c == '>') && !quoted && comments == 0)
            angle = c == '<';
    }
    return v.size;
}

/* The text of a phrase or a quoted string: without quotes and backslashes. */
static void put_unquoted(struct view v, struct buffer *out)
{
    v = trim(v);
    for (size_t i = 0; i < v.size; i++) {
        if (v.data[i] == '\\' && i + 1 < v.size)
            i++;
        else if (v.data[i] == '"')
            continue;
        buffer_append_char(out, v.data[i]);
    }
}

static void put_phrase(struct view phrase, struct buffer *out)
{
    struct buffer text = {0};
    put_unquoted(phrase, &text);
    put_words(buffer_view(&text), out);
    buffer_free(&text);
}

/* One address of a list, or the name of a group. */
static void put_address(struct view item, struct buffer *out)
{
    size_t angle = find_outside(item, "<"), comment = find_outside(item, "(");
    struct view name = view_slice(item, 0, angle), address = view_skip(item, angle);
    if (!has_8bit(item)) {
        buffer_append_view(out, item);
        return;
    }
    buffer_append_char(out, ' ');
    if (address.size > 0 && !has_8bit(address)) {
        put_phrase(name, out);
        buffer_append_string(out, "\r\n ");
        buffer_append_view(out, address);
    } else if (address.size == 0 && comment < item.size && !has_8bit(view_slice(item, 0, comment))) {
        struct view words = trim(view_skip(item, comment + 1));
        buffer_append_view(out, trim(view_slice(item, 0, comment)));
        buffer_append_string(out, " (");
        put_words(words.size > 0 && words.data[words.size - 1] == ')' ? view_slice(words, 0, words.size - 1) : words,
                  out);
        buffer_append_char(out, ')');
    } else {
        put_phrase(item, out);
        if (view_find(item, '@', 0) != SIZE_MAX)
            buffer_append_string(out, " :;"); /* nobody can be answered there in ASCII */
    }
}

static void put_addresses(struct view value, struct buffer *out)
{
    while (value.size > 0) {
        size_t end = find_outside(value, ",;:");
        put_address(view_slice(value, 0, end), out);
        if (end < value.size)
            buffer_append_char(out, value.data[end]);
        value = view_skip(value, end + 1);
    }
}

static void put_parameter(struct view item, struct buffer *out)
{
    size_t equals = find_outside(item, "=");
    if (!has_8bit(item)) {
        buffer_append_view(out, item);
        return;
    }
    struct view name = trim(view_slice(item, 0, equals));
    struct buffer text = {0};
    put_unquoted(view_skip(item, equals + 1), &text);
    buffer_printf(out, "\r\n %.*s*=UTF-8''", VIEW_PRINTF(has_8bit(name) ? VIEW_LITERAL("x") : name));
    struct view rest = buffer_view(&text);
    for (size_t i = 0; i < rest.size; i++) {
        char c = rest.data[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-')
            buffer_append_char(out, c);
        else
            buffer_printf(out, "%%%02X", (unsigned char)c);
    }
    buffer_free(&text);
}

static void put_parameters(struct view value, struct buffer *out)
{
    while (value.size > 0) {
        size_t end = find_outside(value, ";");
        put_parameter(view_slice(value, 0, end), out);
        if (end < value.size)
            buffer_append_char(out, ';');
        value = view_skip(value, end + 1);
    }
}

/* ---- fields ---- */

static const struct {
    const char *name;
    void (*put)(struct view value, struct buffer *out); /* null: as text under another name */
} structured[] = {
    {"From", put_addresses},
    {"Sender", put_addresses},
    {"Reply-To", put_addresses},
    {"To", put_addresses},
    {"Cc", put_addresses},
    {"Bcc", put_addresses},
    {"Resent-From", put_addresses},
    {"Resent-To", put_addresses},
    {"Resent-Sender", put_addresses},
    {"Resent-Cc", put_addresses},
    {"Resent-Bcc", put_addresses},
    {"Return-Path", put_addresses},
    {"Content-Type", put_parameters},
    {"Content-Disposition", put_parameters},
    {"Message-ID", NULL},
    {"In-Reply-To", NULL},
    {"References", NULL},
    {"Resent-Message-ID", NULL},
    {"Content-ID", NULL},
    {"Received", NULL},
    {"Date", NULL},
    {"Content-Transfer-Encoding", NULL},
    {"MIME-Version", NULL},
};

static void put_field(struct view field, struct view name, struct view value, struct buffer *out)
{
    void (*put)(struct view value, struct buffer * out) = put_text;
    if (name.size == 0 || has_8bit(name) || !has_8bit(value) || !is_utf8(value)) {
        buffer_append_view(out, field);
        return;
    }
    for (size_t i = 0; i < sizeof(structured) / sizeof(structured[0]); i++)
        if (view_equal_string_nocase(name, structured[i].name))
            put = structured[i].put;
    if (!put)
        buffer_append_string(out, "Downgraded-");
    buffer_append_view(out, name);
    buffer_append_char(out, ':');
    (put ? put : put_text)(value, out);
    buffer_append_string(out, "\r\n");
}

void pop3_downgrade(struct view header, struct buffer *out)
{
    size_t position = 0;
    struct view field, name, value;
    while (header_next(header, &position, &field, &name, &value))
        put_field(field, name, value, out);
    buffer_append_view(out, view_skip(header, position));
}

/* ---- a whole message ---- */

static enum store_error add_patch(struct pop3_patches *patches, const struct reader *reader, const struct email *email,
                                  const struct digest_part *part)
{
    struct buffer header = {0};
    if (part->header_size == 0 || part->header_size > LIMIT_POP3_DOWNGRADE)
        return STORE_OK;
    enum store_error error = email_octets(reader, email, part->header_offset, part->header_size, &header);
    if (error == STORE_OK && has_8bit(buffer_view(&header))) {
        struct pop3_patch patch = {.offset = part->header_offset, .size = part->header_size};
        patch.from = buffer_size(&patches->text);
        pop3_downgrade(buffer_view(&header), &patches->text);
        patch.text_size = buffer_size(&patches->text) - patch.from;
        patches->rows = memory_resize(patches->rows, (patches->count + 1) * sizeof(*patches->rows));
        patches->rows[patches->count++] = patch;
        patches->gain += (int64_t)patch.text_size - (int64_t)patch.size;
    }
    buffer_free(&header);
    return error;
}

enum store_error pop3_patches_make(struct pop3_patches *patches, const struct reader *reader, const struct email *email)
{
    enum store_error error = STORE_OK;
    uint64_t end = 0;
    *patches = (struct pop3_patches){0};
    for (uint32_t i = 0; !error && i < email->digest.part_count; i++) {
        struct digest_part part;
        digest_part_at(&email->digest, i, &part);
        if (part.header_offset < end) /* out of order: such a tree is none of ours */
            continue;
        error = add_patch(patches, reader, email, &part);
        end = part.header_offset + part.header_size;
    }
    if (error)
        pop3_patches_free(patches);
    return error;
}

void pop3_patches_free(struct pop3_patches *patches)
{
    free(patches->rows);
    buffer_free(&patches->text);
    *patches = (struct pop3_patches){0};
}
