/*
 * admin/serve_undelete.c: `undelete`, in mail: what was removed is listed, and with --restore taken back.
 *
 * Does     reads what is retained page by page; nothing is held while the other side is slow. --restore adds up first
 *          and refuses what the quota would not take; then one mutation a mailbox puts it back.
 * Called   on a control thread of mail.
 * Tested   tests/e2e/test_undelete.py
 */
#include "admin/filter.h"
#include "base/memory.h"

#include <sysexits.h>

enum { PATH_MEMORY = 1 << 20 };

/* What of one mailbox is meant. */
struct place {
    uint32_t mailbox;
    uint64_t messages, octets;
};

struct undelete {
    struct serving *serving;
    struct reader reader;
    struct arena arena; /* the mailbox's name alone */
    struct filter filter;
    struct retained_filter retained;
    struct retained_rows *rows;
    uint32_t mailbox; /* of which path is the name; 0: none yet */
    struct view path;
    struct place *places;
    size_t place_count, place_capacity;
    struct buffer octets; /* of one email */
    uint64_t listed;
};

/* ---- the walk ---- */

static enum store_error name_mailbox(struct undelete *u, uint32_t mailbox)
{
    if (mailbox == u->mailbox)
        return STORE_OK;
    arena_reset(&u->arena);
    enum store_error error = retained_path(&u->reader, &u->arena, mailbox, &u->path);
    u->mailbox = error == STORE_OK ? mailbox : 0;
    return error;
}

/* False where the mailbox went just now, and for what isn't meant. */
static bool is_meant(struct undelete *u, const struct retained_row *row, enum store_error *error)
{
    if (!retained_matches(&u->retained, row))
        return false;
    *error = name_mailbox(u, row->mailbox);
    if (*error == STORE_NO_MAILBOX) {
        *error = STORE_OK;
        return false;
    }
    return *error == STORE_OK && (u->filter.mailbox.size == 0 || view_equal(u->path, u->filter.mailbox));
}

static enum store_error each_row(struct undelete *u, void (*each)(struct undelete *u, const struct retained_row *row))
{
    uint32_t mailbox = 0, uid = 0;
    enum store_error error;
    do {
        error = retained_rows(&u->reader, mailbox, uid, u->rows);
        for (size_t i = 0; error == STORE_OK && i < u->rows->count; i++) {
            const struct retained_row *row = &u->rows->rows[i];
            if (is_meant(u, row, &error))
                each(u, row);
            mailbox = row->mailbox + (row->message.uid == UINT32_MAX);
            uid = row->message.uid + 1;
        }
    } while (error == STORE_OK && !u->rows->at_end && !u->serving->gone && !serving_is_stopping(u->serving));
    return error;
}

/* ---- listing ---- */

#define LIST_COLUMNS "removed:t\tby\taddress\tclient\tmailbox\tuid:n\tsize:o\tuntil:t\tsubject"
#define LIST_COLUMNS_JSON                                                                                              \
    "removed:t\tby\thow\taddress\tclient\tsession\tmailbox\tuid:n\tsize:o\treceived:t\tuntil:t\temail\tmessage_id\t"   \
    "subject"

static void list_row(struct undelete *u, const struct retained_row *row)
{
    struct serving *s = u->serving;
    char session[20], id[20];
    snprintf(session, sizeof(session), "%016llx", (unsigned long long)row->why.session);
    snprintf(id, sizeof(id), "E%llx", (unsigned long long)row->message.email);
    struct email email = {.digest = {.subject = VIEW_EMPTY, .message_id = VIEW_EMPTY}};
    buffer_clear(&u->octets);
    if (email_read(&u->reader, row->message.email, &u->octets, &email) != STORE_OK)
        email.digest.subject = email.digest.message_id = VIEW_EMPTY;
    serving_number(s, (uint64_t)row->at_utc_s);
    serving_text(s, view_of_string(filter_by_name(row->why.by)));
    if (s->json)
        serving_text(s, view_of_string(row->how == REMOVED_WITH_MAILBOX ? "with its mailbox" : "alone"));
    serving_text(s, view_of_string(row->why.peer));
    serving_text(s, view_of_string(row->why.client));
    if (s->json)
        serving_text(s, view_of_string(session));
    serving_text(s, u->path);
    serving_number(s, row->message.uid);
    serving_number(s, row->message.size_octets);
    if (s->json)
        serving_number(s, row->message.internal_utc_s > 0 ? (uint64_t)row->message.internal_utc_s : 0);
    serving_number(s, (uint64_t)retained_until(row));
    if (s->json) {
        serving_text(s, view_of_string(id));
        serving_text(s, email.digest.message_id);
    }
    serving_text(s, email.digest.subject);
    serving_row_end(s);
    u->listed++;
}

