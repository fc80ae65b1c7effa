/*
 * pop3/snapshot.c: what the maildrop holds at login: numbers, sizes, email numbers; 16 octets a message.
 *
 * Does     finds the mailbox, reads the account's own settings, writes down which format of UIDLs is shown from now on,
 *          reads the mailbox chunk by chunk, then writes the +OK of the login. What comes or goes later is not seen by
 *          this session (RFC 1939 5), but the bytes of what IMAP expunges meanwhile are still served.
 * Waits    for the writer, once after the format changed.
 * Tested   tests/unit/pop3.c, tests/e2e/test_pop3_policy.py
 */
#include "base/clock.h"
#include "base/memory.h"
#include "pop3/private.h"

/* ---- the account's settings ---- */

static void take_setting(void *ctx, struct view name, struct view value)
{
    pop3_policy_read(ctx, name, value);
}

static enum store_error read_settings(struct pop3 *pop3, const struct reader *reader)
{
    enum store_error error = account_settings_each(reader, "pop3.", take_setting, &pop3->policy);
    return error ? error : uidl_ranges_load(reader, &pop3->inbox, &pop3->uidls);
}

/* The number of the keyword of hidden messages. recent:NAME shows them too. */
static enum store_error read_hidden(struct pop3 *pop3, const struct reader *reader)
{
    struct view *names = NULL;
    size_t count = 0;
    pop3->hidden_keyword = KEYWORD_MAX;
    enum store_error error =
        pop3->maildrop.recent ? STORE_OK : keyword_names(reader, &pop3->session->command_arena, &names, &count);
    for (size_t i = 0; !error && i < count && i < KEYWORD_MAX; i++)
        if (view_equal_string_nocase(names[i], POP3_HIDDEN))
            pop3->hidden_keyword = (unsigned)i;
    return error;
}

static enum store_error open_maildrop(struct pop3 *pop3, const struct reader *reader)
{
    if (!pop3->maildrop.valid)
        return STORE_NO_MAILBOX;
    enum store_error error = mailbox_find(reader, &pop3->session->command_arena, pop3->maildrop.folder, &pop3->inbox);
    if (!error && (pop3->inbox.flags & MAILBOX_NOSELECT))
        error = STORE_NO_MAILBOX;
    if (!error)
        error = read_settings(pop3, reader);
    if (!error)
        error = read_hidden(pop3, reader);
    pop3->inbox.name = pop3->maildrop.folder; /* the arena's copy goes with the command */
    pop3->opened = error == STORE_OK;
    return error;
}

/* ---- the format of UIDLs ---- */

static enum store_error put_uidls(struct txn *txn, struct mutation *mutation)
{
    struct pop3 *pop3 = (struct pop3 *)(void *)((char *)mutation - offsetof(struct pop3, mutation));
    return uidl_ranges_put(txn, &pop3->uidls);
}

/* A store that can't write shows mail all the same: the same format will be wanted at the next login. */
static enum step_result settle_uidls(struct pop3 *pop3, struct step_context *context)
{
    if (!pop3->mutating && !uidl_ranges_extend(&pop3->uidls, pop3->policy.value[POP3_UIDL], pop3->inbox.uidnext))
        return STEP_DONE;
    pop3->mutation.run = put_uidls;
    return pop3_mutate(pop3, context);
}

/* ---- the messages ---- */

static bool is_shown(const struct pop3 *pop3, const struct message_row *row)
{
    unsigned hidden = pop3->hidden_keyword;
    if (pop3->maildrop.recent)
        return row->internal_utc_s >= clock_wall_s() - (int64_t)LIMIT_POP3_RECENT_DAYS * 86400;
    return hidden >= KEYWORD_MAX || !(row->keywords.bits[hidden / 64] >> (hidden % 64) & 1);
}

