/*
 * base/limits.h: every size, count, depth and time that has a limit: value, unit, why, what the peer gets to see.
 *
 * The one exception to "no mail words in base". docs/limits.md is made from this table (script/make-docs);
 * tests/unit/base_limits.c walks it. A row becomes LIMIT_<NAME>. Keep a module's rows together.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* X(name, value, unit, why, what the peer sees) */
#define LIMITS_NET(X)                                                                                                  \
    X(STREAM_INPUT, 65536, "octets", "read ahead of one connection", "reading stops")                                  \
    X(STREAM_OUTPUT, 188416, "octets", "a response waits when this much is unread", "nothing: the step waits")         \
    X(STREAM_SEALED, 131072, "octets", "TLS records of one connection that wait for the socket",                       \
      "nothing: no more are made")                                                                                     \
    X(STREAM_STALL_MS, 60000, "ms", "a client that reads nothing with output pending", "connection closed")            \
    X(DEFLATE_RATIO, 1000, "times", "what a compressed connection may swell to (RFC 4978)", "connection closed")       \
    X(DEFLATE_FREE, 1048576, "octets", "that may swell more, once", "nothing")                                         \
    X(DEFLATE_REST_MS, 30000, "ms", "a compressed connection keeps its memory without traffic", "nothing")             \
    X(FRAME_QUEUE, 8388608, "octets", "frames waiting for one process", "nothing")
#define LIMITS_FRONT(X)                                                                                                \
    X(LOGIN_LINE, 8192, "octets", "a line before login (CVE-2026-27857 class)", "BAD, then BYE")                       \
    X(LOGIN_BAD_COMMANDS, 3, "commands", "unknown commands before login", "BYE")                                       \
    X(LOGIN_FAILURES, 3, "logins", "failed logins a connection", "BYE")                                                \
    X(LOGIN_TIME_MS, 60000, "ms", "from connect to login", "BYE, closed")                                              \
    X(RETURN_OCTETS, 49152, "octets", "behind UNAUTHENTICATE, sent before its answer", "connection closed")            \
    X(GATE_SESSIONS, 4000, "sessions", "of one gate process", "BYE [LIMIT] or -ERR")                                   \
    X(GATE_SESSIONS_PEER, 100, "sessions", "not logged in, from one address", "BYE")                                   \
    X(LMTP_LINE, 2048, "octets", "a command line", "500 5.5.2")                                                        \
    X(LMTP_RECIPIENTS, 1000, "recipients", "of one transaction", "452 4.5.3")                                          \
    X(LMTP_IDLE_MS, 300000, "ms", "between commands (RFC 5321 4.5.3.2.7)", "421 4.4.2")                                \
    X(LMTP_CREDIT, 262144, "octets", "sent to mail and not yet taken", "reading stops")
#define LIMITS_AUTH(X)                                                                                                 \
    X(SASL_OCTETS, 16384, "octets", "one SASL message", "NO, cancelled")                                               \
    X(PASSWORD_OCTETS, 1024, "octets", "a password", "NO [AUTHENTICATIONFAILED]")                                      \
    X(USER_OCTETS, 255, "octets", "a user name", "NO [AUTHENTICATIONFAILED]")                                          \
    X(ADMIN_WHO, 47, "octets", "of the administrator's name in the log", "nothing: it is cut")                         \
    X(APOP_TIMESTAMP, 128, "octets", "the timestamp that APOP digests", "nothing: the host's name is cut")             \
    X(GROUPS, 64, "groups", "that one user is in", "refused")                                                          \
    X(GROUP_OCTETS, 64, "octets", "the name of a group", "refused")                                                    \
    X(AUTH_CACHE_MS, 300000, "ms", "a verified credential is remembered", "nothing")                                   \
    X(AUTH_JOBS, 4096, "passwords", "waiting to be checked", "NO [UNAVAILABLE]")                                       \
    X(AUTH_EXCHANGES, 8192, "logins", "under way in one gate", "NO [LIMIT]")                                           \
    X(AUTH_DELAY_MS, 15000, "ms", "most between two guesses of one address or account", "a late answer")               \
    X(AUTH_WAIT_MS, 60000, "ms", "most that a guess waits for its turn", "NO [LIMIT]")                                 \
    X(AUTH_FAILURES, 20, "guesses", "most that are counted", "nothing")                                                \
    X(AUTH_FORGET_MS, 60000, "ms", "until one failed guess is forgotten", "nothing")                                   \
    X(AUTH_GOOD_MS, 604800000, "ms", "an address that logged in is trusted not to guess (7 days)", "nothing")          \
    X(AUTH_ANSWER_MS, 10000, "ms", "mail has to answer, and a ticket is valid", "NO [UNAVAILABLE], 451 4.3.0")         \
    X(AUTH_CONTROL, 8, "connections", "on auth's control socket", "closed")