static int list(struct undelete *u)
{
    serving_columns(u->serving, u->serving->json ? LIST_COLUMNS_JSON : LIST_COLUMNS);
    enum store_error error = each_row(u, list_row);
    buffer_free(&u->octets);
    if (error != STORE_OK)
        return serving_store_failed(u->serving, "can't list what was removed", error);
    if (!u->serving->json && u->listed == 0)
        serving_fail(u->serving, EX_OK, "nothing was removed that can be taken back");
    else if (!u->serving->json && u->serving->terminal)
        serving_fail(u->serving, EX_OK, "--restore takes %s back", u->listed == 1 ? "it" : "them");
    return EX_OK;
}

/* ---- taking back ---- */

static void add_up(struct undelete *u, const struct retained_row *row)
{
    if (u->place_count == 0 || u->places[u->place_count - 1].mailbox != row->mailbox) {
        if (u->place_count == u->place_capacity) {
            u->place_capacity = u->place_capacity ? 2 * u->place_capacity : 16;
            u->places = memory_resize(u->places, u->place_capacity * sizeof(*u->places));
        }
        u->places[u->place_count++] = (struct place){.mailbox = row->mailbox};
    }
    struct place *place = &u->places[u->place_count - 1];
    place->messages++;
    place->octets += row->message.size_octets;
}

/* All of it, before any of it: nobody wants the first half of what was asked for. */
static int check_quota(struct undelete *u)
{
    struct account account;
    struct place all = {0};
    enum store_error error = account_read(&u->reader, &account);
    if (error != STORE_OK)
        return serving_store_failed(u->serving, "can't read the account", error);
    for (size_t i = 0; i < u->place_count; i++) {
        all.messages += u->places[i].messages;
        all.octets += u->places[i].octets;
    }
    bool full = (account.quota_octets && account.octets + all.octets > account.quota_octets) ||
                (account.quota_messages && account.messages + all.messages > account.quota_messages);
    if (!full)
        return EX_OK;
    return serving_fail(u->serving, EX_CANTCREAT,
                        "%llu messages of %llu octets would pass the quota: raise it (waxwing account quota), or take "
                        "less back (--mailbox, --since, --uid)",
                        (unsigned long long)all.messages, (unsigned long long)all.octets);
}

struct restoring {
    struct mutation mutation;
    uint32_t mailbox;
    struct restore restore;
};

static enum store_error run_restore(struct txn *txn, struct mutation *mutation)
{
    struct restoring *r = (struct restoring *)(void *)mutation;
    return retained_restore(txn, r->mailbox, &r->restore);
}

static int restore_place(struct undelete *u, const struct place *place)
{
    struct restoring r = {
        .mutation = {.run = run_restore}, .mailbox = place->mailbox, .restore = {.filter = u->retained}};
    serving_removal(u->serving, &r.restore.why);
    enum store_error error = serving_mutate(u->serving, u->reader.account, &r.mutation);
    if (r.restore.messages > 0 && name_mailbox(u, r.restore.mailbox) == STORE_OK) {
        serving_text(u->serving, u->path);
        serving_number(u->serving, r.restore.messages);
        serving_number(u->serving, r.restore.octets);
        serving_row_end(u->serving);
    }
    return error == STORE_OK ? EX_OK : serving_store_failed(u->serving, "can't take all of it back", error);
}

static int restore(struct undelete *u)
{
    enum store_error error = each_row(u, add_up);
    if (error != STORE_OK)
        return serving_store_failed(u->serving, "can't read what was removed", error);
    int code = check_quota(u);
    if (code == EX_OK)
        serving_columns(u->serving, "mailbox\trestored:n\tsize:o");
    for (size_t i = 0; i < u->place_count && code == EX_OK; i++)
        code = restore_place(u, &u->places[i]);
    if (code == EX_OK && u->place_count == 0 && !u->serving->json)
        serving_fail(u->serving, EX_OK, "nothing was removed that can be taken back");
    free(u->places);
    return code;
}

int serve_undelete(struct serving *serving)
{
    struct undelete *u = NEW(struct undelete);
    struct arena options;
    u->serving = serving;
    u->reader = serving_reader(serving, serving_account(serving));
    u->rows = NEW(struct retained_rows);
    arena_init(&u->arena, PATH_MEMORY);
    arena_init(&options, PATH_MEMORY);
    int code = filter_read(serving, &options, &u->filter);
    u->retained =
        (struct retained_filter){.since_utc_s = u->filter.since_utc_s, .by = u->filter.by, .uids = u->filter.uids};
    if (code == EX_OK)
        code = serving_option(serving, "restore", 0) != NULL ? restore(u) : list(u);
    filter_free(&u->filter);
    arena_free(&u->arena);
    arena_free(&options);
    free(u->rows);
    free(u);
    return code;
}
