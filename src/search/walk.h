/*
 * search/walk.h: a program run over the messages of a mailbox, in slices.
 *
 * Does     goes through the rows; reads an email record only if the row doesn't decide (or the caller wants it), and
 *          has parse look into a message only if the record doesn't either. Substrings are searched in decoded text,
 *          folded with i;unicode-casemap (RFC 5051).
 * Owns     the requests to parse that are under way: the session is held until they are answered.
 * Called   by a command's step, on the loop, and on a pool thread when something isn't in memory.
 * Waits    for parse, WALK_ASKED messages at a time; other sessions go on meanwhile.
 * Tested   tests/e2e/test_search.py
 */
#ifndef SEARCH_WALK_H
#define SEARCH_WALK_H

#include "search/program.h"
#include "session/session.h"
#include "store/annotation.h"

enum { WALK_ASKED = 8, WALK_ASKED_OCTETS = 8 << 20 };

struct walk_asked; /* a message that parse looks into */

struct search_walk {
    /* the caller's, before the first step */
    struct session *session;
    struct search_program *program; /* ready, or made ready by the first step in program_arena */
    struct arena *program_arena;
    uint64_t account; /* that the mailbox is in */
    uint64_t seen_by; /* as in struct reader */
    uint32_t mailbox;
    struct uidset *domain;      /* which messages; the walk's to unref */
    bool wants_email;           /* matched gets the record */
    const struct uidset *known; /* but of these it needn't; null: of all. Outlives the walk */
    /* A message fits: in no strict order. email may be null unless it is wanted; bits are parse's or null. False:
     * enough. */
    bool (*matched)(struct search_walk *walk, const struct message_row *row, const struct email *email,
                    const char *bits);
    void *ctx;
    /* Before the first message: an annotation that the session's user sees, by ascending UID; its value folded. False:
     * enough. Null: none is wanted. */
    bool (*annotated)(struct search_walk *walk, uint32_t uid, const struct annotation *annotation, struct view folded);

    /* the walk's own */
    struct annotation_place annotations;
    bool begun;
    struct uid_run in_domain, in_known;
    uint32_t next_uid;
    struct message_rows rows;
    size_t row_at;
    struct walk_asked *asked; /* WALK_ASKED of them, once there are any */
    unsigned asked_count, judged;
    size_t asked_octets;
    bool sent;           /* they are with parse, or answered */
    unsigned unanswered; /* behind `sent` changed on the loop alone */
};

/* annotations.c: the sets of the keys that ask for annotations, and `annotated`. STORE_MORE: the slice is over. */
enum store_error search_annotations_find(struct search_walk *walk, const struct reader *reader, uint64_t deadline_us);
/* STEP_DONE with STORE_OK: all was looked at; STORE_LIMIT: matched said so; STORE_BUSY: parse isn't there. */
enum step_result search_walk_step(struct search_walk *walk, struct step_context *context, enum store_error *error_r);
/* For another mailbox, or anew. */
void search_walk_reset(struct search_walk *walk);
/* Is it one of walk->known? Quick for UIDs near each other. */
static inline bool search_walk_knows(struct search_walk *walk, uint32_t uid)
{
    return walk->known && uidset_has_near(walk->known, &walk->in_known, uid);
}
/* Nothing may be under way: as in drop. */
void search_walk_free(struct search_walk *walk);

#endif