#define LIMITS_STORE(X)                                                                                                \
    X(MESSAGE_OCTETS, 157286400, "octets", "one message (150 MiB)", "552 5.3.4, NO [TOOBIG]")                          \
    X(MAILBOX_NAME, 255, "octets", "one level of a mailbox name", "NO [CANNOT]")                                       \
    X(MAILBOX_DEPTH, 32, "levels", "of a mailbox name", "NO [CANNOT]")                                                 \
    X(MAILBOXES, 50000, "mailboxes", "of an account", "NO [LIMIT]")                                                    \
    X(SUBSCRIPTIONS, 1000, "names", "that an account subscribes to and that are no mailbox", "NO [LIMIT]")             \
    X(SETTING_NAME, 40, "octets", "name of a setting of one account", "refused")                                       \
    X(SETTING_VALUE, 1024, "octets", "a setting of one account", "refused")                                            \
    X(KEYWORDS, 256, "keywords", "of an account", "NO [LIMIT]")                                                        \
    X(KEYWORD_OCTETS, 64, "octets", "a keyword", "NO [LIMIT]")                                                         \
    X(METADATA_ENTRIES, 100, "entries", "of metadata of a mailbox, or in one command", "NO [METADATA TOOMANY], BAD")   \
    X(METADATA_NAME, 255, "octets", "the name of an entry", "BAD")                                                     \
    X(METADATA_OCTETS, 16384, "octets", "the value of an entry", "NO [METADATA MAXSIZE 16384]")                        \
    X(METADATA_ACCOUNT, 4194304, "octets", "of all metadata of an account", "NO [METADATA TOOMANY]")                   \
    X(ANNOTATION_OCTETS, 16384, "octets", "the value of an annotation of a message (RFC 5257)",                        \
      "NO [ANNOTATE TOOBIG]")                                                                                          \
    X(ANNOTATION_ENTRY, 255, "octets", "the name of its entry", "BAD")                                                 \
    X(ANNOTATIONS, 32, "annotations", "of a message that are shared, and as many private ones of each person",         \
      "NO [ANNOTATE TOOMANY]")                                                                                         \
    X(ANNOTATION_ROWS, 512, "annotations", "of a message, whosever, removed ones too", "NO [ANNOTATE TOOMANY]")        \
    X(ANNOTATION_MESSAGE, 1048576, "octets", "of all annotations of a message", "NO [ANNOTATE TOOMANY]")               \
    X(METADATA_READER, 65536, "octets", "of a reader's private metadata of a shared mailbox", "NO [METADATA TOOMANY]") \
    X(ACL_ENTRIES, 128, "entries", "of the access control list of a mailbox", "NO [LIMIT]")                            \
    X(SHARED_MAILBOXES, 5000, "mailboxes", "of others that one user sees in LIST",                                     \
      "nothing: the others aren't listed")                                                                             \
    X(SHARED_ACCOUNTS, 1000, "accounts", "whose mailboxes one user sees in LIST", "nothing: the others aren't listed") \
    X(REFERENCES, 64, "ids", "of one message looked at for threads", "nothing")                                        \
    X(HISTORY_ENTRIES, 20000, "entries", "of an account's history", "nothing: the oldest go")                          \
    X(HISTORY_NAME, 1024, "octets", "of a mailbox's name in the account's history", "nothing: it is cut")
#define LIMITS_DELIVERY(X)                                                                                             \
    X(STAGE_MEMORY, 262144, "octets", "a message before it goes to the spool file", "nothing")                         \
    X(DELIVERY_PENDING, 67108864, "octets", "staged and not yet committed", "LMTP reading stops")                      \
    X(PARSE_MS, 1000, "ms", "of processor time for one message", "stored as opaque after two tries alone")             \
    X(PARSE_WAIT_MS, 15000, "ms", "a message waits for any parse process", "451 4.3.2, NO [UNAVAILABLE]")              \
    X(PARSE_MS_PER_MIB, 40, "ms", "more for each MiB", "the same")                                                     \
    X(PARSE_PATIENCE, 5, "times", "that time, by the clock", "the same")                                               \
    X(PARSE_BATCH, 64, "messages", "in one instance at once", "nothing")                                               \
    X(INTAKE_TICKETS, 65536, "recipients", "promised and not yet delivered to; the oldest go", "451 4.3.0 at the end") \
    X(INTAKE_ANSWERED, 65536, "deliveries", "whose reply may yet turn out to be lost", "nothing")                      \
    X(INTAKE_LOST, 16384, "deliveries", "answered, the answer lost: recognised when they come again", "nothing")       \
    X(INTAKE_LOST_S, 432000, "s", "that they are recognised (5 days, an MTA's patience)", "nothing")
