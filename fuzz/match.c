/*
 * fuzz/match.c: texts looked for in a message. First octet: where; then a field, a needle, each to its line end; then
 * the message. And all of it as packed keys.
 */
#include "base/memory.h"
#include "message/matcher.h"

static struct view take_line(struct view *rest)
{
    size_t end = view_find(*rest, '\n', 0);
    struct view line = view_slice(*rest, 0, end);
    *rest = end == SIZE_MAX ? VIEW_EMPTY : view_skip(*rest, end + 1);
    return line;
}

static void check_packed(struct view octets)
{
    struct match_key keys[MATCH_KEYS_MAX];
    struct buffer again = {0};
    size_t count;
    if (match_keys_read(octets, keys, MATCH_KEYS_MAX, &count)) {
        match_keys_write(keys, count, &again);
        BUG_IF(!view_equal(buffer_view(&again), octets));
    }
    buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    check_packed(view_of(data, size));
    struct view rest = view_of(data + 1, size - 1);
    struct view field = take_line(&rest), needle = take_line(&rest);
    struct match_key keys[] = {
        {MATCH_TEXT, VIEW_EMPTY, needle}, {MATCH_TEXT + data[0] % 3, field, needle}, {MATCH_HEADER, field, VIEW_EMPTY}};
    struct buffer bits = {0};
    matcher_run(rest, keys, sizeof keys / sizeof *keys, &bits);
    struct view v = buffer_view(&bits);
    BUG_IF(v.size != sizeof keys / sizeof *keys);
    for (size_t i = 0; i < v.size; i++)
        BUG_IF((unsigned char)v.data[i] > 1);
    buffer_free(&bits);
    return 0;
}
