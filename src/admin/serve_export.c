/*
 * admin/serve_export.c: an account's mailboxes and messages as parcels, for the CLI to write down.
 *
 * Does     mailbox by mailbox, chunk by chunk, by key: no snapshot is held while the other side is slow. A message that
 *          can't be read is named, the rest goes on.
 * Called   on a control thread of mail.
 */
#include "admin/parcel.h"
#include "admin/serving.h"
#include "base/memory.h"
#include "store/uidl.h"

#include <sysexits.h>

struct export
{
    struct serving *serving;
    struct reader reader;
    struct arena arena; /* of the list */
    struct arena step;
    struct view *keywords;
    size_t keyword_count;
    struct buffer parcel, octets;
    struct uidl_ranges uidls; /* of the mailbox under way */
    bool kept_uidls;
    uint64_t exported, failed;
};

static void send_parcel(struct export *export, const struct parcel *parcel)
{
    buffer_clear(&export->parcel);
    parcel_write(parcel, &export->parcel);
    serving_output(export->serving, 3, buffer_view(&export->parcel));
}

static void fill_keywords(const struct export *export, const struct message_row *row, struct parcel *parcel)
{
    for (size_t i = 0; i < export->keyword_count && i < KEYWORD_MAX; i++)
        if ((row->keywords.bits[i / 64] & ((uint64_t)1 << (i % 64))) != 0)
            parcel->keywords[parcel->keyword_count++] = export->keywords[i];
}

/* The octets are read whole first: what can't be read is not begun. */
static enum store_error read_message(struct export *export, struct email_cursor *cursor, const struct message_row *row)
{
    struct email email;
    enum store_error error = email_cursor_read(cursor, row->email, &email);
    buffer_clear(&export->octets);
    return error != STORE_OK ? error : email_octets(&export->reader, &email, 0, UINT64_MAX, &export->octets);
}

/* What import kept, else what POP3 has shown; where it never showed anything there is none yet. */
static bool has_uidl(const struct export *export, const struct mailbox *mailbox, uint32_t uid, char *uidl, size_t size)
{
    if (export->kept_uidls && message_kept_uidl(&export->reader, mailbox->id, uid, uidl, size) == STORE_OK)
        return true;
    if (export->uidls.count == 0)
        return false;
    uidl[uidl_write(&export->uidls, uid, uidl)] = 0;
    return true;
}

static void send_message(struct export *export, struct email_cursor *cursor, const struct mailbox *mailbox,
                         const struct message_row *row)
{
    char uidl[80] = "";
    enum store_error error = read_message(export, cursor, row);
    if (error != STORE_OK) {
        export->failed++;
        serving_fail(export->serving, 0, "message with uid %u can't be read: %s", row->uid, store_error_text(error));
        return;
    }
    struct parcel parcel = {.kind = PARCEL_MESSAGE,
                            .uid = row->uid,
                            .flags = row->flags,
                            .date_utc_s = row->internal_utc_s,
                            .zone_minutes = row->internal_zone_minutes,
                            .octet_count = buffer_size(&export->octets)};
    if (has_uidl(export, mailbox, row->uid, uidl, sizeof(uidl)))
        parcel.uidl = view_of_string(uidl);
    fill_keywords(export, row, &parcel);
    send_parcel(export, &parcel);
    struct view rest = buffer_view(&export->octets);
    while (rest.size > 0 && !export->serving->gone) {
        struct parcel piece = {.kind = PARCEL_OCTETS, .octets = view_slice(rest, 0, PARCEL_PIECE)};
        send_parcel(export, &piece);
        rest = view_skip(rest, piece.octets.size);
    }
    struct parcel end = {.kind = PARCEL_END};
    send_parcel(export, &end);
    export->exported++;
}

static enum store_error send_messages(struct export *export, const struct mailbox *mailbox)
{
    struct message_rows *rows = NEW(struct message_rows);
    struct email_cursor *cursor = email_cursor_new(&export->reader);
    uint32_t from = 1;
    enum store_error error;
    do {
        error = message_rows(&export->reader, mailbox->id, from, rows);
        for (size_t i = 0; error == STORE_OK && i < rows->count && !export->serving->gone; i++) {
            send_message(export, cursor, mailbox, &rows->rows[i]);
            from = rows->rows[i].uid + 1;
        }
    } while (error == STORE_OK && rows->count > 0 && !rows->at_end && from != 0 && !export->serving->gone &&
             !serving_is_stopping(export->serving));
    email_cursor_free(&cursor);
    free(rows);
    return error;
}

static enum store_error send_mailbox(struct export *export, const struct mailbox_entry *entry)
{
    struct parcel parcel = {.kind = PARCEL_MAILBOX,
                            .name = entry->path,
                            .uidvalidity = entry->mailbox.uidvalidity,
                            .uidnext = entry->mailbox.uidnext,
                            .special_use = entry->mailbox.special_use,
                            .mailbox_flags = entry->mailbox.flags};
    send_parcel(export, &parcel);
    export->kept_uidls = mailbox_has_kept_uidls(&export->reader, entry->mailbox.id);
    enum store_error error = uidl_ranges_load(&export->reader, &entry->mailbox, &export->uidls);
    return error == STORE_OK ? send_messages(export, &entry->mailbox) : error;
}

static enum store_error export_all(struct export *export, const char *only)
{
    struct mailbox_entry *entries = NULL;
    size_t count = 0;
    bool found = only == NULL;
    struct view wanted = VIEW_EMPTY;
    enum store_error error = mailbox_list(&export->reader, &export->arena, &entries, &count);
    if (error == STORE_OK)
        error = keyword_names(&export->reader, &export->arena, &export->keywords, &export->keyword_count);
    if (error == STORE_OK && only != NULL)
        error = mailbox_name_canonical(&export->arena, view_of_string(only), &wanted);
    for (size_t i = 0; i < count && error == STORE_OK && !export->serving->gone; i++) {
        if (only != NULL && !view_equal(entries[i].path, wanted))
            continue;
        found = true;
        if (entries[i].exists && (entries[i].mailbox.flags & MAILBOX_NOSELECT) == 0)
            error = send_mailbox(export, &entries[i]);
        if (only == NULL && (entries[i].mailbox.flags & MAILBOX_SUBSCRIBED) != 0) {
            struct parcel parcel = {.kind = PARCEL_SUBSCRIBED, .name = entries[i].path};
            send_parcel(export, &parcel);
        }
    }
    return error == STORE_OK && !found ? STORE_NO_MAILBOX : error;
}

int serve_export(struct serving *serving)
{
    struct export *export = NEW(struct export);
    export->serving = serving;
    export->reader = serving_reader(serving, serving_account(serving));
    arena_init(&export->arena, (size_t)256 << 20);
    buffer_init(&export->parcel, 2 * (size_t)PARCEL_PIECE);
    buffer_init(&export->octets, 0);
    enum store_error error = export_all(export, serving_option(serving, "mailbox", 0));
    bool failed = export->failed > 0;
    buffer_free(&export->octets);
    buffer_free(&export->parcel);
    arena_free(&export->arena);
    free(export);
    if (error != STORE_OK)
        return serving_store_failed(serving, "can't export", error);
    return failed ? EX_DATAERR : serving_is_stopping(serving) ? EX_TEMPFAIL : EX_OK;
}
