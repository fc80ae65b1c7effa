/*
 * imap/notify_list.c: the list of mailboxes as the client knows it, and what changed in it (RFC 5465 5.4, 5.5).
 *
 * Does     two lists are joined by id, so that a rename is seen as one; what is left of both by name: that was created,
 *          deleted, or is a subscription to a name without a mailbox. INBOX renamed is a mailbox created: it keeps its
 *          id (RFC 9051 6.3.6).
 * Tested   tests/e2e/test_cap_notify.py
 */
#include "base/memory.h"
#include "imap/list.h"
#include "imap/notify.h"
#include <stdlib.h>

void notify_tell_denied(struct imap *imap, const struct notify_mailbox *row)
{
    list_write_one(imap, "\\NoAccess", &row->mailbox, row->path, row->path);
}

void notify_list_free(struct notify_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->rows[i].entries.rows);
    free(list->rows);
    *list = (struct notify_list){0};
}

/* ---- a list is made ---- */

static bool is_selectable(const struct notify_mailbox *row)
{
    return row->exists && !(row->mailbox.flags & MAILBOX_NOSELECT);
}

/* What others share, and the names above it, are in no personal namespace (RFC 2342). */
static bool fits(const struct filter *filter, const struct mailbox_entry *entry)
{
    bool foreign = entry->account || (!entry->exists && place_is_foreign_name(entry->path));
    return filter_fits(filter, entry) && !(foreign && filter->kind == FILTER_PERSONAL);
}

/* All groups that fit, in their order; NONE ends it: "(mailboxes Junk NONE) (personal (...))". *denied_r: some of them
 * need "r" (RFC 5465 5). */
static unsigned events_of(const struct notify *n, const struct mailbox_entry *entry, bool *denied_r)
{
    unsigned events = 0;
    for (size_t i = 0; i < n->group_count; i++) {
        if (!fits(&n->groups[i].filter, entry))
            continue;
        if (!n->groups[i].events)
            break;
        events |= n->groups[i].events;
    }
    bool selectable = entry->exists && !(entry->mailbox.flags & MAILBOX_NOSELECT);
    *denied_r = selectable && entry->account && !(entry->rights & RIGHT_READ) && (events & ~(unsigned)NOTIFY_OF_NAMES);
    return selectable && !*denied_r ? events : events & NOTIFY_OF_NAMES;
}

/* Where names are watched, the others must be known too: one of them may get a name that is. */
static bool is_kept(const struct notify *n, unsigned events, bool denied)
{
    return events || denied || (n->any & NOTIFY_OF_NAMES);
}

static enum store_error make(struct notify *n, const struct mailbox_entry *entries, size_t count,
                             struct notify_list *list_r)
{
    size_t kept = 0, octets = 0, rows;
    *list_r = (struct notify_list){0};
    for (size_t i = 0; i < count; i++) {
        bool denied;
        unsigned events = events_of(n, &entries[i], &denied);
        if (!is_kept(n, events, denied))
            continue;
        kept++;
        octets += entries[i].path.size;
    }
    if (kept > LIMIT_NOTIFY_MAILBOXES || !size_mul(kept + 1, sizeof(struct notify_mailbox), &rows) ||
        !size_add(octets, rows, &octets) || !purse_reach(&n->purse, 2 * octets))
        return STORE_LIMIT;
    list_r->rows = memory_new(octets);
    list_r->octets = octets;
    char *text = (char *)list_r->rows + rows;
    for (size_t i = 0; i < count; i++) {
        const struct mailbox_entry *entry = &entries[i];
        bool denied;
        unsigned events = events_of(n, entry, &denied);
        if (!is_kept(n, events, denied))
            continue;
        struct notify_mailbox *row = &list_r->rows[list_r->count++];
        *row = (struct notify_mailbox){.path = view_of(text, entry->path.size),
                                       .account = entry->account,
                                       .events = events,
                                       .denied = denied,
                                       .exists = entry->exists,
                                       .has_children = entry->has_children,
                                       .mailbox = entry->mailbox};
        row->mailbox.name = VIEW_EMPTY;
        view_copy(text, entry->path);
        text += entry->path.size;
    }
    return STORE_OK;
}

/* ---- two lists are compared ---- */

