/*
 * pop3/quit.c: QUIT, which alone changes the maildrop (RFC 1939 6), as the account's policy says.
 *
 * Does     marks what was retrieved as seen; removes what was deleted, moves it to Trash or Archive, or hides it from
 *          POP by a keyword. Each of them is one change. The maildrop is free again before its +OK goes out, so that
 *          the client may come back at once.
 * Waits    for the writer; the session is held until it answers, even if the client goes.
 * Tested   tests/unit/pop3.c, tests/e2e/test_pop3.py, tests/e2e/test_pop3_policy.py
 */
#include "pop3/private.h"

static struct pop3 *pop3_of(struct mutation *mutation)
{
    return (struct pop3 *)(void *)((char *)mutation - offsetof(struct pop3, mutation));
}

static void choose(struct pop3 *pop3, bool deleted)
{
    uidset_unref(&pop3->chosen);
    pop3->chosen = uidset_new();
    for (size_t i = 0; i < pop3->count; i++)
        if (deleted ? pop3->messages[i].deleted : pop3->messages[i].retrieved)
            uidset_add(pop3->chosen, pop3->messages[i].uid);
}

static struct removal why_of(const struct session *session)
{
    struct removal why = {.by = REMOVED_BY_POP3, .session = session->id};
    snprintf(why.peer, sizeof(why.peer), "%s", session->peer);
    snprintf(why.client, sizeof(why.client), "%s", session->client);
    return why;
}

/* ---- \Seen ---- */

static enum store_error flags_run(struct txn *txn, struct mutation *mutation)
{
    struct pop3 *pop3 = pop3_of(mutation);
    return message_set_flags(txn, pop3->inbox.id, pop3->chosen, &pop3->flags);
}

/* A client that gets no \Seen still has its mail: an error here is no reason to keep what it wants deleted. */
static bool seen_begins(struct pop3 *pop3)
{
    if (pop3->policy.value[POP3_RETRIEVE] != POP3_RETRIEVE_SEEN || pop3->retrieved == 0)
        return false;
    choose(pop3, false);
    pop3->flags = (struct flag_change){.action = FLAGS_ADD, .flags = FLAG_SEEN};
    pop3->mutation.run = flags_run;
    return true;
}

/* ---- where deleted messages go ---- */

static const struct {
    const char *name;
    uint32_t use;
} targets[] = {
    [POP3_DELETE_TRASH] = {"Trash", USE_TRASH},
    [POP3_DELETE_ARCHIVE] = {"Archive", USE_ARCHIVE},
};

static bool is_target(const struct mailbox_entry *entry, unsigned disposal, bool by_name)
{
    if (!entry->exists || (entry->mailbox.flags & MAILBOX_NOSELECT))
        return false;
    return by_name ? view_equal_string(entry->path, targets[disposal].name)
                   : (entry->mailbox.special_use & targets[disposal].use) != 0;
}

/* By its special use (RFC 6154), else by its name; 0: there is none. */
static uint32_t find_target(const struct mailbox_entry *entries, size_t count, unsigned disposal)
{
    for (int by_name = 0; by_name < 2; by_name++)
        for (size_t i = 0; i < count; i++)
            if (is_target(&entries[i], disposal, by_name))
                return entries[i].mailbox.id;
    return 0;
}

/* What is deleted from the Archive goes to Trash; from Trash it goes for good. */
static void settle_target(struct pop3 *pop3, const struct mailbox_entry *entries, size_t count)
{
    pop3->target = find_target(entries, count, pop3->disposal);
    if (pop3->target != pop3->inbox.id)
        return;
    bool archive = pop3->disposal == POP3_DELETE_ARCHIVE;
    pop3->disposal = archive ? POP3_DELETE_TRASH : POP3_DELETE_REMOVE;
    pop3->target = archive ? find_target(entries, count, POP3_DELETE_TRASH) : 0;
}

static enum store_error make_target_run(struct txn *txn, struct mutation *mutation)
{
    struct pop3 *pop3 = pop3_of(mutation);
    struct mailbox made = {.id = 0};
    struct view name = view_of_string(targets[pop3->disposal].name);
    enum store_error error = mailbox_create(txn, name, targets[pop3->disposal].use, &made);
    if (error == STORE_OK)
        error = mailbox_subscribe(txn, name, true);
    pop3->target = error == STORE_OK ? made.id : 0;
    return error;
}

static bool moves(const struct pop3 *pop3)
{
    return pop3->disposal == POP3_DELETE_TRASH || pop3->disposal == POP3_DELETE_ARCHIVE;
}