#define LIMITS_MESSAGE(X)                                                                                              \
    X(MIME_DEPTH, 100, "levels", "of MIME parts (CVE-2020-12100)", "deeper is one opaque leaf")                        \
    X(MIME_PARTS, 10000, "parts", "of a message", "more are one opaque leaf")                                          \
    X(MIME_PARAMETERS, 128, "parameters", "of one field (CVE-2026-27859)", "more are ignored")                         \
    X(HEADER_OCTETS, 10485760, "octets", "of header text looked at", "more is not decoded")                            \
    X(KEPT_FIELDS, 4096, "octets", "of header fields that a digest keeps as they are", "the message is read")          \
    X(ADDRESSES, 2000, "addresses", "of one envelope field", "more are left out")                                      \
    X(HEADER_FIELD, 1048576, "octets", "of one header field looked at", "more is not decoded or searched")             \
    X(ADDRESS_OCTETS, 131072, "octets", "of one kind of address field looked at", "more are left out")                 \
    X(TEXT_OCTETS, 65536, "octets", "of any other field that a digest tells", "more is left out")                      \
    X(BOUNDARY_LINE, 1000, "octets", "a line that may be a MIME boundary", "longer is text")                           \
    X(SORT_KEY, 1024, "octets", "one key of SORT", "more is not compared")                                             \
    X(PREVIEW_CHARACTERS, 200, "characters", "of PREVIEW (RFC 8970 3.2)", "more is left out")                          \
    X(PREVIEW_TEXT, 8192, "octets", "of a text looked at for PREVIEW", "more is left out")                             \
    X(PREVIEW_HTML, 65536, "octets", "of a page looked at for PREVIEW", "more is left out")                            \
    X(DIGEST_OCTETS, 4194304, "octets", "one digest", "structure is cut")
#define LIMITS_SESSION(X)                                                                                              \
    X(STEP_US, 2000, "us", "one slice of a command", "nothing")                                                        \
    X(STEP_OCTETS, 65536, "octets", "one slice of a command", "nothing")                                               \
    X(COMMAND_MEMORY, 16777216, "octets", "one command's arena", "NO [LIMIT]")                                         \
    X(SESSION_MEMORY, 4194304, "octets", "one session's arena", "BYE")                                                 \
    X(FACTS, 2048, "users", "whose name and groups mail keeps in mind", "nothing: auth is asked again")                \
    X(FACTS_MS, 60000, "ms", "that they are kept in mind, unless auth says that they changed", "nothing")              \
    X(SESSIONS_ACCOUNT, 100, "sessions", "of one account", "NO [LIMIT]")                                               \
    X(SESSIONS_ACCOUNT_PEER, 50, "sessions", "of one account from one address", "NO [LIMIT]")
#define LIMITS_SEARCH(X)                                                                                               \
    X(SEARCH_MEMORY, 268435456, "octets", "one SORT, THREAD or lasting result", "NO [LIMIT]")                          \
    X(SEARCH_PURSE, 536870912, "octets", "all of them together", "NO [LIMIT]")                                         \
    X(KEEP_ENTRIES, 256, "results", "that the next SORT or THREAD uses again", "the oldest goes")                      \
    X(KEEP_OCTETS, 134217728, "octets", "all of them together", "the oldest goes; a larger one is not kept")           \
    X(SORT_CRITERIA, 16, "criteria", "of one SORT", "BAD")                                                             \
    X(THREAD_STEPS, 50000000, "steps", "of looking for loops in one THREAD", "messages stand alone")
