/* digest/transfer.c: see digest/transfer.h. */
#include "digest/transfer.h"

/* ---- base64 ---- */

enum { B64_JUNK = 64, B64_END = 65 };

static const unsigned char base64_values[256] = {
#define J8 64, 64, 64, 64, 64, 64, 64, 64
    J8, J8, J8, J8, J8, 64, 64, 64, 62, 64, 64, 64, 63,             /* 0-47: + / */
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 65, 64, 64, /* 0-9, = */
    64, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, /* @ A-O */
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64, /* P-Z */
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, /* ` a-o */
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64, /* p-z */
    J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, /* 128-255 */
};

bool base64_decode_strict(struct view text, struct buffer *out)
{
    if (text.size == 1 && text.data[0] == '=')
        return true;
    if (text.size % 4)
        return false;
    size_t start = buffer_size(out);
    for (size_t at = 0; at < text.size; at += 4) {
        unsigned char v[4];
        for (size_t i = 0; i < 4; i++)
            v[i] = base64_values[(unsigned char)text.data[at + i]];
        bool last = at + 4 == text.size;
        size_t octets = !last || v[3] != B64_END ? 3 : v[2] != B64_END ? 2 : 1;
        for (size_t i = 0; i <= octets; i++) {
            if (v[i] >= B64_JUNK)
                goto bad;
        }
        uint32_t bits = (uint32_t)v[0] << 18 | (uint32_t)v[1] << 12;
        bits |= octets > 1 ? (uint32_t)v[2] << 6 : 0;
        bits |= octets > 2 ? v[3] : 0;
        /* RFC 4648 3.5: bits that padding leaves over must be zero, or one value has many spellings. */
        if (bits & ((1u << (8 * (3 - octets))) - 1))
            goto bad;
        const char three[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        buffer_append(out, three, octets);
    }
    return true;
bad:
    buffer_truncate(out, start);
    return false;
}

void base64_encode(struct view octets, struct buffer *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < octets.size; at += 3) {
        size_t left = octets.size - at;
        uint32_t bits = (uint32_t)(unsigned char)octets.data[at] << 16;
        bits |= left > 1 ? (uint32_t)(unsigned char)octets.data[at + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)(unsigned char)octets.data[at + 2] : 0;
        const char four[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                              left > 1 ? alphabet[bits >> 6 & 63] : '=', left > 2 ? alphabet[bits & 63] : '='};
        buffer_append(out, four, 4);
    }
}

/*
 * RFC 2045 6.8: octets outside the alphabet are skipped, and a "=" is the end of the data. What mailing lists append in
 * plain text behind an encoded body must not come out as garbage, so nothing is decoded after it.
 */
void base64_decode_more(struct transfer_state *state, struct view text, struct buffer *out)
{
    if (state->ended || !text.size)
        return;
    char *room = buffer_reserve(out, text.size / 4 * 3 + 3);
    if (!room)
        return;
    uint32_t bits = state->bits;
    unsigned count = state->count;
    size_t used = 0;
    for (size_t at = 0; at < text.size; at++) {
        unsigned char value = base64_values[(unsigned char)text.data[at]];
        if (value == B64_JUNK)
            continue;
        if (value == B64_END) {
            state->ended = 1;
            break;
        }
        bits = bits << 6 | value;
        /* the first letter of four gives no whole octet, each later one gives one */
        if (count)
            room[used++] = (char)(bits >> (6 - 2 * count));
        count = (count + 1) & 3;
    }
    state->bits = bits & 0xFFFFFF;
    state->count = (uint8_t)count;
    buffer_commit(out, used);
}

uint64_t base64_decoded_size(struct transfer_state *state, struct view text)
{
    if (state->ended)
        return 0;
    const char *end = text.size ? memchr(text.data, '=', text.size) : NULL;
    size_t size = end ? (size_t)(end - text.data) : text.size;
    if (end)
        state->ended = 1;
    uint64_t letters = 0;
    for (size_t at = 0; at < size; at++)
        letters += base64_values[(unsigned char)text.data[at]] < B64_JUNK;
    /* count: letters so far, modulo 4; one octet for each letter but the first of four */
    uint64_t before = state->count, after = before + letters;
    state->count = (uint8_t)(after & 3);
    return (after - (after + 3) / 4) - (before - (before + 3) / 4);
}

/* ---- quoted-printable ---- */

/*
 * What can't be decided yet is held: white space that may turn out to stand at a line's end (RFC 2045 6.7 rule 3), and
 * a "=" with what follows it. A run longer than `held` is no encoder's work and is given out as it is.
 */
static void give_held(struct transfer_state *state, struct buffer *out)
{
    buffer_append(out, state->held, state->held_size);
    state->held_size = 0;
}

static void hold(struct transfer_state *state, char c, struct buffer *out)
{
    if (state->held_size == sizeof state->held)
        give_held(state, out);
    state->held[state->held_size++] = c;
}

