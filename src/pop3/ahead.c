/*
 * pop3/ahead.c: where messages lie that the client will ask for next.
 *
 * Does     clients fetch a maildrop message by message, in order: what a record of the store says of one is read for a
 *          stretch of them with one cursor, and kept until they are asked for.
 * Owns     pop3->ahead, from the first RETR to the session's end.
 * Called   by RETR and TOP, on the thread that runs the step.
 * Fails    a place that is known ahead may be old: compaction moves messages. Whoever finds nothing there drops it all
 *          (pop3_ahead_drop) and asks again.
 * Tested   tests/e2e/test_pop3.py
 */
#include "base/memory.h"
#include "pop3/private.h"

struct pop3_ahead {
    size_t first, count;
    struct pop3_place places[LIMIT_POP3_AHEAD];
};

void pop3_place_read(const struct email *email, struct pop3_place *place_r)
{
    struct digest_part part;
    digest_part_at(&email->digest, 0, &part);
    *place_r = (struct pop3_place){
        .blob = email->blob,
        .octets = email->digest.size_octets,
        .header_octets = part.header_offset + part.header_size,
        .has_nul = (email->digest.flags & DIGEST_HAS_NUL) != 0,
        .has_raw_header = (email->digest.flags & DIGEST_HEADER_RAW) != 0,
    };
}

static enum store_error fill(struct pop3 *pop3, const struct reader *reader, size_t index)
{
    struct pop3_ahead *ahead = pop3->ahead;
    struct email_cursor *cursor = email_cursor_new(reader);
    enum store_error error = STORE_OK;
    ahead->first = index;
    ahead->count = 0;
    while (!error && ahead->count < LIMIT_POP3_AHEAD && index + ahead->count < pop3->count) {
        struct email email;
        error = email_cursor_read(cursor, pop3->messages[index + ahead->count].email, &email);
        if (!error)
            pop3_place_read(&email, &ahead->places[ahead->count++]);
    }
    email_cursor_free(&cursor);
    return ahead->count ? STORE_OK : error; /* of later ones it is told when it is their turn */
}

enum store_error pop3_ahead_find(struct pop3 *pop3, const struct reader *reader, size_t index,
                                 struct pop3_place *place_r)
{
    if (!pop3->ahead)
        pop3->ahead = NEW(struct pop3_ahead);
    enum store_error error = STORE_OK;
    if (index < pop3->ahead->first || index - pop3->ahead->first >= pop3->ahead->count)
        error = fill(pop3, reader, index);
    if (!error)
        *place_r = pop3->ahead->places[index - pop3->ahead->first];
    return error;
}

void pop3_ahead_drop(struct pop3 *pop3)
{
    free(pop3->ahead);
    pop3->ahead = NULL;
}
