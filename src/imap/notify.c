/*
 * imap/notify.c: NOTIFY (RFC 5465): the command, what the loop hears, and telling what is different now.
 *
 * What this session changed itself isn't told (RFC 5465 5). Only if somebody else changed the same mailbox, or the
 * list, before it could be looked at, is it told with theirs. Tested   tests/e2e/test_cap_notify.py
 */
#include "imap/notify.h"
#include "base/memory.h"
#include <stdlib.h>
#include <xxhash.h>

/* ---- what the loop hears ---- */

static void note(struct uidset **set, uint32_t mailbox)
{
    if (!*set)
        *set = uidset_new();
    uidset_add(*set, mailbox);
}

static void note_touch(struct notify_touched *t, const struct touch *touch, bool own)
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
    if (touch->account != imap->session->account) /* the selected mailbox may be another's */
        return true;
    pthread_mutex_lock(&heard->lock);
    if (!heard->touched)
        heard->touched = NEW(struct notify_touched);
    note_touch(heard->touched, touch, touch->origin == imap->session->id);
    pthread_mutex_unlock(&heard->lock);
    return true;
}

static void free_touched(struct notify_touched *t)
{
    for (size_t own = 0; own < 2; own++) {
        uidset_unref(&t->mailboxes[own]);
        uidset_unref(&t->metadata[own]);
    }
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

static void install(struct imap *imap, struct notify *n)
{
    free_notify(&imap->notify);
    imap->notify = n;
    atomic_store(&imap->heard.on, (n->any | n->selected) != 0);
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

static bool is_selected(const struct imap *imap, uint32_t mailbox)
{
    const struct selected *s = &imap->selected;
    return s->open && s->account == imap->session->account && s->mailbox == mailbox;
}

static void write_item(struct buffer *out, const char *name, uint64_t value)
{
    if (buffer_view(out).data[buffer_size(out) - 1] != '(')
        buffer_append_char(out, ' ');
    buffer_printf(out, "%s %llu", name, (unsigned long long)value);
}

/* Messages came or went, or flags changed, or both: one response (RFC 5465 5.1 to 5.3). */
static void tell_counters(struct imap *imap, const struct notify_mailbox *row, const struct mailbox *now)
{
    const struct mailbox *was = &row->mailbox;
    bool condstore = imap->enabled & ENABLED_CONDSTORE,
         unseen = (row->events & NOTIFY_FLAGS) && was->unseen != now->unseen;
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

static enum store_error look_at_counters(struct imap *imap, const struct reader *reader, struct notify_mailbox *row)
{
    const struct notify_touched *t = &imap->notify->touched;
    uint32_t id = row->mailbox.id;
    struct mailbox now;
    bool other = t->mailboxes[0] && uidset_has(t->mailboxes[0], id);
    bool own = t->mailboxes[1] && uidset_has(t->mailboxes[1], id);
    if (!id || (!other && !own))
        return STORE_OK;
    enum store_error error = mailbox_read(reader, NULL, id, &now);
    if (error) /* deleted: the list says so */
        return error == STORE_WOULD_BLOCK ? error : STORE_OK;
    if (!is_selected(imap, id) && (other || now.highestmodseq > t->own_modseq))
        tell_counters(imap, row, &now);
    row->mailbox.uidnext = now.uidnext;
    row->mailbox.uidvalidity = now.uidvalidity;
    row->mailbox.messages = now.messages;
    row->mailbox.unseen = now.unseen;
    row->mailbox.highestmodseq = now.highestmodseq;
    return STORE_OK;
}

/* ---- telling, in slices ---- */

/* Did this session alone change anything? *tells_r false: then nothing of it is told. */
static enum store_error is_own_alone(const struct reader *reader, const struct notify_touched *t, bool other,
                                     bool *tells_r)
{
    struct account account;
    *tells_r = true;
    if (other)
        return STORE_OK;
    enum store_error error = account_read(reader, &account);
    *tells_r = error || account.modseq > t->own_modseq;
    return error;
}

static enum store_error tell_list(struct imap *imap, const struct reader *reader)
{
    struct notify *n = imap->notify;
    bool tells;
    if (!n->touched.list[0] && !n->touched.list[1])
        return STORE_OK;
    enum store_error error = is_own_alone(reader, &n->touched, n->touched.list[0], &tells);
    return error ? error : notify_list_read(imap, n, reader, tells);
}

static enum store_error look_at_entries(struct imap *imap, const struct reader *reader, struct notify_mailbox *row)
{
    const struct notify_touched *t = &imap->notify->touched;
    uint32_t id = row->mailbox.id;
    bool tells, other = t->metadata[0] && uidset_has(t->metadata[0], id);
    if (!id || !(row->events & NOTIFY_METADATA) || (!other && !(t->metadata[1] && uidset_has(t->metadata[1], id))))
        return STORE_OK;
    enum store_error error = is_own_alone(reader, t, other, &tells);
    return error ? error : renew_entries(imap, reader, row->path, id, &row->entries, tells);
}

static enum store_error tell_server(struct imap *imap, const struct reader *reader)
{
    struct notify *n = imap->notify;
    bool tells;
    if (!(n->any & NOTIFY_SERVER_METADATA) || (!n->touched.server[0] && !n->touched.server[1]))
        return STORE_OK;
    enum store_error error = is_own_alone(reader, &n->touched, n->touched.server[0], &tells);
    return error ? error : renew_entries(imap, reader, VIEW_EMPTY, 0, &n->server, tells);
}

/* Each mailbox in turn. STORE_MORE: *result_r says how to go on. */
static enum store_error tell_each(struct imap *imap, struct step_context *context, const struct reader *reader,
                                  enum store_error (*look)(struct imap *imap, const struct reader *reader,
                                                           struct notify_mailbox *row),
                                  enum step_result *result_r)
{
    struct notify *n = imap->notify;
    while (n->at < n->list.count) {
        enum store_error error = look(imap, reader, &n->list.rows[n->at]);
        if (error)
            return error;
        n->at++;
        if (imap_slice_over(imap, context, result_r))
            return STORE_MORE;
    }
    n->at = 0;
    return STORE_OK;
}

static enum store_error tell_phase(struct imap *imap, struct step_context *context, const struct reader *reader,
                                   enum step_result *result_r)
{
    const struct notify_touched *t = &imap->notify->touched;
    switch (imap->notify->phase) {
    case NOTIFY_LIST:
        return tell_list(imap, reader);
    case NOTIFY_COUNTERS:
        return t->mailboxes[0] || t->mailboxes[1] ? tell_each(imap, context, reader, look_at_counters, result_r)
                                                  : STORE_OK;
    case NOTIFY_ENTRIES:
        return t->metadata[0] || t->metadata[1] ? tell_each(imap, context, reader, look_at_entries, result_r)
                                                : STORE_OK;
    case NOTIFY_SERVER:
        return tell_server(imap, reader);
    case NOTIFY_REST:
        break;
    }
    return STORE_OK;
}

enum step_result notify_tell(struct imap *imap, struct step_context *context)
{
    struct reader reader = session_reader(imap->session, context);
    struct notify *n = imap->notify;
    enum step_result result = STEP_DONE;
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
        enum store_error error = tell_phase(imap, context, &reader, &result);
        if (error == STORE_WOULD_BLOCK)
            return imap_wait_pool(context);
        if (error == STORE_MORE)
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
    if (!(row->events & NOTIFY_OF_MESSAGES) || is_selected(imap, m->id))
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
    struct reader reader = session_reader(imap->session, context);
    struct notify *n = s->n;
    enum store_error error = STORE_OK;
    if (!s->listed && n->any)
        error = notify_list_read(imap, n, &reader, false);
    s->listed = !error;
    for (; !error && s->at < n->list.count; s->at++) {
        struct notify_mailbox *row = &n->list.rows[s->at];
        if (row->events & NOTIFY_METADATA)
            error = read_entries(n, &reader, row->mailbox.id, &row->entries);
        if (error)
            break;
        if (s->status)
            tell_status(imap, row);
        if (imap_slice_over(imap, context, result_r)) {
            s->at++;
            return STORE_MORE;
        }
    }
    if (!error && !s->server_read && (n->any & NOTIFY_SERVER_METADATA))
        error = read_entries(n, &reader, 0, &n->server);
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
        imap_finish(imap, "NO", "NOTIFICATIONOVERFLOW", "That is more than can be watched");
        return STEP_DONE;
    }
    if (error) {
        imap_finish_error(imap, error);
        return STEP_DONE;
    }
    imap->syncs_all = s->n->set; /* SET is a NOOP too (RFC 5465 3.1) */
    install(imap, s->n);
    s->n = NULL;
    imap_finish(imap, "OK", NULL, "You will be notified");
    return STEP_DONE;
}
