/*
 * store/store.h: the mail schema as protocols, delivery and admin see it: accounts, mailboxes, messages, flags,
 * changes.
 *
 * Does     reads of one account (through a `struct reader`), changes inside a mutation (functions taking a `struct
 *          txn`), and watching for changes. Words as in RFC 9051, 7162, 8474: account, mailbox, message, UID,
 *          UIDVALIDITY, modseq, keyword, thread.
 * Owns     the caches above the engine (mailbox tree, UID sets), locked inside: any thread may read.
 * Called   reads on any thread with the reader's mode; txn functions on the writer thread inside mutation.run.
 * Tested   tests/unit/store_*.c, tests/crash/
 *
 * An email is immutable content (EMAILID); a message is its appearance in one mailbox under a UID. Names of mailboxes
 * are UTF-8, NFC, with '/' between levels; "INBOX" in any case is INBOX.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/uidset.h"
#include "digest/digest.h"
#include "store/engine.h"

struct store;

/* ---- the store ---- */

enum store_error store_open(const struct engine_options *options, struct store **store_r, char *error,
                            size_t error_size);
void store_close(struct store **store);
struct engine *store_engine(struct store *store);

struct reader {
    struct store *store;
    uint64_t account;
    enum read_mode mode;
    uint64_t seen_by; /* whose \Seen rows show, of a mailbox that is shared with them; 0: the owner's */
};

/* ---- accounts ---- */

struct account {
    uint64_t id;
    uint64_t modseq;                       /* the highest given out */
    uint64_t octets, messages;             /* what counts to the quota */
    uint64_t quota_octets, quota_messages; /* 0: none */
    uint64_t emails;                       /* email records */
    uint32_t mailboxes;
    int64_t created_utc_s;
};
enum store_error account_read(const struct reader *reader, struct account *account_r);
/* Makes an account with INBOX and the default folders (Drafts, Sent, Trash, Junk, Archive with their special use).
 * Waits; admin threads. */
enum store_error account_create(struct store *store, uint64_t quota_octets, uint64_t *id_r);
/* Everything of it, in slices; its id is never given out again. */
enum store_error account_delete(struct store *store, uint64_t account);
enum store_error account_set_quota(struct store *store, uint64_t account, uint64_t octets, uint64_t messages);
/* The same, inside mutation.run, of its account. 0: none. */
enum store_error account_put_quota(struct txn *txn, uint64_t octets, uint64_t messages);
/* Ascending ids, from `from`; false from each ends it. */
enum store_error account_each(struct store *store, uint64_t from, bool (*each)(void *ctx, uint64_t account), void *ctx);

/*
 * Settings of the account alone: small texts by name (letters, digits, '.' and '_'; those that begin with '.' are the
 * server's own memory). each is called for every name that begins with prefix, ascending; views live during the call.
 * An empty value takes the setting away.
 */
typedef void account_setting_row(void *ctx, struct view name, struct view value);
enum store_error account_settings_each(const struct reader *reader, const char *prefix, account_setting_row *each,
                                       void *ctx);
enum store_error account_setting_put(struct txn *txn, struct view name, struct view value);

/* Who did it: kept with retained messages (DESIGN 5, Retention), and in the history. */
enum removal_by { REMOVED_BY_IMAP = 1, REMOVED_BY_POP3, REMOVED_BY_JMAP, REMOVED_BY_ADMIN };
struct removal {
    uint8_t by;
    uint64_t session;
    char peer[48];   /* address as text */
    char client[64]; /* from ID, cut */
};

/* ---- mailboxes ---- */

enum special_use {
    USE_NONE = 0,
    USE_ALL = 1,
    USE_ARCHIVE = 2,
    USE_DRAFTS = 4,
    USE_FLAGGED = 8,
    USE_JUNK = 16,
    USE_SENT = 32,
    USE_TRASH = 64,
    USE_IMPORTANT = 128
};
enum mailbox_flag { MAILBOX_SUBSCRIBED = 1, MAILBOX_NOSELECT = 2 };

