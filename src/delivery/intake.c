/*
 * delivery/intake.c: transactions of LMTP, from MAIL_BEGIN to one reply a recipient; see delivery/intake.h.
 *
 * A transaction is `open` while octets come, then `ended`: parse and blob once (staged_finish), mailboxes found, one
 * mutation for each recipient that is not a second one of the same mailbox. It is answered when the last mutation is
 * done, and lives on until then even if its channel ends.
 */
#include "delivery/intake.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "delivery/intake_private.h"

#include <xxhash.h>

enum { CREDIT_OCTETS = 65536 };

struct transaction;

struct recipient {
    struct mutation mutation;
    struct transaction *transaction;
    struct added added;
    uint64_t account;
    uint32_t inbox, mailbox;
    char *user, *detail;
    struct recipient *same; /* an earlier one of the same mailbox: its reply is ours too */
    const char *reply;      /* null until it is known */
    bool stored;
};

struct transaction {
    struct task task;
    struct staged_request finish;
    struct intake_desk *desk;
    struct intake *intake;             /* null when its channel ended */
    struct transaction *next, **place; /* of the desk's */
    uint64_t session;
    struct staged *staged;
    enum store_error error; /* the first of staging: the rest is read past */
    uint64_t octets;
    uint32_t uncredited;
    bool traced, ended, smtputf8, reply_lost;
    char *sender, *helo, *peer;
    XXH3_state_t *hash;
    XXH128_hash_t octets_hash;
    struct recipient *recipients;
    size_t recipient_count, waiting;
    uint64_t *accounts;
    size_t account_count;
    struct arena arena;
    uint64_t started_us;
    int64_t now_utc_s;
};

struct intake {
    struct intake_desk *desk;
    struct intake *next;
    struct channel *channel;
};

struct intake_desk {
    struct intake_env env;
    struct promises promises;
    struct known *known;
    struct table open, ended; /* session to transaction */
    struct transaction *transactions;
    struct intake *intakes;
    uint64_t pending_octets; /* of ended ones */
    size_t pending;
    bool stopped; /* lmtp isn't read */
};

/* ---- replies ---- */

static const char *reply_of(const struct intake_desk *desk, enum store_error error)
{
    static const char *const replies[STORE_ERROR_COUNT] = {
        [STORE_OK] = "250 2.0.0 Saved",
        [STORE_MORE] = "451 4.3.0 Try again",
        [STORE_WOULD_BLOCK] = "451 4.3.0 Try again",
        [STORE_NOT_FOUND] = "451 4.3.0 Try again",
        [STORE_NO_ACCOUNT] = "550 5.1.1 No such user",
        [STORE_NO_MAILBOX] = "451 4.3.0 No mailbox to put it in",
        [STORE_EXISTS] = "451 4.3.0 Try again",
        [STORE_EXPUNGED] = "451 4.3.0 Try again",
        [STORE_OVER_QUOTA] = "452 4.2.2 Mailbox full",
        [STORE_LIMIT] = "552 5.3.4 Message too big",
        [STORE_BAD_NAME] = "451 4.3.0 Try again",
        [STORE_FORBIDDEN] = "451 4.3.0 Try again",
        [STORE_HAS_CHILDREN] = "451 4.3.0 Try again",
        [STORE_MODIFIED] = "451 4.3.0 Try again",
        [STORE_TOO_OLD] = "451 4.3.0 Try again",
        [STORE_BUSY] = "451 4.3.2 Busy, try again",
        [STORE_FULL] = "452 4.3.1 The disk is full",
        [STORE_READ_ONLY] = "451 4.3.2 The store is read-only",
        [STORE_CORRUPT] = "451 4.3.0 The mailbox is damaged",
        [STORE_IO] = "451 4.3.0 The disk fails",
    };
    if (error == STORE_OVER_QUOTA && desk->env.over_quota_is_permanent)
        return "552 5.2.2 Mailbox full";
    return error < STORE_ERROR_COUNT && replies[error] ? replies[error] : "451 4.3.0 Try again";
}

/* ---- back-pressure ---- */

