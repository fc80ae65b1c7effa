/*
 * imap/commands.c: the table of commands and the list of capabilities after login.
 *
 * One row a command; docs and tests are checked against it. Tested   tests/unit/imap_commands.c
 */
#include "imap/messagelimit.h"
#include "store/acl.h"
#include <stdatomic.h>

#define ANY      STATE_ANY
#define SELECTED STATE_SELECTED

const struct imap_command imap_commands[] = {
    {"APPEND", ANY, COMMAND_MESSAGE, 0, append_parse, append_step, append_drop, "RFC 3501 6.3.11"},
    {"CANCELUPDATE", SELECTED, 0, 0, cancelupdate_parse, cancelupdate_step, NULL, "RFC 5267 4.3.5"},
    {"CAPABILITY", ANY, 0, 0, NULL, capability_step, NULL, "RFC 3501 6.1.1"},
    {"CHECK", SELECTED, 0, 0, NULL, noop_step, NULL, "RFC 3501 6.4.1"},
    {"CLOSE", SELECTED, COMMAND_NO_SYNC, 0, NULL, close_step, expunge_drop, "RFC 3501 6.4.2"},
    {"COMPARATOR", ANY, 0, 0, comparator_parse, comparator_step, NULL, "RFC 5255 4.7"},
    {"COMPRESS", ANY, COMMAND_NO_SYNC, 0, compress_parse, compress_step, NULL, "RFC 4978 3"},
    {"COPY", SELECTED, COMMAND_UID, RIGHT_READ, copy_parse, copy_step, copy_drop, "RFC 3501 6.4.7"},
    {"CREATE", ANY, 0, 0, create_parse, create_step, NULL, "RFC 3501 6.3.3, RFC 6154 3"},
    {"DELETE", ANY, 0, 0, mailbox_name_parse, delete_step, NULL, "RFC 3501 6.3.4"},
    {"DELETEACL", ANY, 0, 0, deleteacl_parse, deleteacl_step, NULL, "RFC 4314 3.2"},
    {"ENABLE", ANY, 0, 0, enable_parse, enable_step, NULL, "RFC 5161 3.1"},
    {"ESEARCH", ANY, COMMAND_UID | COMMAND_NO_EXPUNGE, 0, esearch_parse, esearch_step, esearch_drop, "RFC 7377 2"},
    {"EXAMINE", ANY, COMMAND_NO_SYNC, 0, select_parse, select_step, NULL, "RFC 3501 6.3.2"},
    {"EXPUNGE", SELECTED, COMMAND_UID | COMMAND_WRITES, RIGHT_EXPUNGE, expunge_parse, expunge_step, expunge_drop,
     "RFC 3501 6.4.3, RFC 4315 2.1"},
    {"FETCH", SELECTED, COMMAND_UID | COMMAND_NO_EXPUNGE, RIGHT_READ, fetch_parse, fetch_step, fetch_drop,
     "RFC 3501 6.4.5"},
    {"GENURLAUTH", ANY, 0, 0, genurlauth_parse, genurlauth_step, urlauth_drop, "RFC 4467 7"},
    {"GETACL", ANY, 0, 0, getacl_parse, getacl_step, NULL, "RFC 4314 3.3"},
    {"GETMETADATA", ANY, 0, 0, getmetadata_parse, getmetadata_step, NULL, "RFC 5464 4.2"},
    {"GETQUOTA", ANY, 0, 0, getquota_parse, getquota_step, NULL, "RFC 9208 4.1.1"},
    {"GETQUOTAROOT", ANY, 0, 0, getquotaroot_parse, getquotaroot_step, NULL, "RFC 9208 4.1.2"},
    {"ID", ANY, 0, 0, id_parse, id_step, NULL, "RFC 2971 3.1"},
    {"IDLE", ANY, 0, 0, NULL, idle_step, NULL, "RFC 2177"},
    {"LANGUAGE", ANY, 0, 0, language_parse, language_step, NULL, "RFC 5255 3.2"},
    {"LIST", ANY, 0, 0, list_parse, list_step, NULL, "RFC 3501 6.3.8, RFC 5258"},
    {"LISTRIGHTS", ANY, 0, 0, listrights_parse, listrights_step, NULL, "RFC 4314 3.4"},
    {"LOGOUT", ANY, COMMAND_NO_SYNC, 0, NULL, logout_step, NULL, "RFC 3501 6.1.3"},
    {"LSUB", ANY, 0, 0, lsub_parse, lsub_step, NULL, "RFC 3501 6.3.9"},
    {"MOVE", SELECTED, COMMAND_UID | COMMAND_WRITES, RIGHT_READ | RIGHT_DELETE | RIGHT_EXPUNGE, copy_parse, move_step,
     copy_drop, "RFC 6851"},
    {"MYRIGHTS", ANY, 0, 0, myrights_parse, myrights_step, NULL, "RFC 4314 3.5"},
    {"NAMESPACE", ANY, 0, 0, NULL, namespace_step, NULL, "RFC 2342 5"},
    {"NOOP", ANY, 0, 0, NULL, noop_step, NULL, "RFC 3501 6.1.2"},
    {"NOTIFY", ANY, 0, 0, notify_parse, notify_step, notify_drop, "RFC 5465 3.1"},
    {"RENAME", ANY, 0, 0, rename_parse, rename_step, NULL, "RFC 3501 6.3.5"},
    {"REPLACE", ANY, COMMAND_UID | COMMAND_MESSAGE, 0, replace_parse, append_step, append_drop, "RFC 8508"},
    {"RESETKEY", ANY, 0, 0, resetkey_parse, resetkey_step, urlauth_drop, "RFC 4467 7"},
    {"SEARCH", SELECTED, COMMAND_UID | COMMAND_NO_EXPUNGE, RIGHT_READ, search_parse, search_step, search_drop,
     "RFC 3501 6.4.4, RFC 4731"},
    {"SELECT", ANY, COMMAND_NO_SYNC, 0, select_parse, select_step, NULL, "RFC 3501 6.3.1, RFC 7162 3.1.8"},
    {"SETACL", ANY, 0, 0, setacl_parse, setacl_step, NULL, "RFC 4314 3.1"},
    {"SETMETADATA", ANY, 0, 0, setmetadata_parse, setmetadata_step, NULL, "RFC 5464 4.3"},
    {"SETQUOTA", ANY, 0, 0, setquota_parse, setquota_step, NULL, "RFC 9208 4.1.3"},
    {"SORT", SELECTED, COMMAND_UID | COMMAND_NO_EXPUNGE, RIGHT_READ, sort_parse, sort_step, sort_drop,
     "RFC 5256 3, RFC 5267 3"},
    {"STATUS", ANY, 0, 0, status_parse, status_step, NULL, "RFC 3501 6.3.10"},
    {"STORE", SELECTED, COMMAND_UID | COMMAND_NO_EXPUNGE | COMMAND_WRITES, 0, store_parse, store_step, store_drop,
     "RFC 3501 6.4.6, RFC 7162 3.1.3, RFC 5257 4.5"},
    {"SUBSCRIBE", ANY, 0, 0, mailbox_name_parse, subscribe_step, NULL, "RFC 3501 6.3.6"},
    {"THREAD", SELECTED, COMMAND_UID | COMMAND_NO_EXPUNGE, RIGHT_READ, thread_parse, thread_step, thread_drop,
     "RFC 5256 3"},
    {"UIDBATCHES", SELECTED, COMMAND_NO_EXPUNGE, RIGHT_READ, uidbatches_parse, uidbatches_step, NULL,
     "draft-ietf-mailmaint-imap-uidbatches"},
    {"UNAUTHENTICATE", ANY, COMMAND_NO_SYNC, 0, NULL, unauthenticate_step, NULL, "RFC 8437"},
    {"UNSELECT", SELECTED, COMMAND_NO_SYNC, 0, NULL, unselect_step, NULL, "RFC 3691"},
    {"UNSUBSCRIBE", ANY, 0, 0, mailbox_name_parse, unsubscribe_step, NULL, "RFC 3501 6.3.7"},
    {"URLFETCH", ANY, 0, 0, urlfetch_parse, urlfetch_step, urlfetch_drop, "RFC 4467 7, RFC 5524"},
};
const size_t imap_command_count = sizeof imap_commands / sizeof *imap_commands;

