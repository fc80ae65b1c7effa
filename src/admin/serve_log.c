/*
 * admin/serve_log.c: `log`, in mail: who removed, moved or took back which message of a user.
 *
 * Does     reads the account's history, a line a message, the oldest first; subjects and Message-IDs as far as the
 *          messages are still there or retained.
 * Called   on a control thread of mail.
 * Tested   tests/e2e/test_undelete.py
 */
#include "admin/filter.h"
#include "base/memory.h"
#include "store/history.h"

#include <sysexits.h>

enum { OPTION_MEMORY = 1 << 20 };

struct telling {
    struct serving *serving;
    struct reader reader;
    struct filter filter;
    struct history_cursor *history;
    struct buffer octets; /* of one email */
    uint64_t told;
};

/* ---- a line ---- */

#define COLUMNS "time:t\taction\tby\taddress\tclient\tmailbox\tuid:n\tto\tsubject"
#define COLUMNS_JSON                                                                                                   \
    "time:t\taction\tby\taddress\tclient\tsession\tmailbox\tuid:n\tto\tto_uid:n\temail\tmessage_id\tsubject"

static const char *action_name(uint8_t action)
{
    static const char *const names[] = {[HISTORY_EXPUNGED] = "removed",
                                        [HISTORY_MOVED] = "moved",
                                        [HISTORY_GONE_WITH_MAILBOX] = "removed with its mailbox",
                                        [HISTORY_MAILBOX_DELETED] = "mailbox deleted",
                                        [HISTORY_MAILBOX_RENAMED] = "mailbox renamed",
                                        [HISTORY_RESTORED] = "taken back"};
    return action < sizeof(names) / sizeof(names[0]) && names[action] != NULL ? names[action] : "";
}

/* 0: nothing at all. */
static void number_or_none(struct serving *s, uint64_t number)
{
    if (number > 0)
        serving_number(s, number);
    else
        serving_text(s, VIEW_EMPTY);
}

/* `message` null: about a mailbox. */
static void tell(struct telling *t, const struct history_entry *entry, const struct history_message *message)
{
    struct serving *s = t->serving;
    struct email email;
    struct view subject = VIEW_EMPTY, message_id = VIEW_EMPTY;
    char session[20], id[20] = "";
    snprintf(session, sizeof(session), "%016llx", (unsigned long long)entry->who.session);
    if (message != NULL)
        snprintf(id, sizeof(id), "E%llx", (unsigned long long)message->email);
    buffer_clear(&t->octets);
    if (message != NULL && email_read(&t->reader, message->email, &t->octets, &email) == STORE_OK) {
        subject = email.digest.subject;
        message_id = email.digest.message_id;
    }
    serving_number(s, (uint64_t)entry->at_utc_s);
    serving_text(s, view_of_string(action_name(entry->action)));
    serving_text(s, view_of_string(filter_by_name(entry->who.by)));
    serving_text(s, view_of_string(entry->who.peer));
    serving_text(s, view_of_string(entry->who.client));
    if (s->json)
        serving_text(s, view_of_string(session));
    serving_text(s, entry->path);
    number_or_none(s, message != NULL ? message->uid : 0);
    serving_text(s, entry->to_path);
    if (s->json) {
        number_or_none(s, message != NULL ? message->to_uid : 0);
        serving_text(s, view_of_string(id));
        serving_text(s, message_id);
    }
    serving_text(s, subject);
    serving_row_end(s);
    t->told++;
}

/* ---- all of them ---- */

static bool is_meant(const struct telling *t, const struct history_entry *entry)
{
    struct view mailbox = t->filter.mailbox;
    return (t->filter.by == 0 || entry->who.by == t->filter.by) &&
           (mailbox.size == 0 || view_equal(entry->path, mailbox) || view_equal(entry->to_path, mailbox));
}

static void tell_entry(struct telling *t, struct history_entry *entry)
{
    struct history_message message;
    if (!is_meant(t, entry))
        return;
    if (entry->messages.size == 0 && t->filter.uids == NULL)
        tell(t, entry, NULL);
    while (history_message(entry, &message) && !t->serving->gone)
        if (t->filter.uids == NULL || uidset_has(t->filter.uids, message.uid))
            tell(t, entry, &message);
}

static enum store_error tell_all(struct telling *t)
{
    struct history_entry entry;
    enum store_error error = STORE_OK;
    t->history = history_cursor_new(&t->reader, t->filter.since_utc_s);
    while (error == STORE_OK && !t->serving->gone && !serving_is_stopping(t->serving)) {
        error = history_cursor_next(t->history, &entry);
        if (error == STORE_OK)
            tell_entry(t, &entry);
    }
    history_cursor_free(&t->history);
    return error == STORE_NOT_FOUND ? STORE_OK : error;
}

int serve_log(struct serving *serving)
{
    struct telling t = {.serving = serving, .reader = serving_reader(serving, serving_account(serving))};
    struct arena options;
    arena_init(&options, OPTION_MEMORY);
    buffer_init(&t.octets, 0);
    int code = filter_read(serving, &options, &t.filter);
    if (code == EX_OK) {
        serving_columns(serving, serving->json ? COLUMNS_JSON : COLUMNS);
        enum store_error error = tell_all(&t);
        if (error != STORE_OK)
            code = serving_store_failed(serving, "can't read the history", error);
        else if (t.told == 0 && !serving->json)
            serving_fail(serving, EX_OK, "nothing was removed, moved or taken back");
    }
    filter_free(&t.filter);
    buffer_free(&t.octets);
    arena_free(&options);
    return code;
}
