/*
 * store/acl.c: see store/acl.h.
 *
 * Which identifiers stand in the list of account 0 is also kept as bits by hash, read at start: a session that nobody
 * shares with finds that out without a read.
 */
#include "store/acl.h"
#include "base/limits.h"
#include "base/memory.h"
#include "store/private.h"
#include <xxhash.h>

enum { ACL_VERSION = 1, NEGATIVE = 128 };

/* ---- rights as text ---- */

static const struct {
    char letter;
    uint32_t rights;
} letters[] = {{'l', RIGHT_LOOKUP},
               {'r', RIGHT_READ},
               {'s', RIGHT_SEEN},
               {'w', RIGHT_WRITE},
               {'i', RIGHT_INSERT},
               {'p', RIGHT_POST},
               {'k', RIGHT_CREATE},
               {'x', RIGHT_DELETE_MAILBOX},
               {'t', RIGHT_DELETE},
               {'e', RIGHT_EXPUNGE},
               {'c', RIGHT_CREATE | RIGHT_DELETE_MAILBOX},
               {'d', RIGHT_DELETE | RIGHT_EXPUNGE},
               {'a', RIGHT_ADMINISTER},
               {'n', RIGHT_ANNOTATE}};
enum { LETTERS = sizeof letters / sizeof *letters };

bool rights_read(struct view text, uint32_t *rights_r)
{
    *rights_r = 0;
    for (size_t i = 0; i < text.size; i++) {
        size_t n = 0;
        while (n < LETTERS && letters[n].letter != text.data[i])
            n++;
        if (n == LETTERS)
            return false;
        *rights_r |= letters[n].rights;
    }
    return true;
}

void rights_write(uint32_t rights, struct buffer *out)
{
    for (size_t i = 0; i < LETTERS; i++)
        if (rights & letters[i].rights)
            buffer_append_char(out, letters[i].letter);
}

/* ---- the row: version, then for each entry: kind, who, rights ---- */

void acl_row_write(const struct acl *acl, struct buffer *out)
{
    buffer_append_char(out, ACL_VERSION);
    for (size_t i = 0; i < acl->count; i++) {
        const struct acl_entry *e = &acl->entries[i];
        row_u64(out, e->kind | (e->negative ? NEGATIVE : 0u));
        if (e->kind == ACL_ACCOUNT)
            row_u64(out, e->account);
        else if (e->kind == ACL_GROUP)
            row_view(out, e->group);
        row_u64(out, e->rights);
    }
}

static bool read_entry(struct view *rest, struct acl_entry *e)
{
    bool good = true;
    uint64_t kind = row_read_u64(rest, &good);
    *e = (struct acl_entry){.kind = (uint8_t)(kind & ~(uint64_t)NEGATIVE), .negative = kind & NEGATIVE};
    if (e->kind == ACL_ACCOUNT)
        e->account = row_read_u64(rest, &good);
    else if (e->kind == ACL_GROUP)
        e->group = row_read_view(rest, &good);
    e->rights = row_read_u32(rest, &good);
    return good && kind < 256 && e->kind >= ACL_ACCOUNT && e->kind <= ACL_ANYONE && e->rights <= RIGHTS_ALL;
}

bool acl_row_read(struct view rest, struct arena *arena, struct acl *acl_r)
{
    *acl_r = (struct acl){0};
    if (!rest.size || rest.data[0] != ACL_VERSION)
        return false;
    rest = view_skip(rest, 1);
    /* An entry has two octets at least; and there is room for one more. */
    size_t room = rest.size / 2 + 1 < LIMIT_ACL_ENTRIES ? rest.size / 2 + 1 : LIMIT_ACL_ENTRIES;
    acl_r->entries = ARENA_ARRAY(arena, room, struct acl_entry);
    while (rest.size)
        if (acl_r->count == room || !read_entry(&rest, &acl_r->entries[acl_r->count++]))
            return false;
    return true;
}

/* ---- reading ---- */

