/*
 * store/mailbox.c: the tree of mailboxes: found, listed, created, renamed, deleted, subscribed.
 *
 * A name stands once, under its parent's id and a hash of the name; all else is keyed by the mailbox's id, so a rename
 * is two keys whatever lies below. Called   reads on any thread; changes inside mutation.run. Names given are canonical
 * (mailbox_name_canonical). Tested   tests/unit/store_model.c
 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "store/private.h"
#include "store/seen.h"
#include <xxhash.h>

/* ---- names ---- */

static struct key name_key(uint32_t parent, struct view name)
{
    XXH128_hash_t hash = XXH3_128bits(name.data, name.size);
    char hex[33];
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    struct key key = key_1('N', parent);
    key_text(&key, hex);
    return key;
}

static struct key subscription_key(struct view name)
{
    XXH128_hash_t hash = XXH3_128bits(name.data, name.size);
    char hex[33];
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    struct key key = key_begin('S');
    key_text(&key, hex);
    return key;
}

/* The next level of a path: true while there is one. */
static bool next_level(struct view *path, struct view *level_r)
{
    if (!path->size)
        return false;
    size_t end = view_find(*path, '/', 0);
    *level_r = view_slice(*path, 0, end);
    *path = end == SIZE_MAX ? VIEW_EMPTY : view_skip(*path, end + 1);
    return true;
}

static bool read_id(struct view value, uint32_t *id_r)
{
    bool good = true;
    *id_r = row_read_u32(&value, &good);
    return good && *id_r;
}

/* ---- reading ---- */

static struct mailbox mailbox_of(uint32_t id, const struct mailbox_row *row, struct view name)
{
    return (struct mailbox){.id = id,
                            .parent = row->parent,
                            .uidvalidity = row->uidvalidity,
                            .uidnext = row->uidnext,
                            .highestmodseq = row->highestmodseq,
                            .messages = row->messages,
                            .unseen = row->unseen,
                            .deleted = row->deleted,
                            .octets = row->octets,
                            .special_use = row->special_use,
                            .flags = row->flags,
                            .mailbox_id = ((uint64_t)row->uidvalidity << 32) | id,
                            .name = name};
}

enum store_error mailbox_read(const struct reader *reader, struct arena *arena, uint32_t id, struct mailbox *mailbox_r)
{
    struct key key = key_1('M', id);
    struct buffer octets = {0};
    struct mailbox_row row;
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &octets);
    if (!err && !mailbox_row_read(buffer_view(&octets), &row))
        err = STORE_CORRUPT;
    if (!err)
        *mailbox_r = mailbox_of(id, &row, arena ? arena_view(arena, row.name) : VIEW_EMPTY);
    buffer_free(&octets);
    return err == STORE_NOT_FOUND ? STORE_NO_MAILBOX : err;
}

enum store_error mailbox_find(const struct reader *reader, struct arena *arena, struct view name,
                              struct mailbox *mailbox_r)
{
    struct buffer value = {0};
    struct view level;
    uint32_t id = 0;
    enum store_error err = STORE_NO_MAILBOX;
    while (next_level(&name, &level)) {
        struct key key = name_key(id, level);
        err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
        if (!err && !read_id(buffer_view(&value), &id))
            err = STORE_CORRUPT;
        if (err)
            break;
    }
    buffer_free(&value);
    if (err)
        return err == STORE_NOT_FOUND ? STORE_NO_MAILBOX : err;
    return mailbox_read(reader, arena, id, mailbox_r);
}

/* ---- the list ---- */

enum { LIST_ROUNDING = 32 /* at most, for each text in the arena */, LIST_LEAVES = 4 /* a quarter to others */ };

struct list {
    struct arena *arena;
    size_t reserve;                /* octets of the arena that are left to others */
    struct mailbox_entry *entries; /* on the heap while it grows */
    size_t count, room;
    bool bad, full;
    struct key from;
};

/* Is there room for that text, and in the end for all entries? Names may be so long that there isn't. */
static bool list_fits(struct list *list, size_t octets)
{
    list->full =
        list->full || arena_room(list->arena) < list->reserve + octets + (list->count + 1) * sizeof *list->entries;
    return !list->full;
}

static struct mailbox_entry *list_add(struct list *list)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 32;
        list->entries = memory_resize(list->entries, list->room * sizeof *list->entries);
    }
    struct mailbox_entry *entry = &list->entries[list->count++];
    *entry = (struct mailbox_entry){0};
    return entry;
}

