/*
 * ipc/messages.h: every message between two processes, grouped by who speaks to whom.
 *
 * Does     declares the structs; ipc/messages.c holds, in one table, the permit (from, to, descriptor, size, answer)
 *          and the fields of each. Encoding and decoding walk the table: field by field, as if the sender were hostile.
 * Owns     nothing; views in a decoded message point into the frame and live as long as it does.
 * Called   by every role, through ipc/channel.h.
 * Tested   tests/unit/ipc_messages.c, fuzz/ipc.c (every decoder as a compromised peer)
 *
 * Numbers: `session` is unique for the life of the whole server, never reused, and stands in every log line. `ticket`
 * is 128 random bits in two halves. Requests carry a frame id chosen by the asker; the answer carries the same id.
 */
#ifndef IPC_MESSAGES_H
#define IPC_MESSAGES_H

#include "base/view.h"
#include "ipc/roles.h"

#define IPC_VERSION 2

enum ipc_type {
    IPC_NONE = 0,
    /* supervisor -> any, and back */
    IPC_SETTINGS,    /* first frame of all; again at reload */
    IPC_PEER,        /* +fd: a channel to another process */
    IPC_LISTEN,      /* +fd: a listening socket */
    IPC_CERTIFICATE, /* to gates only */
    IPC_NOWSLOT,     /* +fd: to mail: the shared page (base/nowslot.h) */
    IPC_QUARANTINE,  /* to mail */
    IPC_START,       /* all of the above has been sent: put the walls up, then say READY */
    IPC_DRAIN,       /* finish what is acknowledged, then DONE and exit */
    IPC_READY,
    IPC_DONE,
    IPC_FATAL,
    IPC_KILL_PARSE, /* mail -> supervisor: kill that instance; a PEER follows */
    /* gate -> auth */
    IPC_AUTH_BEGIN,
    IPC_AUTH_STEP,
    IPC_AUTH_ABORT,
    IPC_AUTH_MORE,
    IPC_AUTH_OK,
    IPC_AUTH_FAIL,
    /* auth -> mail */
    IPC_TICKET,
    IPC_TICKET_OK,
    IPC_TICKET_NO,
    IPC_TICKET_DROP,
    IPC_ACCOUNT_NEW, /* the answer is ACCOUNT_IS */
    IPC_ACCOUNT_IS,
    IPC_ACCOUNT_GONE,
    IPC_REVOKE,
    IPC_TAKES, /* does mail take a message for this account? */
    IPC_TAKES_YES,
    IPC_TAKES_NO,
    /* gate -> mail */
    IPC_ADOPT, /* +fd */
    IPC_ACCEPTED,
    IPC_REFUSED,
    IPC_END,          /* mail -> gate */
    IPC_RETURN,       /* mail -> gate, +fd */
    IPC_SESSION_GONE, /* gate -> mail */
    /* lmtp -> auth */
    IPC_RCPT,
    IPC_RCPT_OK,
    IPC_RCPT_NO,
    /* lmtp -> mail */
    IPC_MAIL_BEGIN,
    IPC_MAIL_GO,
    IPC_MAIL_NO,
    IPC_MAIL_DATA,
    IPC_MAIL_CREDIT,
    IPC_MAIL_END,
    IPC_MAIL_DONE,
    IPC_MAIL_ABORT,
    IPC_REPLY_LOST,
    /* mail -> parse */
    IPC_DIGEST,
    IPC_DIGEST_PIECE,
    IPC_DIGESTED,
    IPC_MATCH,
    IPC_MATCHED,
    IPC_CONVERT, /* a client's charset to UTF-8 */
    IPC_CONVERTED,
    /* CLI <-> mail or auth, on the control socket */
    IPC_CONTROL_RUN,
    IPC_CONTROL_INPUT,
    IPC_CONTROL_INPUT_END,
    IPC_CONTROL_CREDIT,
    IPC_CONTROL_OUTPUT,
    IPC_CONTROL_EXIT,
    /* mail -> auth: who is that? No login and no delivery waits for it. */
    IPC_FACTS,
    IPC_FACTS_ARE,  /* auth -> mail */
    IPC_FACTS_GONE, /* auth -> mail: names or groups changed, what was told before no longer holds */
    IPC_TYPE_COUNT
};

