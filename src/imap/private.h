/*
 * imap/private.h: what the files of imap share: the session, the selected mailbox, the running command, the table.
 *
 * The life of a command. frame.c collects it whole, literals in place (message literals of APPEND excepted); engine.c
 * finds its row; the row's `parse` reads the arguments into a state of its own in the command's arena; the row's `step`
 * is called until it has called imap_finish and returned STEP_DONE; then engine.c tells what changed in the selected
 * mailbox (sync.c, under the row's rule), writes the tagged response and ends the command. So a client sees EXISTS,
 * EXPUNGE and FETCH before the tagged OK of the command that they came with.
 */
#ifndef IMAP_PRIVATE_H
#define IMAP_PRIVATE_H

#include "base/limits.h"
#include "imap/imap.h"
#include <pthread.h>
#include <stdatomic.h>

/* ---- the arguments of a command, as octets: literals stand in place as {n}CRLF and n octets ---- */

struct arguments {
    const char *at, *end;
    struct arena *arena;
    bool utf8;           /* mailbox names and quoted strings are UTF-8 (RFC 9051 5.1, RFC 6855 3) */
    struct view sent;    /* the last mailbox name, before it was put into canonical form */
    const char *problem; /* static text, set by whoever returns false: becomes BAD */
    const char *code;    /* a response code for it, or null */
    bool too_much;       /* nothing is malformed: NO instead of BAD */
};
/* Each consumes what it names and returns true, or leaves `problem` and returns false. */
bool arguments_end(struct arguments *a);                             /* nothing is left */
bool arguments_space(struct arguments *a);                           /* exactly one SP */
bool arguments_take(struct arguments *a, char c);                    /* c is next: taken. Leaves no problem */
char arguments_peek(const struct arguments *a);                      /* '\0' at the end */
bool arguments_atom(struct arguments *a, struct view *atom_r);       /* RFC 3501 9 */
bool arguments_string(struct arguments *a, struct view *string_r);   /* quoted or literal, unquoted, in the arena */
bool arguments_literal8(struct arguments *a, struct view *octets_r); /* ~{n}: may hold NUL (RFC 3516 7) */
bool arguments_astring(struct arguments *a, struct view *string_r);
bool arguments_list_atom(struct arguments *a, struct view *atom_r); /* with % and *, as in list-mailbox */
bool arguments_nstring(struct arguments *a, struct view *string_r, bool *nil_r);
bool arguments_value(struct arguments *a, struct view *octets_r, bool *nil_r); /* nstring or literal8 (RFC 4466) */
bool arguments_number(struct arguments *a, uint64_t max, uint64_t *number_r);
/* A mailbox name as the client writes it (modified UTF-7, or UTF-8) into the store's canonical form. `missing_ok`:
 * a name that can't be is given as it stands with *valid_r false; the command answers NO [CANNOT]. */
bool arguments_mailbox(struct arguments *a, struct view *name_r, bool *valid_r);
bool arguments_list_reference(struct arguments *a, struct view *reference_r); /* may be empty */
/* With % and *. *encoded_r: it can't be converted to UTF-8 and stands as it was sent. */
bool arguments_list_mailbox(struct arguments *a, struct view *pattern_r, bool *encoded_r);
/* "(\Seen foo)" or, with bare allowed, "\Seen foo". \Recent is ignored. Keywords in the arena. */
struct flag_list {
    uint8_t flags; /* enum message_flag */
    struct view *keywords;
    size_t keyword_count;
};
bool arguments_flags(struct arguments *a, bool bare, struct flag_list *flags_r);
bool arguments_date_time(struct arguments *a, int64_t *utc_s_r, int16_t *zone_minutes_r); /* RFC 3501 date-time */
bool arguments_date(struct arguments *a, int64_t *day_r); /* days since 1970, RFC 3501 date */

/* "1:500" or "-1:-100" (RFC 9394 4): positions from the first or, `from_last`, from the last; first <= last. */
struct partial_range {
    uint32_t first, last;
    bool from_last;
    bool reversed; /* as it was written */
};
bool arguments_partial(struct arguments *a, struct partial_range *range_r);
/* What it leaves of so many: positions *first_r to *last_r, from 1. False: nothing. */
bool partial_clip(const struct partial_range *range, uint32_t count, uint32_t *first_r, uint32_t *last_r);