static bool take_mailbox(void *ctx, struct view key, struct view value)
{
    struct list *list = ctx;
    struct view rest = view_skip(key, 1);
    struct mailbox_row row;
    uint32_t id;
    if (!key_read_u32(&rest, &id) || !mailbox_row_read(value, &row)) {
        list->bad = true;
        return false;
    }
    if (!list_fits(list, row.name.size + LIST_ROUNDING))
        return false;
    struct mailbox_entry *entry = list_add(list);
    entry->mailbox = mailbox_of(id, &row, arena_view(list->arena, row.name));
    entry->exists = true;
    list->from = key_1('M', id + 1);
    return true;
}

static bool take_subscription(void *ctx, struct view key, struct view value)
{
    struct list *list = ctx;
    if (!list_fits(list, value.size + LIST_ROUNDING))
        return false;
    struct mailbox_entry *entry = list_add(list);
    entry->path = arena_view(list->arena, value);
    entry->mailbox.flags = MAILBOX_SUBSCRIBED | MAILBOX_NOSELECT;
    return true;
}

static int by_id(const void *a, const void *b)
{
    const struct mailbox_entry *x = a, *y = b;
    return x->mailbox.id < y->mailbox.id ? -1 : x->mailbox.id > y->mailbox.id;
}

static struct mailbox_entry *entry_of(struct list *list, uint32_t id)
{
    struct mailbox_entry wanted = {.mailbox = {.id = id}};
    return list->count ? bsearch(&wanted, list->entries, list->count, sizeof wanted, by_id) : NULL;
}

/* The whole name, from the last level up; at most LIMIT_MAILBOX_DEPTH steps, whatever the rows say. Empty if it doesn't
 * fit. */
static struct view path_of(struct list *list, struct mailbox_entry *entry)
{
    struct view levels[LIMIT_MAILBOX_DEPTH] = {{0}};
    size_t count = 0, size = 0;
    for (struct mailbox_entry *at = entry; at && count < LIMIT_MAILBOX_DEPTH;
         at = at->mailbox.parent ? entry_of(list, at->mailbox.parent) : NULL) {
        levels[count++] = at->mailbox.name;
        size += at->mailbox.name.size + 1;
        if (at != entry)
            at->has_children = true;
    }
    return list_fits(list, size + LIST_ROUNDING) ? path_join(list->arena, levels, count) : VIEW_EMPTY;
}

/* INBOX and what is below it first; then by path, '/' before all else, so that children follow their parent. */
int mailbox_path_compare(struct view x, struct view y)
{
    bool x_inbox = view_equal_string(x, "INBOX") || view_starts_with(x, VIEW_LITERAL("INBOX/")),
         y_inbox = view_equal_string(y, "INBOX") || view_starts_with(y, VIEW_LITERAL("INBOX/"));
    if (x_inbox != y_inbox)
        return x_inbox ? -1 : 1;
    for (size_t i = 0; i < x.size && i < y.size; i++) {
        int c = x.data[i] == '/' ? 0 : (unsigned char)x.data[i], d = y.data[i] == '/' ? 0 : (unsigned char)y.data[i];
        if (c != d)
            return c - d;
    }
    return x.size < y.size ? -1 : x.size > y.size;
}

static int by_path(const void *a, const void *b)
{
    return mailbox_path_compare(((const struct mailbox_entry *)a)->path, ((const struct mailbox_entry *)b)->path);
}

static enum store_error scan_all(const struct reader *reader, struct list *list, char kind, engine_row *take)
{
    struct key all = key_kind(kind), end = key_after(&all);
    bool more = true;
    list->from = all;
    while (more) {
        enum store_error err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&list->from),
                                           key_view(&end), take, list, &more);
        if (err)
            return err;
        if (list->bad || list->full)
            return list->bad ? STORE_CORRUPT : STORE_LIMIT;
        if (kind != 'M')
            break; /* LIMIT_SUBSCRIPTIONS is less than a page */
    }
    return STORE_OK;
}