static void set_reading(struct intake_desk *desk)
{
    bool stop = desk->pending_octets > LIMIT_DELIVERY_PENDING;
    if (stop == desk->stopped)
        return;
    desk->stopped = stop;
    for (struct intake *i = desk->intakes; i; i = i->next)
        channel_set_reading(i->channel, !stop);
}

/* ---- transactions ---- */

static char *keep_text(struct view v)
{
    return memory_copy(v.data, v.size);
}

static void transaction_free(struct transaction *t)
{
    struct intake_desk *desk = t->desk;
    struct table *table = t->ended ? &desk->ended : &desk->open;
    if (table_get(table, t->session) == t)
        table_remove(table, t->session);
    if (t->ended) {
        desk->pending--;
        desk->pending_octets -= t->octets;
        set_reading(desk);
    }
    *t->place = t->next;
    if (t->next)
        t->next->place = t->place;
    for (size_t i = 0; i < t->recipient_count; i++) {
        free(t->recipients[i].user);
        free(t->recipients[i].detail);
    }
    staged_unref(&t->staged);
    XXH3_freeState(t->hash);
    arena_free(&t->arena);
    free(t->recipients);
    free(t->accounts);
    free(t->sender);
    free(t->helo);
    free(t->peer);
    free(t);
}

static struct transaction *transaction_new(struct intake *intake, const struct ipc_mail_begin *begin)
{
    struct intake_desk *desk = intake->desk;
    struct transaction *t = NEW(struct transaction);
    struct stager stager = {desk->env.store, desk->env.spool_folder};
    t->desk = desk;
    t->intake = intake;
    t->session = begin->session;
    t->staged = staged_new(&stager);
    t->smtputf8 = begin->smtputf8 != 0;
    t->sender = keep_text(begin->sender);
    t->helo = keep_text(begin->helo);
    t->peer = keep_text(begin->peer);
    t->hash = XXH3_createState();
    BUG_IF(!t->hash);
    XXH3_128bits_reset(t->hash);
    arena_init(&t->arena, LIMIT_COMMAND_MEMORY);
    t->started_us = clock_monotonic_us();
    t->now_utc_s = clock_wall_s();
    t->next = desk->transactions;
    if (t->next)
        t->next->place = &t->next;
    t->place = &desk->transactions;
    desk->transactions = t;
    table_put(&desk->open, t->session, t);
    return t;
}

/* What makes a repeated delivery the same one: octets as received, sender, account and folder. */
static struct delivery_key key_of(const struct transaction *t, const struct recipient *r)
{
    uint64_t parts[5] = {t->octets_hash.high64, t->octets_hash.low64, XXH3_64bits(t->sender, strlen(t->sender)),
                         r->account, XXH3_64bits(r->detail, strlen(r->detail))};
    XXH128_hash_t hash = XXH3_128bits(parts, sizeof(parts));
    return (struct delivery_key){hash.high64, hash.low64};
}

static void log_recipient(const struct transaction *t, const struct recipient *r)
{
    char sender[600];
    log_event(LOG_INFO, "delivery",
              "proto=lmtp sid=%016llx rip=%s size=%llu took_ms=%llu reply=%.9s mailbox=%u uid=%u user=%s from=%s",
              (unsigned long long)t->session, t->peer, (unsigned long long)t->octets,
              (unsigned long long)((clock_monotonic_us() - t->started_us) / 1000), r->reply, r->mailbox, r->added.uid,
              r->user, log_value(view_of_string(t->sender), sender, sizeof(sender)));
}

/* Everybody's reply is known. */
static void answer(struct transaction *t)
{
    struct intake_desk *desk = t->desk;
    struct buffer replies;
    buffer_init(&replies, 0);
    for (size_t i = 0; i < t->recipient_count; i++) {
        struct recipient *r = &t->recipients[i];
        if (r->same)
            r->reply = r->same->reply;
        buffer_printf(&replies, "%s\n", r->reply);
        log_recipient(t, r);
        if (!r->stored)
            continue;
        if (t->reply_lost || !t->intake)
            known_remember(desk->known, key_of(t, r), clock_wall_s());
        else
            known_answered(desk->known, t->session, key_of(t, r));
    }
    if (t->intake && !t->reply_lost) {
        struct ipc_mail_done done = {.replies = buffer_view(&replies)};
        channel_send(t->intake->channel, IPC_MAIL_DONE, t->session, &done, -1);
    }
    buffer_free(&replies);
    transaction_free(t);
}

