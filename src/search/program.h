/*
 * search/program.h: a search as a program: keys in postfix order, evaluated without recursion.
 *
 * Does     holds the keys of one search whatever protocol they came by; readies them (folds texts, looks keywords up);
 *          says of one message whether it fits, as far as is known: its row, then its email record, then its text.
 * Owns     the keys and their sets; texts lie in the arena of whoever wrote them there.
 * Called   by walk.c, and by the protocols that make programs. One thread at a time.
 * Limits   SEARCH_KEYS, MATCH_KEYS_MAX.
 * Tested   tests/unit/search_program.c
 */
#ifndef SEARCH_PROGRAM_H
#define SEARCH_PROGRAM_H

#include "digest/match.h"
#include "store/store.h"

enum search_op {
    SEARCH_ALL,
    SEARCH_FLAGS,   /* flags & mask == want */
    SEARCH_KEYWORD, /* number, found by search_program_ready; -1: the account has no such keyword */
    SEARCH_NEVER,
    SEARCH_FILTER, /* text: the name of a search that the protocol puts in its place before the walk (RFC 5466) */
    SEARCH_BEFORE, /* INTERNALDATE's day < number */
    SEARCH_ON,
    SEARCH_SINCE,
    SEARCH_SAVED_BEFORE, /* SAVEDATE's day (RFC 8514 4.3), which is told in UTC */
    SEARCH_SAVED_ON,
    SEARCH_SAVED_SINCE,
    SEARCH_OLDER, /* INTERNALDATE <= number, seconds (RFC 5032) */
    SEARCH_YOUNGER,
    SEARCH_LARGER,
    SEARCH_SMALLER,
    SEARCH_SET, /* UIDs */
    SEARCH_MODSEQ,
    SEARCH_EMAIL,      /* the email's number (RFC 8474 6) */
    SEARCH_ANNOTATION, /* text in a value; name: its entry; mask: whose. The set is found when a walk begins */
    /* from here on the email record is needed */
    SEARCH_THREAD, /* the thread's number */
    SEARCH_SENTBEFORE,
    SEARCH_SENTON,
    SEARCH_SENTSINCE,
    SEARCH_ADDRESS, /* text in one of the digest's search fields: `field` */
    /* from here on parse must look into the message */
    SEARCH_MATCH, /* number: of the match key */
    /* operators on what was pushed before */
    SEARCH_NOT,
    SEARCH_AND,
    SEARCH_OR
};

enum search_annotation { ANNOTATION_OF_ALL = 1, ANNOTATION_OF_READER = 2 }; /* shared; the reader's own */
enum search_field { FIELD_FROM, FIELD_TO, FIELD_CC, FIELD_BCC, FIELD_SUBJECT };

/* A set as it was written: what it means depends on the mailbox. UINT32_MAX is "*". */
struct search_range {
    uint32_t first, last;
};
struct search_ranges {
    struct search_range *ranges;
    size_t count;
    bool by_uid;
};

struct search_key {
    enum search_op op;
    uint8_t mask, want, field;
    bool phrase; /* a text of a fuzzy key, whole as it was written: counts for relevancy alone */
    int64_t number;
    struct view text; /* folded by search_program_ready; of a keyword: its name */
    struct view name; /* of an annotation's entry, with wildcards */
    struct uidset *set;
    struct search_ranges *ranges; /* what `set` is made of in another mailbox; null: it can't be there */
};

enum { SEARCH_KEYS = 4096 };

struct search_program {
    struct search_key *keys;
    size_t count, room;
    struct match_key matches[MATCH_KEYS_MAX];
    size_t match_count;
    struct buffer match_octets; /* as parse reads them */
    enum truth *stack;
    bool uses_modseq, uses_fuzzy;
    bool uses_filters; /* SEARCH_FILTER is there still */
    bool ready, keywords_missing;
};

/* False beyond SEARCH_KEYS: the key's set is gone then. */
bool search_program_add(struct search_program *program, struct search_key key);
/* Folds the texts into `arena`, once, and finds the numbers of keywords, until all are known. Before each walk. */
enum store_error search_program_ready(struct search_program *program, const struct reader *reader, struct arena *arena);
/* A copy with its texts in `arena`. */
void search_program_copy(const struct search_program *from, struct arena *arena, struct search_program *to);
void search_program_free(struct search_program *program);
/* Does every message fit? */
static inline bool search_program_is_all(const struct search_program *program)
{
    return program->count == 1 && program->keys[0].op == SEARCH_ALL;
}
/* The set that every message must be in, as far as the program says so at its top; null: none. The caller's to unref.
 */
struct uidset *search_program_bound(const struct search_program *program);

/* Three answers: a message of which not everything is known yet may be either. */
enum truth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN };

/* email and bits (one octet a match key) may be null: what needs them is unknown. The program is ready. */
enum truth search_evaluate(const struct search_program *program, const struct message_row *row,
                           const struct email *email, const char *bits);
/* RFC 6203 4: 1 to 100, how many of the fuzzy texts stand there whole. */
uint8_t search_relevancy(const struct search_program *program, const struct message_row *row, const struct email *email,
                         const char *bits);

#endif