enum store_error mailbox_list(const struct reader *reader, struct arena *arena, struct mailbox_entry **entries_r,
                              size_t *count_r)
{
    struct list list = {.arena = arena, .reserve = arena->max / LIST_LEAVES};
    enum store_error err = scan_all(reader, &list, 'M', take_mailbox);
    for (size_t i = 0; !err && i < list.count; i++)
        list.entries[i].path = path_of(&list, &list.entries[i]);
    if (!err)
        err = scan_all(reader, &list, 'S', take_subscription);
    if (!err && !list_fits(&list, 0))
        err = STORE_LIMIT;
    if (!err) {
        *entries_r = ARENA_ARRAY(arena, list.count, struct mailbox_entry);
        *count_r = list.count;
    }
    if (!err && list.count) {
        memcpy(*entries_r, list.entries, list.count * sizeof *list.entries);
        qsort(*entries_r, list.count, sizeof *list.entries, by_path);
    }
    free(list.entries);
    return err;
}

/* ---- changing the tree ---- */

static enum store_error find_child(struct txn *txn, uint32_t parent, struct view name, uint32_t *id_r)
{
    struct key key = name_key(parent, name);
    struct view value;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err)
        return err == STORE_NOT_FOUND ? STORE_NO_MAILBOX : err;
    return read_id(value, id_r) ? STORE_OK : STORE_CORRUPT;
}

enum store_error txn_mailbox_find(struct txn *txn, struct view path, uint32_t *id_r)
{
    struct view level;
    enum store_error err = STORE_NO_MAILBOX;
    *id_r = 0;
    while (next_level(&path, &level) && !(err = find_child(txn, *id_r, level, id_r))) {
    }
    return err;
}

static enum store_error put_name(struct txn *txn, uint32_t parent, struct view name, uint32_t id)
{
    struct key key = name_key(parent, name);
    struct buffer value = {0};
    row_u64(&value, id);
    return txn_put_row(txn, &key, &value);
}

/* RFC 9051 2.3.1.1: never shared by two mailboxes, never going down, also for a name that comes back. */
static uint32_t next_uidvalidity(struct account_row *account)
{
    uint32_t clock = (uint32_t)clock_wall_s();
    account->last_uidvalidity = clock > account->last_uidvalidity ? clock : account->last_uidvalidity + 1;
    return account->last_uidvalidity;
}

static enum store_error list_changed(struct txn *txn, struct account_row *account)
{
    account->mailbox_list_modseq = account->modseq;
    enum store_error err = txn_put_account(txn, account);
    if (!err)
        txn_touched(txn, 0, account->modseq);
    return err;
}

static enum store_error make_child(struct txn *txn, struct account_row *account, uint32_t parent, struct view name,
                                   uint32_t special_use, uint32_t *id_r)
{
    if (account->mailboxes >= LIMIT_MAILBOXES || account->next_mailbox == UINT32_MAX - 1)
        return STORE_LIMIT;
    struct mailbox_row row = {.parent = parent,
                              .uidvalidity = next_uidvalidity(account),
                              .uidnext = 1,
                              .special_use = special_use,
                              .name = name,
                              .epoch = account->epoch};
    row.highestmodseq = row.floor_modseq = ++account->modseq;
    *id_r = ++account->next_mailbox;
    account->mailboxes++;
    enum store_error err = txn_put_mailbox(txn, *id_r, &row);
    if (!err)
        err = acl_inherit(txn, parent, *id_r);
    return err ? err : put_name(txn, parent, name, *id_r);
}

static enum store_error read_made(struct txn *txn, uint32_t id, struct mailbox *mailbox_r)
{
    struct mailbox_row row;
    enum store_error err = txn_mailbox_row(txn, id, &row);
    if (!err)
        *mailbox_r = mailbox_of(id, &row, row.name);
    return err;
}

/* One that was only a parent becomes a mailbox again, with a new UIDVALIDITY; its UIDs begin anew unless messages are
 * retained under the old ones. */
static enum store_error revive(struct txn *txn, struct account_row *account, uint32_t id, uint32_t special_use)
{
    struct mailbox_row row;
    bool retained;
    enum store_error err = txn_mailbox_row(txn, id, &row);
    if (err)
        return err;
    if (!(row.flags & MAILBOX_NOSELECT))
        return STORE_EXISTS;
    err = txn_has_retained(txn, id, &retained);
    if (err)
        return err;
    row.flags &= ~(uint32_t)MAILBOX_NOSELECT;
    row.uidvalidity = next_uidvalidity(account);
    row.uidnext = retained ? row.uidnext : 1;
    row.special_use = special_use;
    row.highestmodseq = row.floor_modseq = ++account->modseq;
    return txn_put_mailbox(txn, id, &row);
}