enum ipc_protocol {
    PROTOCOL_IMAP = 1,
    PROTOCOL_POP3,
    PROTOCOL_LMTP,
    PROTOCOL_SUBMISSION,
    PROTOCOL_HTTP,
    PROTOCOL_COUNT
};
const char *protocol_name(uint8_t protocol); /* "imap" ... */

/* Settings marked for the role in the schema table, as "name=value\n" lines. */
struct ipc_settings {
    uint32_t version;
    struct view text;
};
struct ipc_peer {
    uint8_t role;
    uint32_t instance;
};
struct ipc_listen {
    uint8_t protocol;
    uint8_t tls_from_start;
    uint8_t plain_login_allowed;
    uint8_t control;
    struct view name;
};
struct ipc_certificate {
    struct view certificate_pem;
    struct view key_pem;
};
struct ipc_quarantine {
    uint64_t account;
    uint32_t seconds;
};
struct ipc_empty {
    uint8_t unused;
};
struct ipc_ready {
    uint32_t version;
    struct view walls;
};
struct ipc_fatal {
    struct view reason;
};
struct ipc_kill_parse {
    uint32_t instance;
};

/* One SASL exchange. Its frame id is chosen by gate and stands for the exchange until MORE/OK/FAIL ends it. */
struct ipc_auth_begin {
    uint64_t session;
    uint8_t protocol, tls, has_initial;
    struct view
        mechanism;       /* "PLAIN", or "LOGIN-COMMAND": name and password as IMAP LOGIN and POP3 USER/PASS give them */
    struct view peer;    /* "192.0.2.7" */
    struct view initial; /* decoded octets; for LOGIN-COMMAND: name NUL password */
};
struct ipc_auth_step {
    struct view octets;
};
struct ipc_auth_more {
    struct view octets;
};
struct ipc_auth_ok {
    uint64_t ticket_high, ticket_low;
    uint32_t mail_instance;
    struct view user;
};
enum auth_fail {
    AUTH_FAIL_CREDENTIALS = 1,
    AUTH_FAIL_TEMPORARY,
    AUTH_FAIL_MECHANISM,
    AUTH_FAIL_SYNTAX,
    AUTH_FAIL_LIMIT,
    AUTH_FAIL_UNAVAILABLE,
    AUTH_FAIL_ABORTED
};
struct ipc_auth_fail {
    uint8_t reason;
    struct view text;
};

struct ipc_ticket {
    uint64_t ticket_high, ticket_low, session, account, credential;
    uint8_t protocol;
    uint32_t valid_ms;
    struct view user, peer;
    struct view maildrop; /* POP3: what stood around the name: "recent:#Folder" */
};
enum ticket_no { TICKET_NO_ACCOUNT = 1, TICKET_NO_LIMIT, TICKET_NO_QUARANTINE, TICKET_NO_DRAINING };
struct ipc_ticket_no {
    uint8_t reason;
};
struct ipc_ticket_drop {
    uint64_t ticket_high, ticket_low;
};
struct ipc_account_new {
    struct view user;
    uint64_t quota_octets;
};
struct ipc_account_is {
    uint64_t account;
    uint8_t failed;
};
struct ipc_account_gone {
    uint64_t account;
};
struct ipc_revoke {
    uint64_t account, credential;
};

