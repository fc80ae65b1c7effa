/*
 * admin/serve_mailbox.c: verbs about mailboxes, accounts, and the store as a whole, in mail.
 */
#include "admin/serving.h"
#include "base/clock.h"
#include "base/memory.h"
#include "store/annotation.h"
#include "store/history.h"
#include "store/retention.h"

#include <sysexits.h>

enum { LIST_MEMORY = 256 << 20 };

/* ---- reading ---- */

static const char *special_use_name(uint32_t use)
{
    static const struct {
        uint32_t use;
        const char *name;
    } rows[] = {{USE_ALL, "all"},   {USE_ARCHIVE, "archive"}, {USE_DRAFTS, "drafts"}, {USE_FLAGGED, "flagged"},
                {USE_JUNK, "junk"}, {USE_SENT, "sent"},       {USE_TRASH, "trash"},   {USE_IMPORTANT, "important"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if ((use & rows[i].use) != 0)
            return rows[i].name;
    return "";
}

static uint32_t special_use_number(const char *name)
{
    for (uint32_t use = 1; use <= USE_IMPORTANT; use <<= 1)
        if (strcmp(name, special_use_name(use)) == 0)
            return use;
    return USE_NONE;
}

#define MAILBOX_COLUMNS                                                                                                \
    "name\tmessages:n\tunseen:n\tsize:o\tuidvalidity:n\tuidnext:n\thighestmodseq:n\tuse\tsubscribed:b\tid"

static void mailbox_row(struct serving *serving, const struct mailbox *mailbox, struct view path)
{
    char id[32];
    snprintf(id, sizeof(id), "M%llx", (unsigned long long)mailbox->mailbox_id);
    serving_text(serving, path);
    serving_number(serving, mailbox->messages);
    serving_number(serving, mailbox->unseen);
    serving_number(serving, mailbox->octets);
    serving_number(serving, mailbox->uidvalidity);
    serving_number(serving, mailbox->uidnext);
    serving_number(serving, mailbox->highestmodseq);
    serving_text(serving, view_of_string(special_use_name(mailbox->special_use)));
    serving_number(serving, (mailbox->flags & MAILBOX_SUBSCRIBED) != 0);
    serving_text(serving, view_of_string(id));
    serving_row_end(serving);
}

int serve_mailbox_list(struct serving *serving)
{
    struct reader reader = serving_reader(serving, serving_account(serving));
    struct arena arena;
    struct mailbox_entry *entries = NULL;
    size_t count = 0;
    arena_init(&arena, LIST_MEMORY);
    enum store_error error = mailbox_list(&reader, &arena, &entries, &count);
    if (error == STORE_OK) {
        serving_columns(serving, MAILBOX_COLUMNS);
        for (size_t i = 0; i < count; i++)
            if (entries[i].exists && (entries[i].mailbox.flags & MAILBOX_NOSELECT) == 0)
                mailbox_row(serving, &entries[i].mailbox, entries[i].path);
    }
    arena_free(&arena);
    return error == STORE_OK ? EX_OK : serving_store_failed(serving, "can't list the mailboxes", error);
}

int serve_mailbox_status(struct serving *serving)
{
    struct reader reader = serving_reader(serving, serving_account(serving));
    const char *name = serving_argument(serving, 1);
    struct arena arena;
    struct mailbox mailbox;
    arena_init(&arena, LIST_MEMORY);
    struct view canonical = VIEW_EMPTY;
    enum store_error error =
        name == NULL ? STORE_BAD_NAME : mailbox_name_canonical(&arena, view_of_string(name), &canonical);
    if (error == STORE_OK)
        error = mailbox_find(&reader, &arena, canonical, &mailbox);
    if (error == STORE_OK) {
        serving_columns(serving, MAILBOX_COLUMNS);
        mailbox_row(serving, &mailbox, canonical);
    }
    arena_free(&arena);
    return error == STORE_OK ? EX_OK : serving_store_failed(serving, "can't read the mailbox", error);
}

int serve_account_show(struct serving *serving)
{
    struct reader reader = serving_reader(serving, serving_account(serving));
    struct account account;
    struct retained_total retained;
    struct annotation_total annotations;
    enum store_error error = account_read(&reader, &account);
    if (error == STORE_OK)
        error = retained_total(&reader, &retained);
    if (error == STORE_OK)
        error = annotation_total(&reader, &annotations);
    if (error != STORE_OK)
        return serving_store_failed(serving, "can't read the account", error);
    serving_columns(serving, "messages:n\tsize:o\tquota:o\tquota_messages:n\temails:n\tmodseq:n\tretained:n\t"
                             "retained_size:o\tannotations:o");
    serving_number(serving, account.messages);
    serving_number(serving, account.octets);
    serving_number(serving, account.quota_octets);
    serving_number(serving, account.quota_messages);
    serving_number(serving, account.emails);
    serving_number(serving, account.modseq);
    serving_number(serving, retained.messages);
    serving_number(serving, retained.octets);
    serving_number(serving, annotations.octets);
    serving_row_end(serving);
    return EX_OK;
}

int serve_account_quota(struct serving *serving)
{
    uint64_t octets = 0, messages = 0;
    const char *said[2] = {serving_argument(serving, 1), serving_option(serving, "messages", 0)};
    if (said[0] == NULL || !view_parse_u64(view_of_string(said[0]), INT64_MAX, &octets) ||
        (said[1] != NULL && !view_parse_u64(view_of_string(said[1]), INT64_MAX, &messages)))
        return serving_fail(serving, EX_USAGE, "can't set the quota: give octets as a number, 0 for none");
    enum store_error error = account_set_quota(serving->env->store, serving_account(serving), octets, messages);
    return error == STORE_OK ? EX_OK : serving_store_failed(serving, "can't set the quota", error);
}

/* ---- changing ---- */

struct change {
    struct mutation mutation;
    struct serving *serving;
    struct view name, to;
    uint32_t use, id;
    struct removal why;
};

static struct change *change_of(struct mutation *mutation)
{
    return (struct change *)(void *)((char *)mutation - offsetof(struct change, mutation));
}

/* Names come from a person: canonical form first. */
static enum store_error canonical_names(struct arena *arena, struct change *change)
{
    const char *name = serving_argument(change->serving, 1), *to = serving_argument(change->serving, 2);
    if (name == NULL)
        return STORE_BAD_NAME;
    enum store_error error = mailbox_name_canonical(arena, view_of_string(name), &change->name);
    if (error == STORE_OK && to != NULL)
        error = mailbox_name_canonical(arena, view_of_string(to), &change->to);
    return error;
}

static int run_change(struct serving *serving, struct change *change, const char *failure)
{
    struct arena arena;
    struct reader reader = serving_reader(serving, serving_account(serving));
    struct mailbox mailbox;
    arena_init(&arena, LIST_MEMORY);
    change->serving = serving;
    enum store_error error = canonical_names(&arena, change);
    if (error == STORE_OK && change->id == UINT32_MAX) {
        error = mailbox_find(&reader, &arena, change->name, &mailbox);
        change->id = mailbox.id;
    }
    if (error == STORE_OK)
        error = serving_mutate(serving, reader.account, &change->mutation);
    arena_free(&arena);
    return error == STORE_OK ? EX_OK : serving_store_failed(serving, failure, error);
}

static enum store_error run_create(struct txn *txn, struct mutation *mutation)
{
    struct change *change = change_of(mutation);
    struct mailbox made;
    enum store_error error = mailbox_create(txn, change->name, change->use, &made);
    return error != STORE_OK ? error : mailbox_subscribe(txn, change->name, true);
}

int serve_mailbox_create(struct serving *serving)
{
    struct change change = {.mutation = {.run = run_create}};
    const char *use = serving_option(serving, "use", 0);
    change.use = use == NULL ? USE_NONE : special_use_number(use);
    if (use != NULL && change.use == USE_NONE)
        return serving_fail(serving, EX_USAGE, "no use %s: archive, drafts, junk, sent, trash, all, flagged, important",
                            use);
    return run_change(serving, &change, "can't create the mailbox");
}

static enum store_error run_delete(struct txn *txn, struct mutation *mutation)
{
    struct change *change = change_of(mutation);
    return mailbox_delete(txn, change->id, &change->why);
}

int serve_mailbox_delete(struct serving *serving)
{
    struct change change = {.mutation = {.run = run_delete, .frees_space = true}, .id = UINT32_MAX};
    serving_removal(serving, &change.why);
    return run_change(serving, &change, "can't delete the mailbox");
}

static enum store_error run_rename(struct txn *txn, struct mutation *mutation)
{
    struct change *change = change_of(mutation);
    return mailbox_rename(txn, change->name, change->to, &change->why);
}

int serve_mailbox_rename(struct serving *serving)
{
    struct change change = {.mutation = {.run = run_rename}};
    if (serving_argument(serving, 2) == NULL)
        return serving_fail(serving, EX_USAGE, "no new name: waxwing mailbox rename USER OLD NEW");
    serving_removal(serving, &change.why);
    return run_change(serving, &change, "can't rename the mailbox");
}

/* ---- the store ---- */

static void status_line(struct serving *serving, const char *name, const char *type)
{
    buffer_printf(&serving->row, "%s%s%s", buffer_size(&serving->row) > 1 ? "\t" : "", name, type);
}

/* name and type in one table, so that header and values can't differ in order. */
int serve_status(struct serving *serving)
{
    struct engine_status status = {0};
    engine_status(store_engine(serving->env->store), &status);
    const struct {
        const char *name, *type;
        uint64_t value;
    } rows[] = {
        {"volumes", ":n", status.volumes},         {"volume_octets", ":o", status.volume_octets},
        {"live_octets", ":o", status.live_octets}, {"index_octets", ":o", status.index_octets},
        {"free_octets", ":o", status.free_octets}, {"batches", ":n", status.batches},
        {"mutations", ":n", status.mutations},     {"syncs", ":n", status.syncs},
        {"sync_us", ":n", status.sync_us},         {"read_only", ":b", status.read_only},
    };
    struct buffer more;
    buffer_init(&more, 65536);
    if (serving->env->status != NULL)
        serving->env->status(serving->env->status_ctx, &more);
    buffer_append_char(&serving->row, '#');
    status_line(serving, "version", "");
    status_line(serving, "reason", "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        status_line(serving, rows[i].name, rows[i].type);
    struct view lines = buffer_view(&more);
    for (size_t at = 0, end; (end = view_find(lines, '\n', at)) != SIZE_MAX; at = end + 1) {
        struct view line = view_slice(lines, at, end - at);
        buffer_append_char(&serving->row, '\t');
        buffer_append_view(&serving->row, view_slice(line, 0, view_find(line, '\t', 0)));
    }
    serving_row_end(serving);
    serving_text(serving, VIEW_LITERAL(WAXWING_VERSION));
    serving_text(serving, view_of_string(status.reason));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        serving_number(serving, rows[i].value);
    for (size_t at = 0, end; (end = view_find(lines, '\n', at)) != SIZE_MAX; at = end + 1) {
        struct view line = view_slice(lines, at, end - at);
        size_t tab = view_find(line, '\t', 0);
        serving_text(serving, tab == SIZE_MAX ? VIEW_EMPTY : view_skip(line, tab + 1));
    }
    serving_row_end(serving);
    buffer_free(&more);
    return EX_OK;
}

static void tell_problem(void *ctx, const char *what)
{
    struct serving *serving = ctx;
    serving_text(serving, view_of_string(what));
    serving_row_end(serving);
}

int serve_check(struct serving *serving)
{
    uint64_t problems = 0;
    bool blobs = serving_option(serving, "blobs", 0) != NULL;
    serving_columns(serving, "problem");
    enum store_error error =
        store_check(serving->env->store, serving_account(serving), blobs, tell_problem, serving, &problems);
    if (error == STORE_OK && blobs)
        error = engine_check(store_engine(serving->env->store), tell_problem, serving);
    if (error != STORE_OK && error != STORE_CORRUPT)
        return serving_store_failed(serving, "can't check the store", error);
    if (problems > 0 || error == STORE_CORRUPT)
        return serving_fail(serving, 1, "%llu problems", (unsigned long long)problems);
    return EX_OK;
}

int serve_compact(struct serving *serving)
{
    uint64_t percent = 50, freed = 0;
    const char *below = serving_option(serving, "below", 0);
    if (below != NULL && !view_parse_u64(view_of_string(below), 100, &percent))
        return serving_fail(serving, EX_USAGE, "can't use --below=%s: a share in percent, 0 to 100", below);
    enum store_error error = store_compact(serving->env->store, (double)percent / 100, true, &freed);
    if (error != STORE_OK && error != STORE_CORRUPT)
        return serving_store_failed(serving, "can't compact", error);
    serving_columns(serving, "freed:o");
    serving_number(serving, freed);
    serving_row_end(serving);
    return error == STORE_OK ? EX_OK
                             : serving_fail(serving, 1, "some volumes are damaged and stay: the log says where");
}

/* --all: as if the retention of every message had ended. */
int serve_purge(struct serving *serving)
{
    uint64_t purged = 0;
    int64_t now = clock_wall_s();
    if (serving_option(serving, "all", 0) != NULL)
        now += (int64_t)3651 * 86400;
    enum store_error error = store_purge(serving->env->store, now, &purged);
    if (error == STORE_OK)
        error = store_purge_history(serving->env->store, clock_wall_s());
    if (error != STORE_OK)
        return serving_store_failed(serving, "can't purge", error);
    serving_columns(serving, "purged:n");
    serving_number(serving, purged);
    serving_row_end(serving);
    return EX_OK;
}
