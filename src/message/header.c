/* message/header.c: see message/header.h. */
#include "message/header.h"
#include "digest/text.h"
#include "digest/transfer.h"
#include "message/charset.h"

enum { CHARSET_OCTETS = 64, ENCODED_OCTETS = 75, QUOTED_OCTETS = 1024 };

void header_unfold(struct view value, struct buffer *out)
{
    bool after_line_end = false;
    value = view_trim(value);
    char *room = value.size ? buffer_reserve(out, value.size) : NULL;
    size_t used = 0;
    for (size_t i = 0; room && i < value.size; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if (c == '\n' || (c == '\r' && i + 1 < value.size && value.data[i + 1] == '\n')) {
            after_line_end = true;
            continue;
        }
        bool keep = c >= 32 && c != 127;
        if (c == '\t' && !after_line_end)
            keep = true;
        room[used++] = keep ? (char)c : ' ';
        after_line_end = after_line_end && (c == ' ' || c == '\t');
    }
    if (room)
        buffer_commit(out, used);
}

/* ---- RFC 2047, undone ---- */

struct word {
    struct view charset, text;
    char encoding; /* 'B' or 'Q' */
    size_t end;    /* behind "?=" */
};

static bool is_charset_octet(char c)
{
    return c > 32 && c < 127 && c != '?' && c != '=' && c != '"' && c != '(' && c != ')' && c != '<' && c != '>';
}

/*
 * An encoded word at `at`, where "=?" stands. Each look stops at the next "?", so that a value full of beginnings is
 * still read in linear time.
 */
static bool read_word(struct view text, size_t at, struct word *word_r)
{
    size_t charset = at + 2, i = charset;
    while (i < text.size && i - charset <= CHARSET_OCTETS && is_charset_octet(text.data[i]))
        i++;
    if (i == charset || i + 3 > text.size || text.data[i] != '?' || text.data[i + 2] != '?')
        return false;
    char encoding = (char)(text.data[i + 1] & ~32);
    if (encoding != 'B' && encoding != 'Q')
        return false;
    size_t start = i + 3, mark = view_find(text, '?', start);
    if (mark == SIZE_MAX || mark + 1 >= text.size || text.data[mark + 1] != '=')
        return false;
    word_r->charset = view_slice(text, charset, i - charset);
    word_r->encoding = encoding;
    word_r->text = view_slice(text, start, mark - start);
    word_r->end = mark + 2;
    return true;
}

static void decode_q(struct view text, struct buffer *out)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        int octet = c == '=' ? view_hex_octet(text, i + 1) : -1;
        if (octet >= 0) {
            c = (char)octet;
            i += 2;
        } else if (c == '_') {
            c = ' ';
        }
        buffer_append_char(out, c);
    }
}

static void decode_word(const struct word *word, struct buffer *out)
{
    if (word->encoding == 'Q') {
        decode_q(word->text, out);
        return;
    }
    struct transfer_state state = {0};
    base64_decode_more(&state, word->text, out);
}

static void blank_controls(struct buffer *out, size_t from)
{
    for (char *c = out->memory ? out->memory + out->start + from : NULL; c && c < out->memory + out->end; c++) {
        if ((unsigned char)*c < 32 || *c == 127)
            *c = ' ';
    }
}

/* Text between encoded words; white space alone goes if words stand on both sides. */
static void put_between(struct view between, bool word_before, bool word_after, struct buffer *out)
{
    if (word_before && word_after && view_trim(between).size == 0)
        return;
    charset_to_utf8(VIEW_LITERAL("us-ascii"), between, out);
}

/* The octets of neighbours with one charset, collected until something else comes. */
struct run {
    struct view charset;
    struct buffer octets;
    bool open;
};

static void end_run(struct run *run, struct buffer *out)
{
    if (run->open)
        charset_to_utf8(run->charset, buffer_view(&run->octets), out);
    buffer_clear(&run->octets);
    run->open = false;
}

