/*
 * imap/annotation.h: annotations of messages as IMAP writes them (RFC 5257): names of entries and attributes, lists.
 *
 * Does     annotation.c reads and checks arguments; fetch_annotation.c writes what FETCH asks for; store_annotation.c
 *          looks before STORE and APPEND whether they may. SEARCH and SORT read their keys with the same functions.
 *          Whoever may read a mailbox has private annotations there, which are kept in its owner's account; what is
 *          shared wants the right "n" to be changed.
 * Called   inside imap/.
 * Limits   LIMIT_ANNOTATION_NAMES entries of one list, and those of store/annotation.h.
 * Tested   tests/unit/imap_annotation.c, tests/e2e/test_cap_annotate_experiment_1.py
 */
#ifndef IMAP_ANNOTATION_H
#define IMAP_ANNOTATION_H

#include "imap/private.h"
#include "store/annotation.h"

/* ---- names (RFC 5257 3.2) ---- */

/* "/comment", whole. Any well-formed name: one that nobody knows has no value. */
bool annotation_take_entry(struct arguments *a, struct view *entry_r);
/* The same, where "*" and "%" may stand. */
bool annotation_take_pattern(struct arguments *a, struct view *pattern_r);

enum annotation_attribute { ATTRIBUTE_VALUE = 1, ATTRIBUTE_SIZE = 2, ATTRIBUTE_PRIV = 4, ATTRIBUTE_SHARED = 8 };
/* "value" has both sides, "value.priv" one. */
bool annotation_take_attribute(struct arguments *a, uint8_t *attribute_r);

/* Does the entry speak of a part of the message ("/1.2/comment")? */
bool annotation_is_of_part(struct view entry);
/* Is that part there? True of entries of the whole message. */
bool annotation_part_is_there(const struct digest *digest, struct view entry);

/* ---- what is to be set: att-annotate of STORE and APPEND ---- */

struct annotation_list {
    struct annotation *rows;
    size_t count;
    bool shared, private, too_big, of_parts; /* some of them */
};
/* "(/comment (value.priv "x" value.shared NIL) ...)". `person`: whose the private ones are. */
bool annotation_take_list(struct arguments *a, uint64_t person, struct annotation_list *list_r);
/* Are the parts there that its entries speak of? */
bool annotation_parts_are_there(const struct annotation_list *list, const struct digest *digest);
/* With these rights in the mailbox: STORE_NO_RIGHT (RFC 5257 3.4). */
enum store_error annotation_judge(const struct annotation_list *list, uint32_t rights);
/* The parts in all messages of the selected mailbox's set, from *next_uid (1 to begin) on. STEP_DONE: *error_r,
 * STORE_NOT_FOUND where one lacks. Else it is what the step returns. */
enum step_result annotation_check_parts(struct imap *imap, const struct annotation_list *list, const struct uidset *set,
                                        uint32_t *next_uid, struct step_context *context, enum store_error *error_r);
/* NO with the code that fits: what became of storing the list. */
void annotation_finish_error(struct imap *imap, enum store_error error);
void annotation_finish_too_big(struct imap *imap);
extern const char annotation_no_part[]; /* BAD */

/* ---- what is to be fetched ---- */

struct annotation_wanted {
    struct view *entries; /* with wildcards */
    size_t entry_count;
    uint8_t *attributes;
    size_t attribute_count;
    bool of_parts;
};
/* "(entries attributes)", behind "ANNOTATION ". */
bool annotation_take_wanted(struct arguments *a, struct annotation_wanted *wanted_r);
/* "ANNOTATION (...)" of a message; nothing at all if no entry fits. */
enum store_error annotation_write_wanted(struct imap *imap, const struct reader *reader, uint32_t uid,
                                         const struct annotation_wanted *wanted, struct buffer *out);
/* RFC 5257 4.4: "ANNOTATION (/comment)", the names of what changed after that modseq; nothing if nothing did. */
enum store_error annotation_write_changed(struct imap *imap, const struct reader *reader, uint32_t uid, uint64_t since,
                                          const char *before, struct buffer *out);

#endif
