/*
 * imap/store_annotation.c: what is looked at before annotations are stored, and what is said if they can't be.
 *
 * Called   by store.c and append.c.
 */
#include "imap/annotation.h"
#include "store/acl.h"

const char annotation_no_part[] = "A message has no such part";

enum store_error annotation_judge(const struct annotation_list *list, uint32_t rights)
{
    bool may = (!list->shared || (rights & RIGHT_ANNOTATE)) && (!list->private || (rights & RIGHT_READ));
    return may ? STORE_OK : STORE_NO_RIGHT;
}

bool annotation_parts_are_there(const struct annotation_list *list, const struct digest *digest)
{
    for (size_t i = 0; list->of_parts && i < list->count; i++)
        if (!annotation_part_is_there(digest, list->rows[i].entry))
            return false;
    return true;
}

static enum store_error check_rows(const struct annotation_list *list, const struct uidset *set,
                                   const struct reader *reader, const struct message_rows *rows)
{
    struct email_cursor *cursor = email_cursor_new(reader);
    struct email email;
    enum store_error error = STORE_OK;
    for (size_t i = 0; !error && i < rows->count; i++) {
        if (!uidset_has(set, rows->rows[i].uid))
            continue;
        error = email_cursor_read(cursor, rows->rows[i].email, &email);
        if (!error && !annotation_parts_are_there(list, &email.digest))
            error = STORE_NOT_FOUND;
        else if (error == STORE_EXPUNGED)
            error = STORE_OK;
    }
    email_cursor_free(&cursor);
    return error;
}

enum step_result annotation_check_parts(struct imap *imap, const struct annotation_list *list, const struct uidset *set,
                                        uint32_t *next_uid, struct step_context *context, enum store_error *error_r)
{
    struct reader reader = selected_reader(imap, context);
    struct row_cursor *cursor = row_cursor_new(&reader, imap->selected.mailbox);
    struct message_rows rows;
    enum step_result result = STEP_DONE;
    enum store_error error = STORE_OK;
    for (uint32_t uid; !error && list->of_parts && *next_uid && (uid = uidset_next(set, *next_uid)) != 0;) {
        error = row_cursor_rows(cursor, uid, &rows);
        if (!error)
            error = check_rows(list, set, &reader, &rows);
        if (error)
            break;
        *next_uid = rows.count && !rows.at_end ? rows.rows[rows.count - 1].uid + 1 : 0;
        if (*next_uid && imap_slice_over(imap, context, &result))
            break;
    }
    row_cursor_free(&cursor);
    *error_r = error == STORE_WOULD_BLOCK ? STORE_OK : error;
    return error == STORE_WOULD_BLOCK ? imap_wait_pool(context) : result;
}

void annotation_finish_error(struct imap *imap, enum store_error error)
{
    if (error == STORE_LIMIT)
        imap_finish(imap, "NO", "ANNOTATE TOOMANY", "A message can't have more annotations");
    else
        imap_finish_error(imap, error);
}

void annotation_finish_too_big(struct imap *imap)
{
    imap_finish(imap, "NO", "ANNOTATE TOOBIG", "The value is too long");
}
