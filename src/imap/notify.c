/*
 * imap/notify.c: NOTIFY (RFC 5465): the command, what the loop hears, and telling what is different now.
 *
 * What this session changed itself isn't told (RFC 5465 5). Only if somebody else changed the same mailbox, or the
 * list, before it could be looked at, is it told with theirs. Tested   tests/e2e/test_cap_notify.py
 */
#include "imap/notify.h"
#include "base/memory.h"
#include "imap/place.h"
#include <stdlib.h>
#include <xxhash.h>

/* ---- what the loop hears ---- */

static void note(struct uidset **set, uint32_t mailbox)
{
    if (!*set)
        *set = uidset_new();
    uidset_add(*set, mailbox);
}

static struct notify_account *find_account(const struct notify_touched *touched, uint64_t account)
{
    for (size_t i = 0; i < touched->count; i++)
        if (touched->accounts[i].account == account)
            return &touched->accounts[i];
    return NULL;
}

struct notify_account *notify_account_of(struct notify_touched *touched, uint64_t account)
{
    struct notify_account *found = find_account(touched, account);
    if (found)
        return found;
    touched->accounts = memory_resize(touched->accounts, (touched->count + 1) * sizeof *touched->accounts);
    touched->accounts[touched->count] = (struct notify_account){.account = account};
    return &touched->accounts[touched->count++];
}

static void note_touch(struct notify_account *t, const struct touch *touch, bool own)
{
    if (own)
        t->own_modseq = touch->modseq;
    if (touch->metadata && !touch->mailbox)
        t->server[own] = true;
    else if (touch->metadata)
        note(&t->metadata[own], touch->mailbox);
    else if (!touch->mailbox)
        t->list[own] = true;
    else
        note(&t->mailboxes[own], touch->mailbox);
}

bool notify_hear(struct imap *imap, const struct touch *touch)
{
    struct notify_heard *heard = &imap->heard;
    if (!atomic_load(&heard->on))
        return false;
    pthread_mutex_lock(&heard->lock);
    if (!heard->touched)
        heard->touched = NEW(struct notify_touched);
    note_touch(notify_account_of(heard->touched, touch->account), touch, touch->origin == imap->session->id);
    pthread_mutex_unlock(&heard->lock);
    return true;
}

static void free_touched(struct notify_touched *t)
{
    for (size_t i = 0; i < t->count; i++) {
        for (size_t own = 0; own < 2; own++) {
            uidset_unref(&t->accounts[i].mailboxes[own]);
            uidset_unref(&t->accounts[i].metadata[own]);
        }
    }
    free(t->accounts);
    *t = (struct notify_touched){0};
}

/* False: nothing was heard. */
static bool take_heard(struct imap *imap, struct notify_touched *touched_r)
{
    struct notify_heard *heard = &imap->heard;
    pthread_mutex_lock(&heard->lock);
    struct notify_touched *taken = heard->touched;
    heard->touched = NULL;
    pthread_mutex_unlock(&heard->lock);
    if (!taken)
        return false;
    *touched_r = *taken;
    free(taken);
    return true;
}

/* ---- life ---- */

static void free_notify(struct notify **notify)
{
    struct notify *n = *notify;
    *notify = NULL;
    if (!n)
        return;
    notify_list_free(&n->list);
    notify_reading_free(n);
    free(n->server.rows);
    free_touched(&n->touched);
    purse_empty(&n->purse);
    arena_free(&n->arena);
    free(n);
}

void notify_end(struct imap *imap)
{
    struct notify_touched touched;
    atomic_store(&imap->heard.on, false);
    free_notify(&imap->notify);
    if (take_heard(imap, &touched))
        free_touched(&touched);
}

bool notify_wants(const struct imap *imap, enum notify_event event)
{
    return !imap->notify || imap->syncs_all || (imap->notify->selected & event);
}

static struct notify *make(void)
{
    struct notify *n = NEW(struct notify);
    arena_init(&n->arena, LIMIT_COMMAND_MEMORY);
    return n;
}

/* Others' accounts are watched for what holds now, whatever a NOTIFY that failed wanted. */
static void settle(struct imap *imap)
{
    if (!imap->notify || !imap->notify->foreign)
        session_watch_more(imap->session, NULL, 0);
}

static void install(struct imap *imap, struct notify *n)
{
    free_notify(&imap->notify);
    imap->notify = n;
    atomic_store(&imap->heard.on, (n->any | n->selected) != 0);
    settle(imap);
}

/* RFC 5465 5.8. */
static void overflow(struct imap *imap)
{
    imap_untagged(imap, "OK [NOTIFICATIONOVERFLOW] That is more than can be told: it ends here");
    install(imap, make());
}

