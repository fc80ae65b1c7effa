/*
 * auth/names.c: see names.h.
 */
#include "auth/names.h"
#include "digest/text.h"

bool name_canonical(struct view name, char out[NAME_SIZE])
{
    if (name.size == 0 || name.size >= NAME_SIZE || view_find(name, 0, 0) != SIZE_MAX)
        return false;
    if (!text_fold_name(name, out, NAME_SIZE))
        return false;
    for (const char *at = out; *at != 0; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return true;
}

bool name_is_allowed(const char *canonical)
{
    const char *at = strchr(canonical, '@');
    if (at != NULL && (at == canonical || at[1] == 0 || strchr(at + 1, '@') != NULL))
        return false;
    return canonical[0] != 0 && canonical[0] != '-' && canonical[0] != '$' && strcmp(canonical, "anyone") != 0 &&
           canonical[strcspn(canonical, " \t\"<>()\\/,;:")] == 0;
}

bool name_is_group(const char *canonical)
{
    return name_is_allowed(canonical) && strlen(canonical) <= LIMIT_GROUP_OCTETS;
}

struct address address_split(struct view canonical, char separator)
{
    struct address address = {.local = canonical, .detail = VIEW_EMPTY, .domain = VIEW_EMPTY};
    for (size_t i = canonical.size; i-- > 0;)
        if (canonical.data[i] == '@') {
            address.local = view_slice(canonical, 0, i);
            address.domain = view_skip(canonical, i + 1);
            break;
        }
    size_t cut = separator == 0 ? SIZE_MAX : view_find(address.local, separator, 0);
    if (cut != SIZE_MAX && cut > 0) {
        address.detail = view_skip(address.local, cut + 1);
        address.local = view_slice(address.local, 0, cut);
    }
    return address;
}

bool names_warm_up(void)
{
    char out[NAME_SIZE];
    return name_canonical(VIEW_LITERAL("\xc3\x84nn"), out) && strcmp(out, "\xc3\xa4nn") == 0;
}
