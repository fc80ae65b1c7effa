/*
 * store/uids.c: the set of UIDs of a mailbox, kept between uses and brought up to date from the change log.
 *
 * Owns     a table of sets by account and mailbox, at most UID_CACHE_SETS, in slots by hash; one lock. A set handed out
 *          is shared and immutable.
 * Called   by sessions, on any thread.
 * Tested   tests/unit/store_model.c
 */
#include "base/memory.h"
#include "store/private.h"

enum { UID_CACHE_SETS = 4096, TRIES = 8 };

struct uid_slot {
    uint64_t account, modseq;
    uint32_t mailbox, uidvalidity, uidnext;
    struct uidset *uids;
};

struct uid_cache {
    pthread_mutex_t lock;
    struct uid_slot slots[UID_CACHE_SETS];
};

struct uid_cache *uid_cache_new(void)
{
    struct uid_cache *cache = NEW(struct uid_cache);
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void uid_cache_free(struct uid_cache **cache)
{
    struct uid_cache *old = *cache;
    *cache = NULL;
    for (size_t i = 0; old && i < UID_CACHE_SETS; i++)
        uidset_unref(&old->slots[i].uids);
    free(old);
}

static struct uid_slot *slot_of(struct uid_cache *cache, uint64_t account, uint32_t mailbox)
{
    uint64_t mix = (account * 0x9e3779b97f4a7c15u) ^ (mailbox * 0xc2b2ae3d27d4eb4fu);
    return &cache->slots[(mix >> 32) % UID_CACHE_SETS];
}

/* A reference to the kept set, if it is of this mailbox. */
static struct uid_slot take(struct uid_cache *cache, uint64_t account, const struct mailbox *mailbox)
{
    struct uid_slot found = {0};
    pthread_mutex_lock(&cache->lock);
    struct uid_slot *slot = slot_of(cache, account, mailbox->id);
    if (slot->uids && slot->account == account && slot->mailbox == mailbox->id &&
        slot->uidvalidity == mailbox->uidvalidity) {
        found = *slot;
        uidset_ref(found.uids);
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

static void keep(struct uid_cache *cache, const struct uid_slot *newer)
{
    pthread_mutex_lock(&cache->lock);
    struct uid_slot *slot = slot_of(cache, newer->account, newer->mailbox);
    bool same = slot->uids && slot->account == newer->account && slot->mailbox == newer->mailbox &&
                slot->uidvalidity == newer->uidvalidity;
    if (!same || slot->modseq < newer->modseq) {
        uidset_unref(&slot->uids);
        *slot = *newer;
        uidset_ref(slot->uids);
    }
    pthread_mutex_unlock(&cache->lock);
}

struct present_scan {
    struct uidset *uids;
    uint32_t from, before, last_block;
    bool bad;
};

static bool take_present(void *ctx, struct view key, struct view value)
{
    struct present_scan *scan = ctx;
    struct view rest = view_skip(key, 1);
    uint32_t mailbox, block;
    uint64_t present, modseq;
    if (!key_read_u32(&rest, &mailbox) || !key_read_u32(&rest, &block) || !chunk_read_head(value, &present, &modseq)) {
        scan->bad = true;
        return false;
    }
    scan->last_block = block;
    uint32_t base = block * CHUNK_ROWS + 1;
    if (present == UINT64_MAX && base >= scan->from && base + CHUNK_ROWS <= scan->before) {
        uidset_add_range(scan->uids, base, base + CHUNK_ROWS - 1);
        return true;
    }
    for (; present; present &= present - 1) {
        uint32_t uid = base + (uint32_t)__builtin_ctzll(present);
        if (uid >= scan->from && uid < scan->before)
            uidset_add(scan->uids, uid);
    }
    return true;
}

/* Adds the UIDs from <= uid < before that the chunks hold now. */
static enum store_error scan_present(const struct reader *reader, uint32_t mailbox, uint32_t from, uint32_t before,
                                     struct uidset *uids)
{
    struct present_scan scan = {.uids = uids, .from = from, .before = before};
    struct key all = key_1('C', mailbox), end = key_after(&all), first = key_2('C', mailbox, chunk_block(from));
    bool more = from < before;
    while (more) {
        enum store_error err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&first),
                                           key_view(&end), take_present, &scan, &more);
        if (err)
            return err;
        if (scan.bad)
            return STORE_CORRUPT;
        first = key_2('C', mailbox, scan.last_block + 1);
    }
    return STORE_OK;
}

/* From nothing, or from a kept set: what is new is added from the chunks, what has vanished comes from the log. A kept
 * set that stays as it is isn't touched at all: other threads read it. */
static enum store_error build(const struct reader *reader, const struct mailbox *now, struct uid_slot *slot)
{
    struct changes changes = {0};
    enum store_error err = STORE_OK;
    bool differs = true;
    if (!slot->uids) {
        slot->uids = uidset_new();
        slot->uidnext = 1;
    } else {
        err = changes_read(reader, now->id, slot->modseq, &changes);
        differs = !err && (uidset_count(changes.vanished) || now->uidnext > slot->uidnext);
        if (differs)
            uidset_unshare(&slot->uids);
    }
    if (!err && differs)
        err = scan_present(reader, now->id, slot->uidnext, now->uidnext, slot->uids);
    if (!err && differs && changes.vanished)
        uidset_remove_set(slot->uids, changes.vanished);
    if (!err && differs)
        uidset_optimize(slot->uids);
    changes_free(&changes);
    slot->uidnext = now->uidnext;
    slot->modseq = now->highestmodseq;
    return err;
}

enum store_error mailbox_uids(const struct reader *reader, uint32_t mailbox, struct uidset **uids_r, uint64_t *modseq_r)
{
    struct uid_cache *cache = reader->store->uids;
    struct mailbox now, after;
    /* No view lasts across calls: look again until nothing changed meanwhile. A busy mailbox gets a set that is as of
     * the last look. */
    for (unsigned tries = 0;; tries++) {
        enum store_error err = mailbox_read(reader, NULL, mailbox, &now);
        if (err)
            return err;
        struct uid_slot slot = take(cache, reader->account, &now);
        if (slot.uids && slot.modseq == now.highestmodseq) {
            *uids_r = slot.uids;
            *modseq_r = slot.modseq;
            return STORE_OK;
        }
        slot.account = reader->account;
        slot.mailbox = mailbox;
        slot.uidvalidity = now.uidvalidity;
        err = build(reader, &now, &slot);
        if (!err)
            err = mailbox_read(reader, NULL, mailbox, &after);
        if (!err && (after.highestmodseq == now.highestmodseq || tries >= TRIES)) {
            if (after.highestmodseq == now.highestmodseq)
                keep(cache, &slot);
            *uids_r = slot.uids;
            *modseq_r = slot.modseq;
            return STORE_OK;
        }
        uidset_unref(&slot.uids);
        if (err)
            return err;
    }
}
