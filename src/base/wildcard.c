/* base/wildcard.c: see base/wildcard.h. */
#include "base/wildcard.h"

/* reached[i]: the name so far fits the first i octets of the pattern. */
static void spread(struct view pattern, bool *reached)
{
    for (size_t i = 0; i < pattern.size; i++)
        if (reached[i] && (pattern.data[i] == '*' || pattern.data[i] == '%'))
            reached[i + 1] = true;
}

bool wildcard_matches(struct view pattern, struct view name)
{
    bool reached[WILDCARD_OCTETS + 1] = {true};
    if (pattern.size > WILDCARD_OCTETS)
        return false;
    spread(pattern, reached);
    for (size_t at = 0; at < name.size; at++) {
        for (size_t i = pattern.size; i > 0; i--) {
            char p = pattern.data[i - 1];
            bool stays = reached[i] && (p == '*' || (p == '%' && name.data[at] != '/'));
            reached[i] = stays || (reached[i - 1] && p == name.data[at] && p != '*' && p != '%');
        }
        reached[0] = false;
        spread(pattern, reached);
    }
    return reached[pattern.size];
}

bool wildcard_is_in(struct view pattern)
{
    return view_find(pattern, '*', 0) != SIZE_MAX || view_find(pattern, '%', 0) != SIZE_MAX;
}