/* ---- annotations ---- */

static const struct notify_entry *find_entry(const struct notify_entries *entries, struct view name)
{
    for (size_t i = 0; i < entries->count; i++)
        if (view_equal(entries->rows[i].name, name))
            return &entries->rows[i];
    return NULL;
}

static enum store_error read_entries(struct notify *n, const struct reader *reader, uint32_t mailbox,
                                     struct notify_entries *entries_r)
{
    struct metadata_entry *found;
    struct arena arena;
    size_t count, octets = 0;
    arena_init(&arena, 2 * (size_t)LIMIT_METADATA_ENTRIES * (LIMIT_METADATA_OCTETS + LIMIT_METADATA_NAME));
    enum store_error error = metadata_read(reader, &arena, mailbox, &found, &count);
    *entries_r = (struct notify_entries){0};
    for (size_t i = 0; !error && i < count; i++)
        octets += sizeof(struct notify_entry) + found[i].name.size;
    n->entry_octets += octets;
    if (!error && !purse_reach(&n->purse, n->list.octets * 2 + n->entry_octets))
        error = STORE_LIMIT;
    if (!error && count) {
        entries_r->rows = memory_new(octets);
        char *text = (char *)(entries_r->rows + count);
        for (size_t i = 0; i < count; i++) {
            struct notify_entry *row = &entries_r->rows[entries_r->count++];
            view_copy(text, found[i].name);
            *row = (struct notify_entry){.name = view_of(text, found[i].name.size),
                                         .value = XXH3_64bits(found[i].value.data, found[i].value.size)};
            text += found[i].name.size;
        }
    }
    arena_free(&arena);
    return error;
}

/* RFC 5464 4.4.2: names alone. */
static void tell_entry(struct imap *imap, struct view path, struct view name, bool *any)
{
    struct buffer *out = imap_output(imap);
    if (!*any) {
        buffer_append_string(out, "* METADATA ");
        imap_write_mailbox(imap, out, path);
    }
    *any = true;
    buffer_append_char(out, ' ');
    imap_write_astring(out, name);
}

static void tell_entries(struct imap *imap, struct view path, const struct notify_entries *old,
                         const struct notify_entries *now)
{
    bool any = false;
    for (size_t i = 0; i < now->count; i++) {
        const struct notify_entry *was = find_entry(old, now->rows[i].name);
        if (!was || was->value != now->rows[i].value)
            tell_entry(imap, path, now->rows[i].name, &any);
    }
    for (size_t i = 0; i < old->count; i++)
        if (!find_entry(now, old->rows[i].name))
            tell_entry(imap, path, old->rows[i].name, &any);
    if (any)
        buffer_append_string(imap_output(imap), "\r\n");
}

/* What the client knows is replaced by what is; the difference is told, unless it is all its own. */
static enum store_error renew_entries(struct imap *imap, const struct reader *reader, struct view path,
                                      uint32_t mailbox, struct notify_entries *known, bool tells)
{
    struct notify_entries now;
    enum store_error error = read_entries(imap->notify, reader, mailbox, &now);
    if (error)
        return error;
    if (tells)
        tell_entries(imap, path, known, &now);
    for (size_t i = 0; i < known->count; i++)
        imap->notify->entry_octets -= sizeof(struct notify_entry) + known->rows[i].name.size;
    free(known->rows);
    *known = now;
    return STORE_OK;
}

/* ---- counters ---- */

static uint64_t owner_of(const struct imap *imap, const struct notify_mailbox *row)
{
    return row->account ? row->account : imap->session->account;
}

static bool is_selected(const struct imap *imap, const struct notify_mailbox *row)
{
    const struct selected *s = &imap->selected;
    return s->open && s->account == owner_of(imap, row) && s->mailbox == row->mailbox.id;
}

static struct reader reader_of(const struct imap *imap, const struct step_context *context,
                               const struct notify_mailbox *row)
{
    struct place place = {.account = owner_of(imap, row)};
    return place_reader(imap, context, &place);
}

static void write_item(struct buffer *out, const char *name, uint64_t value)
{
    if (buffer_view(out).data[buffer_size(out) - 1] != '(')
        buffer_append_char(out, ' ');
    buffer_printf(out, "%s %llu", name, (unsigned long long)value);
}

/* Messages came or went, or flags changed, or both: one response (RFC 5465 5.1 to 5.3). How many of another's messages
 * the user hasn't seen stands in no counter: it isn't told. */
