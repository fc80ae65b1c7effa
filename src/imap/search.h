/*
 * imap/search.h: what SEARCH, SORT, THREAD and ESEARCH share: keys, return options, charsets, the walk, the answer.
 *
 * search_parse.c reads keys into a program (search/program.h), search_return.c the options of RETURN, search_charset.c
 * turns texts into UTF-8, searching.c finds the messages, search_write.c tells them.
 * Called   inside imap/search*.c, sort.c, thread.c, multisearch.c, context.c.
 */
#ifndef IMAP_SEARCH_H
#define IMAP_SEARCH_H

#include "base/keep.h"
#include "imap/private.h"
#include "search/order.h"
#include "search/walk.h"

/* ---- keys (search_parse.c) ---- */

/* The keys up to the end of the arguments. */
bool search_parse_keys(struct imap *imap, struct arguments *a, struct search_program *program);
/* The same of a filter's text; `fuzzy`: it stands under FUZZY. */
bool search_parse_filter(struct imap *imap, struct arguments *a, struct search_program *program, bool fuzzy);
/* What a set means in a mailbox with these messages. The caller's to unref. Numbers beyond the last message are left
 * out: of a search that is no error (RFC 7377 2). */
struct uidset *search_resolve(const struct search_ranges *ranges, const struct uidset *known);

/* ---- RETURN (search_return.c) ---- */

enum search_return {
    RETURN_MIN = 1,
    RETURN_MAX = 2,
    RETURN_COUNT = 4,
    RETURN_ALL = 8,
    RETURN_PARTIAL = 16,   /* RFC 9394 3.1 */
    RETURN_SAVE = 32,      /* RFC 5182 */
    RETURN_UPDATE = 64,    /* RFC 5267 4.3 */
    RETURN_CONTEXT = 128,  /* a hint */
    RETURN_RELEVANCY = 256 /* RFC 6203 4 */
};
struct search_return_options {
    unsigned wanted; /* enum search_return bits; 0: the plain form */
    struct partial_range partial;
    struct view items; /* of UPDATE, as they were written (RFC 5465 7); empty: none */
};
/* "RETURN (...) " if it stands there. */
bool search_return_parse(struct arguments *a, struct search_return_options *options_r);
/* What doesn't go together, once the keys are known. */
bool search_return_check(const struct imap *imap, struct arguments *a, const struct search_return_options *options,
                         const struct search_program *program);

/* ---- charsets (search_charset.c) ---- */

struct search_charset {
    struct imap *imap;
    struct search_program *program;
    struct view name; /* empty: there is nothing to do */
    size_t at;        /* texts that are UTF-8 already */
    struct parse_request request;
    bool probed, asking, answered;
};
/* "CHARSET UTF-8 " if it stands there (search.c). */
bool search_take_charset(struct imap *imap, struct arguments *a, struct search_charset *charset);
/* "UTF-8" or any other name. */
bool search_charset_parse(struct arguments *a, struct search_charset *charset);
/* Texts of the program into UTF-8. *known_r false: no such charset; *error_r STORE_BUSY: parse isn't there. */
enum step_result search_charset_step(struct search_charset *charset, struct step_context *context, bool *known_r,
                                     enum store_error *error_r);
void search_charset_free(struct search_charset *charset);

/* ---- finding (searching.c) ---- */

struct search_score {
    uint32_t uid;
    uint8_t relevancy;
};
/* What FILTER names: the annotations of the account, in the command's arena. */
struct search_filters {
    struct metadata_entry *entries;
    size_t count, used;
};
struct searching {
    struct imap *imap;
    struct search_program program;
    struct search_return_options options;
    struct search_charset charset;
    struct search_filters filters;
    struct search_walk walk;
    struct uidset *found;
    uint64_t modseq; /* the highest of what is told (RFC 4731 3.2) */
    uint32_t min, max;
    struct uidset *told; /* not all that was found: its modseq is still to be read, from told_at on. Null: all */
    uint32_t told_at;
    struct buffer scores; /* struct search_score, with RETURN_RELEVANCY */
    /* SORT's and THREAD's: a message was found. False: there is no memory for it. May be null. */
    bool (*found_one)(struct searching *searching, const struct message_row *row, const struct email *email,
                      const char *bits);
    bool converted, given;
    uint32_t limit, lowest; /* RFC 9738: the messages that are looked at, from the highest UID down */
    bool whole;             /* SORT and THREAD: all, or NO */
};
/* What an earlier command of any session found out of the selected mailbox, under a name; with a reference. Null:
 * nothing. Then what this one did; the name is SEARCHING_NAME_OCTETS at most. */