static void qp_line_end(struct transfer_state *state, struct buffer *out)
{
    bool escape = state->held_size && state->held[0] == '=';
    bool broken = escape && state->held_size > 1 && view_hex_digit(state->held[1]) >= 0; /* "=4" and no more */
    if (broken)
        give_held(state, out);
    bool carriage_return = state->held_size && state->held[state->held_size - 1] == '\r';
    state->held_size = 0;
    if (!escape || broken)
        buffer_append(out, "\r\n" + !carriage_return, 1u + carriage_return);
}

/* "=" stands at held[0]; true if c belonged to it. */
static bool qp_escape(struct transfer_state *state, char c, struct buffer *out)
{
    unsigned size = state->held_size;
    bool hex = view_hex_digit(c) >= 0;
    if (size == 1 && hex) {
        state->held[state->held_size++] = c;
        return true;
    }
    int octet = size == 2 ? view_hex_octet(view_of((char[]){state->held[1], c}, 2), 0) : -1;
    if (octet >= 0) {
        buffer_append_char(out, (char)octet);
        state->held_size = 0;
        return true;
    }
    return false;
}

static void qp_one(struct transfer_state *state, char c, struct buffer *out)
{
    if (c == '\n') {
        qp_line_end(state, out);
        return;
    }
    if (state->held_size && state->held[0] == '=') {
        if (qp_escape(state, c, out))
            return;
        bool digit = state->held_size == 2 && view_hex_digit(state->held[1]) >= 0;
        if (!digit && (c == ' ' || c == '\t' || c == '\r') && state->held[state->held_size - 1] != '\r') {
            hold(state, c, out);
            return;
        }
    } else if (state->held_size && state->held[state->held_size - 1] != '\r' && (c == ' ' || c == '\t' || c == '\r')) {
        hold(state, c, out);
        return;
    }
    give_held(state, out);
    if (c == '=' || c == ' ' || c == '\t' || c == '\r')
        hold(state, c, out);
    else
        buffer_append_char(out, c);
}

static const bool qp_special[256] = {['\n'] = true, ['\r'] = true, [' '] = true, ['\t'] = true, ['='] = true};

void quoted_printable_decode_more(struct transfer_state *state, struct view text, bool last, struct buffer *out)
{
    size_t at = 0;
    while (at < text.size) {
        size_t run = at;
        if (!state->held_size) {
            while (run < text.size && !qp_special[(unsigned char)text.data[run]])
                run++;
            buffer_append(out, text.data + at, run - at);
            /* a single blank between words, the most frequent special, needs no holding */
            if (run + 1 < text.size && text.data[run] == ' ' && !qp_special[(unsigned char)text.data[run + 1]]) {
                buffer_append_char(out, ' ');
                at = run + 1;
                continue;
            }
        }
        at = run;
        if (at < text.size)
            qp_one(state, text.data[at++], out);
    }
    if (!last)
        return;
    if (state->held_size && state->held[0] == '=' &&
        (state->held_size == 1 || view_hex_digit(state->held[1]) < 0)) /* a soft line break at the very end */
        state->held_size = 0;
    give_held(state, out);
}

/* ---- header lines ---- */

static size_t line_end(struct view text, size_t from)
{
    size_t at = view_find(text, '\n', from);
    return at == SIZE_MAX ? text.size : at + 1;
}

static bool is_blank_line(struct view text, size_t at)
{
    return text.data[at] == '\n' || (text.data[at] == '\r' && at + 1 < text.size && text.data[at + 1] == '\n');
}

size_t header_name_size(struct view field)
{
    size_t colon = 0;
    while (colon < field.size && (unsigned char)field.data[colon] > 32 && (unsigned char)field.data[colon] < 127 &&
           field.data[colon] != ':')
        colon++;
    size_t size = colon;
    while (colon < field.size && (field.data[colon] == ' ' || field.data[colon] == '\t'))
        colon++; /* RFC 5322 4.5: white space before the colon, in old mail */
    return colon < field.size && field.data[colon] == ':' ? size : 0;
}

bool header_next(struct view header, size_t *position, struct view *field_r, struct view *name_r, struct view *value_r)
{
    size_t start = *position;
    if (start >= header.size || is_blank_line(header, start))
        return false;
    size_t end = line_end(header, start);
    while (end < header.size && (header.data[end] == ' ' || header.data[end] == '\t'))
        end = line_end(header, end);
    *position = end;
    struct view field = view_slice(header, start, end - start);
    *field_r = field;
    size_t name_size = header_name_size(field), value_at = 0;
    *name_r = view_slice(field, 0, name_size);
    if (name_size)
        value_at = view_find(field, ':', name_size) + 1;
    struct view value = view_skip(field, value_at);
    if (value.size && value.data[value.size - 1] == '\n')
        value.size--;
    if (value.size && value.data[value.size - 1] == '\r')
        value.size--;
    *value_r = value;
    return true;
}
