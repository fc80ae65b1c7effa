/*
 * fuzz/volume.c: a log volume as a disk may give it back. The input is a plan of records; checksums are made right for
 * some and left wrong for others, so that both the scan's recovery and replay's reading of bodies are reached.
 */
#include "base/memory.h"
#include "store/local/local.h"

struct plan {
    const uint8_t *at, *end;
    struct buffer volume;
    uint32_t count;
    uint64_t start, chain, batch;
};

static uint8_t take(struct plan *p)
{
    return p->at < p->end ? *p->at++ : 0;
}

static void add_record(struct plan *p, uint8_t kind, struct view body, uint32_t accounts)
{
    unsigned char header[RECORD_HEADER];
    uint64_t offset = buffer_size(&p->volume);
    struct record record = {.kind = kind,
                            .flags = take(p) & 1,
                            .octets = (uint32_t)(RECORD_HEADER + body.size),
                            .account_count = accounts,
                            .unpacked = take(p),
                            .batch = p->batch + 1};
    record.body_checksum = record_checksum(body.data, body.size, 1, offset + RECORD_HEADER);
    record_encode(&record, 1, offset, header);
    p->chain = record_chain(p->chain, record.header_checksum);
    p->count++;
    buffer_append(&p->volume, header, sizeof header);
    buffer_append_view(&p->volume, body);
}

static void add_write_set(struct plan *p)
{
    struct buffer body = {0};
    buffer_append(&body, "\1\0\0\0\0\0\0\0", 8);
    for (unsigned n = take(p) % 4; n > 0; n--) {
        bool put = take(p) & 1;
        size_t octets = 1u + take(p) % 20;
        if (octets <= (size_t)(p->end - p->at))
            operation_append(&body, put, view_of(p->at, octets), view_of(p->at, octets));
    }
    for (unsigned n = take(p) % 8; n > 0; n--)
        buffer_append_char(&body, (char)take(p));
    add_record(p, RECORD_WRITE_SET, buffer_view(&body), 1);
    buffer_free(&body);
}

static void add_trailer(struct plan *p)
{
    unsigned char payload[TRAILER_PAYLOAD];
    struct trailer trailer = {p->count, p->start, p->batch + 1, p->chain};
    trailer_encode(&trailer, payload);
    add_record(p, RECORD_TRAILER, view_of(payload, sizeof payload), 0);
    p->count = 0;
    p->chain = 0;
    p->batch++;
    p->start = buffer_size(&p->volume);
}

static void add_noise(struct plan *p)
{
    for (unsigned n = take(p); n > 0; n--)
        buffer_append_char(&p->volume, (char)take(p));
}

static void damage(struct plan *p)
{
    size_t at = (size_t)take(p) << 8 | take(p);
    if (at < buffer_size(&p->volume))
        p->volume.memory[p->volume.start + at] ^= (char)(take(p) | 1);
}

static void build(struct plan *p)
{
    while (p->at < p->end && buffer_size(&p->volume) < 1 << 16) {
        switch (take(p) % 6) {
        case 0:
            add_record(p, take(p), view_of(p->at, (size_t)(p->end - p->at) < 40 ? 0 : 40), take(p) % 3);
            break;
        case 1:
            add_noise(p);
            break;
        case 2:
            damage(p);
            break;
        case 3:
            add_trailer(p);
            break;
        default:
            add_write_set(p);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan p = {.at = data, .end = data + size, .start = VOLUME_HEADER};
    unsigned char header[VOLUME_HEADER];
    struct volume_header fields = {.number = 1, .first_batch = 1};
    struct window window;
    struct replay replay = {0};
    volume_header_encode(&fields, header);
    buffer_append(&p.volume, header, sizeof header);
    build(&p);
    struct view octets = buffer_view(&p.volume);
    window_init_memory(&window, octets.data, octets.size);
    BUG_IF(replay_volume(&replay, &window, 1, VOLUME_HEADER, size & 1) != STORE_OK);
    BUG_IF(replay.end.offset > octets.size);
    window_free(&window);
    /* The same octets as they are: nothing that is right in them by design. */
    struct replay raw = {0};
    window_init_memory(&window, data, size);
    BUG_IF(replay_volume(&raw, &window, 1, 0, true) != STORE_OK);
    window_free(&window);
    buffer_free(&p.volume);
    return 0;
}