static void tell_counters(struct imap *imap, const struct notify_mailbox *row, const struct mailbox *now)
{
    const struct mailbox *was = &row->mailbox;
    bool condstore = imap->enabled & ENABLED_CONDSTORE;
    bool unseen = (row->events & NOTIFY_FLAGS) && was->unseen != now->unseen && !row->account;
    bool messages = (row->events & NOTIFY_NEW) && (was->uidnext != now->uidnext || was->messages != now->messages);
    bool changes = row->events & (NOTIFY_FLAGS | NOTIFY_ANNOTATIONS);
    bool flags = changes && ((condstore && was->highestmodseq != now->highestmodseq) || unseen ||
                             was->uidvalidity != now->uidvalidity);
    struct buffer *out = imap_output(imap);
    if (!messages && !flags)
        return;
    buffer_append_string(out, "* STATUS ");
    imap_write_mailbox(imap, out, row->path);
    buffer_append_string(out, " (");
    if (messages) {
        write_item(out, "UIDNEXT", now->uidnext);
        write_item(out, "MESSAGES", now->messages);
    }
    if (condstore)
        write_item(out, "HIGHESTMODSEQ", now->highestmodseq);
    if (flags)
        write_item(out, "UIDVALIDITY", now->uidvalidity);
    if (flags && unseen)
        write_item(out, "UNSEEN", now->unseen);
    buffer_append_string(out, ")\r\n");
}

/* Is it this session's own doing alone? Then nothing of it is told. */
static bool was_touched(const struct imap *imap, const struct notify_mailbox *row, bool metadata, bool *other_r,
                        uint64_t *own_modseq_r)
{
    const struct notify_account *t = find_account(&imap->notify->touched, owner_of(imap, row));
    uint32_t id = row->mailbox.id;
    if (!t || !id)
        return false;
    struct uidset *const *sets = metadata ? t->metadata : t->mailboxes;
    *other_r = sets[0] && uidset_has(sets[0], id);
    *own_modseq_r = t->own_modseq;
    return *other_r || (sets[1] && uidset_has(sets[1], id));
}

/* RFC 5465 5.9: who lost a right in the meantime hears no more, though the list doesn't say so yet. STEP_DONE:
 * *may_r. */
static enum step_result may_hear(struct imap *imap, struct step_context *context, const struct notify_mailbox *row,
                                 bool *may_r)
{
    uint32_t rights;
    enum store_error error;
    enum step_result result = rights_find(imap, context, owner_of(imap, row), row->mailbox.id, &rights, &error);
    *may_r = result == STEP_DONE && !error && !rights_judge(rights, RIGHT_LOOKUP | RIGHT_READ);
    return result;
}

static enum step_result look_at_counters(struct imap *imap, struct step_context *context, struct notify_mailbox *row,
                                         enum store_error *error_r)
{
    struct reader reader = reader_of(imap, context, row);
    struct mailbox now;
    bool other, may = false;
    uint64_t own_modseq;
    *error_r = STORE_OK;
    if (row->denied || !was_touched(imap, row, false, &other, &own_modseq))
        return STEP_DONE;
    enum step_result result = may_hear(imap, context, row, &may);
    if (result != STEP_DONE || !may)
        return result;
    *error_r = mailbox_read(&reader, NULL, row->mailbox.id, &now);
    if (*error_r) { /* deleted: the list says so */
        *error_r = *error_r == STORE_WOULD_BLOCK ? *error_r : STORE_OK;
        return STEP_DONE;
    }
    if (!is_selected(imap, row) && (other || now.highestmodseq > own_modseq))
        tell_counters(imap, row, &now);
    row->mailbox.uidnext = now.uidnext;
    row->mailbox.uidvalidity = now.uidvalidity;
    row->mailbox.messages = now.messages;
    row->mailbox.unseen = now.unseen;
    row->mailbox.highestmodseq = now.highestmodseq;
    return STEP_DONE;
}

/* ---- telling, in slices ---- */

/* Did this session alone change anything? *tells_r false: then nothing of it is told. */
static enum store_error is_own_alone(const struct reader *reader, uint64_t own_modseq, bool other, bool *tells_r)
{
    struct account account;
    *tells_r = true;
    if (other)
        return STORE_OK;
    enum store_error error = account_read(reader, &account);
    *tells_r = error || account.modseq > own_modseq;
    return error;
}