/* In the order of RFC 3501 7.2.1: IMAP4rev1 first. */
static const char *const capabilities[] = {"IMAP4rev1",
                                           "IMAP4rev2",
                                           "LITERAL+",
                                           "IDLE",
                                           "COMPRESS=DEFLATE",
                                           "UIDPLUS",
                                           "MOVE",
                                           "UNSELECT",
                                           "UNAUTHENTICATE",
                                           "UIDBATCHES",
                                           "INPROGRESS",
                                           "LANGUAGE",
                                           "I18NLEVEL=1",
                                           "I18NLEVEL=2",
                                           "ENABLE",
                                           "CONDSTORE",
                                           "NAMESPACE",
                                           "ID",
                                           "CHILDREN",
                                           "SPECIAL-USE",
                                           "CREATE-SPECIAL-USE",
                                           "ESEARCH",
                                           "OBJECTID",
                                           "SAVEDATE",
                                           "PREVIEW",
                                           "MULTIAPPEND",
                                           "BINARY",
                                           "CATENATE",
                                           "URL-PARTIAL",
                                           "REPLACE",
                                           "QRESYNC",
                                           "LIST-EXTENDED",
                                           "LIST-STATUS",
                                           "ACL",
                                           "RIGHTS=texkn",
                                           "LIST-MYRIGHTS",
                                           "STATUS=SIZE",
                                           "METADATA",
                                           "LIST-METADATA",
                                           "ANNOTATE-EXPERIMENT-1",
                                           "URLAUTH",
                                           "URLAUTH=BINARY",
                                           "QUOTA",
                                           "QUOTA=RES-STORAGE",
                                           "QUOTA=RES-MESSAGE",
                                           "QUOTA=RES-MAILBOX",
                                           "QUOTA=RES-ANNOTATION-STORAGE",
                                           "SEARCHRES",
                                           "WITHIN",
                                           "PARTIAL",
                                           "SEARCH=FUZZY",
                                           "SORT",
                                           "SORT=DISPLAY",
                                           "ESORT",
                                           "THREAD=ORDEREDSUBJECT",
                                           "THREAD=REFERENCES",
                                           "THREAD=REFS",
                                           "UTF8=ACCEPT",
                                           "NOTIFY",
                                           "UIDONLY",
                                           "MULTISEARCH",
                                           "FILTERS",
                                           "CONTEXT=SEARCH",
                                           "CONTEXT=SORT"};