static void answer_all(struct transaction *t, const char *reply)
{
    for (size_t i = 0; i < t->recipient_count; i++)
        if (!t->recipients[i].reply)
            t->recipients[i].reply = reply;
    answer(t);
}

/* ---- storing ---- */

static struct recipient *recipient_of(struct mutation *mutation)
{
    return (struct recipient *)(void *)((char *)mutation - offsetof(struct recipient, mutation));
}

static enum store_error add_run(struct txn *txn, struct mutation *mutation)
{
    struct recipient *r = recipient_of(mutation);
    struct new_message message = {.blob = staged_blob(r->transaction->staged),
                                  .digest = staged_digest(r->transaction->staged),
                                  .internal_utc_s = r->transaction->now_utc_s};
    return message_add(txn, r->mailbox, &message, &r->added);
}

static void add_done(struct mutation *mutation)
{
    struct recipient *r = recipient_of(mutation);
    struct transaction *t = r->transaction;
    if (mutation->result == STORE_NO_MAILBOX && r->mailbox != r->inbox) {
        r->mailbox = r->inbox; /* the folder went away since it was found */
        engine_mutate(store_engine(t->desk->env.store), mutation);
        return;
    }
    r->stored = mutation->result == STORE_OK;
    r->reply = reply_of(t->desk, mutation->result);
    if (--t->waiting == 0)
        answer(t);
}

static void store_all(struct transaction *t)
{
    t->waiting = 1; /* this function's own */
    for (size_t i = 0; i < t->recipient_count; i++) {
        struct recipient *r = &t->recipients[i];
        for (size_t k = 0; k < i && !r->reply && !r->same; k++)
            if (!t->recipients[k].same && t->recipients[k].account == r->account &&
                t->recipients[k].mailbox == r->mailbox && !t->recipients[k].reply)
                r->same = &t->recipients[k];
        if (r->reply || r->same)
            continue;
        r->mutation =
            (struct mutation){.account = r->account, .run = add_run, .done = add_done, .loop = t->desk->env.loop};
        t->waiting++;
        engine_mutate(store_engine(t->desk->env.store), &r->mutation);
    }
    if (--t->waiting == 0)
        answer(t);
}

/* ---- which mailbox ---- */

static enum store_error find_folder(struct transaction *t, const struct reader *reader, struct recipient *r)
{
    struct mailbox mailbox;
    struct mailbox_entry *entries;
    struct arena arena; /* one for each of many recipients */
    size_t count;
    enum store_error error = mailbox_find(reader, &t->arena, view_of_string(r->detail), &mailbox);
    if (error == STORE_OK && !(mailbox.flags & MAILBOX_NOSELECT)) {
        r->mailbox = mailbox.id;
        return STORE_OK;
    }
    if (error == STORE_WOULD_BLOCK)
        return error;
    arena_init(&arena, LIMIT_COMMAND_MEMORY);
    error = mailbox_list(reader, &arena, &entries, &count);
    for (size_t i = 0; error == STORE_OK && i < count; i++)
        if (entries[i].exists && !(entries[i].mailbox.flags & MAILBOX_NOSELECT) &&
            view_equal_string_nocase(entries[i].path, r->detail)) {
            r->mailbox = entries[i].mailbox.id;
            break;
        }
    arena_free(&arena);
    return error == STORE_WOULD_BLOCK ? error : STORE_OK; /* INBOX will do */
}

/* The folder that the subaddress names, if there is one; else INBOX. */
static enum store_error find_mailbox(struct transaction *t, struct recipient *r, enum read_mode mode)
{
    struct reader reader = {t->desk->env.store, r->account, mode};
    struct mailbox mailbox;
    enum store_error error = mailbox_find(&reader, &t->arena, VIEW_LITERAL("INBOX"), &mailbox);
    if (error != STORE_OK)
        return error;
    r->inbox = r->mailbox = mailbox.id;
    return r->detail[0] ? find_folder(t, &reader, r) : STORE_OK;
}