enum store_error acl_read(const struct reader *reader, struct arena *arena, uint32_t mailbox, struct acl *acl_r)
{
    struct key key = key_1('Z', mailbox);
    struct buffer value = {0};
    *acl_r = (struct acl){0};
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    if (!err && !acl_row_read(arena_view(arena, buffer_view(&value)), arena, acl_r))
        err = STORE_CORRUPT;
    buffer_free(&value);
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

static bool applies(const struct acl_entry *e, uint64_t account, const struct view *groups, size_t group_count)
{
    if (e->kind == ACL_ACCOUNT)
        return e->account == account;
    for (size_t i = 0; e->kind == ACL_GROUP && i < group_count; i++)
        if (view_equal(e->group, groups[i]))
            return true;
    return e->kind == ACL_ANYONE;
}

uint32_t acl_rights(const struct acl *acl, uint64_t account, const struct view *groups, size_t group_count)
{
    uint32_t granted = 0, taken = 0;
    for (size_t i = 0; i < acl->count; i++) {
        const struct acl_entry *e = &acl->entries[i];
        if (!applies(e, account, groups, group_count))
            continue;
        granted |= e->negative ? 0 : e->rights;
        taken |= e->negative ? e->rights : 0;
    }
    return granted & ~taken;
}

bool acl_has_groups(const struct acl *acl)
{
    for (size_t i = 0; i < acl->count; i++)
        if (acl->entries[i].kind == ACL_GROUP)
            return true;
    return false;
}

/* ---- changing ---- */

static enum store_error txn_acl(struct txn *txn, uint32_t mailbox, struct acl *acl_r)
{
    struct key key = key_1('Z', mailbox);
    struct view value;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err == STORE_NOT_FOUND) {
        *acl_r = (struct acl){.entries = ARENA_NEW(txn_arena(txn), struct acl_entry)};
        return STORE_OK;
    }
    if (err)
        return err;
    return acl_row_read(arena_view(txn_arena(txn), value), txn_arena(txn), acl_r) ? STORE_OK : STORE_CORRUPT;
}

static enum store_error txn_put_acl(struct txn *txn, uint32_t mailbox, const struct acl *acl)
{
    struct key key = key_1('Z', mailbox);
    struct buffer row = {0};
    if (!acl->count)
        return txn_delete(txn, key_view(&key));
    acl_row_write(acl, &row);
    return txn_put_row(txn, &key, &row);
}

static bool same_name(const struct acl_entry *a, const struct acl_entry *b)
{
    return a->kind == b->kind && a->negative == b->negative && a->account == b->account &&
           view_equal(a->group, b->group);
}

static enum store_error apply(struct acl *acl, const struct acl_entry *entry, enum acl_how how)
{
    size_t at = 0;
    while (at < acl->count && !same_name(&acl->entries[at], entry))
        at++;
    if (at == acl->count) {
        if (how == ACL_REMOVE || !entry->rights)
            return STORE_OK;
        if (acl->count == LIMIT_ACL_ENTRIES)
            return STORE_LIMIT;
        acl->entries[acl->count++] = *entry;
        return STORE_OK;
    }
    uint32_t *rights = &acl->entries[at].rights;
    *rights = how == ACL_REPLACE ? entry->rights : how == ACL_ADD ? *rights | entry->rights : *rights & ~entry->rights;
    if (!*rights) {
        acl->count--;
        memmove(&acl->entries[at], &acl->entries[at + 1], (acl->count - at) * sizeof *acl->entries);
    }
    return STORE_OK;
}

enum store_error acl_change(struct txn *txn, uint32_t mailbox, const struct acl_entry *entry, enum acl_how how)
{
    struct acl acl;
    struct mailbox_row row;
    struct account_row account;
    enum store_error err = txn_account_row(txn, &account);
    if (!err)
        err = txn_mailbox_row(txn, mailbox, &row);
    if (!err)
        err = txn_acl(txn, mailbox, &acl);
    if (!err)
        err = apply(&acl, entry, how);
    if (!err)
        err = txn_put_acl(txn, mailbox, &acl);
    account.modseq++; /* a change of the account like any other: a recount sees that it happened */
    if (!err)
        err = txn_put_account(txn, &account);
    if (!err)
        txn_touched(txn, mailbox, account.modseq); /* who has it selected looks whether they still may */
    if (!err)
        txn_touched(txn, 0, account.modseq); /* and it comes into or leaves the lists of others */
    return err;
}

enum store_error acl_inherit(struct txn *txn, uint32_t parent, uint32_t child)
{
    struct key from = key_1('Z', parent), to = key_1('Z', child);
    struct view value;
    enum store_error err = parent ? txn_get(txn, key_view(&from), &value) : STORE_NOT_FOUND;
    if (err)
        return err == STORE_NOT_FOUND ? STORE_OK : err;
    return txn_put(txn, key_view(&to), arena_view(txn_arena(txn), value));
}

