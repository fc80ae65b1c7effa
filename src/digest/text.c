/* digest/text.c: see digest/text.h. */
#include "digest/text.h"
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

static bool is_continuation(struct view text, size_t at)
{
    return at < text.size && ((unsigned char)text.data[at] & 0xC0) == 0x80;
}

uint32_t text_next(struct view text, size_t *position)
{
    size_t at = (*position)++;
    unsigned char first = (unsigned char)text.data[at];
    if (first < 0x80)
        return first;
    unsigned more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4)
        return TEXT_INVALID;
    uint32_t value = first & (0x3Fu >> more);
    for (unsigned i = 1; i <= more; i++) {
        if (!is_continuation(text, at + i))
            return TEXT_INVALID;
        value = value << 6 | ((unsigned char)text.data[at + i] & 0x3Fu);
    }
    static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    if (value < least[more] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return TEXT_INVALID;
    *position = at + more + 1;
    return value;
}

void text_append(struct buffer *out, uint32_t c)
{
    char octets[4];
    size_t size;
    if (c < 0x80) {
        buffer_append_char(out, (char)c);
        return;
    }
    if (c < 0x800) {
        octets[0] = (char)(0xC0 | c >> 6);
        size = 2;
    } else if (c < 0x10000) {
        octets[0] = (char)(0xE0 | c >> 12);
        size = 3;
    } else {
        octets[0] = (char)(0xF0 | (c >> 18 & 7));
        size = 4;
    }
    for (size_t i = 1; i < size; i++)
        octets[i] = (char)(0x80 | (c >> (6 * (size - 1 - i)) & 0x3F));
    buffer_append(out, octets, size);
}

/* How many octets from `at` on are plain ASCII; eight at a time. */
static size_t ascii_run(struct view text, size_t at)
{
    size_t start = at;
    while (text.size - at >= 8) {
        uint64_t word;
        memcpy(&word, text.data + at, 8);
        if (word & UINT64_C(0x8080808080808080))
            break;
        at += 8;
    }
    while (at < text.size && (unsigned char)text.data[at] < 0x80)
        at++;
    return at - start;
}

bool text_valid(struct view text)
{
    size_t at = 0;
    for (;;) {
        at += ascii_run(text, at);
        if (at >= text.size)
            return true;
        if (text_next(text, &at) == TEXT_INVALID)
            return false;
    }
}

bool text_is_ascii(struct view text)
{
    return ascii_run(text, 0) == text.size;
}

struct view text_cut(struct view text, size_t max_octets)
{
    if (text.size <= max_octets)
        return text;
    size_t at = max_octets;
    while (at > 0 && max_octets - at < 4 && is_continuation(text, at))
        at--;
    return view_slice(text, 0, at);
}

/* RFC 5051 2: the simple titlecase mapping first, then the decomposition of what came out of it. */
static void fold_one(const UNormalizer2 *nfkd, uint32_t c, struct buffer *out)
{
    UChar pieces[64];
    UErrorCode status = U_ZERO_ERROR;
    UChar32 title = u_totitle((UChar32)c);
    int32_t count = unorm2_getDecomposition(nfkd, title, pieces, 64, &status);
    if (count < 0 || U_FAILURE(status)) {
        text_append(out, (uint32_t)title);
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        uint32_t piece = pieces[i];
        if (piece >= 0xD800 && piece <= 0xDBFF && i + 1 < count)
            piece = ((piece & 0x3FF) << 10) + (pieces[++i] & 0x3FFu) + 0x10000;
        text_append(out, piece);
    }
}

static bool fold_wide_name(struct view name, char *out, size_t size)
{
    enum { WIDE = 1024 };
    UErrorCode error = U_ZERO_ERROR;
    UChar wide[WIDE], folded[2 * WIDE];
    int32_t wide_size = 0, folded_size = 0, octets = 0;
    if (name.size > WIDE)
        return false;
    const UNormalizer2 *fold = unorm2_getNFKCCasefoldInstance(&error);
    u_strFromUTF8(wide, WIDE, &wide_size, name.data, (int32_t)name.size, &error);
    folded_size = unorm2_normalize(fold, wide, wide_size, folded, 2 * WIDE, &error);
    u_strToUTF8(out, (int32_t)size, &octets, folded, folded_size, &error);
    return U_SUCCESS(error) && octets > 0 && (size_t)octets < size;
}

bool text_fold_name(struct view name, char *out, size_t size)
{
    if (!text_is_ascii(name))
        return fold_wide_name(name, out, size);
    if (name.size >= size)
        return false;
    for (size_t i = 0; i < name.size; i++)
        out[i] = (char)(name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] + ('a' - 'A') : name.data[i]);
    out[name.size] = '\0';
    return true;
}

void text_fold(struct view utf8, struct buffer *out)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfkd = NULL;
    size_t at = 0;
    while (at < utf8.size) {
        size_t plain = ascii_run(utf8, at);
        char *room = plain ? buffer_reserve(out, plain) : NULL;
        for (size_t i = 0; room && i < plain; i++) {
            char c = utf8.data[at + i];
            room[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
        }
        if (room)
            buffer_commit(out, plain);
        at += plain;
        if (at >= utf8.size)
            return;
        if (!nfkd)
            nfkd = unorm2_getNFKDInstance(&status);
        uint32_t c = text_next(utf8, &at);
        if (c == TEXT_INVALID || U_FAILURE(status))
            text_append(out, c == TEXT_INVALID ? 0xFFFD : c);
        else
            fold_one(nfkd, c, out);
    }
}