#define LIMITS_IMAP(X)                                                                                                 \
    X(IMAP_COMMAND, 65536, "octets", "a command with its literals, but for message literals", "BAD [TOOBIG]")          \
    X(IMAP_LITERAL, 131072, "octets", "one literal that isn't a message", "BAD [TOOBIG]")                              \
    X(IMAP_LITERAL_MINUS, 4096, "octets", "of a literal that isn't asked for first, if imap.literals is minus",        \
      "BAD [TOOBIG]")                                                                                                  \
    X(IMAP_LITERALS, 1000, "literals", "of one command", "BAD [TOOBIG]")                                               \
    X(COPY_ACROSS, 256, "messages", "of one COPY or MOVE to another account", "NO [LIMIT]")                            \
    X(APPEND_MESSAGES, 256, "messages", "of one APPEND (RFC 3502)", "BAD")                                             \
    X(ANNOTATION_NAMES, 64, "entries", "named in one list of annotations", "BAD")                                      \
    X(IMAP_URLS, 64, "URLs", "of one GENURLAUTH or URLFETCH (RFC 4467)", "BAD")                                        \
    X(MAILBOX_KEYS, 512, "mailboxes", "of others that one user has signed URLs of (RFC 4467)", "NO [LIMIT]")           \
    X(IMAP_NESTING, 100, "levels", "of parentheses, NOT and OR", "BAD [LIMIT]")                                        \
    X(SEARCH_FILTERS, 64, "filters", "of one search, those inside others too (RFC 5466)", "NO [UNDEFINED-FILTER]")     \
    X(IMAP_CONTEXTS, 8, "searches", "of a session that are kept up to date (RFC 5267)", "NO [NOUPDATE]")               \
    X(CONTEXT_OCTETS, 65536, "octets", "of keys of one of them", "NO [NOUPDATE]")                                      \
    X(FILTER_NAMES, 256, "mailboxes", "named in one NOTIFY or ESEARCH", "BAD")                                         \
    X(NOTIFY_GROUPS, 64, "groups", "of events of one NOTIFY, of mailboxes of one ESEARCH", "BAD")                      \
    X(NOTIFY_OCTETS, 1048576, "octets", "of a NOTIFY that is kept", "NO [NOTIFICATIONOVERFLOW]")                       \
    X(NOTIFY_MAILBOXES, 20000, "mailboxes", "that NOTIFY watches", "OK or NO [NOTIFICATIONOVERFLOW]")                  \
    X(NOTIFY_NAMES, 1000, "names", "of mailboxes that changed, told at once", "OK [NOTIFICATIONOVERFLOW]")             \
    X(IMAP_BAD_COMMANDS, 20, "commands", "in a row", "BYE")                                                            \
    X(IMAP_IDLE_MS, 1800000, "ms", "without a command (RFC 9051 5.4)", "BYE")                                          \
    X(UIDBATCHES_LEAST, 500, "messages", "of one batch of UIDBATCHES", "NO [TOOFEW]")                                  \
    X(IMAP_PROGRESS_MS, 10000, "ms",                                                                                   \
      "between reports of a long command (RFC 9585), unless imap.progress says otherwise", "* OK [INPROGRESS]")        \
    X(IMAP_KEEPALIVE_MS, 120000, "ms", "between keep-alives in IDLE, unless imap.keepalive says otherwise",            \
      "* OK Still here")
#define LIMITS_POP3(X)                                                                                                 \
    X(POP3_LINE, 255, "octets", "a command line (RFC 2449 4)", "-ERR")                                                 \
    X(POP3_IDLE_MS, 600000, "ms", "without a command (RFC 1939 3)", "closed, nothing deleted")                         \
    X(POP3_UIDL, 70, "octets", "a UIDL (RFC 1939 7)", "an imported one is left out")                                   \
    X(POP3_DOWNGRADE, 262144, "octets", "a header that is rewritten for clients without UTF8",                         \
      "a longer one as it is")                                                                                         \
    X(POP3_AHEAD, 32, "messages", "whose places are looked up at once", "nothing")                                     \
    X(POP3_RECENT_DAYS, 30, "days", "that recent:NAME shows", "older mail is not there")                               \
    X(POP3_UIDL_FORMATS, 16, "formats", "of UIDLs one maildrop has shown", "a later change of the setting is ignored")
#define LIMITS_ADMIN(X)                                                                                                \
    X(CONTROL_CONNECTIONS, 8, "connections", "on the control socket", "closed")                                        \
    X(CONTROL_FRAME, 1048576, "octets", "one control frame", "closed")                                                 \
    X(CONTROL_STALL_MS, 120000, "ms", "the other side of a control connection neither reads nor writes", "closed")     \
    X(IMPORT_BATCH, 64, "messages", "imported by one write set", "nothing")                                            \
    X(IMPORT_BATCH_OCTETS, 16777216, "octets", "of messages imported by one write set", "nothing")
#define LIMITS_PROCESS(X)                                                                                              \
    X(TICKETS, 20000, "tickets", "announced by auth and not yet used", "NO [LIMIT]")                                   \
    X(TICKET_MS, 10000, "ms", "a ticket is good for", "NO [UNAVAILABLE]")                                              \
    X(TAKE_OVER_MS, 3000, "ms", "a server that starts waits for one that was killed to let go", "it doesn't start")    \
    X(MAIL_SESSIONS, 50000, "sessions", "in the mail process", "NO [LIMIT]")
#define LIMITS(X)                                                                                                      \
    LIMITS_NET(X)                                                                                                      \
    LIMITS_FRONT(X)                                                                                                    \
    LIMITS_AUTH(X)                                                                                                     \
    LIMITS_STORE(X)                                                                                                    \
    LIMITS_DELIVERY(X)                                                                                                 \
    LIMITS_MESSAGE(X) LIMITS_SESSION(X) LIMITS_SEARCH(X) LIMITS_IMAP(X) LIMITS_POP3(X) LIMITS_ADMIN(X) LIMITS_PROCESS(X)

#define LIMIT_ENUM(name, value, unit, why, seen) LIMIT_##name = (value),
enum limit { LIMITS(LIMIT_ENUM) LIMIT_END_ };
#undef LIMIT_ENUM

#endif
