/* store/local/record.c: see store/local/record.h. */
#include "store/local/record.h"
#define XXH_INLINE_ALL /* a state on the stack */
#include <xxhash.h>

static const char volume_magic[8] = {'W', 'a', 'x', 'w', 'V', 'o', 'l', '1'};
static const char record_magic[4] = {'W', 'x', 'R', '1'};

uint64_t record_checksum(const void *data, size_t size, uint32_t volume, uint64_t offset)
{
    return XXH3_64bits_withSeed(data, size, (uint64_t)volume << 32 ^ offset);
}

bool record_parts_good(const struct record *record, struct view first, struct view second, uint32_t volume,
                       uint64_t offset)
{
    XXH3_state_t state = {.seed = 0};
    XXH3_64bits_reset_withSeed(&state, (uint64_t)volume << 32 ^ (offset + RECORD_HEADER));
    XXH3_64bits_update(&state, first.data, first.size);
    XXH3_64bits_update(&state, second.data, second.size);
    return first.size + second.size == record_body_octets(record) &&
           XXH3_64bits_digest(&state) == record->body_checksum;
}

uint64_t record_chain(uint64_t chain, uint64_t header_checksum)
{
    unsigned char octets[16];
    put_le(octets, 8, chain);
    put_le(octets + 8, 8, header_checksum);
    return XXH3_64bits(octets, sizeof octets);
}

void volume_header_encode(const struct volume_header *header, unsigned char out[VOLUME_HEADER])
{
    memset(out, 0, VOLUME_HEADER);
    memcpy(out, volume_magic, sizeof volume_magic);
    put_le(out + 8, 4, header->number);
    put_le(out + 12, 4, RECORD_FORMAT);
    memcpy(out + 16, header->store_id, 16);
    put_le(out + 32, 8, header->first_batch);
    put_le(out + 40, 8, header->made_s);
    put_le(out + 56, 8, record_checksum(out, 56, header->number, 0));
}

bool volume_header_decode(const void *octets, size_t size, uint32_t number, struct volume_header *header_r)
{
    const unsigned char *p = octets;
    if (size < VOLUME_HEADER || memcmp(p, volume_magic, sizeof volume_magic) != 0)
        return false;
    if (get_le(p + 56, 8) != record_checksum(p, 56, number, 0) || get_le(p + 8, 4) != number)
        return false;
    if (get_le(p + 12, 4) != RECORD_FORMAT)
        return false;
    header_r->number = number;
    memcpy(header_r->store_id, p + 16, 16);
    header_r->first_batch = get_le(p + 32, 8);
    header_r->made_s = get_le(p + 40, 8);
    return true;
}

void record_encode(struct record *record, uint32_t volume, uint64_t offset, unsigned char out[RECORD_HEADER])
{
    memset(out, 0, RECORD_HEADER);
    memcpy(out, record_magic, sizeof record_magic);
    out[4] = record->kind;
    out[5] = record->flags;
    put_le(out + 8, 4, record->octets);
    put_le(out + 12, 4, record->account_count);
    put_le(out + 16, 4, record->dictionary);
    put_le(out + 24, 8, record->unpacked);
    put_le(out + 32, 8, record->batch);
    memcpy(out + 40, record->id, 16);
    put_le(out + 56, 8, record->body_checksum);
    record->header_checksum = record_checksum(out, 64, volume, offset);
    put_le(out + 64, 8, record->header_checksum);
}

/* What the lengths promise each other; a checksum that is right does not make them so. */
static bool lengths_good(const struct record *record, uint64_t room)
{
    uint64_t fixed = RECORD_HEADER + (uint64_t)record->account_count * 8;
    if (record->octets < fixed || record->octets > room)
        return false;
    uint64_t payload = record->octets - fixed;
    switch (record->kind) {
    case RECORD_TRAILER:
        return record->account_count == 0 && payload == TRAILER_PAYLOAD;
    case RECORD_WRITE_SET:
        return record->account_count == 1;
    case RECORD_LARGE:
        return record->unpacked <= (uint64_t)UINT32_MAX &&
               payload >= 8 + (uint64_t)large_frames(record->unpacked) * FRAME_ROW;
    default:
        return true;
    }
}

