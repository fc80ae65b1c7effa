/*
 * pop3/private.h: what the files of pop3 share: the snapshot, the running command, the table.
 */
#ifndef POP3_PRIVATE_H
#define POP3_PRIVATE_H

#include "base/limits.h"
#include "pop3/pop3.h"
#include "store/uidl.h"

/* One message of the snapshot. Message number n is messages[n - 1]. */
struct pop3_message {
    uint32_t uid;
    uint32_t octets : 29; /* as sent, without stuffing; LIMIT_MESSAGE_OCTETS fits */
    uint32_t open : 1;    /* its last line has no CRLF: two octets more are sent */
    uint32_t deleted : 1;
    uint32_t retrieved : 1;
    uint64_t email;
};
_Static_assert(LIMIT_MESSAGE_OCTETS < 1 << 29, "sizes fit");

/* Which maildrop a login wants. */
struct pop3_maildrop {
    bool recent;        /* the last LIMIT_POP3_RECENT_DAYS days, whatever other clients did */
    bool valid;         /* the folder's name can be one */
    struct view folder; /* canonical; in the arena */
};

/* Where QUIT has got to. */
enum pop3_quitting { QUIT_SEEN, QUIT_TARGET, QUIT_REMOVE, QUIT_OVER };

/* Headers that go out otherwise than they are stored: instead of [offset, offset + size) that stretch of the text. */
struct pop3_patch {
    uint64_t offset, size;
    size_t from, text_size;
};
struct pop3_patches {
    struct pop3_patch *rows; /* ascending */
    size_t count;
    struct buffer text;
    int64_t gain; /* octets more than stored */
};

struct pop3_command;

/* What RETR and TOP must know of a message. */
struct pop3_place {
    struct blob_location blob;
    uint64_t octets, header_octets;
    bool has_nul, has_raw_header;
};

/* RETR and TOP: where sending has got to. */
struct pop3_sending {
    bool answered, top;
    bool known_ahead; /* its place may be old */
    bool line_start;  /* the next octet begins a line */
    uint64_t offset;
    uint64_t lines_left; /* TOP: of the body */
    struct pop3_patches patches;
    size_t next_patch;
    struct pop3_place place;
};

struct pop3 {
    struct session *session;
    struct pop3_maildrop maildrop;
    struct pop3_policy policy;
    struct mailbox inbox; /* the maildrop, mostly INBOX */
    struct uidl_ranges uidls;
    unsigned hidden_keyword; /* its number, KEYWORD_MAX if nothing was ever hidden */
    struct pop3_message *messages;
    size_t count, capacity;
    size_t deleted;
    uint64_t octets, deleted_octets; /* of all, of those marked */
    uint64_t retrieved, removed;
    bool locked, opened, uidls_known, utf8;
    uint32_t next_uid; /* of the snapshot under way */
    unsigned bad_commands;

    /* the running command */
    const struct pop3_command *command;
    char line[LIMIT_POP3_LINE + 1];
    struct view arguments; /* in line */
    const char *problem;   /* what is wrong with it, if it is none */
    size_t index, second;  /* its message (from 0; SIZE_MAX: none named), its second number */
    size_t at;             /* LIST and UIDL: the next message */
    bool begun;
    struct pop3_sending sending;
    size_t next_index; /* behind the last message sent */
    struct pop3_ahead *ahead;
    struct mutation mutation;
    bool mutating, mutated, failed, disposal_settled;
    enum pop3_quitting quitting;
    unsigned disposal; /* enum pop3_delete, as it applies to this maildrop */
    struct uidset *chosen, *moved;
    struct buffer moved_to;
    uint32_t target; /* where deleted messages go, 0: not there yet */
    struct flag_change flags;
    struct expunge expunge;
    struct copy copy;
};

enum pop3_arguments {
    POP3_NONE,         /* no argument */
    POP3_TEXT,         /* whatever it is: the command reads it */
    POP3_MESSAGE,      /* a message number */
    POP3_MAYBE,        /* a message number or nothing */
    POP3_MESSAGE_LINES /* a message number and a count */
};