struct mailbox {
    uint32_t id, parent; /* parent 0: top level */
    uint32_t uidvalidity, uidnext;
    uint64_t highestmodseq;
    uint32_t messages, unseen, deleted; /* counters, exact (I6) */
    uint64_t octets;
    uint32_t special_use; /* enum special_use bits */
    uint32_t flags;       /* enum mailbox_flag bits */
    uint64_t mailbox_id;  /* MAILBOXID (RFC 8474 4): "M" and this in hex */
    struct view name;     /* the last level; in the arena or cache given */
};

/* A whole name to a mailbox. STORE_NO_MAILBOX. name in mailbox_r points into `arena`. */
enum store_error mailbox_find(const struct reader *reader, struct arena *arena, struct view name,
                              struct mailbox *mailbox_r);
enum store_error mailbox_read(const struct reader *reader, struct arena *arena, uint32_t id, struct mailbox *mailbox_r);

/* Its whole name, in the arena. */
enum store_error mailbox_path(const struct reader *reader, struct arena *arena, uint32_t id, struct view *path_r);

struct mailbox_entry {
    struct mailbox mailbox;
    struct view path; /* the whole name */
    bool has_children;
    bool exists; /* false: only subscribed to, or a parent that is no mailbox */
    /* Of a mailbox that others share (store/acl.h): whose it is, and enum right. 0: the reader's own. */
    uint64_t account;
    uint32_t rights;
};
/* The order of mailbox_list, in which what is below a mailbox follows it. */
int mailbox_path_compare(struct view x, struct view y);
/* All mailboxes of the account (and subscribed names that don't exist), sorted by path, INBOX first. In the arena.
 * STORE_LIMIT: their names take more than three quarters of it. */
enum store_error mailbox_list(const struct reader *reader, struct arena *arena, struct mailbox_entry **entries_r,
                              size_t *count_r);

/*
 * Checks and puts into canonical form (NFC by ICU; INBOX in capitals; one trailing '/' dropped): no empty level, no
 * control characters, at most LIMIT_MAILBOX_DEPTH levels and LIMIT_MAILBOX_NAME octets a level, no "." or "..".
 * STORE_BAD_NAME. Result in the arena.
 */
enum store_error mailbox_name_canonical(struct arena *arena, struct view name, struct view *canonical_r);

/* Creates missing parents too (RFC 9051 6.3.4). STORE_EXISTS. */
enum store_error mailbox_create(struct txn *txn, struct view name, uint32_t special_use, struct mailbox *mailbox_r);
/* Messages go to retention in slices (STORE_MORE: call again). A parent stays as \NoSelect only while it has children
 * (RFC 9051 6.3.5). */
enum store_error mailbox_delete(struct txn *txn, uint32_t id, const struct removal *why);
/* RFC 9051 6.3.6: children follow; renaming INBOX moves its messages into a new mailbox and leaves INBOX empty. */
enum store_error mailbox_rename(struct txn *txn, struct view from, struct view to, const struct removal *why);
/* Import: the UIDVALIDITY and UIDNEXT that the mailbox had elsewhere. STORE_FORBIDDEN once it has held a message. */
enum store_error mailbox_set_uidvalidity(struct txn *txn, uint32_t id, uint32_t uidvalidity, uint32_t uidnext);
enum store_error mailbox_subscribe(struct txn *txn, struct view name, bool subscribed);
enum store_error mailbox_set_special_use(struct txn *txn, uint32_t id, uint32_t special_use);

/* ---- messages ---- */

enum message_flag {
    FLAG_SEEN = 1,
    FLAG_ANSWERED = 2,
    FLAG_FLAGGED = 4,
    FLAG_DELETED = 8,
    FLAG_DRAFT = 16,
    FLAG_SYSTEM_ALL = 31,
    /* No flag of IMAP: the message's last line has no CRLF, so POP3 sends two octets more (DIGEST_ENDS_OPEN). Set by
     * message_add and COPY from the digest; message_set_flags never changes it. */
    FLAG_ENDS_OPEN = 32,
    /* Likewise: its headers aren't all ASCII, so POP3 may have to send others (DIGEST_HEADER_RAW). */
    FLAG_HEADER_RAW = 64
};

/* Keywords are account-wide numbers, 0 and up; at most LIMIT_KEYWORDS an account. Compared without case, kept as first
 * written. */