struct ipc_adopt {
    uint64_t ticket_high, ticket_low, session;
    uint8_t protocol, tls;   /* tls: the client is behind TLS and the descriptor is the end of a pair */
    uint8_t language;        /* enum language, as the client chose it before its login */
    struct view tag;         /* IMAP: the tag to answer; POP3: POP3_TAG_UTF8 or empty */
    struct view peer, local; /* addresses as text */
    struct view tls_version;
    struct view pending; /* octets the client sent after its login */
};
struct ipc_accepted {
    uint64_t session;
};
/* Why mail does not take a connection: enum ticket_no, or one of these. */
enum refused { REFUSED_NO_TICKET = 16, REFUSED_IN_USE, REFUSED_FAILED, REFUSED_TOO_SOON };
struct ipc_refused {
    uint64_t session;
    uint8_t reason;
    struct view text;
};
struct ipc_end {
    uint64_t session;
    uint8_t clean;
};
/* Instead of END: the client is to log in anew (RFC 8437). The descriptor is the one that came with ADOPT. */
struct ipc_return {
    uint64_t session;
    uint8_t protocol, tls;
    struct view pending; /* octets that the client sent and mail has not looked at */
};
struct ipc_session_gone {
    uint64_t session;
};

/* address as the client wrote it, unquoted, without <>; answer: a recipient ticket bound to this LMTP transaction. */
struct ipc_rcpt {
    uint64_t session;
    uint64_t size_octets;
    struct view address;
};
struct ipc_rcpt_ok {
    uint64_t account;
    uint64_t ticket_high, ticket_low;
    struct view user, detail;
};
/* code: three digits and enhanced code as text ("550", "5.1.1"). */
struct ipc_rcpt_no {
    uint16_t code;
    struct view enhanced, text;
};
struct ipc_takes {
    uint64_t account;
    uint64_t ticket_high, ticket_low, session;
    uint64_t size_octets;
    struct view user, detail, address;
};
struct ipc_takes_no {
    uint16_t code;
    struct view enhanced, text;
};

/* One transaction at a time an LMTP connection; frame id = session number of that connection. */
struct ipc_mail_begin {
    uint64_t session;
    uint64_t size_octets;
    uint8_t body_8bit, smtputf8;
    struct view sender, peer, helo;
};
struct ipc_mail_no {
    uint16_t code;
    struct view enhanced, text;
};
struct ipc_mail_data {
    struct view octets;
};
struct ipc_mail_credit {
    uint32_t octets;
};
/* recipients: 16 octets a ticket (high, low, big-endian), in the order of RCPT. */
struct ipc_mail_end {
    struct view recipients;
};
/* replies: for each recipient "250 2.0.0 text\n", in order. */
struct ipc_mail_done {
    struct view replies;
};
struct ipc_reply_lost {
    uint64_t session;
};

/*
 * parse. One DIGEST frame holds a whole message, or its first piece with more = 1, followed by DIGEST_PIECEs of the
 * same id. The digest in the answer is checked by digest_valid before use.
 */
struct ipc_digest {
    uint8_t more;
    struct view octets;
};
struct ipc_digest_piece {
    uint8_t more;
    struct view octets;
};
struct ipc_digested {
    struct view digest;
};
/* keys: search program for texts, see digest/match.h; octets: whole message (up to LIMIT_MATCH_OCTETS, else more
 * pieces). */
struct ipc_match {
    uint8_t more;
    struct view keys;
    struct view octets;
};
struct ipc_matched {
    struct view bits;
};
struct ipc_convert {
    struct view charset;
    struct view octets;
};
struct ipc_converted {
    uint8_t known;
    struct view utf8;
};

/* By account, or by name if account is 0. */
struct ipc_facts {
    uint64_t account;
    struct view name;
};
/* account 0: there is nobody of that name or number. groups: "name\n" each. */
struct ipc_facts_are {
    uint64_t account;
    struct view name, groups;
};

/* who: as the administrator's program says it, for the log: behind the walls the kernel shows everybody as nobody.
 * arguments: each NUL-terminated; the first is the verb. */
struct ipc_control_run {
    uint32_t version;
    uint8_t json, terminal;
    struct view who, arguments;
};
struct ipc_control_input {
    struct view octets;
};
struct ipc_control_credit {
    uint32_t octets;
};
struct ipc_control_output {
    uint8_t stream;
    struct view octets;
}; /* 1 stdout, 2 stderr, 3 structured (a verb's own records) */
struct ipc_control_exit {
    uint32_t code;
};

#endif