static bool count_subscription(void *ctx, struct view key, struct view value)
{
    return ++*(size_t *)ctx < LIMIT_SUBSCRIPTIONS;
}

/* A subscription to a name that is no mailbox. */
static enum store_error put_subscription(struct txn *txn, struct view path)
{
    struct key first = key_kind('S'), end = key_after(&first), key = subscription_key(path);
    size_t count = 0;
    enum store_error err = txn_scan(txn, key_view(&first), key_view(&end), count_subscription, &count, NULL);
    if (!err && count >= LIMIT_SUBSCRIPTIONS)
        err = STORE_LIMIT;
    return err ? err : txn_put(txn, key_view(&key), path);
}

/* Of a mailbox that goes: nobody but the user ends a subscription (RFC 3501 6.3.9). One above the limit is lost. */
static enum store_error leave_subscription(struct txn *txn, uint32_t id, const struct mailbox_row *row)
{
    struct view path;
    if (!(row->flags & MAILBOX_SUBSCRIBED))
        return STORE_OK;
    enum store_error err = txn_mailbox_path(txn, id, &path);
    if (!err)
        err = put_subscription(txn, path);
    return err == STORE_LIMIT ? STORE_OK : err;
}

/* A subscription to a name that did not exist moves into the new mailbox. */
static enum store_error adopt_subscription(struct txn *txn, struct view path, uint32_t id)
{
    struct key key = subscription_key(path);
    struct view value;
    struct mailbox_row row;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err)
        return err == STORE_NOT_FOUND ? STORE_OK : err;
    err = txn_mailbox_row(txn, id, &row);
    row.flags |= MAILBOX_SUBSCRIBED;
    if (!err)
        err = txn_put_mailbox(txn, id, &row);
    return err ? err : txn_delete(txn, key_view(&key));
}

/* Walks down, making what is missing. *made_r: the last level is new. */
static enum store_error make_path(struct txn *txn, struct account_row *account, struct view path, uint32_t special_use,
                                  uint32_t *id_r, bool *made_r)
{
    struct view level, rest = path;
    enum store_error err = STORE_OK;
    *id_r = 0;
    *made_r = false;
    while (!err && next_level(&rest, &level)) {
        uint32_t parent = *id_r;
        *made_r = false;
        err = find_child(txn, parent, level, id_r);
        if (err == STORE_NO_MAILBOX) {
            err = make_child(txn, account, parent, level, rest.size ? 0 : special_use, id_r);
            *made_r = true;
            if (!err)
                err = adopt_subscription(txn, view_of(path.data, (size_t)(level.data + level.size - path.data)), *id_r);
        }
    }
    return err;
}

enum store_error mailbox_create(struct txn *txn, struct view name, uint32_t special_use, struct mailbox *mailbox_r)
{
    struct account_row account;
    uint32_t id = 0;
    bool made = false;
    enum store_error err = txn_account_row(txn, &account);
    if (!err)
        err = make_path(txn, &account, name, special_use, &id, &made);
    if (!err && !made)
        err = revive(txn, &account, id, special_use);
    if (!err)
        err = list_changed(txn, &account);
    return err ? err : read_made(txn, id, mailbox_r);
}

struct any_child {
    bool found;
};

static bool take_child(void *ctx, struct view key, struct view value)
{
    ((struct any_child *)ctx)->found = true;
    return false;
}

static enum store_error has_children(struct txn *txn, uint32_t id, bool *has_r)
{
    struct key first = key_1('N', id), end = key_after(&first);
    struct any_child any = {0};
    enum store_error err = txn_scan(txn, key_view(&first), key_view(&end), take_child, &any, NULL);
    *has_r = any.found;
    return err;
}

/* Row, name and what hangs on the id; then parents that were only kept for it (RFC 9051 6.3.5; no husks are left
 * behind). */