/* STORE_WOULD_BLOCK, or STORE_OK with the errors in the replies. */
static enum store_error find_mailboxes(struct transaction *t, enum read_mode mode)
{
    for (size_t i = 0; i < t->recipient_count; i++) {
        struct recipient *r = &t->recipients[i];
        if (r->reply || r->inbox)
            continue;
        enum store_error error = find_mailbox(t, r, mode);
        if (error == STORE_WOULD_BLOCK)
            return error;
        if (error != STORE_OK)
            r->reply = reply_of(t->desk, error);
    }
    return STORE_OK;
}

static struct transaction *transaction_of(struct task *task)
{
    return (struct transaction *)(void *)((char *)task - offsetof(struct transaction, task));
}

static void found_in_pool(struct task *task)
{
    store_all(transaction_of(task));
}

static void find_in_pool(struct task *task)
{
    struct transaction *t = transaction_of(task);
    (void)find_mailboxes(t, READ_BLOCKING);
    t->task.run = found_in_pool;
    loop_post(t->desk->env.loop, &t->task);
}

static void staged_done(struct staged_request *request)
{
    struct transaction *t = (struct transaction *)(void *)((char *)request - offsetof(struct transaction, finish));
    if (request->result != STORE_OK) {
        answer_all(t, reply_of(t->desk, request->result));
    } else if (find_mailboxes(t, READ_NONBLOCKING) == STORE_WOULD_BLOCK) {
        t->task.run = find_in_pool;
        engine_pool(store_engine(t->desk->env.store), &t->task);
    } else {
        store_all(t);
    }
}

/* ---- MAIL_END ---- */

static uint64_t get_u64(const char *octets)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | (unsigned char)octets[i];
    return value;
}

static void take_recipient(struct transaction *t, struct recipient *r, const char *ticket)
{
    struct promises *promises = &t->desk->promises;
    struct promise *promise = promise_find(promises, get_u64(ticket), get_u64(ticket + 8), t->session);
    r->transaction = t;
    r->user = keep_text(promise ? promise->user : VIEW_EMPTY);
    r->detail = keep_text(promise ? promise->detail : VIEW_EMPTY);
    if (!promise) {
        r->reply = "451 4.3.0 This recipient is no longer known, try again";
        return;
    }
    r->account = promise->account;
    promise_remove(promises, promise);
    if (known_take(t->desk->known, key_of(t, r), t->now_utc_s))
        r->reply = "250 2.0.0 Saved before";
}

static void take_recipients(struct transaction *t, struct view tickets)
{
    t->recipient_count = tickets.size / 16;
    t->recipients = memory_array(t->recipient_count + 1, sizeof(struct recipient));
    t->accounts = memory_array(t->recipient_count + 1, sizeof(uint64_t));
    for (size_t i = 0; i < t->recipient_count; i++) {
        struct recipient *r = &t->recipients[i];
        take_recipient(t, r, tickets.data + i * 16);
        bool known = r->reply != NULL;
        for (size_t k = 0; k < t->account_count && !known; k++)
            known = t->accounts[k] == r->account;
        if (!known)
            t->accounts[t->account_count++] = r->account;
    }
}

static void write_trace(struct transaction *t)
{
    if (t->traced)
        return;
    t->traced = true;
    /* All recipients were promised before the first octet came, and none of a later message yet. */
    const struct promise *only = promise_only(&t->desk->promises, t->session);
    struct trace trace = {.sender = view_of_string(t->sender),
                          .helo = view_of_string(t->helo),
                          .peer = view_of_string(t->peer),
                          .address = only ? only->address : VIEW_EMPTY,
                          .host_name = t->desk->env.host_name,
                          .session = t->session,
                          .now_utc_s = t->now_utc_s,
                          .smtputf8 = t->smtputf8};
    struct buffer out;
    buffer_init(&out, 0);
    trace_write(&trace, &out);
    t->error = staged_append(t->staged, buffer_view(&out));
    buffer_free(&out);
}

