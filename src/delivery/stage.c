/*
 * delivery/stage.c: see delivery/delivery.h.
 *
 * Small messages stay in memory and are compressed where they are; what is longer lies in an unlinked spool file, is
 * mapped for parse, and goes to its volume from a pool thread.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "delivery/delivery.h"
#include "digest/digest.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SPOOL_CHUNK = 65536 };

struct staged {
    struct stager stager;
    struct buffer memory; /* all of it, or what is not yet in the file */
    int fd;               /* -1: in memory */
    uint64_t octets, spooled;
    bool after_cr;
    enum store_error error;
    /* from staged_finish on */
    struct staged_request *request;
    struct parse_request parse;
    void *map;
    struct buffer digest;
    struct blob *blob;
};

struct staged *staged_new(const struct stager *stager)
{
    struct staged *s = NEW(struct staged);
    s->stager = *stager;
    s->fd = -1;
    buffer_init(&s->memory, LIMIT_STAGE_MEMORY + 4 * (size_t)SPOOL_CHUNK);
    return s;
}

uint64_t staged_octets(const struct staged *s)
{
    return s->octets;
}

void staged_unref(struct staged **staged)
{
    struct staged *s = *staged;
    *staged = NULL;
    if (!s)
        return;
    if (s->map)
        munmap(s->map, (size_t)s->octets);
    if (s->fd >= 0)
        close(s->fd);
    buffer_free(&s->memory);
    buffer_free(&s->digest);
    buffer_free(&s->parse.answer);
    blob_unref(&s->blob);
    free(s);
}

/* ---- taking octets in ---- */