struct imap;
/*
 * A sequence set into UIDs of the client's view. By sequence numbers a number beyond the last message is BAD
 * (RFC 3501 9, "*" of an empty mailbox too); by UIDs what isn't there is left out. "$" is what SEARCH saved
 * (RFC 5182). *set_r is the caller's to unref.
 */
bool arguments_sequence_set(struct arguments *a, struct imap *imap, bool uid, struct uidset **set_r);
/* A set as it was written, each range the right way round; "*" is UINT32_MAX. In the arena. */
struct range {
    uint32_t first, last;
};
struct ranges {
    struct range *ranges;
    size_t count;
};
bool arguments_ranges(struct arguments *a, struct ranges *ranges_r);
/* False with a problem: UIDONLY is enabled, and this command or key goes by numbers (RFC 9586 3.1). */
bool arguments_allow_numbers(struct arguments *a, const struct imap *imap);
/* The UIDs up to `star`, which is what "*" means. Sorts the ranges. */
struct uidset *ranges_to_uids(const struct ranges *ranges, uint32_t star);

/* ---- the table of commands ---- */

enum imap_state { STATE_AUTHENTICATED = 1, STATE_SELECTED = 2, STATE_ANY = 3 };
enum command_flag {
    COMMAND_UID = 1,        /* "UID name" */
    COMMAND_NO_EXPUNGE = 2, /* FETCH, STORE, SEARCH: EXPUNGE must not be sent (RFC 3501 7.4.1) */
    COMMAND_NO_SYNC = 4,    /* SELECT, CLOSE, LOGOUT: nothing is told of the mailbox */
    COMMAND_WRITES = 8,     /* refused in a mailbox opened with EXAMINE */
    COMMAND_ONLY_UID = 32,  /* there is no such command without UID */
    COMMAND_MESSAGE = 16,   /* APPEND: frame.c leaves its message literals in the input */
};
struct imap_command {
    const char *name; /* "FETCH" */
    uint8_t states;   /* enum imap_state */
    uint8_t flags;    /* enum command_flag */
    /* What it needs of the selected mailbox (RFC 4314 4, beside "r"): engine.c refuses it without. A mailbox that it
     * names is judged by place.h. */
    uint32_t rights;
    /* Reads everything up to the line's end. False with a->problem: BAD. Null: no arguments. */
    bool (*parse)(struct imap *imap, struct arguments *a);
    enum step_result (*step)(struct imap *imap, struct step_context *context);
    void (*drop)(struct imap *imap); /* may be null; once, when the command ends for whatever reason */
    const char *rfc;
};
extern const struct imap_command imap_commands[];
extern const size_t imap_command_count;
/* A literal of that size may be sent so: `waits` for "+", or without asking (RFC 7888). */
bool imap_literal_allowed(uint64_t octets, bool waits);
/* What CAPABILITY says after login. `administrator`: QUOTASET too. */
void imap_write_capabilities(struct buffer *out, bool administrator);

/* ---- the session ---- */

enum imap_enabled {
    ENABLED_CONDSTORE = 1,
    ENABLED_QRESYNC = 2,
    ENABLED_REV2 = 4,     /* RFC 9051 */
    ENABLED_UTF8 = 8,     /* RFC 6855 */
    ENABLED_UIDONLY = 16, /* RFC 9586: no message numbers, neither way */
    ENABLED_ANY_UTF8 = ENABLED_REV2 | ENABLED_UTF8
};

struct selected {
    bool open, read_only; /* read_only: opened with EXAMINE */
    bool annotate;        /* with ANNOTATE: the client hears of annotations that others change (RFC 5257 4.2) */
    uint64_t account;     /* whose mailbox it is */
    char *name;           /* as the client knows it; null: its own, whose name is its path */
    uint32_t rights;      /* enum right, as they were when the running command began */
    uint32_t mailbox;     /* id */
    uint32_t uidvalidity;
    struct uidset *uids; /* what the client knows: sequence numbers are ranks in it. Shared: unshare before a change */
    uint32_t next_uid;   /* UIDs below it were told (or were never there) */
    uint64_t modseq;     /* changes up to it were told */
    struct keywords keywords;        /* that FLAGS listed */
    struct uidset *unsaid;           /* gone, and not yet told: no EXPUNGE was allowed */
    struct search_context *contexts; /* results that last (RFC 5267): context.h */
    struct uidset *saved; /* "$" (RFC 5182); null: none. What was expunged meanwhile is left out when it is used */
};

