/*
 * language/say.c: see language/say.h.
 */
#include "language/say.h"
#include "language/catalogue.h"

/* A format and its translation are static texts of one line: tests/unit/language.c measures them. */
enum { FORMAT_OCTETS = 512 };

static const struct catalogue *catalogue_of(uint8_t language)
{
    return language == LANGUAGE_GERMAN ? &catalogue_german : NULL;
}

/* The entry's text, with no octets if there is none. */
static struct view look_up(const struct catalogue *catalogue, struct view english)
{
    size_t low = 0, high = catalogue->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = view_compare(view_of_string(catalogue->entries[middle].english), english);
        if (order == 0)
            return view_of_string(catalogue->entries[middle].text);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return VIEW_EMPTY;
}

static bool skip(struct view *rest, const char *prefix)
{
    struct view head = view_of_string(prefix);
    bool there = view_starts_with(*rest, head);
    if (there)
        *rest = view_skip(*rest, head.size);
    return there;
}

static struct view text_of(struct view response)
{
    static const char *const statuses[] = {"OK ", "NO ", "BAD ", "BYE ", "+OK ", "-ERR "};
    struct view rest = response;
    if (!skip(&rest, "* "))
        skip(&rest, "+ ");
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (skip(&rest, statuses[i]))
            break;
    const char *code_end = rest.size && rest.data[0] == '[' ? memmem(rest.data, rest.size, "] ", 2) : NULL;
    if (code_end)
        rest = view_skip(rest, (size_t)(code_end - rest.data) + 2);
    return view_slice(rest, 0, view_find(rest, '\r', 0));
}

const char *language_text(uint8_t language, const char *text)
{
    const struct catalogue *catalogue = catalogue_of(language);
    struct view found = catalogue ? look_up(catalogue, view_of_string(text)) : VIEW_EMPTY;
    return found.size ? found.data : text;
}

void language_say(struct buffer *out, uint8_t language, const char *response)
{
    struct view whole = view_of_string(response);
    const struct catalogue *catalogue = catalogue_of(language);
    struct view text = catalogue ? text_of(whole) : VIEW_EMPTY;
    struct view found = text.size ? look_up(catalogue, text) : VIEW_EMPTY;
    if (!found.size) {
        buffer_append_view(out, whole);
        return;
    }
    size_t before = (size_t)(text.data - whole.data);
    buffer_append_view(out, view_slice(whole, 0, before));
    buffer_append_view(out, found);
    buffer_append_view(out, view_skip(whole, before + text.size));
}

/* ---- formats ---- */

/* The format in that language, in `room`; or itself. */
__attribute__((format_arg(2))) static const char *translated(const struct catalogue *catalogue, const char *format,
                                                             char room[FORMAT_OCTETS])
{
    struct view whole = view_of_string(format), text = text_of(whole), found = look_up(catalogue, text);
    if (!found.size || whole.size - text.size + found.size >= FORMAT_OCTETS)
        return format;
    size_t before = (size_t)(text.data - whole.data);
    struct view behind = view_skip(whole, before + text.size);
    view_copy(room, view_slice(whole, 0, before));
    view_copy(room + before, found);
    view_copy(room + before + found.size, behind);
    room[before + found.size + behind.size] = '\0';
    return room;
}

/* Apart, so that who is answered in English has no room made. */
__attribute__((noinline, format(printf, 3, 0))) static void
append_translated(struct buffer *out, const struct catalogue *catalogue, const char *format, va_list arguments)
{
    char room[FORMAT_OCTETS];
    buffer_vprintf(out, translated(catalogue, format, room), arguments);
}

void language_vprintf(struct buffer *out, uint8_t language, const char *format, va_list arguments)
{
    const struct catalogue *catalogue = catalogue_of(language);
    if (catalogue)
        append_translated(out, catalogue, format, arguments);
    else
        buffer_vprintf(out, format, arguments);
}

void language_printf(struct buffer *out, uint8_t language, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    language_vprintf(out, language, format, arguments);
    va_end(arguments);
}
