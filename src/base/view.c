/* base/view.c: see base/view.h. */
#include "base/view.h"

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

int view_compare(struct view a, struct view b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

bool view_equal_nocase(struct view a, struct view b)
{
    return a.size == b.size && view_starts_with_nocase(a, b);
}

bool view_equal_string_nocase(struct view a, const char *text)
{
    return view_equal_nocase(a, view_of_string(text));
}

bool view_starts_with_nocase(struct view v, struct view prefix)
{
    if (v.size < prefix.size)
        return false;
    for (size_t i = 0; i < prefix.size; i++)
        if (fold(v.data[i]) != fold(prefix.data[i]))
            return false;
    return true;
}

size_t view_find(struct view v, char octet, size_t from)
{
    if (from >= v.size)
        return SIZE_MAX;
    const char *at = memchr(v.data + from, octet, v.size - from);
    return at ? (size_t)(at - v.data) : SIZE_MAX;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct view view_trim(struct view v)
{
    while (v.size && is_space(v.data[0]))
        v = view_skip(v, 1);
    while (v.size && is_space(v.data[v.size - 1]))
        v.size--;
    return v;
}

bool view_has_word(struct view list, struct view word)
{
    while (list.size) {
        size_t end = view_find(list, ' ', 0);
        if (view_equal_nocase(view_slice(list, 0, end), word) && word.size)
            return true;
        list = end == SIZE_MAX ? VIEW_EMPTY : view_skip(list, end + 1);
    }
    return false;
}

int view_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int view_hex_octet(struct view v, size_t at)
{
    if (v.size < 2 || at > v.size - 2)
        return -1;
    int high = view_hex_digit(v.data[at]), low = view_hex_digit(v.data[at + 1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool view_parse_u64(struct view v, uint64_t max, uint64_t *value_r)
{
    uint64_t value = 0;
    if (!v.size)
        return false;
    for (size_t i = 0; i < v.size; i++) {
        if (v.data[i] < '0' || v.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(v.data[i] - '0'), &value))
            return false;
    }
    if (value > max)
        return false;
    *value_r = value;
    return true;
}