static enum store_error remove_row(struct txn *txn, struct account_row *account, uint32_t id)
{
    for (unsigned depth = 0; id && depth < LIMIT_MAILBOX_DEPTH; depth++) {
        struct mailbox_row row;
        struct key row_key = key_1('M', id), used = key_1('W', id);
        bool children;
        enum store_error err = txn_mailbox_row(txn, id, &row);
        if (!err)
            err = has_children(txn, id, &children);
        if (err)
            return err;
        if (depth && (children || !(row.flags & MAILBOX_NOSELECT)))
            return STORE_OK;
        err = metadata_drop(txn, id);
        if (!err)
            err = mailbox_key_forget(txn, txn_account(txn), id);
        if (!err)
            err = acl_drop(txn, id);
        if (err)
            return err;
        if (children) {
            row.flags |= MAILBOX_NOSELECT;
            row.special_use = 0;
            row.highestmodseq = ++account->modseq;
            return txn_put_mailbox(txn, id, &row);
        }
        struct key name = name_key(row.parent, row.name);
        err = lost_mailbox_keep(txn, id);
        if (!err)
            err = leave_subscription(txn, id, &row);
        if (!err)
            err = txn_delete(txn, key_view(&row_key));
        if (!err)
            err = txn_delete(txn, key_view(&name));
        if (!err)
            err = txn_delete(txn, key_view(&used));
        if (err)
            return err;
        account->mailboxes--;
        id = row.parent;
    }
    return STORE_OK;
}

static bool is_inbox(const struct mailbox_row *row)
{
    return row->parent == 0 && view_equal_string(row->name, "INBOX");
}

static enum store_error put_history(struct txn *txn, enum history_action action, uint32_t id, struct view to,
                                    uint64_t modseq, const struct removal *why)
{
    struct history_entry entry = {
        .action = (uint8_t)action, .modseq = modseq, .who = *why, .mailbox = id, .to_path = to};
    return history_put(txn, &entry, NULL);
}

enum store_error mailbox_delete(struct txn *txn, uint32_t id, const struct removal *why)
{
    struct mailbox_row row;
    struct account_row account;
    struct expunge expunge = {.why = *why};
    enum store_error err = txn_mailbox_row(txn, id, &row);
    if (err)
        return err;
    if (is_inbox(&row))
        return STORE_FORBIDDEN;
    if (row.flags & MAILBOX_NOSELECT)
        return STORE_HAS_CHILDREN;
    if (row.messages) {
        err = messages_remove(txn, id, NULL, REMOVED_WITH_MAILBOX, &expunge);
        if (err)
            return err; /* STORE_MORE: the rest in the next slice */
    }
    err = seen_drop(txn, id);
    if (!err)
        err = metadata_drop_readers(txn, id);
    if (err)
        return err;
    err = txn_account_row(txn, &account);
    if (!err) {
        account.modseq++;
        err = put_history(txn, HISTORY_MAILBOX_DELETED, id, VIEW_EMPTY, account.modseq, why);
    }
    if (!err)
        err = remove_row(txn, &account, id);
    if (!err)
        txn_touched(txn, id, account.modseq);
    return err ? err : list_changed(txn, &account);
}

/* True if `below` is `id` or lies under it. */
static enum store_error is_below(struct txn *txn, uint32_t below, uint32_t id, bool *is_r)
{
    *is_r = false;
    for (unsigned depth = 0; below && depth <= LIMIT_MAILBOX_DEPTH; depth++) {
        struct mailbox_row row;
        if (below == id) {
            *is_r = true;
            return STORE_OK;
        }
        enum store_error err = txn_mailbox_row(txn, below, &row);
        if (err)
            return err;
        below = row.parent;
    }
    return STORE_OK;
}

/* RFC 9051 6.3.6: INBOX's messages move into a new mailbox; INBOX stays, empty, and its children stay where they are.
 */
static enum store_error rename_inbox(struct txn *txn, uint32_t inbox, struct view to, const struct removal *why)
{
    struct mailbox made = {0};
    uint32_t id;
    enum store_error err = txn_mailbox_find(txn, to, &id);
    if (!err)
        return STORE_EXISTS;
    err = err == STORE_NO_MAILBOX ? mailbox_create(txn, to, 0, &made) : err;
    struct copy copy = {
        .move = true, .why = *why, .keeps_everybodys = true, .from_uids = uidset_new(), .to_uids = &(struct buffer){0}};
    struct uidset *all = uidset_new();
    uidset_add_range(all, 1, UINT32_MAX - 1);
    err = err ? err : STORE_MORE;
    /* A write set holds 4,096 keys: an INBOX of more than some 200,000 messages is renamed as far as that goes, and
     * refused whole. */
    while (err == STORE_MORE)
        err = message_copy(txn, inbox, all, made.id, &copy);
    uidset_unref(&all);
    uidset_unref(&copy.from_uids);
    buffer_free(copy.to_uids);
    return err;
}