enum store_error acl_drop(struct txn *txn, uint32_t mailbox)
{
    struct key key = key_1('Z', mailbox);
    return txn_delete(txn, key_view(&key));
}

/* ---- whose mailboxes name whom ---- */

/* Account 0: 'Z' identifier, owner -> "1". */
static struct key identifier_key(const struct acl_entry *e)
{
    struct key key = key_begin('Z');
    char hex[34];
    if (e->kind == ACL_ACCOUNT) {
        key_text(&key, "u");
        key_u64(&key, e->account);
        return key;
    }
    XXH128_hash_t hash = XXH3_128bits(e->group.data, e->group.size);
    snprintf(hex, sizeof hex, "g%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    key_text(&key, e->kind == ACL_GROUP ? hex : "*");
    return key;
}

static void mark(struct store *store, struct view identifier)
{
    uint64_t bit = XXH3_64bits(identifier.data, identifier.size) % ((uint64_t)SHARED_WORDS * 64);
    atomic_fetch_or(&store->shared_with[bit / 64], (uint64_t)1 << (bit % 64));
    if (identifier.size > 1 && identifier.data[1] == 'g')
        atomic_store(&store->shared_with_groups, true);
}

static bool is_marked(struct store *store, const struct acl_entry *entry)
{
    struct key key = identifier_key(entry);
    struct view identifier = key_view(&key);
    uint64_t bit = XXH3_64bits(identifier.data, identifier.size) % ((uint64_t)SHARED_WORDS * 64);
    return atomic_load(&store->shared_with[bit / 64]) & ((uint64_t)1 << (bit % 64));
}

enum store_error acl_note(struct txn *txn, const struct acl_entry *entry, uint64_t owner)
{
    struct key key = identifier_key(entry);
    struct view value;
    mark(store_of(txn_engine(txn)), key_view(&key));
    key_u64(&key, owner);
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err != STORE_NOT_FOUND)
        return err;
    txn_touched(txn, 0, 0); /* somebody may have another owner to hear of */
    return txn_put(txn, key_view(&key), VIEW_LITERAL("1"));
}

bool acl_may_be_shared_with(struct store *store, uint64_t account)
{
    return is_marked(store, &(struct acl_entry){.kind = ACL_ANYONE}) ||
           is_marked(store, &(struct acl_entry){.kind = ACL_ACCOUNT, .account = account});
}

bool acl_may_be_shared_with_groups(struct store *store)
{
    return atomic_load(&store->shared_with_groups);
}

struct owners {
    uint64_t *ids;
    size_t count;
    size_t prefix; /* octets of the key in front of the owner */
    struct key last;
};

static bool take_owner(void *ctx, struct view key, struct view value)
{
    struct owners *owners = ctx;
    struct view rest = view_skip(key, owners->prefix);
    if (owners->count == LIMIT_SHARED_ACCOUNTS)
        return false;
    if (key_read_u64(&rest, &owners->ids[owners->count]) && !rest.size)
        owners->count++;
    return true;
}

