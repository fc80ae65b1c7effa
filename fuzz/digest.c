/* fuzz/digest.c: octets from a parse that was taken over. What digest_open accepts can be used without a further check.
 */
#include "digest/digest.h"
#include "base/memory.h"

static void read_structure(const struct digest *d, uint32_t index)
{
    for (unsigned utf8 = 0; utf8 < 2; utf8++) {
        struct buffer decoded = {0};
        struct view structure, whole = utf8 ? d->bodystructure_utf8 : d->bodystructure;
        if (digest_part_structure(d, utf8, index, &structure)) {
            BUG_IF(structure.data < whole.data || structure.data + structure.size > whole.data + whole.size);
            (void)structure_write_decoded(structure, 1, 1, &decoded);
        }
        buffer_free(&decoded);
    }
}

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
        read_structure(d, i);
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