bool record_decode(const void *octets, size_t size, uint32_t volume, uint64_t offset, uint64_t room,
                   struct record *record_r)
{
    const unsigned char *p = octets;
    if (size < RECORD_HEADER || memcmp(p, record_magic, sizeof record_magic) != 0)
        return false;
    uint64_t checksum = get_le(p + 64, 8);
    if (checksum != record_checksum(p, 64, volume, offset))
        return false;
    struct record record = {
        .kind = p[4],
        .flags = p[5],
        .octets = (uint32_t)get_le(p + 8, 4),
        .account_count = (uint32_t)get_le(p + 12, 4),
        .dictionary = (uint32_t)get_le(p + 16, 4),
        .unpacked = get_le(p + 24, 8),
        .batch = get_le(p + 32, 8),
        .body_checksum = get_le(p + 56, 8),
        .header_checksum = checksum,
    };
    memcpy(record.id, p + 40, 16);
    if (record.kind < RECORD_MESSAGE || record.kind >= RECORD_KIND_END || !lengths_good(&record, room))
        return false;
    *record_r = record;
    return true;
}

size_t record_body_octets(const struct record *record)
{
    if (record->kind == RECORD_LARGE)
        return record_accounts_octets(record) + 8 + (size_t)large_frames(record->unpacked) * FRAME_ROW;
    return record->octets - (size_t)RECORD_HEADER;
}

bool record_body_good(const struct record *record, const void *body, uint32_t volume, uint64_t offset)
{
    return record_checksum(body, record_body_octets(record), volume, offset + RECORD_HEADER) == record->body_checksum;
}

bool record_names(const struct record *record, const void *body, uint64_t account)
{
    const unsigned char *p = body;
    for (uint32_t i = 0; i < record->account_count; i++)
        if (get_le(p + (size_t)i * 8, 8) == account)
            return true;
    return false;
}

void trailer_encode(const struct trailer *trailer, unsigned char out[TRAILER_PAYLOAD])
{
    put_le(out, 4, trailer->count);
    put_le(out + 4, 4, 0);
    put_le(out + 8, 8, trailer->start);
    put_le(out + 16, 8, trailer->batch);
    put_le(out + 24, 8, trailer->chain);
}

bool trailer_decode(const void *payload, size_t size, struct trailer *trailer_r)
{
    const unsigned char *p = payload;
    if (size != TRAILER_PAYLOAD)
        return false;
    trailer_r->count = (uint32_t)get_le(p, 4);
    trailer_r->start = get_le(p + 8, 8);
    trailer_r->batch = get_le(p + 16, 8);
    trailer_r->chain = get_le(p + 24, 8);
    return true;
}

void location_encode(const struct blob_location *location, unsigned char out[LOCATION_OCTETS])
{
    put_le(out, 4, location->volume);
    put_le(out + 4, 4, location->stored_octets);
    put_le(out + 8, 8, location->offset);
    put_le(out + 16, 8, location->octets);
    memcpy(out + 24, location->id, 16);
}

bool location_decode(const void *octets, size_t size, struct blob_location *location_r)
{
    const unsigned char *p = octets;
    if (size != LOCATION_OCTETS)
        return false;
    location_r->volume = (uint32_t)get_le(p, 4);
    location_r->stored_octets = (uint32_t)get_le(p + 4, 4);
    location_r->offset = get_le(p + 8, 8);
    location_r->octets = get_le(p + 16, 8);
    memcpy(location_r->id, p + 24, 16);
    return true;
}

uint32_t large_frames(uint64_t octets)
{
    return (uint32_t)((octets + FRAME_OCTETS - 1) / FRAME_OCTETS);
}

bool operation_next(struct view set, size_t *at, struct operation *operation_r)
{
    if (*at > set.size || set.size - *at < OPERATION_HEADER)
        return false;
    const char *p = set.data + *at;
    size_t key = (size_t)get_le(p + 1, 2), value = (size_t)get_le(p + 3, 4);
    size_t left = set.size - *at - OPERATION_HEADER;
    if ((p[0] != 1 && p[0] != 2) || key == 0 || key > left || value > left - key)
        return false;
    operation_r->put = p[0] == 1;
    operation_r->key = view_of(p + OPERATION_HEADER, key);
    operation_r->value = view_of(p + OPERATION_HEADER + key, value);
    *at += OPERATION_HEADER + key + value;
    return true;
}

void operation_append(struct buffer *out, bool put, struct view key, struct view value)
{
    size_t size = OPERATION_HEADER + key.size + value.size;
    char *p = buffer_reserve(out, size);
    if (!p)
        return;
    p[0] = put ? 1 : 2;
    put_le(p + 1, 2, key.size);
    put_le(p + 3, 4, value.size);
    view_copy(p + OPERATION_HEADER, key);
    if (value.size)
        view_copy(p + OPERATION_HEADER + key.size, value);
    buffer_commit(out, size);
}