/* Of a list that has others' mailboxes in it, each account that was touched is asked. *any_r: one was. */
static enum store_error is_list_told(const struct imap *imap, const struct step_context *context, bool *any_r,
                                     bool *tells_r)
{
    const struct notify *n = imap->notify;
    enum store_error error = STORE_OK;
    *any_r = *tells_r = n->late;
    for (size_t i = 0; !error && !*tells_r && i < n->touched.count; i++) {
        const struct notify_account *t = &n->touched.accounts[i];
        struct reader reader = {imap->session->env->store, t->account, context->mode};
        bool own = t->account == imap->session->account;
        if ((!t->list[0] && !t->list[1]) || (!own && !n->foreign))
            continue;
        *any_r = true;
        error = is_own_alone(&reader, t->own_modseq, t->list[0], tells_r);
    }
    return error;
}

static enum step_result tell_list(struct imap *imap, struct step_context *context, enum store_error *error_r)
{
    struct notify *n = imap->notify;
    bool any, tells;
    *error_r = is_list_told(imap, context, &any, &tells);
    if (*error_r || !any)
        return STEP_DONE;
    enum step_result result = notify_list_read(imap, n, context, tells, error_r);
    if (result == STEP_DONE)
        n->late = *error_r == STORE_BUSY;
    return result;
}

static enum step_result look_at_entries(struct imap *imap, struct step_context *context, struct notify_mailbox *row,
                                        enum store_error *error_r)
{
    struct reader reader = reader_of(imap, context, row);
    bool tells, other, may = false;
    uint64_t own_modseq;
    *error_r = STORE_OK;
    if (!(row->events & NOTIFY_METADATA) || !was_touched(imap, row, true, &other, &own_modseq))
        return STEP_DONE;
    enum step_result result = may_hear(imap, context, row, &may);
    if (result != STEP_DONE || !may)
        return result;
    *error_r = is_own_alone(&reader, own_modseq, other, &tells);
    if (!*error_r)
        *error_r = renew_entries(imap, &reader, row->path, row->mailbox.id, &row->entries, tells);
    return STEP_DONE;
}

static enum store_error tell_server(struct imap *imap, const struct step_context *context)
{
    struct reader reader = session_reader(imap->session, context);
    struct notify *n = imap->notify;
    const struct notify_account *t = find_account(&n->touched, imap->session->account);
    bool tells;
    if (!(n->any & NOTIFY_SERVER_METADATA) || !t || (!t->server[0] && !t->server[1]))
        return STORE_OK;
    enum store_error error = is_own_alone(&reader, t->own_modseq, t->server[0], &tells);
    return error ? error : renew_entries(imap, &reader, VIEW_EMPTY, 0, &n->server, tells);
}

/* Each mailbox in turn. */
static enum step_result tell_each(struct imap *imap, struct step_context *context,
                                  enum step_result (*look)(struct imap *imap, struct step_context *context,
                                                           struct notify_mailbox *row, enum store_error *error_r),
                                  enum store_error *error_r)
{
    struct notify *n = imap->notify;
    enum step_result over;
    *error_r = STORE_OK;
    while (n->at < n->list.count) {
        enum step_result result = look(imap, context, &n->list.rows[n->at], error_r);
        if (result != STEP_DONE || *error_r)
            return result;
        n->at++;
        if (imap_slice_over(imap, context, &over))
            return over;
    }
    n->at = 0;
    return STEP_DONE;
}

static enum step_result tell_phase(struct imap *imap, struct step_context *context, enum store_error *error_r)
{
    *error_r = STORE_OK;
    switch (imap->notify->phase) {
    case NOTIFY_LIST:
        return tell_list(imap, context, error_r);
    case NOTIFY_COUNTERS:
        return tell_each(imap, context, look_at_counters, error_r);
    case NOTIFY_ENTRIES:
        return tell_each(imap, context, look_at_entries, error_r);
    case NOTIFY_SERVER:
        *error_r = tell_server(imap, context);
        break;
    case NOTIFY_REST:
        break;
    }
    return STEP_DONE;
}

enum step_result notify_tell(struct imap *imap, struct step_context *context)
{
    struct notify *n = imap->notify;
    if (!n || (n->phase == NOTIFY_REST && !take_heard(imap, &n->touched)))
        return STEP_DONE;
    if (!n->any) {
        free_touched(&n->touched);
        return STEP_DONE;
    }
    if (n->phase == NOTIFY_REST) {
        n->phase = NOTIFY_LIST;
        n->at = 0;
    }
    while (n->phase != NOTIFY_REST) {
        enum store_error error;
        enum step_result result = tell_phase(imap, context, &error);
        if (result == STEP_DONE && error == STORE_WOULD_BLOCK)
            return imap_wait_pool(context);
        if (result != STEP_DONE)
            return result;
        if (error == STORE_LIMIT) {
            overflow(imap);
            return STEP_DONE;
        }
        /* Whatever else fails is told with the next change. */
        n->phase = n->phase == NOTIFY_SERVER || error ? NOTIFY_REST : n->phase + 1;
    }
    free_touched(&n->touched);
    return STEP_DONE;
}

