/*
 * fuzz/address_date.c: one header value as a list of addresses and as a date. First octet: how many addresses at most.
 *
 * Whatever is cut off, groups stay closed; a date that is read lies in the years that four digits can say.
 */
#include "base/memory.h"
#include "message/address.h"
#include "message/date.h"

static void check_groups(const struct address *list, size_t count)
{
    bool open = false;
    for (size_t i = 0; i < count; i++) {
        BUG_IF(list[i].kind == ADDRESS_GROUP && open);
        BUG_IF(list[i].kind == ADDRESS_GROUP_END && !open);
        open = list[i].kind == ADDRESS_GROUP || (open && list[i].kind != ADDRESS_GROUP_END);
    }
    BUG_IF(open);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct view value = view_of(data + 1, size - 1);
    struct arena arena;
    struct address *list = NULL;
    arena_init(&arena, 1 << 24);
    size_t max = data[0], count = address_read(&arena, value, max, &list);
    BUG_IF(count > max + 1 || (count && !list));
    check_groups(list, count);
    size_t octets = 0;
    for (size_t i = 0; i < count; i++)
        octets += list[i].name.size + list[i].route.size + list[i].local.size + list[i].domain.size;
    BUG_IF(octets > 2 * value.size + count);
    arena_free(&arena);

    int64_t utc_s;
    int16_t zone;
    if (date_read(value, &utc_s, &zone)) {
        BUG_IF(zone < -24 * 60 || zone > 24 * 60);
        BUG_IF(utc_s < INT64_C(-62200000000) || utc_s > INT64_C(253402400000));
    }
    return 0;
}
