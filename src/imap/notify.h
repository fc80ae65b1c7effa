/*
 * imap/notify.h: what a client asked to hear of (RFC 5465), what it knows already, and the difference.
 *
 * Does     notify_parse.c reads NOTIFY; notify_list.c keeps the list of mailboxes and tells what changed in it;
 *          notify.c keeps their counters and annotations, and tells those; news.c sends the new messages of the
 *          selected mailbox, whose other events are sync.c's.
 * Owns     imap->notify; imap->heard, which the loop fills while a step may be in the pool.
 * Called   by the command, by engine.c between commands, by idle.c.
 * Limits   LIMIT_NOTIFY_GROUPS, LIMIT_FILTER_NAMES, LIMIT_NOTIFY_OCTETS of a command; LIMIT_NOTIFY_MAILBOXES that are
 *          watched, LIMIT_NOTIFY_NAMES told at once; the memory is counted in the purse of searches.
 * Tested   tests/e2e/test_cap_notify.py
 *
 * Of what others share, a session hears as soon as a filter may name it: it watches the accounts that may share
 * something with its user (store/acl.h), and account 0, where a new one would be noted. Events need "l" and "r"
 * (RFC 5465 5), looked at whenever something is told.
 * Nothing is queued: what was touched is a set of mailboxes, and what is told is what is different now. So a client
 * that doesn't read costs no more than one that does.
 */
#ifndef IMAP_NOTIFY_H
#define IMAP_NOTIFY_H

#include "imap/fetch.h"
#include "imap/filter.h"
#include "search/purse.h"

enum notify_event {
    NOTIFY_NEW = 1,
    NOTIFY_EXPUNGE = 2,
    NOTIFY_FLAGS = 4,
    NOTIFY_NAME = 8,
    NOTIFY_SUBSCRIPTION = 16,
    NOTIFY_METADATA = 32,
    NOTIFY_SERVER_METADATA = 64,
    NOTIFY_ANNOTATIONS = 128,
    NOTIFY_OF_MESSAGES = NOTIFY_NEW | NOTIFY_EXPUNGE | NOTIFY_FLAGS | NOTIFY_ANNOTATIONS,
    NOTIFY_OF_NAMES = NOTIFY_NAME | NOTIFY_SUBSCRIPTION
};

struct notify_group {
    struct filter filter;
    unsigned events; /* enum notify_event; 0: NONE */
};

/* The entries of a mailbox's metadata, and a hash of each value. */
struct notify_entry {
    struct view name;
    uint64_t value;
};
struct notify_entries {
    struct notify_entry *rows; /* one block with the names */
    size_t count;
};

/* A mailbox as the client knows it. */
struct notify_mailbox {
    struct view path;
    uint64_t account; /* whose it is; 0: the user's own, or no mailbox at all */
    unsigned events;  /* that are wanted of it */
    bool denied;      /* some are wanted, and it can't be read: told as \NoAccess */
    bool exists, has_children;
    struct mailbox mailbox; /* its name is not set */
    struct notify_entries entries;
    /* while two lists are compared */
    bool matched, tell, there_changed;
    bool lost; /* another's, which was there: told as \NoAccess where names aren't wanted */
    struct view renamed_from;
};
struct notify_list {
    struct notify_mailbox *rows; /* in LIST's order; one block with the paths */
    size_t count, octets;
};

/* Of one account. [1]: by this session itself. */
struct notify_account {
    uint64_t account;
    struct uidset *mailboxes[2], *metadata[2];
    bool list[2], server[2];
    uint64_t own_modseq; /* the newest of its own */
};
struct notify_touched {
    struct notify_account *accounts; /* as many as are watched, at most */
    size_t count;
};

enum notify_phase { NOTIFY_REST, NOTIFY_LIST, NOTIFY_COUNTERS, NOTIFY_ENTRIES, NOTIFY_SERVER };
struct notify {
    struct arena arena; /* the groups and the plan */
    struct notify_group groups[LIMIT_NOTIFY_GROUPS];
    size_t group_count;
    unsigned any; /* events of all groups, of the selected mailbox apart */
    unsigned selected;
    bool set; /* SET, not NONE */
    bool delayed;
    bool foreign;        /* some filter may name what others share */
    struct fetch *fetch; /* of new messages in the selected mailbox; null: nothing is sent of them */

    struct notify_list list;
    struct notify_entries server;
    struct purse purse;
    size_t entry_octets;            /* of all entries, as far as they are in the purse */
    struct notify_reading *reading; /* a list that is being read; null: none */
    bool late;                      /* the list couldn't be read when it was touched */
    /* telling */
    enum notify_phase phase;
    struct notify_touched touched;
    size_t at;
};

/* notify_parse.c. Problem: BAD. *unsupported_r: an event that this server doesn't know. */
bool notify_read(struct imap *imap, struct arguments *a, struct notify *n, bool *status_r, bool *unsupported_r);
extern const char notify_event_names[]; /* with spaces between them */

/* notify_list.c. The list as it is now, until STEP_DONE; against the last one, if `tells`. STORE_LIMIT: it is too long.
 * STORE_BUSY: auth is away. */
enum step_result notify_list_read(struct imap *imap, struct notify *n, struct step_context *context, bool tells,
                                  enum store_error *error_r);
void notify_list_free(struct notify_list *list);
void notify_reading_free(struct notify *n);
/* RFC 5465 3.1: it may be listed, but not read. */
void notify_tell_denied(struct imap *imap, const struct notify_mailbox *row);
/* The row of an account; made if it isn't there. */
struct notify_account *notify_account_of(struct notify_touched *touched, uint64_t account);

/* notify.c. What changed elsewhere than in the selected mailbox, until STEP_DONE. */
enum step_result notify_tell(struct imap *imap, struct step_context *context);
/* On the loop: true if it will be told. */
bool notify_hear(struct imap *imap, const struct touch *touch);
/* Is that event of the selected mailbox wanted? */
bool notify_wants(const struct imap *imap, enum notify_event event);
void notify_end(struct imap *imap);

/* news.c: the FETCH of messages that came, as NOTIFY and UPDATE asked for it (RFC 5465 5.2, 7). */
struct news {
    struct uidset *left; /* of those that came */
    struct fetch *fetch; /* being sent: of some of them */
};
enum step_result news_step(struct imap *imap, struct step_context *context, struct news *news);
void news_free(struct news *news);

#endif