enum store_error mailbox_rename(struct txn *txn, struct view from, struct view to, const struct removal *why)
{
    struct account_row account;
    struct mailbox_row row;
    uint32_t id, target, parent = 0;
    bool made, inside;
    enum store_error err = txn_mailbox_find(txn, from, &id);
    if (!err)
        err = txn_mailbox_row(txn, id, &row);
    if (err)
        return err;
    if (is_inbox(&row))
        return rename_inbox(txn, id, to, why);
    err = txn_mailbox_find(txn, to, &target);
    if (!err)
        return STORE_EXISTS;
    if (err != STORE_NO_MAILBOX)
        return err;
    err = txn_account_row(txn, &account);
    size_t last = to.size;
    while (last && to.data[last - 1] != '/')
        last--;
    if (!err && last)
        err = make_path(txn, &account, view_slice(to, 0, last - 1), 0, &parent, &made);
    if (!err)
        err = is_below(txn, parent, id, &inside);
    if (!err && inside)
        err = STORE_FORBIDDEN;
    if (err)
        return err;
    struct key old = name_key(row.parent, row.name);
    uint32_t old_parent = row.parent;
    row.parent = parent;
    row.name = view_skip(to, last);
    account.modseq++;
    err = put_history(txn, HISTORY_MAILBOX_RENAMED, id, to, account.modseq, why);
    if (!err)
        err = txn_delete(txn, key_view(&old));
    if (!err)
        err = put_name(txn, parent, row.name, id);
    if (!err)
        err = txn_put_mailbox(txn, id, &row);
    /* A parent that was only kept for this child goes with it. */
    struct mailbox_row parent_row;
    if (!err && old_parent && !(err = txn_mailbox_row(txn, old_parent, &parent_row)) &&
        (parent_row.flags & MAILBOX_NOSELECT))
        err = remove_row(txn, &account, old_parent);
    return err ? err : list_changed(txn, &account);
}

enum store_error mailbox_subscribe(struct txn *txn, struct view name, bool subscribed)
{
    struct account_row account;
    struct mailbox_row row;
    uint32_t id;
    enum store_error err = txn_account_row(txn, &account);
    if (err)
        return err;
    account.modseq++;
    err = txn_mailbox_find(txn, name, &id);
    if (err == STORE_NO_MAILBOX) {
        /* RFC 9051 6.3.7 allows a subscription to a name that does not exist. */
        struct key key = subscription_key(name);
        err = subscribed ? put_subscription(txn, name) : txn_delete(txn, key_view(&key));
        return err ? err : list_changed(txn, &account);
    }
    if (!err)
        err = txn_mailbox_row(txn, id, &row);
    if (err)
        return err;
    row.flags = subscribed ? row.flags | MAILBOX_SUBSCRIBED : row.flags & ~(uint32_t)MAILBOX_SUBSCRIBED;
    err = txn_put_mailbox(txn, id, &row);
    return err ? err : list_changed(txn, &account);
}

enum store_error mailbox_set_special_use(struct txn *txn, uint32_t id, uint32_t special_use)
{
    struct account_row account;
    struct mailbox_row row;
    enum store_error err = txn_account_row(txn, &account);
    if (!err)
        err = txn_mailbox_row(txn, id, &row);
    if (err)
        return err;
    account.modseq++;
    row.special_use = special_use;
    err = txn_put_mailbox(txn, id, &row);
    return err ? err : list_changed(txn, &account);
}

enum store_error mailbox_set_uidvalidity(struct txn *txn, uint32_t id, uint32_t uidvalidity, uint32_t uidnext)
{
    struct mailbox_row row;
    enum store_error err = txn_mailbox_row(txn, id, &row);
    if (err)
        return err;
    if (row.uidvalidity == uidvalidity && uidnext <= row.uidnext)
        return STORE_OK;
    if (row.uidnext != 1 || row.messages)
        return STORE_FORBIDDEN;
    row.uidvalidity = uidvalidity; /* UIDNEXT rises with the messages, which bring their own UIDs */
    return txn_put_mailbox(txn, id, &row);
}