struct keywords {
    uint64_t bits[4]; /* keyword numbers 0 to 255 */
};
enum { KEYWORD_MAX = 256 };
enum store_error keyword_names(const struct reader *reader, struct arena *arena, struct view **names_r,
                               size_t *count_r);
/* Those used in a mailbox now or before: what FLAGS lists. */
enum store_error keyword_used(const struct reader *reader, uint32_t mailbox, struct keywords *used_r);
/* The number of a keyword, made if new. STORE_LIMIT. */
enum store_error keyword_intern(struct txn *txn, struct view name, unsigned *number_r);

/* One message as the chunks hold it. */
struct message_row {
    uint32_t uid;
    uint8_t flags; /* enum message_flag bits */
    struct keywords keywords;
    uint64_t modseq;
    uint64_t email;         /* email number: EMAILID is "E" and this in hex */
    uint64_t size_octets;   /* RFC822.SIZE */
    int64_t internal_utc_s; /* INTERNALDATE */
    int16_t internal_zone_minutes;
    int64_t saved_utc_s; /* SAVEDATE */
};

#define CHUNK_ROWS 64
struct message_rows {
    size_t count;
    struct message_row rows[CHUNK_ROWS];
    bool at_end; /* no message behind the last row */
};
/* The messages with uid >= from, one chunk at a time (at most CHUNK_ROWS). count 0 and at_end: none. */
enum store_error message_rows(const struct reader *reader, uint32_t mailbox, uint32_t from_uid,
                              struct message_rows *rows_r);
/* The same for a walk over many chunks within one step: from the second on an iterator goes from one to the next, and
 * what changes from then on isn't seen. One thread a cursor, not kept while waiting. */
struct row_cursor;
struct row_cursor *row_cursor_new(const struct reader *reader, uint32_t mailbox);
enum store_error row_cursor_rows(struct row_cursor *cursor, uint32_t from_uid, struct message_rows *rows_r);
void row_cursor_free(struct row_cursor **cursor);
/* One message. If it was expunged less than an hour ago (or is retained): still found, with *expunged_r true.
 * STORE_EXPUNGED. */
enum store_error message_row(const struct reader *reader, uint32_t mailbox, uint32_t uid, struct message_row *row_r,
                             bool *expunged_r);
/* The set of UIDs now, shared and immutable (unref it), with the modseq it belongs to. O(1) when cached, else a scan of
 * the chunks. */
enum store_error mailbox_uids(const struct reader *reader, uint32_t mailbox, struct uidset **uids_r,
                              uint64_t *modseq_r);

/* An email record: digest, place of its bytes, thread. Views live until the cursor's next call, or the buffer's next
 * change. */
struct email {
    uint64_t number, thread;
    struct blob_location blob;
    int64_t received_utc_s;
    struct view digest_octets; /* digest_open has been done when it was written: digest is ready */
    struct digest digest;
};
/* A cursor that makes ascending reads cheap; not kept over a WAIT. */
struct email_cursor;
struct email_cursor *email_cursor_new(const struct reader *reader);
enum store_error email_cursor_read(struct email_cursor *cursor, uint64_t number, struct email *email_r);
void email_cursor_free(struct email_cursor **cursor);
/* One alone, which costs less than a cursor; its views lie in `octets`. */
enum store_error email_read(const struct reader *reader, uint64_t number, struct buffer *octets, struct email *email_r);
/* Octets [offset, offset+size) of the message, appended to out. blob_octets: STORE_NOT_FOUND if compaction has moved it
 * since its record was read; email_octets looks again. */
enum store_error email_octets(const struct reader *reader, const struct email *email, uint64_t offset, uint64_t size,
                              struct buffer *out);
enum store_error blob_octets(const struct reader *reader, const struct blob_location *blob, uint64_t offset,
                             uint64_t size, struct buffer *out);
/* Emails of a thread, ascending. */
enum store_error thread_emails(const struct reader *reader, struct arena *arena, uint64_t thread, uint64_t **numbers_r,
                               size_t *count_r);

/* ---- changing messages (inside mutation.run) ---- */