enum {
    CAPABILITIES = sizeof capabilities / sizeof *capabilities,
    APPENDLIMIT = CAPABILITIES,
    MESSAGELIMIT,
    QUOTASET,
    HIDEABLE,
    LITERALS = 2
};
static atomic_bool hidden[HIDEABLE];

/* IMAP4rev1 stays: without it there is no CAPABILITY (RFC 3501 7.2.1). */
void imap_hide_capabilities(struct view words)
{
    for (size_t i = 1; i < CAPABILITIES; i++)
        atomic_store(&hidden[i], view_has_word(words, view_of_string(capabilities[i])));
    atomic_store(&hidden[APPENDLIMIT], view_has_word(words, VIEW_LITERAL("APPENDLIMIT")));
    atomic_store(&hidden[MESSAGELIMIT],
                 view_has_word(words, VIEW_LITERAL("MESSAGELIMIT")) || view_has_word(words, VIEW_LITERAL("SAVELIMIT")));
    atomic_store(&hidden[QUOTASET], view_has_word(words, VIEW_LITERAL("QUOTASET")));
}

static atomic_bool literal_minus;

void imap_set_literal_minus(bool minus)
{
    atomic_store(&literal_minus, minus);
}

bool imap_literal_allowed(uint64_t octets, bool waits)
{
    return waits || octets <= LIMIT_IMAP_LITERAL_MINUS || !atomic_load(&literal_minus);
}

/* RFC 7888 5: never both. */
static const char *capability_word(size_t i)
{
    return i == LITERALS && atomic_load(&literal_minus) ? "LITERAL-" : capabilities[i];
}

void imap_write_capabilities(struct buffer *out, bool administrator)
{
    for (size_t i = 0; i < CAPABILITIES; i++) {
        if (atomic_load(&hidden[i]))
            continue;
        if (i)
            buffer_append_char(out, ' ');
        buffer_append_string(out, capability_word(i));
    }
    if (!atomic_load(&hidden[APPENDLIMIT]))
        buffer_printf(out, " APPENDLIMIT=%llu", (unsigned long long)LIMIT_MESSAGE_OCTETS); /* RFC 7889 3 */
    if (!atomic_load(&hidden[MESSAGELIMIT]))
        messagelimit_write_capability(out);
    if (administrator && !atomic_load(&hidden[QUOTASET])) /* RFC 9208 4.1.3 */
        buffer_append_string(out, " QUOTASET");
}