static int by_id(const void *a, const void *b)
{
    const struct notify_mailbox *const *x = a, *const *y = b;
    if ((*x)->account != (*y)->account)
        return (*x)->account < (*y)->account ? -1 : 1;
    return (*x)->mailbox.id < (*y)->mailbox.id ? -1 : (*x)->mailbox.id > (*y)->mailbox.id;
}

static int by_path(const void *a, const void *b)
{
    const struct notify_mailbox *const *x = a, *const *y = b;
    return view_compare((*x)->path, (*y)->path);
}

/* The rows that were not matched yet, in an order. */
static struct notify_mailbox **sorted(const struct notify_list *list, int (*order)(const void *, const void *),
                                      size_t *count_r)
{
    struct notify_mailbox **rows = memory_array(list->count + 1, sizeof *rows);
    *count_r = 0;
    for (size_t i = 0; i < list->count; i++)
        if (!list->rows[i].matched)
            rows[(*count_r)++] = &list->rows[i];
    if (*count_r)
        qsort(rows, *count_r, sizeof *rows, order);
    return rows;
}

static struct view last_level(struct view path)
{
    size_t at = path.size;
    while (at && path.data[at - 1] != '/')
        at--;
    return view_skip(path, at);
}

static bool is_subscribed(const struct notify_mailbox *row)
{
    return row->mailbox.flags & MAILBOX_SUBSCRIBED;
}

/* What the client knows of a mailbox goes on, under whatever name. */
static void carry_over(struct notify_mailbox *old, struct notify_mailbox *now)
{
    struct mailbox known = old->mailbox;
    known.parent = now->mailbox.parent;
    known.flags = now->mailbox.flags;
    known.special_use = now->mailbox.special_use;
    now->mailbox = known;
    now->entries = old->entries;
    old->entries = (struct notify_entries){0};
}

static void note_touched(struct notify *n, const struct notify_mailbox *row, uint64_t own)
{
    struct notify_account *t = notify_account_of(&n->touched, row->account ? row->account : own);
    if (!t->mailboxes[0])
        t->mailboxes[0] = uidset_new();
    uidset_add(t->mailboxes[0], row->mailbox.id);
}

static void compare_one(struct notify *n, struct notify_mailbox *old, struct notify_mailbox *now)
{
    bool renamed =
        old->mailbox.parent != now->mailbox.parent || !view_equal(last_level(old->path), last_level(now->path));
    bool there_changed = is_selectable(old) != is_selectable(now);
    unsigned events = old->events | now->events;
    if (renamed && (events & NOTIFY_NAME)) {
        now->tell = true;
        now->renamed_from = old->path;
    }
    if (there_changed && (events & NOTIFY_NAME))
        now->tell = now->there_changed = true;
    if (is_subscribed(old) != is_subscribed(now) && (events & NOTIFY_SUBSCRIPTION))
        now->tell = true;
    if (old->denied != now->denied) { /* RFC 5465 5.9 */
        now->tell = true;
        note_touched(n, now, now->account);
    }
    old->matched = now->matched = true;
    carry_over(old, now);
}

static void join_by_id(struct notify *n, const struct notify_list *old, const struct notify_list *now)
{
    size_t old_count, now_count;
    struct notify_mailbox **was = sorted(old, by_id, &old_count), **is = sorted(now, by_id, &now_count);
    for (size_t i = 0, j = 0; i < old_count && j < now_count;) {
        int order = by_id(&was[i], &is[j]);
        if (!order && is[j]->mailbox.id)
            compare_one(n, was[i], is[j]);
        i += order <= 0;
        j += order >= 0;
    }
    free(was);
    free(is);
}

/* A mailbox that the client has not seen: all that is in it came since. */
static void begin_empty(struct notify *n, struct notify_mailbox *row, uint64_t own)
{
    if (!is_selectable(row) || row->mailbox.uidnext == 1)
        return;
    row->mailbox.uidnext = 1;
    row->mailbox.messages = row->mailbox.unseen = 0;
    row->mailbox.highestmodseq = 0;
    note_touched(n, row, own);
}

