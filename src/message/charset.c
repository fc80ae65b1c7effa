/* message/charset.c: see message/charset.h. */
#include "message/charset.h"
#include "base/memory.h"
#include "digest/text.h"
#include <unicode/ucnv.h>
#include <unicode/ucnv_cb.h>

enum { KIND_LENIENT, KIND_UTF8, KIND_ICU };
enum { NAME_MAX_OCTETS = 40, CACHE_ROWS = 24, UNITS = 2048 };

/* What mail says, and what it means. The right side is a superset of the left that mail programs really send. */
static const char *const aliases[][2] = {
    {"iso-8859-1", "windows-1252"},
    {"latin1", "windows-1252"},
    {"iso-8859-9", "windows-1254"},
    {"gb2312", "gb18030"},
    {"gbk", "gb18030"},
    {"eucgb2312_cn", "gb18030"}, /* Python's email says these two in header words */
    {"big5_tw", "big5"},
    {"ks_c_5601-1987", "windows-949"},
    {"euc-kr", "windows-949"},
    {"shift_jis", "windows-31j"},
    {"sjis", "windows-31j"},
    {"iso-8859-8-i", "iso-8859-8"},
    {"iso-8859-8-e", "iso-8859-8"},
    {"unicode-1-1-utf-7", "utf-7"},
    {"ansi_x3.110-1983", "windows-1252"},
    {"cp-850", "ibm850"},
    {"tis-620", "windows-874"},
};

struct cached {
    char name[NAME_MAX_OCTETS + 1];
    UConverter *converter;
    bool busy, wide;
};
static struct cached cache[CACHE_ROWS];
static unsigned cache_next;

/* Lower case, without a language tag (RFC 2231 5), nothing that ICU reads as an option. False: no charset's name. */
static bool clean_name(struct view name, char clean[NAME_MAX_OCTETS + 1])
{
    size_t star = view_find(name, '*', 0);
    name = view_trim(view_slice(name, 0, star));
    if (!name.size || name.size > NAME_MAX_OCTETS)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == ':' ||
                    c == '+';
        if (!good)
            return false;
        clean[i] = c;
    }
    clean[name.size] = 0;
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (strcmp(clean, aliases[i][0]) == 0) {
            memcpy(clean, aliases[i][1], strlen(aliases[i][1]) + 1);
            break;
        }
    }
    return true;
}

static int kind_of(struct view name, char clean[NAME_MAX_OCTETS + 1], bool *known_r)
{
    UErrorCode status = U_ZERO_ERROR;
    *known_r = false;
    if (!clean_name(name, clean))
        return KIND_LENIENT;
    if (strcmp(clean, "us-ascii") == 0 || strcmp(clean, "ascii") == 0) {
        *known_r = true;
        return KIND_LENIENT;
    }
    if (strcmp(clean, "utf-8") == 0 || strcmp(clean, "utf8") == 0) {
        *known_r = true;
        return KIND_UTF8;
    }
    /* The alias table is in memory; asking it first keeps unknown names from a search for data files. */
    *known_r = ucnv_countAliases(clean, &status) > 0 && U_SUCCESS(status);
    return *known_r ? KIND_ICU : KIND_LENIENT;
}

bool charset_known(struct view name)
{
    char clean[NAME_MAX_OCTETS + 1];
    bool known;
    kind_of(name, clean, &known);
    return known;
}

/* ---- UTF-8, and octets that may be it ---- */

