/*
 * admin/serve_import.c: messages from the CLI's side into an account.
 *
 * Does     stages what comes as parcels, has each message parsed while the next one arrives, and adds them in batches:
 *          one write set for up to LIMIT_IMPORT_BATCH messages, two batches in turn, so that reading, parsing and the
 *          disk work at the same time. A message that can't be added is named and left out, the rest goes on.
 * Owns     the staged messages of the two batches.
 * Called   on a control thread of mail; parse and the writer answer on threads of theirs.
 */
#include "admin/parcel.h"
#include "admin/serving.h"
#include "base/limits.h"
#include "base/memory.h"

#include <pthread.h>
#include <sysexits.h>

/* Waits for things that other threads finish. */
struct signal {
    pthread_mutex_t lock;
    pthread_cond_t change;
};

struct item {
    struct staged *staged;
    struct staged_request request;
    struct import *import;
    bool parsed; /* under signal.lock */
    enum store_error refused;
    uint32_t uid;
    uint8_t flags;
    int64_t date_utc_s;
    int16_t zone_minutes;
    char *uidl, *keywords[PARCEL_KEYWORDS];
    size_t keyword_count;
};
struct batch {
    struct mutation mutation;
    struct import *import;
    struct item items[LIMIT_IMPORT_BATCH];
    size_t count, from, to; /* items [from, to) are being added */
    uint64_t octets;
    uint32_t mailbox;
    bool running, done; /* done: under signal.lock */
};
struct import {
    struct serving *serving;
    struct signal signal;
    uint64_t account;
    struct batch batches[2];
    struct batch *filling;
    uint32_t mailbox;  /* 0: none named yet */
    struct item *item; /* under way */
    enum store_error item_error;
    uint64_t added, refused;
    int code;
    struct arena arena;
};

static struct batch *other(struct import *import, struct batch *batch)
{
    return batch == &import->batches[0] ? &import->batches[1] : &import->batches[0];
}

static void item_drop(struct item *item)
{
    if (item->staged != NULL)
        staged_unref(&item->staged);
    free(item->uidl);
    for (size_t i = 0; i < item->keyword_count; i++)
        free(item->keywords[i]);
    memset(item, 0, sizeof(*item));
}

static void report(struct import *import, const struct item *item, enum store_error error)
{
    import->refused++;
    import->code = EX_DATAERR;
    serving_fail(import->serving, 0, "message with uid %u left out: %s", item->uid, store_error_text(error));
}

/* ---- adding ---- */

static enum store_error run_batch(struct txn *txn, struct mutation *mutation)
{
    struct batch *batch = (struct batch *)(void *)((char *)mutation - offsetof(struct batch, mutation));
    for (size_t i = batch->from; i < batch->to; i++) {
        struct item *item = &batch->items[i];
        struct view keywords[PARCEL_KEYWORDS];
        struct added added;
        if (item->refused != STORE_OK)
            continue;
        for (size_t k = 0; k < item->keyword_count; k++)
            keywords[k] = view_of_string(item->keywords[k]);
        struct new_message message = {.blob = staged_blob(item->staged),
                                      .digest = staged_digest(item->staged),
                                      .flags = item->flags,
                                      .keywords = keywords,
                                      .keyword_count = item->keyword_count,
                                      .internal_utc_s = item->date_utc_s,
                                      .internal_zone_minutes = item->zone_minutes,
                                      .wanted_uid = item->uid,
                                      .ignore_quota = true,
                                      .uidl = item->uidl == NULL ? VIEW_EMPTY : view_of_string(item->uidl)};
        enum store_error error = message_add(txn, batch->mailbox, &message, &added);
        if (error != STORE_OK)
            return error;
    }
    return STORE_OK;
}

static void batch_done(struct mutation *mutation)
{
    struct batch *batch = (struct batch *)(void *)((char *)mutation - offsetof(struct batch, mutation));
    pthread_mutex_lock(&batch->import->signal.lock);
    batch->done = true;
    pthread_cond_broadcast(&batch->import->signal.change);
    pthread_mutex_unlock(&batch->import->signal.lock);
}

static void wait_parsed(struct import *import, struct batch *batch)
{
    pthread_mutex_lock(&import->signal.lock);
    for (size_t i = 0; i < batch->count; i++)
        while (!batch->items[i].parsed)
            pthread_cond_wait(&import->signal.change, &import->signal.lock);
    pthread_mutex_unlock(&import->signal.lock);
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i].refused == STORE_OK)
            batch->items[i].refused = batch->items[i].request.result;
}

/* The whole batch was refused: one by one then, so that only the culprit stays out. */
static void add_singly(struct import *import, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].refused != STORE_OK)
            continue;
        memset(&batch->mutation, 0, sizeof(batch->mutation));
        batch->mutation.run = run_batch;
        batch->from = i;
        batch->to = i + 1;
        batch->items[i].refused = serving_mutate(import->serving, import->account, &batch->mutation);
    }
}

