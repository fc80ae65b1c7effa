/*
 * net/deflate.h: both directions of a compressed connection (RFC 1951, as RFC 4978 uses it).
 *
 * Does     deflates what goes out, each call up to a point from which the peer can read all of it; inflates what comes
 *          in, as far as there is room. Between calls that find nothing to do its memory can be given back:
 *          deflate_rest keeps no more than the octets that the peer may still refer to.
 * Owns     the states of zlib.
 * Called   by net/stream.c, on the loop's thread.
 * Fails    INFLATE_BAD: what the peer sent is no deflate stream, or swells beyond all use. No memory ends the process.
 * Limits   LIMIT_DEFLATE_RATIO, LIMIT_DEFLATE_FREE.
 * Tested   tests/unit/net_deflate.c, tests/e2e/test_cap_compress.py
 */
#ifndef NET_DEFLATE_H
#define NET_DEFLATE_H

#include "base/buffer.h"

struct deflate;

struct deflate *deflate_new(void);
void deflate_free(struct deflate **deflate);

/* Appends to wire what stands for plain, which is used up whole. last: nothing follows; the stream is ended. */
void deflate_out(struct deflate *deflate, struct view plain, bool last, struct buffer *wire);

enum inflate_result {
    INFLATE_MORE, /* all of wire was used, and said */
    INFLATE_FULL, /* there was no more room: something may be left */
    INFLATE_END,  /* the peer has ended its stream */
    INFLATE_BAD,
};
/* Consumes wire and appends at most `room` octets to plain. */
enum inflate_result deflate_in(struct deflate *deflate, struct buffer *wire, struct buffer *plain, size_t room);

/* Nothing has gone either way for a while. */
void deflate_rest(struct deflate *deflate);

#endif