static enum store_error spool_open(struct staged *s)
{
    s->fd = s->stager.spool_folder >= 0 ? openat(s->stager.spool_folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
                                        : memfd_create("waxwing-stage", MFD_CLOEXEC);
    if (s->fd >= 0)
        return STORE_OK;
    return errno == ENOSPC || errno == EDQUOT ? STORE_FULL : STORE_IO;
}

static enum store_error spool_flush(struct staged *s)
{
    while (buffer_size(&s->memory)) {
        struct view v = buffer_view(&s->memory);
        ssize_t n = pwrite(s->fd, v.data, v.size, (off_t)s->spooled);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && (errno == ENOSPC || errno == EDQUOT) ? STORE_FULL : STORE_IO;
        buffer_consume(&s->memory, (size_t)n);
        s->spooled += (uint64_t)n;
    }
    return STORE_OK;
}

static enum store_error put(struct staged *s, struct view octets)
{
    if (!octets.size)
        return STORE_OK;
    s->octets += octets.size;
    if (s->octets > LIMIT_MESSAGE_OCTETS)
        return STORE_LIMIT;
    buffer_append_view(&s->memory, octets);
    s->after_cr = octets.data[octets.size - 1] == '\r';
    if (s->fd < 0 && buffer_size(&s->memory) <= LIMIT_STAGE_MEMORY)
        return STORE_OK;
    if (s->fd < 0) {
        enum store_error error = spool_open(s);
        if (error)
            return error;
    }
    return buffer_size(&s->memory) >= SPOOL_CHUNK ? spool_flush(s) : STORE_OK;
}

/* One piece of at most SPOOL_CHUNK octets: each LF that no CR precedes gets one (the stored form is CRLF). */
static enum store_error put_lines(struct staged *s, struct view octets)
{
    size_t at = 0;
    enum store_error error = STORE_OK;
    while (!error && at < octets.size) {
        size_t end = view_find(octets, '\n', at);
        if (end == SIZE_MAX)
            return put(s, view_skip(octets, at));
        bool bare = end > at ? octets.data[end - 1] != '\r' : !s->after_cr;
        if (!bare) {
            error = put(s, view_slice(octets, at, end + 1 - at));
        } else {
            error = put(s, view_slice(octets, at, end - at));
            if (!error)
                error = put(s, VIEW_LITERAL("\r\n"));
        }
        at = end + 1;
    }
    return error;
}

static bool has_bare_lf(const struct staged *s, struct view octets)
{
    bool after_cr = s->after_cr;
    for (size_t at = 0; (at = view_find(octets, '\n', at)) != SIZE_MAX; at++)
        if (at ? octets.data[at - 1] != '\r' : !after_cr)
            return true;
    return false;
}

enum store_error staged_append(struct staged *s, struct view octets)
{
    while (!s->error && octets.size) {
        struct view piece = view_slice(octets, 0, SPOOL_CHUNK);
        s->error = has_bare_lf(s, piece) ? put_lines(s, piece) : put(s, piece);
        octets = view_skip(octets, piece.size);
    }
    return s->error;
}

enum store_error staged_append_exact(struct staged *s, struct view octets)
{
    while (!s->error && octets.size) {
        struct view piece = view_slice(octets, 0, SPOOL_CHUNK);
        s->error = put(s, piece);
        octets = view_skip(octets, piece.size);
    }
    return s->error;
}

/* ---- the end ---- */

static struct view whole(struct staged *s)
{
    if (s->fd < 0)
        return buffer_view(&s->memory);
    if (!s->map) {
        void *map = mmap(NULL, (size_t)s->octets, PROT_READ, MAP_PRIVATE, s->fd, 0);
        if (map == MAP_FAILED)
            return VIEW_EMPTY;
        s->map = map;
    }
    return view_of(s->map, (size_t)s->octets);
}

static void answer(struct task *task)
{
    struct staged_request *request =
        (struct staged_request *)(void *)((char *)task - offsetof(struct staged_request, task));
    request->done(request);
}

static void finish(struct staged *s, enum store_error result)
{
    struct staged_request *request = s->request;
    if (s->map)
        munmap(s->map, (size_t)s->octets);
    s->map = NULL;
    request->result = result;
    if (!request->loop || loop_is_mine(request->loop)) {
        request->done(request);
        return;
    }
    request->task.run = answer;
    loop_post(request->loop, &request->task);
}

static void store_large(struct task *task)
{
    struct staged_request *request =
        (struct staged_request *)(void *)((char *)task - offsetof(struct staged_request, task));
    struct staged *s = request->staged;
    finish(s, blob_new_large(store_engine(s->stager.store), s->fd, s->octets, request->accounts, request->account_count,
                             &s->blob));
}

static void make_blob(struct staged *s)
{
    struct staged_request *request = s->request;
    struct engine *engine = store_engine(s->stager.store);
    if (s->fd < 0) {
        s->blob = blob_new(engine, buffer_view(&s->memory), request->utc_s, request->accounts, request->account_count);
        buffer_free(&s->memory); /* many messages of one APPEND wait for each other: one copy is enough */
        finish(s, STORE_OK);
        return;
    }
    request->task.run = store_large;
    engine_pool(engine, &request->task);
}

static void parsed(struct parse_request *parse)
{
    struct staged *s = (struct staged *)(void *)((char *)parse - offsetof(struct staged, parse));
    if (parse->result == PARSE_UNAVAILABLE) {
        finish(s, STORE_BUSY);
        return;
    }
    if (parse->result == PARSE_OK)
        buffer_append_view(&s->digest, buffer_view(&parse->answer));
    else
        digest_write_opaque(whole(s), "poison", &s->digest);
    buffer_free(&parse->answer);
    make_blob(s);
}

void staged_finish(struct staged_request *request)
{
    struct staged *s = request->staged;
    s->request = request;
    if (!s->error && s->fd >= 0)
        s->error = spool_flush(s);
    struct view octets = s->error ? VIEW_EMPTY : whole(s);
    if (!s->error && octets.size != s->octets)
        s->error = STORE_IO;
    if (s->error) {
        finish(s, s->error);
        return;
    }
    s->parse = (struct parse_request){.kind = PARSE_DIGEST, .octets = octets, .loop = request->loop, .done = parsed};
    parser_submit(request->parser, &s->parse);
}

struct view staged_digest(const struct staged *s)
{
    return buffer_view(&s->digest);
}

struct blob *staged_blob(const struct staged *s)
{
    return s->blob;
}