enum { SEARCHING_NAME_OCTETS = KEEP_KEY_OCTETS - 3 * 8 };
struct kept *searching_take(const struct searching *s, struct view name);
void searching_put(const struct searching *s, struct view name, struct kept *value);
/* The state of a command: keys up to the end, over the client's messages. */
bool searching_parse(struct searching *s, struct imap *imap, struct arguments *a);
/* STEP_DONE and *good_r: everything was found; not good: the command is finished with NO. */
enum step_result searching_step(struct searching *s, struct step_context *context, bool *good_r);
/* NO. What was to be saved is the empty set then (RFC 5182 2.1). */
void searching_fail(struct searching *s, enum store_error error);
void searching_free(struct searching *s);
void searching_forget_saved(struct searching *s);
/* Does it matter what of the found is told? */
static inline bool searching_counts_returned(const struct searching *s)
{
    return (s->options.wanted & RETURN_SAVE) || s->program.uses_modseq;
}
/* What of the found is told: RETURN (SAVE ...) makes it "$", and its modseq is the answer's. partial: may be null. */
void searching_returned(struct searching *s, uint32_t min, uint32_t max, struct uidset *partial);
/* The same of a search in the mailbox's order (search.c). */
void search_returned(struct searching *s);
/* Behind it, and before anything is told: until STEP_DONE. */
enum step_result searching_modseq_step(struct searching *s, struct step_context *context);

/* ---- FILTER (search_filter.c) ---- */

/* STEP_DONE and *good_r: none is left; not good: the command is finished with NO. */
enum step_result search_filters_step(struct searching *s, struct step_context *context, bool *good_r);
/* True of an entry that is no filter, too. */
bool search_filter_is_whole(struct imap *imap, struct view entry, struct view value);

/* ---- telling (search_write.c) ---- */

/* Numbers joined to ranges as they come: "1:4,7". */
struct search_ranges_writer {
    uint32_t first, last; /* 0: none is held back */
    bool any;
};
void search_ranges_put(struct search_ranges_writer *w, uint32_t first, uint32_t last, struct buffer *out);
void search_ranges_end(struct search_ranges_writer *w, struct buffer *out);
/* As the client reads it: the UID or its number. */
uint32_t search_told_number(void *ctx, uint32_t uid);

enum search_write_phase { WRITE_HEAD, WRITE_ALL, WRITE_PARTIAL, WRITE_TAIL, WRITE_OVER };
struct search_answer {
    enum search_write_phase phase;
    uint32_t next_uid;
    struct search_ranges_writer writer;
    /* of another mailbox (RFC 7377 2.1) */
    struct view mailbox;
    uint32_t uidvalidity;
};
/* "* ESEARCH (TAG "a") UID" */
void search_write_correlator(struct imap *imap, struct buffer *out, struct view tag, bool uid,
                             const struct search_answer *of);
/* The answer of a SEARCH in slices, plain or extended. STEP_DONE: all is told. */
enum step_result search_write(struct searching *s, struct search_answer *answer, struct step_context *context);
/* " PARTIAL (-1:-100 " */
void search_write_partial_range(const struct partial_range *range, struct buffer *out);
/* " (MODSEQ n)" or " MODSEQ n", if the keys ask for it. */
void search_write_modseq(const struct searching *s, bool extended, struct buffer *out);
/* Of the UIDs in that order; null: ascending. */
void search_write_relevancy(struct searching *s, const struct order *order, struct buffer *out);

#endif