/* `other` has the same name in the other list, or is null. */
static void judge(struct notify_mailbox *row, const struct notify_mailbox *other)
{
    bool there = is_selectable(row) || (other && is_selectable(other));
    bool subscribed = other && is_subscribed(other);
    row->there_changed = there && (row->events & NOTIFY_NAME);
    row->tell = row->there_changed || (is_subscribed(row) != subscribed && (row->events & NOTIFY_SUBSCRIPTION));
}

/* RFC 5465 5.9: another's mailbox comes or goes, and only what happens in it is wanted: `was` went, `is` came, under
 * one name; either may be null. */
static void judge_access(struct notify_mailbox *was, struct notify_mailbox *is)
{
    if (was && was->account && is_selectable(was) && !(was->events & NOTIFY_NAME) && (was->events || was->denied))
        (is ? is : was)->lost = !is || !is_selectable(is);
    if (is && is->account && is_selectable(is) && !(is->events & NOTIFY_NAME) && (is->events || is->denied))
        is->tell = true;
}

static void join_by_path(struct notify *n, const struct notify_list *old, const struct notify_list *now, uint64_t own)
{
    size_t old_count, now_count;
    struct notify_mailbox **was = sorted(old, by_path, &old_count), **is = sorted(now, by_path, &now_count);
    for (size_t i = 0, j = 0; i < old_count || j < now_count;) {
        int order = i == old_count ? 1 : j == now_count ? -1 : view_compare(was[i]->path, is[j]->path);
        if (order < 0) {
            judge(was[i], NULL);
            judge_access(was[i], NULL);
        } else {
            judge(is[j], order ? NULL : was[i]);
            judge_access(order ? NULL : was[i], is[j]);
            begin_empty(n, is[j], own);
        }
        i += order <= 0;
        j += order >= 0;
    }
    free(was);
    free(is);
}

struct by_ids {
    struct notify_mailbox **rows;
    size_t count;
};

static struct by_ids all_by_id(const struct notify_list *list)
{
    struct by_ids all = {memory_array(list->count + 1, sizeof *all.rows), list->count};
    for (size_t i = 0; i < list->count; i++)
        all.rows[i] = &list->rows[i];
    if (all.count)
        qsort(all.rows, all.count, sizeof *all.rows, by_id);
    return all;
}

static struct notify_mailbox *find_id(const struct by_ids *all, uint64_t account, uint32_t id)
{
    const struct notify_mailbox key = {.account = account, .mailbox = {.id = id}}, *wanted = &key;
    struct notify_mailbox **found =
        all->count ? bsearch(&wanted, all->rows, all->count, sizeof *all->rows, by_id) : NULL;
    return found ? *found : NULL;
}

/* RFC 5465 5.4: the direct parent of what came or went is affected too, also one that goes with it. */
static void tell_parents(const struct notify_list *old, const struct notify_list *now)
{
    struct by_ids was = all_by_id(old), is = all_by_id(now);
    for (size_t i = 0; i < old->count + now->count; i++) {
        const struct notify_mailbox *row = i < old->count ? &old->rows[i] : &now->rows[i - old->count];
        if (!row->there_changed || !row->mailbox.parent)
            continue;
        struct notify_mailbox *parent = find_id(&is, row->account, row->mailbox.parent);
        parent = parent ? parent : find_id(&was, row->account, row->mailbox.parent);
        if (parent && (parent->events & NOTIFY_NAME))
            parent->tell = true;
    }
    free(was.rows);
    free(is.rows);
}

/* ---- and told ---- */

static size_t count_told(const struct notify_list *list)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += list->rows[i].tell || list->rows[i].lost;
    return count;
}

static void tell_row(struct imap *imap, const struct notify_mailbox *row)
{
    if (row->lost || row->denied) {
        notify_tell_denied(imap, row);
        return;
    }
    static const char *const attributes[2][2] = {{"\\NonExistent \\Noselect", "\\NonExistent \\Noselect \\HasChildren"},
                                                 {"\\HasNoChildren", "\\HasChildren"}};
    struct view from = row->renamed_from.size ? row->renamed_from : row->path;
    list_write_one(imap, attributes[is_selectable(row)][row->has_children], &row->mailbox, row->path, from);
}