/* Before the first mark: QUIT must not have to look for anything any more. */
enum store_error pop3_settle_disposal(struct pop3 *pop3, const struct reader *reader)
{
    struct mailbox_entry *entries = NULL;
    size_t count = 0;
    pop3->disposal = pop3->policy.value[POP3_DELETE];
    enum store_error error =
        moves(pop3) ? mailbox_list(reader, &pop3->session->command_arena, &entries, &count) : STORE_OK;
    if (!error && moves(pop3))
        settle_target(pop3, entries, count);
    pop3->disposal_settled = error == STORE_OK;
    return error;
}

static bool target_begins(struct pop3 *pop3)
{
    if (pop3->deleted == 0 || !moves(pop3) || pop3->target)
        return false;
    pop3->mutation.run = make_target_run;
    return true;
}

/* ---- deleted messages ---- */

static enum store_error remove_run(struct txn *txn, struct mutation *mutation)
{
    struct pop3 *pop3 = pop3_of(mutation);
    return message_expunge(txn, pop3->inbox.id, pop3->chosen, &pop3->expunge);
}

static enum store_error move_run(struct txn *txn, struct mutation *mutation)
{
    struct pop3 *pop3 = pop3_of(mutation);
    if (!pop3->target)
        return STORE_NO_MAILBOX;
    return message_copy(txn, pop3->inbox.id, pop3->chosen, pop3->target, &pop3->copy);
}

static bool removal_begins(struct pop3 *pop3)
{
    static const struct view hidden[] = {{POP3_HIDDEN, sizeof(POP3_HIDDEN) - 1}};
    if (pop3->deleted == 0)
        return false;
    choose(pop3, true);
    switch (pop3->disposal) {
    case POP3_DELETE_TRASH:
    case POP3_DELETE_ARCHIVE:
        pop3->moved = uidset_new();
        pop3->copy = (struct copy){
            .move = true, .why = why_of(pop3->session), .from_uids = pop3->moved, .to_uids = &pop3->moved_to};
        pop3->mutation.run = move_run;
        break;
    case POP3_DELETE_HIDE:
        pop3->flags = (struct flag_change){.action = FLAGS_ADD, .keywords = hidden, .keyword_count = 1};
        pop3->mutation.run = flags_run;
        break;
    default:
        pop3->expunge = (struct expunge){.why = why_of(pop3->session)};
        pop3->mutation.run = remove_run;
        pop3->mutation.frees_space = true;
        break;
    }
    return true;
}

/* ---- the command ---- */

static void next_change(struct pop3 *pop3);

static void change_done(struct mutation *mutation)
{
    struct pop3 *pop3 = pop3_of(mutation);
    if (pop3->quitting == QUIT_REMOVE)
        pop3->failed = mutation->result != STORE_OK;
    pop3->quitting++;
    next_change(pop3);
}

/*
 * Begins the next change that is needed, or wakes the command when there is none. One follows the other without a step
 * in between, and the session is held for all of them: QUIT was said, so all of it happens even if the client has gone.
 */
static void next_change(struct pop3 *pop3)
{
    static bool (*const begins[])(struct pop3 * pop3) = {
        [QUIT_SEEN] = seen_begins, [QUIT_TARGET] = target_begins, [QUIT_REMOVE] = removal_begins};
    struct session *session = pop3->session;
    for (; pop3->quitting < QUIT_OVER; pop3->quitting++) {
        pop3->mutation = (struct mutation){.account = session->account, .done = change_done, .loop = session->loop};
        if (!begins[pop3->quitting](pop3))
            continue;
        engine_mutate(store_engine(session->env->store), &pop3->mutation);
        return;
    }
    pop3->mutated = true;
    session_reply(session);
    session_release(session);
}

static enum step_result say_goodbye(struct pop3 *pop3)
{
    struct session *session = pop3->session;
    bool failed = pop3->failed;
    if (pop3->locked)
        pop3_unlock(session->account, pop3->maildrop.folder, pop3->opened);
    pop3->locked = false;
    pop3->removed = failed ? 0 : pop3->deleted;
    if (failed)
        pop3_say(pop3, "-ERR [SYS/TEMP] Some messages were not removed\r\n");
    else
        pop3_say(pop3, pop3->deleted ? "+OK Bye, messages removed\r\n" : "+OK Bye\r\n");
    session_end(session, true, "quit");
    return STEP_DONE;
}

enum step_result pop3_quit_step(struct pop3 *pop3, struct step_context *context)
{
    if (!pop3->begun) {
        pop3->begun = true;
        session_hold(pop3->session);
        next_change(pop3);
    }
    if (pop3->mutated)
        return say_goodbye(pop3);
    context->wait = WAIT_REPLY;
    return STEP_WAIT;
}

void pop3_quit_drop(struct pop3 *pop3)
{
    uidset_unref(&pop3->chosen);
    uidset_unref(&pop3->moved);
    buffer_free(&pop3->moved_to);
}
