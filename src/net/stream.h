/*
 * net/stream.h: a connection as the engines see it: octets in, octets out, back-pressure.
 *
 * Does     reads into an input buffer, writes from an output buffer, tells its user of events. Behind it: a socket, the
 *          end of a pair that gate pumps, or TLS on a socket (net/tls.h); deflate (net/deflate.h) may sit between it
 *          and the buffers.
 * Owns     its descriptor (closed by stream_free) and both buffers.
 * Called   on its loop's thread; stream_write_* also from a pool thread while the session is lent to the pool (then
 *          nothing else touches the stream, and no write to the socket happens until the loop has it back: see
 *          stream_lend).
 * Waits    never.
 * Limits   LIMIT_STREAM_INPUT, LIMIT_STREAM_OUTPUT, LIMIT_STREAM_SEALED, LIMIT_STREAM_STALL_MS.
 * Tested   tests/unit/net_stream.c, tests/unit/net_tls.c, tests/unit/front_*.c
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/buffer.h"
#include "net/loop.h"

struct stream;
struct tls_server;

enum stream_event {
    STREAM_INPUT,   /* new octets in the input buffer */
    STREAM_DRAINED, /* output fell below its low mark: write more */
    STREAM_EOF,     /* the peer ended its direction; input already read stays readable; output may still be written */
    STREAM_BROKEN,  /* reset, write error, TLS error, or stalled: nothing more can be read or written */
    STREAM_SECURED, /* the TLS handshake is complete */
    STREAM_CLOSED,  /* stream_finish has flushed all output and shut the connection down */
};

/* The callback may free the stream. */
typedef void stream_callback(void *ctx, struct stream *stream, enum stream_event event);

/* Takes over fd, which is made non-blocking. Reading starts at once. */
struct stream *stream_new(struct loop *loop, int fd, stream_callback *callback, void *ctx);
/* Closes at once; pending output is lost. */
void stream_free(struct stream **stream);
/* Flushes what is pending, then shuts down and says STREAM_CLOSED. Input is thrown away from now on. */
void stream_finish(struct stream *stream);
void stream_set_callback(struct stream *stream, stream_callback *callback, void *ctx);

/* What was read and not consumed; valid until the callback returns or the next stream call. */
struct view stream_input(const struct stream *stream);
void stream_consume(struct stream *stream, size_t count);
/* Reading stops by itself while the input buffer is full (input_max); this stops it for other reasons. */
void stream_set_reading(struct stream *stream, bool reading);
void stream_set_input_max(struct stream *stream, size_t octets);
bool stream_at_eof(const struct stream *stream);

/* Appends to the output; written when the loop next turns (or by stream_flush). */
void stream_write(struct stream *stream, struct view v);
void stream_write_string(struct stream *stream, const char *text);
void stream_printf(struct stream *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The output buffer itself, to format into; only appends are allowed. */
struct buffer *stream_output(struct stream *stream);
size_t stream_output_pending(const struct stream *stream);
/* True while pending output is at or above the high mark (LIMIT_STREAM_OUTPUT): a step then waits for STREAM_DRAINED.
 */
bool stream_is_full(const struct stream *stream);
/* Below the high mark, or so by what the socket takes at once? Within a step, which then goes on; tells nobody of
 * anything. While lent it only looks. */
bool stream_make_room(struct stream *stream);
void stream_flush(struct stream *stream);
/* Instead of LIMIT_STREAM_STALL_MS. */
void stream_set_stall_ms(struct stream *stream, uint64_t ms);

/* While lent, the loop neither reads nor writes; the borrower appends to the output. Called on the loop's thread. */
void stream_lend(struct stream *stream);
void stream_take_back(struct stream *stream);

/* Starts TLS as a server. Input read so far is thrown away first (RFC 3501 6.2.1, RFC 2595 4, RFC 3207 4.2). */
void stream_start_tls(struct stream *stream, struct tls_server *tls);
bool stream_is_tls(const struct stream *stream);
/* "TLSv1.3", "TLS_AES_256_GCM_SHA384", or "". */
const char *stream_tls_version(const struct stream *stream);
const char *stream_tls_cipher(const struct stream *stream);
/*
 * From now on both directions are deflated (RFC 4978): what was written before goes out as it is. Nothing may be left
 * in the input. The memory of it is given back while nothing goes either way.
 */
void stream_start_deflate(struct stream *stream);
bool stream_is_deflated(const struct stream *stream);
/*
 * Flushes what is pending and says STREAM_CLOSED, as stream_finish does, but the connection stays as it is: from now on
 * nothing is read, and what was deflated ends with a last block (RFC 8437 4.1). stream_detach takes it then.
 */
void stream_leave(struct stream *stream);
/* Puts octets before the input, however many there are. */
void stream_unread(struct stream *stream, struct view octets);
/* Gives the descriptor up, with unread input copied to `input` (may be null); the stream is freed. Never for TLS.
 * Behind a deflate stream that its peer has ended, what follows it counts as input. */
int stream_detach(struct stream **stream, struct buffer *input);
int stream_fd(const struct stream *stream);
/* Octets moved so far, for the log. */
uint64_t stream_octets_in(const struct stream *stream);
uint64_t stream_octets_out(const struct stream *stream);

#endif