static void end_transaction(struct transaction *t, struct view tickets)
{
    struct intake_desk *desk = t->desk;
    write_trace(t);
    t->octets_hash = XXH3_128bits_digest(t->hash);
    table_remove(&desk->open, t->session);
    t->ended = true;
    table_put(&desk->ended, t->session, t);
    desk->pending++;
    desk->pending_octets += t->octets;
    set_reading(desk);
    take_recipients(t, tickets);
    if (t->error != STORE_OK || t->account_count == 0) {
        answer_all(t, reply_of(desk, t->error != STORE_OK ? t->error : STORE_BUSY));
        return;
    }
    t->finish = (struct staged_request){.staged = t->staged,
                                        .parser = desk->env.parser,
                                        .loop = desk->env.loop,
                                        .accounts = t->accounts,
                                        .account_count = t->account_count,
                                        .utc_s = clock_wall_s(),
                                        .done = staged_done};
    staged_finish(&t->finish);
}

/* ---- messages ---- */

static void no(struct intake *intake, uint64_t session, uint16_t code, const char *enhanced, const char *text)
{
    struct ipc_mail_no no = {code, view_of_string(enhanced), view_of_string(text)};
    channel_send(intake->channel, IPC_MAIL_NO, session, &no, -1);
}

static void mail_begin(struct intake *intake, const struct ipc_mail_begin *begin)
{
    struct intake_desk *desk = intake->desk;
    struct transaction *old = table_get(&desk->open, begin->session);
    if (old)
        transaction_free(old);
    /* Two at once can't be honest: the peer waits for each reply. */
    if (table_get(&desk->ended, begin->session))
        no(intake, begin->session, 451, "4.3.0", "The message before is not finished");
    else if (begin->size_octets > LIMIT_MESSAGE_OCTETS)
        no(intake, begin->session, 552, "5.3.4", "Message too big");
    else
        transaction_new(intake, begin);
}

static void mail_data(struct intake *intake, uint64_t session, struct view octets)
{
    struct transaction *t = table_get(&intake->desk->open, session);
    if (!t || t->intake != intake)
        return;
    write_trace(t);
    XXH3_128bits_update(t->hash, octets.data, octets.size);
    if (t->error == STORE_OK)
        t->error = staged_append(t->staged, octets);
    t->octets += octets.size;
    t->uncredited += (uint32_t)octets.size;
    if (t->uncredited < CREDIT_OCTETS)
        return;
    struct ipc_mail_credit credit = {t->uncredited};
    t->uncredited = 0;
    channel_send(intake->channel, IPC_MAIL_CREDIT, session, &credit, -1);
}

static void mail_end(struct intake *intake, uint64_t session, struct view tickets)
{
    struct transaction *t = table_get(&intake->desk->open, session);
    if (t && t->intake == intake) {
        end_transaction(t, tickets);
        return;
    }
    /* No MAIL_BEGIN came before, or it was refused: the peer still needs its replies. */
    struct buffer replies;
    buffer_init(&replies, 0);
    for (size_t i = 0; i < tickets.size / 16; i++)
        buffer_append_string(&replies, "451 4.3.0 Try again\n");
    struct ipc_mail_done done = {buffer_view(&replies)};
    channel_send(intake->channel, IPC_MAIL_DONE, session, &done, -1);
    buffer_free(&replies);
}

static void reply_lost(struct intake *intake, uint64_t session)
{
    struct transaction *t = table_get(&intake->desk->ended, session);
    if (t && t->intake == intake)
        t->reply_lost = true;
    else if (known_lost(intake->desk->known, session) > 0)
        log_event(LOG_INFO, "delivery.reply-lost", "sid=%016llx", (unsigned long long)session);
}

static void mail_abort(struct intake *intake, uint64_t session)
{
    struct transaction *t = table_get(&intake->desk->open, session);
    if (t && t->intake == intake)
        transaction_free(t);
}