/* ---- collecting a command (frame.c) ---- */

enum frame_result { FRAME_MORE, FRAME_WHOLE, FRAME_BAD };
enum frame_phase { FRAME_LINE, FRAME_LITERAL, FRAME_SKIP };
struct frame {
    enum frame_phase phase;
    uint64_t left; /* octets of the literal still to come */
    unsigned literals;
    const char *problem; /* then nothing is kept any more, and the command is answered BAD */
    bool refused;        /* the client waits for "+": the command ends here */
};
/* The literal that a line announces at its end: "{n}", "{n+}". */
struct literal {
    uint64_t octets;
    bool waits;   /* the client waits for "+" */
    size_t start; /* of "{" in the line */
};
/* `line` is without its line end. A number of more than 64 bits is UINT64_MAX: what comes behind it is no command. */
bool literal_at_end(struct view line, struct literal *literal_r);
/* Takes what there is of a command into imap->frame. FRAME_BAD: framing.problem, and the whole command was passed. */
enum frame_result frame_next(struct imap *imap);
/* A tag that a command may have (engine.c). */
bool imap_is_tag(struct view text);

/* What changed, as the loop heard it while a step may run in the pool: notify.h. */
struct notify;
struct notify_touched;
struct notify_heard {
    atomic_bool on;
    pthread_mutex_t lock;
    struct notify_touched *touched; /* null: nothing */
};

/* Flags that the client has been told as they were at that modseq. */
struct told_stretch {
    uint32_t first, last; /* UIDs */
    uint64_t modseq;
};
struct told {
    struct told_stretch *stretches; /* ascending, apart from each other */
    size_t count, capacity;
};

struct imap {
    struct session *session;
    uint32_t enabled; /* enum imap_enabled */
    struct selected selected;
    unsigned bad_commands;

    /* the running command */
    const struct imap_command *command;
    bool uid;       /* UID command */
    bool by_number; /* some argument of it was a message number: then nothing may renumber (RFC 7162 3.2.10.2) */
    struct view tag;
    struct buffer frame; /* the whole command */
    struct frame framing;
    void *state;            /* the command's own, made by parse in session->command_arena (zeroed) */
    const char *end_reason; /* the session ends behind the tagged response */
    bool end_clean;
    bool returns;         /* to gate, behind the tagged response (RFC 8437) */
    bool starts_deflate;  /* behind the tagged response (RFC 4978) */
    uint64_t progress_us; /* when imap_progress speaks next */
    bool checked;         /* the rights in the selected mailbox were looked at */
    bool finished;        /* imap_finish was called */
    struct buffer tagged; /* what it was given */
    /* The one mutation that a command may have under way: see imap_mutate. */
    struct mutation mutation;
    bool mutating, mutated;
    /* sync.c's place in what it tells */
    struct sync *sync;
    /* The client's own change: FETCH responses that the command tells itself or need not tell (.SILENT). */
    struct uidset *own_changed;
    uint64_t own_modseq;
    struct told told; /* by a FETCH that set \Seen, a stretch of messages at a time */
    /* What the command put into the selected mailbox, and took out of it. */
    struct uidset *own_added, *own_gone;
    struct notify *notify; /* what the client asked for; null: it never did, and all of the selected mailbox is told */
    struct notify_heard heard;
    bool syncs_all; /* behind this command everything is told, whatever NOTIFY says */
};

/* ---- responses (respond.c) ---- */