struct annotation;
struct new_message {
    struct blob *blob;
    struct view digest; /* valid: digest_open was true */
    uint8_t flags;
    uint64_t seen_by;            /* who has seen it, if flags say so; 0: the owner */
    const struct view *keywords; /* names */
    size_t keyword_count;
    int64_t internal_utc_s;
    int16_t internal_zone_minutes;
    uint32_t wanted_uid; /* import: keep this UID if it is >= UIDNEXT; 0: next */
    bool ignore_quota;
    struct view uidl;                     /* import: the POP3 UIDL it had elsewhere; empty: ours */
    const struct annotation *annotations; /* store/annotation.h */
    size_t annotation_count;
};
struct added {
    uint32_t uid, uidvalidity;
    uint64_t modseq, email;
};
enum store_error message_add(struct txn *txn, uint32_t mailbox, const struct new_message *message,
                             struct added *added_r);

/* Place in a long change; zeroed to begin. run returns STORE_MORE until all is done. */
struct progress {
    uint32_t next_uid;
    uint64_t modseq;
    bool started;
    uint32_t staged_first;
};

enum flag_action { FLAGS_REPLACE, FLAGS_ADD, FLAGS_REMOVE };
struct flag_change {
    enum flag_action action;
    uint8_t flags;
    const struct view *keywords;
    size_t keyword_count;
    uint8_t kept;        /* flags that stay as they are: whoever asks may not change them */
    bool keeps_keywords; /* likewise */
    bool check_modseq;   /* UNCHANGEDSINCE (RFC 7162 3.1.3) */
    uint64_t unchanged_since;
    uint64_t seen_by;       /* whose \Seen it is (store/seen.h); 0: the owner's */
    struct uidset *changed; /* written: UIDs whose flags are different now; may be null */
    struct uidset *refused; /* written: UIDs that failed UNCHANGEDSINCE; may be null */
    uint64_t modseq;        /* written: the command's modseq, 0 if nothing changed */
    struct progress progress;
};
enum store_error message_set_flags(struct txn *txn, uint32_t mailbox, const struct uidset *uids,
                                   struct flag_change *change);

struct expunge {
    bool only_deleted; /* those with \Deleted among uids */
    struct removal why;
    struct uidset *gone; /* written; may be null */
    uint64_t modseq;     /* written */
    struct progress progress;
};
/* uids null: all. */
enum store_error message_expunge(struct txn *txn, uint32_t mailbox, const struct uidset *uids, struct expunge *expunge);

struct copy {
    bool move;          /* RFC 6851: per message in one place or the other; COPY: all or nothing */
    struct removal why; /* for a move */
    uint8_t dropped;    /* flags that the new messages don't get; and keywords */
    bool drops_keywords;
    /* RFC 5257 4.6: what is shared comes along, and private annotations of one person; others' are lost by a move. */
    bool drops_shared, drops_private; /* annotations */
    bool keeps_everybodys;            /* the mailbox has another name, nothing else */
    uint64_t annotated_by;            /* whose private ones; 0: the owner's */
    struct uidset *from_uids;         /* written: source UIDs, ascending, and pairwise */
    struct buffer *to_uids;           /* written: u32 each, native order, parallel to from_uids */
    uint32_t to_uidvalidity;          /* written */
    struct progress progress;
};
enum store_error message_copy(struct txn *txn, uint32_t from_mailbox, const struct uidset *uids, uint32_t to_mailbox,
                              struct copy *copy);

/* ---- metadata: annotations of mailboxes (RFC 5464) ---- */

struct metadata_entry {
    struct view name, value; /* the name begins with "/private/" or "/shared/", in small letters */
    bool removed;            /* metadata_set: it shall go */
};
/* All of a mailbox; 0: of the account. For a reader who isn't the owner (reader->seen_by) what is shared, and what is
 * private of that reader. At most LIMIT_METADATA_ENTRIES of each, in the arena. */
enum store_error metadata_read(const struct reader *reader, struct arena *arena, uint32_t mailbox,
                               struct metadata_entry **entries_r, size_t *count_r);
/* All or nothing. STORE_LIMIT: too many, or too much of them in the account. by: who isn't the owner, whose private
 * ones are kept apart, and aren't the owner's to pay for; else 0. */