/* One row a command says everything (RFC 1939 5 to 7, RFC 2449 5). */
struct pop3_command {
    const char *name;
    enum pop3_arguments arguments;
    enum step_result (*step)(struct pop3 *pop3, struct step_context *context);
    const char *rfc;
};
extern const struct pop3_command pop3_commands[];
extern const size_t pop3_command_count;
const struct pop3_command *pop3_command_find(struct view name);
/* Reads the arguments of pop3->command from pop3->arguments; false, with pop3->problem, if they are wrong. */
bool pop3_arguments_read(struct pop3 *pop3);

/* lock.c. opened: the maildrop was shown, so that a delay between logins counts from its login. */
bool pop3_lock(uint64_t account, struct view maildrop);
void pop3_unlock(uint64_t account, struct view maildrop, bool opened);

/* policy.c */
void pop3_defaults(struct pop3_policy *policy_r);
uint32_t pop3_login_delay_s(void);

/* engine.c: what stood around the name of the login; folder is INBOX if none was named. */
void pop3_maildrop_read(struct arena *arena, struct view text, struct pop3_maildrop *maildrop_r);
/* Sends pop3->mutation, whose run is set, and waits for it: STEP_DONE once it was answered. */
enum step_result pop3_mutate(struct pop3 *pop3, struct step_context *context);
void pop3_mutate_reset(struct pop3 *pop3);

/* The "-ERR" text of an error of the store. */
const char *pop3_error(enum store_error error);
/* A response, or a piece of one: its text in the session's language (language/say.h). */
void pop3_say(struct pop3 *pop3, const char *response);
void pop3_printf(struct pop3 *pop3, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a step returns when the store says STORE_WOULD_BLOCK. */
enum step_result pop3_wait_pool(struct step_context *context);
/* True if this slice is over; *result_r is then what the step returns. */
bool pop3_slice_over(struct pop3 *pop3, struct step_context *context, enum step_result *result_r);
static inline uint64_t pop3_octets_sent(const struct pop3_message *message)
{
    return (uint64_t)message->octets + (message->open ? 2 : 0);
}

/* snapshot.c: the first command of every session, begun by the engine itself. */
enum step_result pop3_snapshot_step(struct pop3 *pop3, struct step_context *context);
/* maildrop.c */
enum step_result pop3_stat_step(struct pop3 *pop3, struct step_context *context);
enum step_result pop3_list_step(struct pop3 *pop3, struct step_context *context);
enum step_result pop3_uidl_step(struct pop3 *pop3, struct step_context *context);
/* retrieve.c */
enum step_result pop3_retr_step(struct pop3 *pop3, struct step_context *context);
enum step_result pop3_top_step(struct pop3 *pop3, struct step_context *context);
/* ahead.c: the message's place, as of some time ago. */
enum store_error pop3_ahead_find(struct pop3 *pop3, const struct reader *reader, size_t index,
                                 struct pop3_place *place_r);
void pop3_ahead_drop(struct pop3 *pop3);
void pop3_place_read(const struct email *email, struct pop3_place *place_r);
/* The keyword of messages that POP no longer shows. */
#define POP3_HIDDEN "$POP3Deleted"
/* delete.c */
enum step_result pop3_dele_step(struct pop3 *pop3, struct step_context *context);
enum step_result pop3_rset_step(struct pop3 *pop3, struct step_context *context);
/* downgrade.c. The cursor that gave the email must still be there. */
enum store_error pop3_patches_make(struct pop3_patches *patches, const struct reader *reader,
                                   const struct email *email);
void pop3_patches_free(struct pop3_patches *patches);
/* One header, its blank line included. */
void pop3_downgrade(struct view header, struct buffer *out);
/* quit.c */
/* What deletion means for this maildrop, and where messages go. STORE_WOULD_BLOCK. */
enum store_error pop3_settle_disposal(struct pop3 *pop3, const struct reader *reader);
enum step_result pop3_quit_step(struct pop3 *pop3, struct step_context *context);
void pop3_quit_drop(struct pop3 *pop3);

#endif