struct buffer *imap_output(struct imap *imap);
/* "* 3 FETCH (", or "* 7 UIDFETCH (" (RFC 9586 3.3). */
void imap_begin_fetch(const struct imap *imap, struct buffer *out, uint32_t uid, uint32_t number);
/* A text, or the end of a response with one, in the session's language (language/say.h). */
void imap_say(struct imap *imap, const char *text);
/* "* " text CRLF. What is human-readable in it is sent in the session's language, here and below. */
void imap_untagged(struct imap *imap, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The tagged response, written by engine.c after the sync: status "OK", "NO", "BAD"; code without brackets or null. */
void imap_finish(struct imap *imap, const char *status, const char *code, const char *text);
/* For a long command between two responses: how many of `goal` messages it is through with. Says so if it is time
 * (RFC 9585). */
void imap_progress(struct imap *imap, uint32_t done, uint32_t goal);
/* The session ends once the tagged response is written. reason: static text, for the log. */
void imap_end_after(struct imap *imap, bool clean, const char *reason);
/* The code may be long (COPYUID, MODIFIED): printf into it. */
void imap_finish_printf(struct imap *imap, const char *status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* NO with the code and text that fits the error (RFC 5530). */
void imap_finish_error(struct imap *imap, enum store_error error);
/* A string as IMAP sends it: quoted if it can be, else a literal. */
void imap_write_string(struct buffer *out, struct view text);
void imap_write_astring(struct buffer *out, struct view text);
/* The same; what holds NUL is a literal8. */
void imap_write_octets(struct buffer *out, struct view octets);
/* A mailbox name as this client reads it: modified UTF-7 as an astring, or quoted UTF-8. */
void imap_write_mailbox(struct imap *imap, struct buffer *out, struct view name);
void imap_write_date_time(struct buffer *out, int64_t utc_s, int16_t zone_minutes); /* quoted */
/* "(\Seen foo)" without \Recent. names from keyword_names. */
void imap_write_flags(struct buffer *out, uint8_t flags, const struct keywords *keywords, const struct view *names,
                      size_t name_count);

/* ---- steps (engine.c) ---- */

/* What a step returns for STORE_WOULD_BLOCK. */
enum step_result imap_wait_pool(struct step_context *context);
/* True if this slice is over (time, or the output is full); *result_r is then what the step returns. */
bool imap_slice_over(struct imap *imap, struct step_context *context, enum step_result *result_r);
/*
 * imap->mutation with run set (of the session's account, if none is set; the command's state reached through
 * imap->state: imap_of_mutation) is sent to the writer. The step returns what this returns while it is under way:
 * imap_mutate returns STEP_WAIT the first time and until the answer is there; then STEP_DONE, with
 * imap->mutation.result. Call imap_mutate_reset before another mutation.
 */
enum step_result imap_mutate(struct imap *imap, struct step_context *context);
/* The same, with run, for the account of the selected mailbox. */
enum step_result imap_mutate_selected(struct imap *imap, struct step_context *context,
                                      enum store_error (*run)(struct txn *txn, struct mutation *mutation));
/* The same, with run set, for what belongs to no account. */
enum step_result imap_mutate_root(struct imap *imap, struct step_context *context);
void imap_mutate_reset(struct imap *imap);
struct imap *imap_of_mutation(struct mutation *mutation);
/* Notes UIDs that the command itself added or removed: *set is made if there is none. */
void imap_note_own(struct uidset **set, uint32_t first, uint32_t last);
/* Who removes: for struct expunge and copy. */
void imap_removal(const struct imap *imap, struct removal *why_r);
/* Ends the process if the flags hold the keyword of setting mail.fault_keyword: for the tests of the quarantine. */
void imap_fault_keyword(const struct imap *imap, const struct flag_list *flags);

/* ---- the selected mailbox (select.c, sync.c) ---- */

void selected_close(struct imap *imap);
/* FLAGS and PERMANENTFLAGS: what may be changed, and what is kept. */
enum store_error selected_tell_flags(struct imap *imap, const struct reader *reader);
/* rights.c: are the rights in it still what they were? STEP_DONE: selected.rights holds them; or, if "r" was taken
 * away, the command is finished and the session ends. */
enum step_result selected_check(struct imap *imap, struct step_context *context);
/* Whose \Seen a reader or a change of that account's mailboxes is about: store/seen.h. */
uint64_t imap_seen_by(const struct imap *imap, uint64_t account);
/* Reads the account of the selected mailbox. */
struct reader selected_reader(const struct imap *imap, const struct step_context *context);
/* UIDs of a set that the client knows and that no longer exist are "expunged under it": FETCH must not fail. */
uint32_t selected_number(const struct imap *imap, uint32_t uid); /* its sequence number, 0 if unknown */
/*
 * Tells what changed since the last time: EXPUNGE (if expunges), EXISTS, RECENT, FETCH of changed flags, FLAGS when
 * keywords are new. Resumable: call until STEP_DONE. A no-op (no read at all) unless the watcher fired.
 */
enum step_result sync_step(struct imap *imap, struct step_context *context, bool expunges);
void sync_drop(struct imap *imap);
void told_add(struct told *told, uint32_t first, uint32_t last, uint64_t modseq);
/*
 * keywords.c: *names become enough for all of `used`, or of the rows, in the command's arena; null and 0 at first. What
 * has keywords is read first, its names behind it: without the name of one that came in between, FLAGS would be wrong,
 * and be believed of its MODSEQ for ever.
 */
enum store_error imap_names_for(struct imap *imap, const struct reader *reader, const struct keywords *used,
                                struct view **names, size_t *count);
enum store_error imap_names_for_rows(struct imap *imap, const struct reader *reader, const struct message_rows *rows,
                                     struct view **names, size_t *count);

/* ---- the commands: X(parse, step, drop). A row without a drop or parse has null in the table ---- */

/* mailboxes.c, list.c, status.c, select.c, misc.c, idle.c: whoever owns them declares them here. */
bool select_parse(struct imap *imap, struct arguments *a); /* SELECT and EXAMINE, with (CONDSTORE) */
enum step_result select_step(struct imap *imap, struct step_context *context);
bool list_parse(struct imap *imap, struct arguments *a); /* LIST, with RFC 5258's basic options; LSUB */
enum step_result list_step(struct imap *imap, struct step_context *context);
bool lsub_parse(struct imap *imap, struct arguments *a);
enum step_result lsub_step(struct imap *imap, struct step_context *context);
bool status_parse(struct imap *imap, struct arguments *a);
enum step_result status_step(struct imap *imap, struct step_context *context);
bool create_parse(struct imap *imap, struct arguments *a);
enum step_result create_step(struct imap *imap, struct step_context *context);
bool mailbox_name_parse(struct imap *imap, struct arguments *a); /* DELETE, SUBSCRIBE, UNSUBSCRIBE */
enum step_result delete_step(struct imap *imap, struct step_context *context);
enum step_result subscribe_step(struct imap *imap, struct step_context *context);
enum step_result unsubscribe_step(struct imap *imap, struct step_context *context);
bool rename_parse(struct imap *imap, struct arguments *a);
enum step_result rename_step(struct imap *imap, struct step_context *context);
enum step_result capability_step(struct imap *imap, struct step_context *context);
enum step_result noop_step(struct imap *imap, struct step_context *context); /* NOOP, CHECK */
enum step_result logout_step(struct imap *imap, struct step_context *context);
enum step_result unauthenticate_step(struct imap *imap, struct step_context *context);
enum step_result namespace_step(struct imap *imap, struct step_context *context);
void imap_write_namespaces(struct imap *imap); /* "* NAMESPACE ..." */
bool language_parse(struct imap *imap, struct arguments *a);
enum step_result language_step(struct imap *imap, struct step_context *context);
bool id_parse(struct imap *imap, struct arguments *a);
enum step_result id_step(struct imap *imap, struct step_context *context);
bool enable_parse(struct imap *imap, struct arguments *a);
enum step_result enable_step(struct imap *imap, struct step_context *context);
enum step_result unselect_step(struct imap *imap, struct step_context *context);
enum step_result idle_step(struct imap *imap, struct step_context *context);

/* fetch*.c, search*.c, store.c, copy.c, expunge.c, append.c */
bool fetch_parse(struct imap *imap, struct arguments *a);
enum step_result fetch_step(struct imap *imap, struct step_context *context);
void fetch_drop(struct imap *imap);
bool search_parse(struct imap *imap, struct arguments *a);
enum step_result search_step(struct imap *imap, struct step_context *context);
void search_drop(struct imap *imap);
bool sort_parse(struct imap *imap, struct arguments *a);
enum step_result sort_step(struct imap *imap, struct step_context *context);
void sort_drop(struct imap *imap);
bool thread_parse(struct imap *imap, struct arguments *a);
enum step_result thread_step(struct imap *imap, struct step_context *context);
void thread_drop(struct imap *imap);
bool cancelupdate_parse(struct imap *imap, struct arguments *a);
enum step_result cancelupdate_step(struct imap *imap, struct step_context *context);
bool store_parse(struct imap *imap, struct arguments *a);
enum step_result store_step(struct imap *imap, struct step_context *context);
void store_drop(struct imap *imap);
bool copy_parse(struct imap *imap, struct arguments *a); /* COPY and MOVE: imap->command tells which */
enum step_result copy_step(struct imap *imap, struct step_context *context);
enum step_result move_step(struct imap *imap, struct step_context *context);
void copy_drop(struct imap *imap);
bool expunge_parse(struct imap *imap, struct arguments *a); /* EXPUNGE has no argument, UID EXPUNGE a set */
enum step_result expunge_step(struct imap *imap, struct step_context *context); /* EXPUNGE and UID EXPUNGE */
enum step_result close_step(struct imap *imap, struct step_context *context);   /* CLOSE: expunges, tells nothing */
void expunge_drop(struct imap *imap);
bool append_parse(struct imap *imap, struct arguments *a); /* up to the message literal: the rest is read by the step */
enum step_result append_step(struct imap *imap, struct step_context *context);
void append_drop(struct imap *imap);
bool replace_parse(struct imap *imap, struct arguments *a); /* then as APPEND */

/* notify.c */
bool notify_parse(struct imap *imap, struct arguments *a);
enum step_result notify_step(struct imap *imap, struct step_context *context);
void notify_drop(struct imap *imap);

/* uidbatches.c */
bool uidbatches_parse(struct imap *imap, struct arguments *a);
enum step_result uidbatches_step(struct imap *imap, struct step_context *context);

/* comparator.c */
bool comparator_parse(struct imap *imap, struct arguments *a);
enum step_result comparator_step(struct imap *imap, struct step_context *context);
/* multisearch.c */
bool esearch_parse(struct imap *imap, struct arguments *a);
enum step_result esearch_step(struct imap *imap, struct step_context *context);
void esearch_drop(struct imap *imap);

/* metadata.c */
bool getmetadata_parse(struct imap *imap, struct arguments *a);
enum step_result getmetadata_step(struct imap *imap, struct step_context *context);
bool setmetadata_parse(struct imap *imap, struct arguments *a);
enum step_result setmetadata_step(struct imap *imap, struct step_context *context);

/* urlauth.c */
bool genurlauth_parse(struct imap *imap, struct arguments *a);
enum step_result genurlauth_step(struct imap *imap, struct step_context *context);
bool resetkey_parse(struct imap *imap, struct arguments *a);
enum step_result resetkey_step(struct imap *imap, struct step_context *context);
void urlauth_drop(struct imap *imap);
/* urlfetch.c */
bool urlfetch_parse(struct imap *imap, struct arguments *a);
enum step_result urlfetch_step(struct imap *imap, struct step_context *context);
void urlfetch_drop(struct imap *imap);

/* compress.c */
bool compress_parse(struct imap *imap, struct arguments *a);
enum step_result compress_step(struct imap *imap, struct step_context *context);

/* acl.c */
bool setacl_parse(struct imap *imap, struct arguments *a);
enum step_result setacl_step(struct imap *imap, struct step_context *context);
bool deleteacl_parse(struct imap *imap, struct arguments *a);
enum step_result deleteacl_step(struct imap *imap, struct step_context *context);
bool getacl_parse(struct imap *imap, struct arguments *a);
enum step_result getacl_step(struct imap *imap, struct step_context *context);
bool listrights_parse(struct imap *imap, struct arguments *a);
enum step_result listrights_step(struct imap *imap, struct step_context *context);
bool myrights_parse(struct imap *imap, struct arguments *a);
enum step_result myrights_step(struct imap *imap, struct step_context *context);

/* quota.c */
/* May the user set quotas (imap.administrator of the account)? */
enum store_error quota_is_administrator(const struct imap *imap, enum read_mode mode, bool *is_r);
bool getquota_parse(struct imap *imap, struct arguments *a);
enum step_result getquota_step(struct imap *imap, struct step_context *context);
bool getquotaroot_parse(struct imap *imap, struct arguments *a);
enum step_result getquotaroot_step(struct imap *imap, struct step_context *context);
bool setquota_parse(struct imap *imap, struct arguments *a);
enum step_result setquota_step(struct imap *imap, struct step_context *context);

#endif