static enum store_error add_owners(struct store *store, enum read_mode mode, const struct acl_entry *entry,
                                   struct owners *owners)
{
    struct key first = identifier_key(entry), end = key_after(&first);
    if (!is_marked(store, entry))
        return STORE_OK;
    owners->prefix = first.size;
    return engine_scan(store->engine, mode, ROOT_ACCOUNT, key_view(&first), key_view(&end), take_owner, owners, NULL);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

enum store_error acl_owners(struct store *store, enum read_mode mode, struct arena *arena, uint64_t account,
                            const struct view *groups, size_t group_count, uint64_t **owners_r, size_t *count_r)
{
    struct owners owners = {.ids = ARENA_ARRAY(arena, LIMIT_SHARED_ACCOUNTS, uint64_t)};
    size_t kept = 0;
    enum store_error err = add_owners(store, mode, &(struct acl_entry){.kind = ACL_ANYONE}, &owners);
    if (!err)
        err = add_owners(store, mode, &(struct acl_entry){.kind = ACL_ACCOUNT, .account = account}, &owners);
    for (size_t i = 0; !err && i < group_count; i++)
        err = add_owners(store, mode, &(struct acl_entry){.kind = ACL_GROUP, .group = groups[i]}, &owners);
    qsort(owners.ids, owners.count, sizeof *owners.ids, by_number);
    for (size_t i = 0; i < owners.count; i++)
        if (owners.ids[i] != account && (!kept || owners.ids[kept - 1] != owners.ids[i]))
            owners.ids[kept++] = owners.ids[i];
    *owners_r = owners.ids;
    *count_r = kept;
    return err;
}

/* ---- what an account shares with one ---- */

/* One list of LIMIT_ACL_ENTRIES at a time. */
enum { ROW_MEMORY = 65536 };

struct sharing {
    const struct reader *reader;
    uint64_t account;
    const struct view *groups;
    size_t group_count;
    struct mailbox_entry *entries;
    size_t count, room;
    struct arena arena;
    struct key from;
    bool bad;
};

static bool take_list(void *ctx, struct view key, struct view value)
{
    struct sharing *s = ctx;
    struct view rest = view_skip(key, 1);
    struct acl acl;
    uint32_t mailbox;
    arena_reset(&s->arena);
    s->bad = !key_read_u32(&rest, &mailbox) || !acl_row_read(value, &s->arena, &acl);
    if (s->bad || s->count == s->room)
        return false;
    s->from = key_1('Z', mailbox + 1);
    uint32_t rights = acl_rights(&acl, s->account, s->groups, s->group_count);
    if (rights & RIGHT_LOOKUP)
        s->entries[s->count++] = (struct mailbox_entry){
            .mailbox = {.id = mailbox}, .exists = true, .account = s->reader->account, .rights = rights};
    return true;
}

static enum store_error scan_lists(struct sharing *s)
{
    struct key all = key_kind('Z'), end = key_after(&all);
    enum store_error err = STORE_OK;
    bool more = true;
    s->from = all;
    arena_init(&s->arena, ROW_MEMORY);
    while (!err && more && !s->bad && s->count < s->room)
        err = engine_scan(s->reader->store->engine, s->reader->mode, s->reader->account, key_view(&s->from),
                          key_view(&end), take_list, s, &more);
    arena_free(&s->arena);
    return err ? err : s->bad ? STORE_CORRUPT : STORE_OK;
}

static enum store_error read_shared(const struct reader *reader, struct arena *arena, struct mailbox_entry *entry)
{
    uint32_t id = entry->mailbox.id;
    enum store_error err = mailbox_read(reader, arena, id, &entry->mailbox);
    if (!err)
        err = mailbox_path(reader, arena, id, &entry->path);
    entry->mailbox.flags &= MAILBOX_NOSELECT;
    entry->mailbox.special_use = 0;
    return err;
}

enum store_error acl_shared(const struct reader *reader, struct arena *arena, uint64_t account,
                            const struct view *groups, size_t group_count, struct mailbox_entry *entries, size_t *count,
                            size_t room)
{
    struct sharing s = {.reader = reader,
                        .account = account,
                        .groups = groups,
                        .group_count = group_count,
                        .entries = entries,
                        .count = *count,
                        .room = room};
    size_t kept = *count;
    enum store_error err = scan_lists(&s);
    for (size_t i = *count; !err && i < s.count; i++) {
        err = read_shared(reader, arena, &entries[i]);
        if (!err)
            entries[kept++] = entries[i];
        err = err == STORE_NO_MAILBOX ? STORE_OK : err; /* deleted meanwhile */
    }
    *count = err ? *count : kept;
    return err;
}

/* ---- at start ---- */

enum { OWNER_OCTETS = 10 };
struct marking {
    struct store *store;
    struct key last;
    size_t seen;
};

static bool mark_row(void *ctx, struct view key, struct view value)
{
    struct marking *marking = ctx;
    if (key.size <= sizeof marking->last.data && key.size > OWNER_OCTETS) {
        memcpy(marking->last.data, key.data, key.size);
        marking->last.size = key.size;
        mark(marking->store, view_slice(key, 0, key.size - OWNER_OCTETS));
    }
    marking->seen++;
    return true;
}

enum store_error acl_open(struct store *store)
{
    struct key all = key_kind('Z'), end = key_after(&all);
    struct marking marking = {.store = store, .last = all};
    size_t before;
    do { /* each page begins with the last row of the one before */
        before = marking.seen;
        enum store_error err = engine_scan(store->engine, READ_BLOCKING, ROOT_ACCOUNT, key_view(&marking.last),
                                           key_view(&end), mark_row, &marking, NULL);
        if (err)
            return err;
    } while (marking.seen - before > 1);
    return STORE_OK;
}