/* ---- the command ---- */

struct setting {
    struct notify *n;
    bool status, unsupported, listed, server_read;
    size_t at;
};

bool notify_parse(struct imap *imap, struct arguments *a)
{
    struct setting *s = ARENA_NEW(a->arena, struct setting);
    imap->state = s;
    s->n = make();
    /* What is kept must outlive the command: it is read from a copy. */
    struct view text = arena_view(&s->n->arena, view_of(a->at, (size_t)(a->end - a->at)));
    struct arguments own = *a;
    own.arena = &s->n->arena;
    own.at = text.data;
    own.end = text.data + text.size;
    bool good = notify_read(imap, &own, s->n, &s->status, &s->unsupported);
    a->problem = own.problem;
    a->at = good ? a->end : a->at;
    return good;
}

void notify_drop(struct imap *imap)
{
    struct setting *s = imap->state;
    if (s)
        free_notify(&s->n);
    atomic_store(&imap->heard.on, imap->notify && (imap->notify->any | imap->notify->selected));
}

/* RFC 5465 3.1. */
static void tell_status(struct imap *imap, const struct notify_mailbox *row)
{
    const struct mailbox *m = &row->mailbox;
    struct buffer *out = imap_output(imap);
    if (!(row->events & NOTIFY_OF_MESSAGES) || is_selected(imap, row))
        return;
    buffer_append_string(out, "* STATUS ");
    imap_write_mailbox(imap, out, row->path);
    buffer_printf(out, " (MESSAGES %u UIDNEXT %u UIDVALIDITY %u", m->messages, m->uidnext, m->uidvalidity);
    if (row->events & (NOTIFY_FLAGS | NOTIFY_ANNOTATIONS))
        write_item(out, "HIGHESTMODSEQ", m->highestmodseq);
    buffer_append_string(out, ")\r\n");
}

/* What is there when it begins. STORE_MORE: *result_r says how to go on. */
static enum store_error take_stock(struct imap *imap, struct setting *s, struct step_context *context,
                                   enum step_result *result_r)
{
    struct reader own = session_reader(imap->session, context);
    struct notify *n = s->n;
    enum store_error error = STORE_OK;
    if (!s->listed && n->any) {
        *result_r = notify_list_read(imap, n, context, false, &error);
        if (*result_r != STEP_DONE)
            return STORE_MORE;
    }
    s->listed = !error;
    for (; !error && s->at < n->list.count; s->at++) {
        struct notify_mailbox *row = &n->list.rows[s->at];
        struct reader reader = reader_of(imap, context, row);
        if (row->events & NOTIFY_METADATA)
            error = read_entries(n, &reader, row->mailbox.id, &row->entries);
        if (error)
            break;
        if (row->denied)
            notify_tell_denied(imap, row);
        if (s->status)
            tell_status(imap, row);
        if (imap_slice_over(imap, context, result_r)) {
            s->at++;
            return STORE_MORE;
        }
    }
    if (!error && !s->server_read && (n->any & NOTIFY_SERVER_METADATA))
        error = read_entries(n, &own, 0, &n->server);
    s->server_read = !error;
    return error;
}

enum step_result notify_step(struct imap *imap, struct step_context *context)
{
    struct setting *s = imap->state;
    enum step_result result = STEP_DONE;
    if (s->unsupported) {
        imap_finish_printf(imap, "NO", "[BADEVENT (%s)] There is no such event here", notify_event_names);
        return STEP_DONE;
    }
    atomic_store(&imap->heard.on, true); /* from before the list is read: nothing falls between */
    enum store_error error = s->n->arena.used > LIMIT_NOTIFY_OCTETS ? STORE_LIMIT : STORE_OK;
    if (!error)
        error = take_stock(imap, s, context, &result);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error == STORE_MORE)
        return result;
    if (error == STORE_LIMIT) {
        settle(imap);
        imap_finish(imap, "NO", "NOTIFICATIONOVERFLOW", "That is more than can be watched");
        return STEP_DONE;
    }
    if (error) {
        settle(imap);
        imap_finish_error(imap, error);
        return STEP_DONE;
    }
    imap->syncs_all = s->n->set; /* SET is a NOOP too (RFC 5465 3.1) */
    install(imap, s->n);
    s->n = NULL;
    imap_finish(imap, "OK", NULL, "You will be notified");
    return STEP_DONE;
}
