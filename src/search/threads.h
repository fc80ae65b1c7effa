/*
 * search/threads.h: messages put into threads (RFC 5256 3): ORDEREDSUBJECT, REFERENCES, and REFS, which is REFERENCES
 * without subjects, threads ordered by their newest arrival.
 *
 * Does     takes messages one by one as hashes of ids and base subjects (the stored keys); builds the forest; walks it
 *          in the order of THREAD's answer.
 * Owns     its nodes, from the purse.
 * Called   by a command's step; threads_build on a pool thread, for it goes through without a stop. No recursion.
 * Limits   LIMIT_SEARCH_MEMORY, LIMIT_THREAD_STEPS.
 * Tested   tests/unit/search_threads.c
 */
#ifndef SEARCH_THREADS_H
#define SEARCH_THREADS_H

#include "base/buffer.h"
#include "search/purse.h"

enum threads_kind { THREADS_ORDEREDSUBJECT, THREADS_REFERENCES, THREADS_REFS };

/* A message; hashes are 0 where there is nothing. */
struct thread_message {
    uint32_t uid;
    bool is_reply; /* RFC 5256 2.1 */
    int64_t sent_s, arrived_s;
    uint64_t subject; /* of the base subject */
    uint64_t id;
};

/* Nodes by a hash. */
struct thread_slot;
struct thread_map {
    struct thread_slot *slots;
    uint32_t count, room; /* room: 0 or a power of two */
};

struct thread_node;
struct threads {
    enum threads_kind kind;
    struct thread_node *nodes; /* messages, by UID once they are built; behind them dummies */
    uint32_t count, room, messages;
    struct buffer references; /* u64 each, as they were taken */
    struct thread_map ids, subjects;
    uint32_t first; /* root's children */
    uint64_t steps; /* of looking for loops */
    bool poor;      /* there was no memory for some node */
    struct purse purse;
};

/* RFC 5256 3: the references that make threads, oldest first. False: there is no memory for it. */
bool threads_add(struct threads *threads, const struct thread_message *message, const uint64_t *references,
                 size_t reference_count);
/* Before they are built: the message that was taken as number `at`, and its references. */
const struct thread_message *threads_message(const struct threads *threads, uint32_t at, struct view *references_r);
/* Once. False: there is no memory for it. */
bool threads_build(struct threads *threads);
void threads_free(struct threads *threads);
/* What they take once they are built. */
size_t threads_octets(const struct threads *threads);

/* The answer, piece by piece; zeroed to begin. */
struct threads_place {
    bool begun;
    uint32_t at;
};
/*
 * Writes the next message with what it opens and closes. number: its UID as the client is to read it. False: all was
 * written.
 */
bool threads_write(const struct threads *threads, struct threads_place *place,
                   uint32_t (*number)(void *ctx, uint32_t uid), void *ctx, struct buffer *out);

#endif