static void take_word(struct run *run, const struct word *word, struct buffer *out)
{
    if (run->open && !view_equal_nocase(run->charset, word->charset))
        end_run(run, out);
    run->charset = word->charset;
    run->open = true;
    decode_word(word, &run->octets);
}

void words_decode(struct view text, struct buffer *out)
{
    struct run run = {0};
    size_t from = buffer_size(out), at = 0, done = 0;
    bool word_before = false;
    struct word word;
    for (;;) {
        at = view_find(text, '=', at);
        if (at == SIZE_MAX || at + 1 >= text.size)
            break;
        if (text.data[at + 1] != '?' || !read_word(text, at, &word)) {
            at++;
            continue;
        }
        struct view between = view_slice(text, done, at - done);
        if (!word_before || view_trim(between).size)
            end_run(&run, out);
        put_between(between, word_before, true, out);
        take_word(&run, &word, out);
        word_before = true;
        done = at = word.end;
    }
    end_run(&run, out);
    put_between(view_skip(text, done), word_before, false, out);
    buffer_free(&run.octets);
    blank_controls(out, from);
}

/* ---- RFC 2047, done ---- */

static size_t q_size(struct view text)
{
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ';
        size += plain ? 1 : 3;
    }
    return size;
}

static void encode_q(struct view text, struct buffer *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == ' ') {
            buffer_append_char(out, '_');
        } else if (q_size(view_slice(text, i, 1)) == 1) {
            buffer_append_char(out, (char)c);
        } else {
            const char three[3] = {'=', digits[c >> 4], digits[c & 15]};
            buffer_append(out, three, 3);
        }
    }
}

/* One stretch, as words of at most 75 octets (RFC 2047 2) that never split a character. */
static void encode_stretch(struct view text, struct buffer *out)
{
    bool base64 = q_size(text) > (text.size + 2) / 3 * 4, first = true;
    /* "=?utf-8?q?" and "?=" take 12 octets; 45 octets of text make 60 in base64, 21 at most 63 in Q */
    size_t most = base64 ? 45 : 21;
    while (text.size) {
        struct view piece = text_cut(text, most);
        if (!piece.size)
            piece = view_slice(text, 0, most);
        buffer_append_string(out, first ? "" : " ");
        buffer_append_string(out, base64 ? "=?utf-8?b?" : "=?utf-8?q?");
        if (base64)
            base64_encode(piece, out);
        else
            encode_q(piece, out);
        buffer_append_string(out, "?=");
        text = view_skip(text, piece.size);
        first = false;
    }
}

void words_encode(struct view utf8, struct buffer *out)
{
    size_t first = 0, last = utf8.size;
    while (first < utf8.size && (unsigned char)utf8.data[first] < 128)
        first++;
    while (last > first && (unsigned char)utf8.data[last - 1] < 128)
        last--;
    if (first == last) {
        buffer_append_view(out, utf8);
        return;
    }
    while (first > 0 && utf8.data[first - 1] != ' ')
        first--;
    while (last < utf8.size && utf8.data[last] != ' ')
        last++;
    buffer_append_view(out, view_slice(utf8, 0, first));
    encode_stretch(view_slice(utf8, first, last - first), out);
    buffer_append_view(out, view_skip(utf8, last));
}

void imap_string(struct view v, struct buffer *out)
{
    if (v.size > QUOTED_OCTETS) {
        buffer_printf(out, "{%zu}\r\n", v.size);
        buffer_append_view(out, v);
        return;
    }
    buffer_append_char(out, '"');
    size_t done = 0;
    for (size_t i = 0; i < v.size; i++) {
        if (v.data[i] != '"' && v.data[i] != '\\')
            continue;
        buffer_append(out, v.data + done, i - done);
        buffer_append_char(out, '\\');
        done = i;
    }
    buffer_append_view(out, view_skip(v, done));
    buffer_append_char(out, '"');
}
