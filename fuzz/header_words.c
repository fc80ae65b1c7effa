/*
 * fuzz/header_words.c: one header value through what reads header values: words, parameters, the base subject.
 *
 * All that comes out is UTF-8 without control characters, and what is written as words reads back.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "digest/text.h"
#include "message/charset.h"
#include "message/content.h"
#include "message/header.h"
#include "message/subject.h"

static bool has_control(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if ((unsigned char)v.data[i] < 32 || v.data[i] == 127)
            return true;
    return false;
}

static void check_clean(const struct buffer *b)
{
    BUG_IF(!text_valid(buffer_view(b)) || has_control(buffer_view(b)));
}

static void check_encoding(struct view utf8)
{
    struct buffer encoded = {0}, again = {0};
    words_encode(utf8, &encoded);
    BUG_IF(!text_is_ascii(buffer_view(&encoded)));
    if (!memmem(utf8.data, utf8.size, "=?", 2)) {
        words_decode(buffer_view(&encoded), &again);
        BUG_IF(!view_equal(buffer_view(&again), utf8));
    }
    buffer_free(&encoded);
    buffer_free(&again);
}

static void read_words(struct view value)
{
    struct buffer line = {0}, text = {0}, base = {0};
    header_unfold(value, &line);
    BUG_IF(has_control(buffer_view(&line)) && !memchr(buffer_view(&line).data, '\t', buffer_size(&line)));
    words_decode(buffer_view(&line), &text);
    check_clean(&text);
    check_encoding(buffer_view(&text));
    subject_base(buffer_view(&text), &base);
    BUG_IF(!text_valid(buffer_view(&base)));
    buffer_free(&line);
    buffer_free(&text);
    buffer_free(&base);
}

static void read_content(struct view value)
{
    struct arena arena;
    struct content content;
    struct buffer text = {0};
    arena_init(&arena, 1 << 24);
    content_read(&arena, value, &content);
    BUG_IF(content.count > LIMIT_MIME_PARAMETERS);
    for (size_t i = 0; i < content.count; i++) {
        buffer_clear(&text);
        parameter_utf8(&content.parameters[i], &text);
        check_clean(&text);
    }
    content_parameter(&content, "boundary");
    buffer_free(&text);
    arena_free(&arena);
}

/* A charset's name up to the first line end, its octets behind it: any split gives the same. */
static void read_charset(struct view value)
{
    size_t end = view_find(value, '\n', 0);
    struct view name = view_slice(value, 0, end), octets = end == SIZE_MAX ? VIEW_EMPTY : view_skip(value, end + 1);
    struct buffer whole = {0}, pieces = {0};
    struct charset_stream stream;
    charset_to_utf8(name, octets, &whole);
    BUG_IF(!text_valid(buffer_view(&whole)));
    charset_stream_begin(&stream, name);
    for (size_t at = 0, step = 1; at < octets.size; at += step, step = step % 5 + 1)
        charset_stream_more(&stream, view_slice(octets, at, step), &pieces);
    charset_stream_end(&stream, &pieces);
    BUG_IF(!text_valid(buffer_view(&pieces)));
    buffer_free(&whole);
    buffer_free(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view value = view_of(data, size);
    read_words(value);
    read_content(value);
    read_charset(value);
    return 0;
}