static enum store_error tell_difference(struct imap *imap, const struct notify_list *old, const struct notify_list *now)
{
    if (count_told(old) + count_told(now) > LIMIT_NOTIFY_NAMES)
        return STORE_LIMIT;
    for (size_t i = 0; i < old->count; i++)
        if (old->rows[i].lost)
            tell_row(imap, &old->rows[i]);
        else if (old->rows[i].tell)
            list_write_one(imap, "\\NonExistent", &(struct mailbox){0}, old->rows[i].path, old->rows[i].path);
    for (size_t i = 0; i < now->count; i++)
        if (now->rows[i].tell || now->rows[i].lost)
            tell_row(imap, &now->rows[i]);
    return STORE_OK;
}

/* ---- reading it ---- */

struct notify_reading {
    struct arena arena; /* not the command's: IDLE reads many lists */
    struct list_foreign foreign;
    struct mailbox_entry *entries;
    size_t count;
    bool listed;
};

void notify_reading_free(struct notify *n)
{
    struct notify_reading *r = n->reading;
    n->reading = NULL;
    if (!r)
        return;
    arena_free(&r->arena);
    free(r);
}

static void begin_reading(struct notify *n)
{
    if (n->reading)
        return;
    n->reading = NEW(struct notify_reading);
    arena_init(&n->reading->arena, LIMIT_COMMAND_MEMORY);
    n->reading->foreign.arena = &n->reading->arena;
}

/* Whoever may share something, and account 0. True: some weren't watched while they were read. */
static bool watch_owners(struct imap *imap, const struct notify_reading *r)
{
    const struct list_foreign *f = &r->foreign;
    uint64_t *accounts = memory_array(f->owner_count + 1, sizeof *accounts);
    accounts[0] = ACL_INDEX_ACCOUNT;
    for (size_t i = 0; i < f->owner_count; i++)
        accounts[i + 1] = f->owners[i];
    bool fresh = session_watch_more(imap->session, accounts, f->owner_count + 1);
    free(accounts);
    return fresh;
}

/* All entries, others' too. STEP_AGAIN with *stale_r: what was read may be old; else the slice is over. */
static enum step_result read_entries(struct imap *imap, struct notify *n, struct step_context *context, bool *stale_r,
                                     enum store_error *error_r)
{
    struct reader reader = session_reader(imap->session, context);
    struct notify_reading *r = n->reading;
    *error_r = r->listed ? STORE_OK : mailbox_list(&reader, &r->arena, &r->entries, &r->count);
    if (*error_r == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    r->listed = !*error_r;
    if (*error_r || !n->foreign)
        return STEP_DONE;
    enum step_result result = list_add_foreign(imap, context, &r->foreign, &r->entries, &r->count);
    if (result != STEP_DONE)
        return result;
    if (r->foreign.incomplete)
        *error_r = STORE_BUSY;
    else
        *stale_r = watch_owners(imap, r);
    return *stale_r ? STEP_AGAIN : STEP_DONE;
}

static enum store_error adopt(struct imap *imap, struct notify *n, bool tells)
{
    struct notify_list now, old = n->list;
    uint64_t own = imap->session->account;
    enum store_error error = make(n, n->reading->entries, n->reading->count, &now);
    if (error)
        return error;
    for (size_t i = 0; i < old.count; i++)
        old.rows[i].matched = old.rows[i].tell = old.rows[i].there_changed = old.rows[i].lost = false;
    join_by_id(n, &old, &now);
    if (old.rows)
        join_by_path(n, &old, &now, own);
    if (tells)
        tell_parents(&old, &now);
    if (tells)
        error = tell_difference(imap, &old, &now);
    for (size_t i = 0; i < now.count; i++) /* it points into the old list */
        now.rows[i].renamed_from = VIEW_EMPTY;
    n->list = now;
    notify_list_free(&old);
    return error;
}

enum step_result notify_list_read(struct imap *imap, struct notify *n, struct step_context *context, bool tells,
                                  enum store_error *error_r)
{
    bool stale = false;
    begin_reading(n);
    enum step_result result = read_entries(imap, n, context, &stale, error_r);
    if (result != STEP_DONE && !stale)
        return result;
    if (result == STEP_DONE && !*error_r)
        *error_r = adopt(imap, n, tells);
    notify_reading_free(n);
    return result;
}