static uint32_t windows_1252(unsigned char octet)
{
    static const uint16_t high[32] = {0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                      0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,
                                      0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                      0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
    return octet >= 0x80 && octet < 0xA0 ? high[octet - 0x80] : octet;
}

/* True if `rest` may become a character with more octets behind it. */
static bool may_continue(struct view rest)
{
    unsigned char first = (unsigned char)rest.data[0];
    size_t wanted = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 1;
    return first >= 0xC2 && first <= 0xF4 && rest.size < wanted;
}

/* Decodes until the end, or (not last) until a character that isn't whole; returns how much was used. */
static size_t utf8_some(int kind, struct view text, bool last, struct buffer *out)
{
    size_t at = 0;
    while (at < text.size) {
        size_t start = at;
        while (at < text.size && (unsigned char)text.data[at] < 0x80)
            at++;
        buffer_append(out, text.data + start, at - start);
        if (at == text.size)
            break;
        struct view rest = view_skip(text, at);
        if (!last && may_continue(rest))
            return at;
        uint32_t c = text_next(text, &at);
        if (c == TEXT_INVALID)
            c = kind == KIND_UTF8 ? 0xFFFD : windows_1252((unsigned char)text.data[at - 1]);
        text_append(out, c);
    }
    return at;
}

static void utf8_more(struct charset_stream *stream, struct view octets, bool last, struct buffer *out)
{
    if (buffer_size(&stream->held)) {
        buffer_append_view(&stream->held, octets);
        size_t used = utf8_some(stream->kind, buffer_view(&stream->held), last, out);
        buffer_consume(&stream->held, used);
        return;
    }
    size_t used = utf8_some(stream->kind, octets, last, out);
    buffer_append_view(&stream->held, view_skip(octets, used));
}

/* ---- ICU ---- */

/*
 * U+FFFD for what has no character; ICU's own callback would sometimes take U+001A. But two shifts with nothing between
 * them, which ICU calls irregular, are nothing: so do words of ISO-2022-JP meet where a long header was folded.
 */
static void no_character(const void *ctx, UConverterToUnicodeArgs *args, const char *octets, int32_t size,
                         UConverterCallbackReason reason, UErrorCode *status)
{
    static const UChar replacement = 0xFFFD;
    if (reason > UCNV_IRREGULAR)
        return; /* reset, closed, cloned */
    *status = U_ZERO_ERROR;
    if (reason != UCNV_IRREGULAR)
        ucnv_cbToUWriteUChars(args, &replacement, 1, 0, status);
}

static UConverter *open_converter(const char *name)
{
    UErrorCode status = U_ZERO_ERROR;
    UConverter *converter = ucnv_open(name, &status);
    if (U_FAILURE(status))
        return NULL;
    ucnv_setToUCallBack(converter, no_character, NULL, NULL, NULL, &status);
    return converter;
}

/* SCSU changes to units of two octets in the midst of a text. */
static bool is_wide(UConverter *converter)
{
    static const char line_end[] = "a\r\nb";
    UChar units[8];
    UErrorCode status = U_ZERO_ERROR;
    int32_t count = ucnv_toUChars(converter, units, 8, line_end, (int32_t)sizeof line_end - 1, &status);
    ucnv_reset(converter);
    return U_FAILURE(status) || count != 4 || units[1] != '\r' || units[2] != '\n' ||
           ucnv_getType(converter) == UCNV_SCSU;
}

static struct cached *find_cached(const char *name)
{
    struct cached *victim = NULL;
    for (unsigned i = 0; i < CACHE_ROWS; i++) {
        struct cached *row = &cache[(cache_next + i) % CACHE_ROWS];
        if (row->busy)
            continue;
        if (row->converter && strcmp(row->name, name) == 0)
            return row;
        if (!victim)
            victim = row;
    }
    if (!victim)
        return NULL;
    cache_next = (unsigned)(victim - cache + 1) % CACHE_ROWS;
    if (victim->converter)
        ucnv_close(victim->converter);
    victim->converter = open_converter(name);
    victim->wide = victim->converter && is_wide(victim->converter);
    memcpy(victim->name, name, strlen(name) + 1);
    return victim->converter ? victim : NULL;
}

bool charset_wide(struct view name)
{
    char clean[NAME_MAX_OCTETS + 1];
    bool known;
    if (kind_of(name, clean, &known) != KIND_ICU)
        return false;
    const struct cached *row = find_cached(clean);
    return row && row->wide;
}

static void put_units(struct charset_stream *stream, const UChar *units, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t unit = units[i]; /* NOLINT(clang-analyzer-core.uninitialized.Assign) ICU wrote them, unseen by it */
        if (stream->surrogate && unit >= 0xDC00 && unit <= 0xDFFF) {
            text_append(out, ((stream->surrogate & 0x3FFu) << 10) + (unit & 0x3FF) + 0x10000);
            stream->surrogate = 0;
            continue;
        }
        if (stream->surrogate)
            text_append(out, 0xFFFD);
        stream->surrogate = 0;
        if (unit >= 0xD800 && unit <= 0xDBFF)
            stream->surrogate = (uint16_t)unit;
        else
            text_append(out, unit >= 0xDC00 && unit <= 0xDFFF ? 0xFFFD : unit);
    }
}

