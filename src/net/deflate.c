/* net/deflate.c: see net/deflate.h. */
#include "net/deflate.h"
#include "base/limits.h"
#include "base/memory.h"
#include <zlib.h>

enum {
    OUT_WINDOW = 12, /* 4 KiB: what we say now repeats what we said just before; 16 KiB of memory */
    OUT_MEMORY = 5,  /* 16 KiB */
    OUT_LEVEL = 3,
    IN_WINDOW = 15, /* the client's choice, so the largest; zlib takes the memory when something comes */
    IN_WINDOW_OCTETS = 32768,
    PIECE = 16384,
};

struct deflate {
    z_stream out, in;
    bool out_open, in_open, ended;
    struct buffer seen; /* while `in` isn't open: the octets that the peer may refer to */
    uint64_t octets_wire, octets_plain;
};

struct deflate *deflate_new(void)
{
    return NEW(struct deflate);
}

static void close_out(struct deflate *d)
{
    if (d->out_open)
        deflateEnd(&d->out);
    d->out_open = false;
}

static void close_in(struct deflate *d)
{
    if (d->in_open)
        inflateEnd(&d->in);
    d->in_open = false;
}

void deflate_free(struct deflate **deflate)
{
    struct deflate *d = *deflate;
    *deflate = NULL;
    if (!d)
        return;
    close_out(d);
    close_in(d);
    buffer_free(&d->seen);
    free(d);
}

/* ---- out ---- */

static void open_out(struct deflate *d)
{
    if (d->out_open)
        return;
    d->out = (z_stream){0};
    BUG_IF(deflateInit2(&d->out, OUT_LEVEL, Z_DEFLATED, -OUT_WINDOW, OUT_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK);
    d->out_open = true;
}

void deflate_out(struct deflate *d, struct view plain, bool last, struct buffer *wire)
{
    int end = last ? Z_FINISH : Z_SYNC_FLUSH;
    open_out(d);
    while (plain.size) {
        struct view piece = view_slice(plain, 0, PIECE);
        plain = view_skip(plain, piece.size);
        d->out.next_in = (Bytef *)(uintptr_t)piece.data;
        d->out.avail_in = (uInt)piece.size;
        do {
            d->out.next_out = (Bytef *)buffer_reserve(wire, PIECE);
            d->out.avail_out = PIECE;
            deflate(&d->out, plain.size ? Z_NO_FLUSH : end);
            buffer_commit(wire, PIECE - d->out.avail_out);
        } while (!d->out.avail_out);
    }
}

/* ---- in ---- */

static void open_in(struct deflate *d)
{
    if (d->in_open)
        return;
    d->in = (z_stream){0};
    BUG_IF(inflateInit2(&d->in, -IN_WINDOW) != Z_OK);
    d->in_open = true;
    struct view seen = buffer_view(&d->seen);
    if (seen.size)
        BUG_IF(inflateSetDictionary(&d->in, (const Bytef *)seen.data, (uInt)seen.size) != Z_OK);
    buffer_free(&d->seen);
}

/* deflate can't do much better than 1:1000, and nobody speaks IMAP like that. */
static bool swells(const struct deflate *d)
{
    return d->octets_plain > LIMIT_DEFLATE_FREE && d->octets_plain / LIMIT_DEFLATE_RATIO > d->octets_wire;
}

enum inflate_result deflate_in(struct deflate *d, struct buffer *wire, struct buffer *plain, size_t room)
{
    struct view from = buffer_view(wire);
    int result = Z_OK;
    if (d->ended)
        return INFLATE_END;
    open_in(d);
    d->in.next_in = (Bytef *)(uintptr_t)from.data;
    d->in.avail_in = (uInt)from.size;
    do {
        size_t piece = room < PIECE ? room : PIECE;
        d->in.next_out = (Bytef *)buffer_reserve(plain, piece);
        d->in.avail_out = (uInt)piece;
        result = inflate(&d->in, Z_SYNC_FLUSH);
        size_t made = piece - d->in.avail_out;
        buffer_commit(plain, made);
        room -= made;
        d->octets_plain += made;
    } while (result == Z_OK && !d->in.avail_out && room);
    d->octets_wire += from.size - d->in.avail_in;
    buffer_consume(wire, from.size - d->in.avail_in);
    d->ended = result == Z_STREAM_END;
    if ((result != Z_OK && result != Z_BUF_ERROR && !d->ended) || swells(d))
        return INFLATE_BAD;
    if (d->ended)
        return INFLATE_END;
    return d->in.avail_out ? INFLATE_MORE : INFLATE_FULL;
}

/* ---- rest ---- */

/* data_type: 128 is set between two blocks, the low bits count what is left of an octet (zlib.h, inflate). */
static bool is_between_blocks(const struct deflate *d)
{
    return (d->in.data_type & 128) && !(d->in.data_type & 7);
}

/* Blocks of a new stream may follow those of the last, for each ended on a whole octet. */
void deflate_rest(struct deflate *d)
{
    char seen[IN_WINDOW_OCTETS];
    uInt size = 0;
    close_out(d);
    if (!d->in_open || !is_between_blocks(d))
        return;
    if (inflateGetDictionary(&d->in, (Bytef *)seen, &size) != Z_OK)
        return;
    close_in(d);
    buffer_append(&d->seen, seen, size);
}