enum store_error metadata_set(struct txn *txn, uint32_t mailbox, uint64_t by, const struct metadata_entry *entries,
                              size_t count);

/* ---- secrets that sign URLs of mailboxes (RFC 4467): each user's own ---- */

enum { MAILBOX_KEY_OCTETS = 32 };
/* signer->account signs, owner is whose the mailbox is. STORE_NOT_FOUND: there is none, so nothing was signed. */
enum store_error mailbox_key_read(const struct reader *signer, uint64_t owner, uint32_t mailbox, unsigned char *key_r);
/* In the account of who signs: what there is, else `fresh`, which is kept. STORE_LIMIT: there are LIMIT_MAILBOX_KEYS of
 * other people's mailboxes. */
enum store_error mailbox_key_make(struct txn *txn, uint64_t owner, uint32_t mailbox, const unsigned char *fresh,
                                  unsigned char *key_r);
enum store_error mailbox_key_forget(struct txn *txn, uint64_t owner, uint32_t mailbox);
/* Those of all mailboxes, others' too, in slices (STORE_MORE: call again). */
enum store_error mailbox_key_forget_all(struct txn *txn);

/* ---- POP3's view ---- */

/* The UIDL that import kept for a message (71 octets hold any); STORE_NOT_FOUND: POP3 makes one (store/uidl.h). */
enum store_error message_kept_uidl(const struct reader *reader, uint32_t mailbox, uint32_t uid, char *out, size_t size);
/* True if some message of the mailbox has a kept UIDL: else no look-up is needed. */
bool mailbox_has_kept_uidls(const struct reader *reader, uint32_t mailbox);

/* ---- changes ---- */

struct changes {
    struct mailbox now; /* counters at the end; name not set */
    struct uidset
        *vanished; /* expunged since, that existed at `since` or not (a superset is allowed by RFC 7162 3.2.6) */
    struct uidset *changed; /* flags changed since, created before */
    uint64_t up_to;         /* the modseq up to which this tells everything */
};
/*
 * What happened in a mailbox after modseq `since`. New messages are those with uid >= the UIDNEXT known then. The sets
 * are the caller's to unref. STORE_TOO_OLD behind the floor (then vanished is still told in full, changed is all).
 */
enum store_error changes_read(const struct reader *reader, uint32_t mailbox, uint64_t since, struct changes *changes_r);
/* The messages whose flags changed after `since` and not after `until`. The caller's to unref. */
enum store_error changes_of_flags(const struct reader *reader, uint32_t mailbox, uint64_t since, uint64_t until,
                                  struct uidset **changed_r);
void changes_free(struct changes *changes);

/* ---- watching ---- */

/* Told, on the loop, that a mailbox of the account changed (coalesced; modseq is the newest). In the order of the
 * changes. */
struct watcher {
    struct watcher *next, *previous; /* store's */
    uint64_t account;
    struct loop *loop;
    void (*changed)(struct watcher *watcher, const struct touch *touch);
};
/* Both on watcher->loop. */
void store_watch(struct store *store, struct watcher *watcher);
void store_unwatch(struct store *store, struct watcher *watcher);
/* The loops that hold watchers: told once at start. */
void store_add_loop(struct store *store, struct loop *loop);

/* ---- upkeep ---- */

/* Recounts everything of I1 to I8 and says what is wrong; 0 problems is the only good answer. Reads in slices. */
enum store_error store_check(struct store *store, uint64_t account /* 0: all */, bool blobs,
                             void (*tell)(void *ctx, const char *what), void *ctx, uint64_t *problems_r);
/* Retained messages whose day is over, and those in excess (store/retention.h). Called hourly by mail. */
enum store_error store_purge(struct store *store, int64_t now_utc_s, uint64_t *purged_r);
/* Mail that has settled leaves the log; volumes of which less than this share lives are emptied (engine_compact).
 * STORE_CORRUPT: all but what is damaged was done. */
enum store_error store_compact(struct store *store, double live_share_below, bool every, uint64_t *freed_r);
void store_set_retention_days(struct store *store, uint32_t days);

#endif