static void batch_finish(struct import *import, struct batch *batch)
{
    if (!batch->running)
        return;
    pthread_mutex_lock(&import->signal.lock);
    while (!batch->done)
        pthread_cond_wait(&import->signal.change, &import->signal.lock);
    pthread_mutex_unlock(&import->signal.lock);
    if (batch->mutation.result != STORE_OK)
        add_singly(import, batch);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].refused != STORE_OK)
            report(import, &batch->items[i], batch->items[i].refused);
        else
            import->added++;
        item_drop(&batch->items[i]);
    }
    struct ipc_control_credit credit = {(uint32_t)batch->count};
    if (!import->serving->gone && !wire_send(&import->serving->wire, IPC_CONTROL_CREDIT, &credit, -1))
        import->serving->gone = true;
    batch->count = 0;
    batch->octets = 0;
    batch->running = false;
}

/* Sends the batch that was filled to the writer, after the one before it is through: UIDs keep their order. */
static void batch_begin(struct import *import)
{
    struct batch *batch = import->filling;
    if (batch->count == 0)
        return;
    wait_parsed(import, batch);
    batch_finish(import, other(import, batch));
    memset(&batch->mutation, 0, sizeof(batch->mutation));
    batch->mutation.run = run_batch;
    batch->mutation.done = batch_done;
    batch->mutation.account = import->account;
    batch->from = 0;
    batch->to = batch->count;
    batch->done = false;
    batch->running = true;
    engine_mutate(store_engine(import->serving->env->store), &batch->mutation);
    import->filling = other(import, batch);
}

static void flush(struct import *import)
{
    batch_begin(import);
    batch_finish(import, &import->batches[0]);
    batch_finish(import, &import->batches[1]);
}

/* ---- parcels ---- */

struct place {
    struct mutation mutation;
    const struct parcel *parcel;
    struct view name;
    uint32_t id;
    bool validity_kept;
};

static enum store_error run_place(struct txn *txn, struct mutation *mutation)
{
    struct place *place = (struct place *)(void *)((char *)mutation - offsetof(struct place, mutation));
    struct mailbox mailbox;
    enum store_error error = STORE_OK;
    if (place->id == 0) {
        error = mailbox_create(txn, place->name, place->parcel->special_use, &mailbox);
        if (error != STORE_OK)
            return error;
        place->id = mailbox.id;
    }
    if (place->parcel->uidvalidity != 0)
        error = mailbox_set_uidvalidity(txn, place->id, place->parcel->uidvalidity, place->parcel->uidnext);
    place->validity_kept = error == STORE_OK;
    return error == STORE_FORBIDDEN ? STORE_OK : error;
}

/* Finds or makes the mailbox; keeps UIDVALIDITY if it was never used. */
static void take_mailbox(struct import *import, const struct parcel *parcel)
{
    struct reader reader = serving_reader(import->serving, import->account);
    struct mailbox mailbox;
    struct place place = {.mutation = {.run = run_place}, .parcel = parcel};
    flush(import);
    arena_reset(&import->arena);
    import->mailbox = 0;
    enum store_error error = mailbox_name_canonical(&import->arena, parcel->name, &place.name);
    if (error == STORE_OK) {
        error = mailbox_find(&reader, &import->arena, place.name, &mailbox);
        place.id = error == STORE_OK ? mailbox.id : 0;
        if (error == STORE_NO_MAILBOX)
            error = STORE_OK;
    }
    if (error == STORE_OK)
        error = serving_mutate(import->serving, import->account, &place.mutation);
    if (error != STORE_OK) {
        char what[512];
        snprintf(what, sizeof(what), "can't make the mailbox %.*s",
                 (int)(parcel->name.size < 300 ? parcel->name.size : 300), parcel->name.data);
        import->code = serving_store_failed(import->serving, what, error);
        return;
    }
    if (parcel->uidvalidity != 0 && !place.validity_kept)
        serving_fail(import->serving, 0, "%.*s: had messages before: its UIDVALIDITY stays, UIDs may change",
                     VIEW_PRINTF(place.name));
    import->mailbox = place.id;
}

static enum store_error run_subscribe(struct txn *txn, struct mutation *mutation)
{
    struct place *place = (struct place *)(void *)((char *)mutation - offsetof(struct place, mutation));
    return mailbox_subscribe(txn, place->name, true);
}

static void take_subscription(struct import *import, const struct parcel *parcel)
{
    struct place place = {.mutation = {.run = run_subscribe}, .parcel = parcel};
    arena_reset(&import->arena);
    if (mailbox_name_canonical(&import->arena, parcel->name, &place.name) == STORE_OK)
        serving_mutate(import->serving, import->account, &place.mutation);
}

/* RFC 1939 7: 1 to 70 characters from '!' to '~'. Another is as good as none. */
static bool uidl_is_good(struct view uidl)
{
    for (size_t i = 0; i < uidl.size; i++)
        if (uidl.data[i] < '!' || uidl.data[i] > '~')
            return false;
    return uidl.size > 0 && uidl.size <= LIMIT_POP3_UIDL;
}