/* How many octets more than stored are sent. What can't be read keeps its size: RETR will say what is wrong. */
static enum store_error read_gain(struct pop3 *pop3, const struct reader *reader, const struct message_row *row,
                                  int64_t *gain_r)
{
    struct pop3_patches patches = {0};
    struct email email;
    *gain_r = 0;
    if (pop3->utf8 || !(row->flags & FLAG_HEADER_RAW))
        return STORE_OK;
    struct email_cursor *cursor = email_cursor_new(reader);
    enum store_error error = email_cursor_read(cursor, row->email, &email);
    if (!error)
        error = pop3_patches_make(&patches, reader, &email);
    *gain_r = patches.gain;
    pop3_patches_free(&patches);
    email_cursor_free(&cursor);
    return error == STORE_WOULD_BLOCK ? error : STORE_OK;
}

static void add(struct pop3 *pop3, const struct message_row *row, int64_t gain)
{
    if (pop3->count == pop3->capacity) {
        size_t wanted = pop3->capacity ? pop3->capacity * 2 : (size_t)pop3->inbox.messages + CHUNK_ROWS;
        pop3->messages = memory_resize(pop3->messages, wanted * sizeof(struct pop3_message));
        pop3->capacity = wanted;
    }
    struct pop3_message *message = &pop3->messages[pop3->count++];
    *message = (struct pop3_message){.uid = row->uid, .email = row->email};
    message->octets = row->size_octets & 0x1FFFFFFF;
    message->octets = (uint32_t)((int64_t)message->octets + gain) & 0x1FFFFFFF;
    message->open = (row->flags & FLAG_ENDS_OPEN) != 0;
    pop3->octets += pop3_octets_sent(message);
}

static enum step_result failed(struct pop3 *pop3, enum store_error error)
{
    pop3_say(pop3, pop3_error(error));
    session_end(pop3->session, false, "maildrop not readable");
    return STEP_DONE;
}

/* The place moves on with each message: after STORE_WOULD_BLOCK none is taken twice. */
static enum store_error take_row(struct pop3 *pop3, const struct reader *reader, const struct message_row *row)
{
    int64_t gain = 0;
    if (is_shown(pop3, row)) {
        enum store_error error = read_gain(pop3, reader, row, &gain);
        if (error != STORE_OK)
            return error;
        add(pop3, row, gain);
    }
    pop3->next_uid = row->uid + 1; /* 0 behind the last that can be */
    return STORE_OK;
}

/* STORE_MORE: the slice is over, *result_r is what the step returns. */
static enum store_error read_rows(struct pop3 *pop3, const struct reader *reader, struct row_cursor *cursor,
                                  struct step_context *context, enum step_result *result_r)
{
    struct message_rows rows = {.at_end = false};
    while (!rows.at_end) {
        if (rows.count > 0 && pop3_slice_over(pop3, context, result_r))
            return STORE_MORE;
        enum store_error error = row_cursor_rows(cursor, pop3->next_uid, &rows);
        if (error != STORE_OK)
            return error;
        for (size_t i = 0; i < rows.count && !error; i++)
            error = take_row(pop3, reader, &rows.rows[i]);
        if (error != STORE_OK)
            return error;
        rows.at_end = rows.at_end || rows.count == 0 || pop3->next_uid == 0;
    }
    return STORE_OK;
}

enum step_result pop3_snapshot_step(struct pop3 *pop3, struct step_context *context)
{
    struct reader reader = session_reader(pop3->session, context);
    enum step_result result = STEP_DONE;
    enum store_error error = pop3->opened ? STORE_OK : open_maildrop(pop3, &reader);
    if (error == STORE_OK && !pop3->uidls_known) {
        result = settle_uidls(pop3, context);
        if (result != STEP_DONE)
            return result;
        pop3->uidls_known = true;
    }
    if (error == STORE_OK) {
        struct row_cursor *cursor = row_cursor_new(&reader, pop3->inbox.id);
        error = read_rows(pop3, &reader, cursor, context, &result);
        row_cursor_free(&cursor);
    }
    if (error == STORE_MORE)
        return result;
    if (error == STORE_WOULD_BLOCK)
        return pop3_wait_pool(context);
    if (error != STORE_OK)
        return failed(pop3, error);
    pop3_printf(pop3, "+OK %zu messages (%llu octets)\r\n", pop3->count, (unsigned long long)pop3->octets);
    return STEP_DONE;
}