static void icu_more(struct charset_stream *stream, struct view octets, bool last, struct buffer *out)
{
    const char *source = octets.data, *end = octets.data + octets.size;
    UErrorCode status;
    do {
        UChar units[UNITS], *target = units;
        status = U_ZERO_ERROR;
        ucnv_toUnicode(stream->converter, &target, units + UNITS, &source, end, NULL, last, &status);
        put_units(stream, units, (size_t)(target - units), out);
    } while (status == U_BUFFER_OVERFLOW_ERROR);
}

/* ---- the stream ---- */

void charset_stream_begin(struct charset_stream *stream, struct view name)
{
    char clean[NAME_MAX_OCTETS + 1];
    bool known;
    *stream = (struct charset_stream){.kind = kind_of(name, clean, &known)};
    if (stream->kind != KIND_ICU)
        return;
    struct cached *row = find_cached(clean);
    if (!row) {
        stream->kind = KIND_LENIENT;
        return;
    }
    row->busy = true;
    ucnv_reset(row->converter);
    stream->cached = row;
    stream->converter = row->converter;
}

void charset_stream_more(struct charset_stream *stream, struct view octets, struct buffer *out)
{
    if (stream->kind == KIND_ICU)
        icu_more(stream, octets, false, out);
    else
        utf8_more(stream, octets, false, out);
}

void charset_stream_end(struct charset_stream *stream, struct buffer *out)
{
    if (stream->kind == KIND_ICU) {
        icu_more(stream, VIEW_EMPTY, true, out);
        put_units(stream, NULL, 0, out);
        if (stream->surrogate)
            text_append(out, 0xFFFD);
        ((struct cached *)stream->cached)->busy = false;
    } else {
        utf8_more(stream, VIEW_EMPTY, true, out);
    }
    buffer_free(&stream->held);
    *stream = (struct charset_stream){0};
}

bool charset_to_utf8(struct view name, struct view octets, struct buffer *out)
{
    struct charset_stream stream;
    char clean[NAME_MAX_OCTETS + 1];
    bool known;
    int kind = kind_of(name, clean, &known);
    if (kind != KIND_ICU) {
        utf8_some(kind, octets, true, out);
        return known;
    }
    charset_stream_begin(&stream, name);
    charset_stream_more(&stream, octets, out);
    charset_stream_end(&stream, out);
    return known;
}

void charset_warm_up(void)
{
    static const char *const usual[] = {"windows-1252", "iso-8859-15",  "windows-1251", "koi8-r", "iso-2022-jp",
                                        "windows-31j",  "gb18030",      "big5",         "euc-jp", "windows-949",
                                        "iso-8859-2",   "windows-1250", "utf-16",       "utf-7"};
    struct buffer out = {0};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        charset_to_utf8(view_of_string(usual[i]), VIEW_LITERAL("warm"), &out);
    text_fold(VIEW_LITERAL("\xc3\xa9\xef\xac\x81"), &out);
    buffer_free(&out);
}