bool intake_message(struct intake *intake, const struct message *message)
{
    switch (message->type) {
    case IPC_MAIL_BEGIN:
        mail_begin(intake, message->body);
        return true;
    case IPC_MAIL_DATA:
        mail_data(intake, message->id, ((const struct ipc_mail_data *)message->body)->octets);
        return true;
    case IPC_MAIL_END:
        mail_end(intake, message->id, ((const struct ipc_mail_end *)message->body)->recipients);
        return true;
    case IPC_MAIL_ABORT:
        mail_abort(intake, message->id);
        return true;
    case IPC_REPLY_LOST:
        reply_lost(intake, ((const struct ipc_reply_lost *)message->body)->session);
        return true;
    default:
        return false;
    }
}

/* ---- TAKES ---- */

static bool over_quota(const struct account *account, uint64_t size_octets)
{
    uint64_t size = size_octets ? size_octets : 1;
    if (account->quota_octets &&
        (account->octets >= account->quota_octets || size > account->quota_octets - account->octets))
        return true;
    return account->quota_messages && account->messages >= account->quota_messages;
}

bool intake_takes(struct intake_desk *desk, const struct ipc_takes *takes, struct ipc_takes_no *no_r)
{
    struct reader reader = {desk->env.store, takes->account, READ_NONBLOCKING};
    struct account account;
    enum store_error error = account_read(&reader, &account);
    if (error == STORE_NO_ACCOUNT || error == STORE_NOT_FOUND) {
        *no_r = (struct ipc_takes_no){550, VIEW_LITERAL("5.1.1"), VIEW_LITERAL("No such user")};
    } else if (desk->env.quarantined && desk->env.quarantined(desk->env.quarantined_ctx, takes->account)) {
        *no_r = (struct ipc_takes_no){451, VIEW_LITERAL("4.2.1"), VIEW_LITERAL("Mailbox closed for a while")};
    } else if (error == STORE_OK && over_quota(&account, takes->size_octets)) {
        bool permanent = desk->env.over_quota_is_permanent;
        *no_r = (struct ipc_takes_no){permanent ? 552 : 452, permanent ? VIEW_LITERAL("5.2.2") : VIEW_LITERAL("4.2.2"),
                                      VIEW_LITERAL("Mailbox full")};
    } else {
        /* What isn't in memory is seen when the message is stored. */
        promise_add(&desk->promises, takes);
        return true;
    }
    return false;
}

/* ---- life ---- */

struct intake_desk *intake_desk_new(const struct intake_env *env)
{
    struct intake_desk *desk = NEW(struct intake_desk);
    desk->env = *env;
    desk->known = known_new();
    return desk;
}

void intake_desk_set_policy(struct intake_desk *desk, bool over_quota_is_permanent)
{
    desk->env.over_quota_is_permanent = over_quota_is_permanent;
}

size_t intake_desk_pending(const struct intake_desk *desk)
{
    return desk->pending;
}

void intake_desk_free(struct intake_desk **desk_p)
{
    struct intake_desk *desk = *desk_p;
    if (!desk)
        return;
    *desk_p = NULL;
    for (struct transaction *t = desk->transactions, *next; t; t = next) {
        next = t->next;
        transaction_free(t);
    }
    promises_free(&desk->promises);
    known_free(&desk->known);
    table_free(&desk->open);
    table_free(&desk->ended);
    free(desk);
}

struct intake *intake_new(struct intake_desk *desk, struct channel *channel)
{
    struct intake *intake = NEW(struct intake);
    intake->desk = desk;
    intake->channel = channel;
    intake->next = desk->intakes;
    desk->intakes = intake;
    channel_set_reading(channel, !desk->stopped);
    return intake;
}

void intake_free(struct intake **intake_p)
{
    struct intake *intake = *intake_p;
    if (!intake)
        return;
    *intake_p = NULL;
    struct intake_desk *desk = intake->desk;
    struct intake **at = &desk->intakes;
    while (*at && *at != intake)
        at = &(*at)->next;
    if (*at)
        *at = intake->next;
    for (struct transaction *t = desk->transactions, *next; t; t = next) {
        next = t->next;
        if (t->intake != intake)
            continue;
        t->intake = NULL;
        if (!t->ended)
            transaction_free(t);
    }
    free(intake);
}
