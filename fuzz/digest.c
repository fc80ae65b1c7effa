/* fuzz/digest.c: octets from a parse that was taken over. What digest_open accepts can be used without a further check.
 */
#include "digest/digest.h"
#include "base/memory.h"

static void read_all(const struct digest *d)
{
    struct buffer body = {0};
    digest_write_body(d, false, &body);
    digest_write_body(d, true, &body);
    buffer_free(&body);
    for (uint32_t i = 0; i < d->part_count; i++) {
        struct digest_part part;
        digest_part_at(d, i, &part);
        BUG_IF(part.parent != PART_NONE && part.parent >= i);
        BUG_IF(part.body_offset + part.body_size > d->size_octets);
    }
    const uint32_t numbers[] = {1, 1, 2, 1};
    for (size_t count = 0; count <= 4; count++) {
        uint32_t part = digest_find_part(d, numbers, count);
        BUG_IF(part != PART_NONE && part >= d->part_count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct digest d;
    struct view octets = view_of(data, size);
    if (digest_open(octets, &d))
        read_all(&d);
    else
        (void)digest_open_checked(octets, &d);
    struct buffer opaque = {0};
    digest_write_opaque(octets, "E1", &opaque);
    BUG_IF(!digest_open(buffer_view(&opaque), &d) || d.size_octets != size);
    buffer_free(&opaque);
    return 0;
}
