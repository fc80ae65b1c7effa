/*
 * store/local/record.h: the octets of a volume.
 *
 * Does     encodes and decodes volume headers, records, trailers and write sets, field by field.
 * Called   by the writer, blobs, replay, check and compaction, on any thread; holds no state.
 * Fails    decoders return false for anything that is not exactly what the encoder writes.
 * Tested   tests/unit/store_engine.c, fuzz/volume.c
 *
 * All numbers are little-endian. Checksums are XXH3-64 seeded with (volume number << 32) ^ offset, so that old octets
 * never pass for new and octets of one place never for those of another.
 *
 * Volume file: volumes/%08u.vol (the log), volumes/%08u.pak (mail that has settled; the number has VOLUME_PACKED set)
 * or volumes/%08u.big (large bodies; the number has VOLUME_LARGE set).
 *
 *   volume header, 64 octets               record header, 72 octets
 *    0  8  "WaxwVol1"                       0  4  "WxR1"
 *    8  4  number                           4  1  kind (enum record_kind)
 *   12  4  format, 1                        5  1  flags (enum record_flag)
 *   16 16  id of the store                  6  2  0
 *   32  8  first batch                      8  4  octets of the whole record, header included
 *   40  8  made, seconds since 1970        12  4  number of accounts
 *   48  8  0                               16  4  dictionary, 0: none
 *   56  8  checksum of 0..55               20  4  0
 *                                          24  8  octets of the message, unpacked; else of the payload
 *                                          32  8  batch
 *                                          40 16  blob id (zero but for messages)
 *                                          56  8  checksum of the body
 *                                          64  8  checksum of 0..63
 * Body = accounts (8 octets each), then the payload:
 *   message    the message: zstd frames that follow each other if RECORD_PACKED, else as it is
 *   write set  operations, see below
 *   trailer    count of the batch's records before it (4), 0 (4), the batch's first offset (8), batch (8),
 *              XXH3-64 chained over those records' header checksums (8)
 *   large      frame count (4), 0 (4), then for each frame of 256 KiB: stored octets, top bit set if packed (4), 0 (4),
 *              checksum of the stored octets (8); then the frames themselves, which the body's checksum leaves out
 *
 * A batch: messages, each before the write set that needs it, write sets, one trailer; never over a volume's
 * end. A large record is a batch of its own without a trailer; its header is written last, after a sync of its body. So
 * are the headers of messages in a packed volume, many at a time.
 *
 * Operation of a write set: 1 set or 2 delete (1), octets of the key (2), octets of the value (4), key, value.
 * Location: volume (4), stored octets (4), offset (8), octets (8), id (16).
 */
#ifndef STORE_LOCAL_RECORD_H
#define STORE_LOCAL_RECORD_H

#include "base/octets.h"
#include "store/engine.h"

enum { VOLUME_HEADER = 64, RECORD_HEADER = 72, TRAILER_PAYLOAD = 32, LOCATION_OCTETS = 40, FRAME_ROW = 16 };
enum { OPERATION_HEADER = 7, FRAME_OCTETS = 256 << 10, RECORD_FORMAT = 1 };
#define VOLUME_LARGE  UINT32_C(0x80000000)
#define VOLUME_PACKED UINT32_C(0x40000000)
#define VOLUME_KIND   (VOLUME_LARGE | VOLUME_PACKED) /* none of these: the log */
#define FRAME_PACKED  UINT32_C(0x80000000)

enum record_kind { RECORD_MESSAGE = 1, RECORD_WRITE_SET, RECORD_TRAILER, RECORD_LARGE, RECORD_KIND_END };
enum record_flag { RECORD_PACKED = 1 };

struct volume_header {
    uint32_t number;
    unsigned char store_id[16];
    uint64_t first_batch;
    uint64_t made_s;
};

struct record {
    uint8_t kind, flags;
    uint32_t octets;
    uint32_t account_count;
    uint32_t dictionary;
    uint64_t unpacked;
    uint64_t batch;
    unsigned char id[16];
    uint64_t body_checksum;
    uint64_t header_checksum; /* decoders and record_encode fill it in */
};

struct trailer {
    uint32_t count;
    uint64_t start, batch, chain;
};

uint64_t record_checksum(const void *data, size_t size, uint32_t volume, uint64_t offset);
/* One more record's header checksum into a trailer's chain, which starts at 0. */
uint64_t record_chain(uint64_t chain, uint64_t header_checksum);

void volume_header_encode(const struct volume_header *header, unsigned char out[VOLUME_HEADER]);
bool volume_header_decode(const void *octets, size_t size, uint32_t number, struct volume_header *header_r);

void record_encode(struct record *record, uint32_t volume, uint64_t offset, unsigned char out[RECORD_HEADER]);
/* size: what there is from this offset to the end of the file; a record that would pass it is no record. */
bool record_decode(const void *octets, size_t size, uint32_t volume, uint64_t offset, uint64_t room,
                   struct record *record_r);
/* Octets of the body that its checksum covers. */
size_t record_body_octets(const struct record *record);
bool record_body_good(const struct record *record, const void *body, uint32_t volume, uint64_t offset);
/* The same of a body that lies in two places. */
bool record_parts_good(const struct record *record, struct view first, struct view second, uint32_t volume,
                       uint64_t offset);
static inline size_t record_accounts_octets(const struct record *record)
{
    return (size_t)record->account_count * 8;
}
bool record_names(const struct record *record, const void *body, uint64_t account);

void trailer_encode(const struct trailer *trailer, unsigned char out[TRAILER_PAYLOAD]);
bool trailer_decode(const void *payload, size_t size, struct trailer *trailer_r);

void location_encode(const struct blob_location *location, unsigned char out[LOCATION_OCTETS]);
bool location_decode(const void *octets, size_t size, struct blob_location *location_r);

uint32_t large_frames(uint64_t octets);

/* The next operation of a write set. False at the end or if it is damaged: *at < size then. */
struct operation {
    bool put;
    struct view key, value;
};
bool operation_next(struct view set, size_t *at, struct operation *operation_r);
void operation_append(struct buffer *out, bool put, struct view key, struct view value);

#endif
