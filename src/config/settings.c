/* config/settings.c: looks names up in the lines, which are few. */
#include "config/settings.h"
#include "base/memory.h"

static bool lines_are_good(struct view text)
{
    if (view_find(text, '\0', 0) != SIZE_MAX)
        return false;
    while (text.size) {
        size_t end = view_find(text, '\n', 0);
        size_t equals = view_find(text, '=', 0);
        if (end == SIZE_MAX || equals == SIZE_MAX || equals > end || equals == 0)
            return false;
        text = view_skip(text, end + 1);
    }
    return true;
}

bool settings_set(struct settings *settings, struct view text)
{
    if (!lines_are_good(text))
        return false;
    char *copy = memory_copy(text.data, text.size);
    bool in_name = true;
    for (size_t i = 0; i < text.size; i++) {
        if (copy[i] == '\n') {
            copy[i] = 0;
            in_name = true;
        } else if (copy[i] == '=' && in_name) {
            copy[i] = 0;
            in_name = false;
        }
    }
    settings_free(settings);
    settings->text = copy;
    settings->size = text.size;
    return true;
}

void settings_free(struct settings *settings)
{
    free(settings->text);
    *settings = (struct settings){0};
}

const char *settings_text(const struct settings *settings, const char *name, const char *fallback)
{
    const char *at = settings->text, *end = at + settings->size;
    while (at && at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return fallback;
}

uint64_t settings_u64(const struct settings *settings, const char *name, uint64_t fallback)
{
    uint64_t value;
    const char *text = settings_text(settings, name, NULL);
    return text && view_parse_u64(view_of_string(text), UINT64_MAX, &value) ? value : fallback;
}

bool settings_bool(const struct settings *settings, const char *name, bool fallback)
{
    const char *text = settings_text(settings, name, NULL);
    return text ? strcmp(text, "yes") == 0 : fallback;
}

bool settings_is(const struct settings *settings, const char *name, const char *value)
{
    return strcmp(settings_text(settings, name, ""), value) == 0;
}