static void item_begin(struct import *import, const struct parcel *parcel)
{
    struct stager stager = {import->serving->env->store, import->serving->env->spool_folder};
    struct item *item = &import->filling->items[import->filling->count];
    memset(item, 0, sizeof(*item));
    item->import = import;
    item->uid = parcel->uid;
    item->flags = parcel->flags;
    item->date_utc_s = parcel->date_utc_s;
    item->zone_minutes = parcel->zone_minutes;
    if (uidl_is_good(parcel->uidl))
        item->uidl = memory_copy(parcel->uidl.data, parcel->uidl.size);
    for (size_t i = 0; i < parcel->keyword_count; i++)
        item->keywords[item->keyword_count++] = memory_copy(parcel->keywords[i].data, parcel->keywords[i].size);
    item->staged = staged_new(&stager);
    import->item = item;
    import->item_error = import->mailbox == 0 ? STORE_NO_MAILBOX : STORE_OK;
}

static void item_octets(struct import *import, struct view octets)
{
    if (import->item != NULL && import->item_error == STORE_OK)
        import->item_error = staged_append(import->item->staged, octets);
}

static void item_parsed(struct staged_request *request)
{
    struct item *item = (struct item *)(void *)((char *)request - offsetof(struct item, request));
    pthread_mutex_lock(&item->import->signal.lock);
    item->parsed = true;
    pthread_cond_broadcast(&item->import->signal.change);
    pthread_mutex_unlock(&item->import->signal.lock);
}

static void item_end(struct import *import)
{
    struct item *item = import->item;
    struct batch *batch = import->filling;
    import->item = NULL;
    if (item == NULL)
        return;
    if (import->item_error != STORE_OK) {
        report(import, item, import->item_error);
        item_drop(item);
        return;
    }
    item->request = (struct staged_request){.staged = item->staged,
                                            .parser = import->serving->env->parser,
                                            .accounts = &import->account,
                                            .account_count = 1,
                                            .utc_s = item->date_utc_s,
                                            .done = item_parsed};
    batch->octets += staged_octets(item->staged);
    batch->mailbox = import->mailbox;
    batch->count++;
    staged_finish(&item->request);
    if (batch->count == LIMIT_IMPORT_BATCH || batch->octets >= LIMIT_IMPORT_BATCH_OCTETS)
        batch_begin(import);
}

static bool take_parcel(struct import *import, struct view octets)
{
    struct parcel parcel;
    if (!parcel_read(octets, &parcel))
        return false;
    switch (parcel.kind) {
    case PARCEL_MAILBOX:
        take_mailbox(import, &parcel);
        break;
    case PARCEL_MESSAGE:
        if (import->item != NULL)
            return false;
        item_begin(import, &parcel);
        break;
    case PARCEL_OCTETS:
        item_octets(import, parcel.octets);
        break;
    case PARCEL_END:
        item_end(import);
        break;
    case PARCEL_SUBSCRIBED:
        take_subscription(import, &parcel);
        break;
    }
    return true;
}

static void import_all(struct import *import)
{
    struct serving *serving = import->serving;
    struct wire_frame frame;
    while (!serving->gone) {
        if (serving_is_stopping(serving)) {
            import->code = serving_fail(serving, EX_TEMPFAIL, "the server is going down: run it again for the rest");
            break;
        }
        if (!wire_receive(&serving->wire, &frame, -1)) {
            serving->gone = true;
            break;
        }
        if (frame.type == IPC_CONTROL_INPUT_END)
            break;
        if (frame.type != IPC_CONTROL_INPUT ||
            !take_parcel(import, ((const struct ipc_control_input *)(const void *)frame.body)->octets)) {
            import->code = serving_fail(serving, EX_PROTOCOL, "the messages come in a form that mail does not know");
            break;
        }
    }
}

int serve_import(struct serving *serving)
{
    struct account account;
    struct reader reader = serving_reader(serving, serving_account(serving));
    enum store_error error = account_read(&reader, &account);
    if (error != STORE_OK)
        return serving_store_failed(serving, "can't import", error);
    struct import *import = NEW(struct import);
    import->serving = serving;
    import->account = reader.account;
    import->filling = &import->batches[0];
    import->batches[0].import = import->batches[1].import = import;
    pthread_mutex_init(&import->signal.lock, NULL);
    pthread_cond_init(&import->signal.change, NULL);
    arena_init(&import->arena, (size_t)1 << 24);
    import_all(import);
    if (import->item != NULL) /* cut off in the middle */
        item_drop(import->item);
    flush(import);
    serving_columns(serving, "imported:n\tleft_out:n");
    serving_number(serving, import->added);
    serving_number(serving, import->refused);
    serving_row_end(serving);
    int code = import->code;
    arena_free(&import->arena);
    pthread_cond_destroy(&import->signal.change);
    pthread_mutex_destroy(&import->signal.lock);
    free(import);
    return code;
}
