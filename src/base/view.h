/*
 * base/view.h: a borrowed stretch of octets.
 *
 * Does     names, compares and splits text that somebody else owns. Not terminated; NUL is an octet like any other.
 * Owns     nothing. A view lives as long as what it points into; whoever hands one out says how long that is.
 * Called   by everybody, on any thread.
 * Tested   tests/unit/base_view.c
 */
#ifndef BASE_VIEW_H
#define BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct view {
    const char *data;
    size_t size;
};

#define VIEW_LITERAL(text) ((struct view){(text), sizeof(text) - 1})
#define VIEW_EMPTY         ((struct view){"", 0})
/* For printf's "%.*s". Evaluates its argument twice. */
#define VIEW_PRINTF(v) (int)(v).size, (v).data

static inline struct view view_of(const void *data, size_t size)
{
    return (struct view){(const char *)data, size};
}

static inline struct view view_of_string(const char *text)
{
    return (struct view){text, strlen(text)};
}

/* The octets from `from`, at most `size` of them; clipped to what is there. */
static inline struct view view_slice(struct view v, size_t from, size_t size)
{
    if (from > v.size)
        from = v.size;
    if (size > v.size - from)
        size = v.size - from;
    return (struct view){v.data + from, size};
}

static inline struct view view_skip(struct view v, size_t count)
{
    return view_slice(v, count, v.size);
}

static inline bool view_equal(struct view a, struct view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool view_equal_string(struct view a, const char *text)
{
    return view_equal(a, view_of_string(text));
}

/* Its octets to `to`, which has room for them. Of an empty view, whose data may be null, nothing. */
static inline void view_copy(void *to, struct view v)
{
    if (v.size)
        memcpy(to, v.data, v.size);
}
/* The empty needle is everywhere. */
static inline bool view_contains(struct view v, struct view needle)
{
    return !needle.size || (v.size && memmem(v.data, v.size, needle.data, needle.size) != NULL);
}

static inline bool view_starts_with(struct view v, struct view prefix)
{
    return v.size >= prefix.size && (prefix.size == 0 || memcmp(v.data, prefix.data, prefix.size) == 0);
}

/* memcmp's order, the shorter first when one is the other's beginning. */
int view_compare(struct view a, struct view b);

/* ASCII letters alone are folded; octets above 127 are compared as they are (RFC 4790 9.2, i;ascii-casemap). */
bool view_equal_nocase(struct view a, struct view b);
bool view_equal_string_nocase(struct view a, const char *text);
bool view_starts_with_nocase(struct view v, struct view prefix);

/* The position of the first `octet` at or after `from`, or SIZE_MAX. */
size_t view_find(struct view v, char octet, size_t from);

/* Without ASCII white space at either end. */
struct view view_trim(struct view v);

/* One of the words between blanks of a list, without case. */
bool view_has_word(struct view list, struct view word);

/* The value of one hexadecimal digit in either case, or -1. */
int view_hex_digit(char c);
/* The octet that the two hexadecimal digits at `at` say, or -1 if they aren't that or aren't there. */
int view_hex_octet(struct view v, size_t at);

/* Decimal digits only, no sign, no blanks, at least one digit. False if it is not that or passes `max`. */
bool view_parse_u64(struct view v, uint64_t max, uint64_t *value_r);

#endif
