/*
 * tests/support/imap_fake.h: an IMAP session without a connection: commands are framed and parsed, never run.
 *
 * The linker sends session_input, session_consume and stream_write_string here (--wrap, see the meson.build files).
 * The input comes in pieces of `step` octets, and never more than LIMIT_STREAM_INPUT of it is held, as in a stream.
 */
#ifndef IMAP_FAKE_H
#define IMAP_FAKE_H

#include "base/memory.h"
#include "imap/private.h"
#include <stdlib.h>

struct imap_fake {
    struct mail_env env;
    struct session session;
    struct imap imap;
    struct view input;
    size_t came, step; /* octets that came; how many come at once */
    unsigned pluses;   /* "+ OK" written */
};
static struct imap_fake fake;

struct view __wrap_session_input(struct session *session);
void __wrap_session_consume(struct session *session, size_t count);
void __wrap_stream_write_string(struct stream *stream, const char *text);

struct view __wrap_session_input(struct session *session)
{
    return view_slice(fake.input, 0, fake.came);
}

void __wrap_session_consume(struct session *session, size_t count)
{
    BUG_IF(count > fake.came || count > fake.input.size);
    fake.input = view_skip(fake.input, count);
    fake.came -= count;
}

void __wrap_stream_write_string(struct stream *stream, const char *text)
{
    fake.pluses++;
}

/* A mailbox is selected that holds the UIDs 1 to 10 and 20. */
static inline void fake_open(void)
{
    fake = (struct imap_fake){.env = {.fault_keyword = "$Fault"}};
    fake.session.env = &fake.env;
    arena_init(&fake.session.arena, LIMIT_SESSION_MEMORY);
    arena_init(&fake.session.command_arena, LIMIT_COMMAND_MEMORY);
    fake.imap.session = &fake.session;
    fake.session.engine = &fake.imap;
    buffer_init(&fake.imap.frame, LIMIT_IMAP_COMMAND + 2 * (size_t)LIMIT_IMAP_LITERAL);
    fake.imap.selected = (struct selected){.open = true, .mailbox = 1, .uids = uidset_new()};
    uidset_add_range(fake.imap.selected.uids, 1, 10);
    uidset_add_range(fake.imap.selected.uids, 20, 20);
}

static inline void fake_close(void)
{
    uidset_unref(&fake.imap.selected.uids);
    buffer_free(&fake.imap.frame);
    arena_free(&fake.session.arena);
    arena_free(&fake.session.command_arena);
}

static inline void fake_input(struct view input, size_t step)
{
    fake.input = input;
    fake.step = step;
    fake.came = 0;
}

/* The next command's frame, however many pieces it takes. FRAME_MORE: the input ends in the middle, or is stuck. */
static inline enum frame_result fake_frame(void)
{
    for (;;) {
        enum frame_result result = frame_next(&fake.imap);
        size_t room = LIMIT_STREAM_INPUT - fake.came, left = fake.input.size - fake.came;
        size_t more = fake.step < room ? fake.step : room;
        if (result != FRAME_MORE || more == 0 || left == 0)
            return result;
        fake.came += more < left ? more : left;
    }
}

/* As engine.c does between two commands. */
static inline void fake_next_command(void)
{
    buffer_clear(&fake.imap.frame);
    fake.imap.framing = (struct frame){0};
    fake.imap.state = NULL;
    arena_reset(&fake.session.command_arena);
}

/* The arguments of what the frame holds, from its first octet on, without the line end. */
static inline struct arguments fake_arguments(struct view octets)
{
    return (struct arguments){
        .at = octets.data, .end = octets.data + octets.size, .arena = &fake.session.command_arena};
}

#endif
