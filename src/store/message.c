/*
 * store/message.c: a message gets its place in a mailbox.
 *
 * Called   by delivery, APPEND and import inside mutation.run, on the writer thread.
 * Fails    STORE_OVER_QUOTA, STORE_NO_MAILBOX, STORE_BUSY (a COPY in slices holds the mailbox), STORE_LIMIT (UIDs are
 *          used up).
 * Tested   tests/unit/store_model.c
 */
#include "base/clock.h"
#include "store/annotation.h"
#include "store/private.h"
#include "store/seen.h"

bool account_over_quota(const struct account_row *a, uint64_t octets)
{
    return (a->quota_octets && (octets > a->quota_octets || a->octets > a->quota_octets - octets)) ||
           (a->quota_messages && a->messages >= a->quota_messages);
}

/* Writes the email record and its place in a thread. */
static enum store_error put_email(struct txn *txn, const struct new_message *message, const struct digest *digest,
                                  struct account_row *account, uint64_t *number_r)
{
    struct email_row row = {.digest = message->digest, .received_utc_s = clock_wall_s()};
    uint64_t number = ++account->next_email;
    enum store_error err = txn_place_blob(txn, message->blob, &row.blob);
    if (!err)
        err = thread_assign(txn, digest, number, &row.thread);
    if (err)
        return err;
    struct key key = key_email(number);
    struct buffer value = {0};
    email_row_write(&row, &value);
    account->emails++;
    *number_r = number;
    err = txn_put_row(txn, &key, &value);
    return err ? err : place_put(txn, &row.blob, number);
}

/* The UID it gets: the next, or the one that import wants if it is not below. */
static bool next_uid(struct mailbox_row *mailbox, uint32_t wanted, uint32_t *uid_r)
{
    uint32_t uid = wanted >= mailbox->uidnext ? wanted : mailbox->uidnext;
    if (uid == UINT32_MAX)
        return false;
    mailbox->uidnext = uid + 1;
    *uid_r = uid;
    return true;
}

static enum store_error put_kept_uidl(struct txn *txn, uint32_t mailbox, uint32_t uid, struct view uidl)
{
    struct key key = key_2('U', mailbox, uid);
    return uidl.size ? txn_put(txn, key_view(&key), uidl) : STORE_OK;
}

static enum store_error put_message(struct txn *txn, struct head *head, const struct message_row *row)
{
    struct chunk chunk;
    enum store_error err = txn_chunk(txn, head->id, chunk_block(row->uid), &chunk);
    if (err)
        return err;
    chunk.present |= 1ull << chunk_bit(row->uid);
    chunk.rows[chunk_bit(row->uid)] = *row;
    head_count(head, row, 1, true);
    return txn_put_chunk(txn, head->id, &chunk);
}

/* \Seen of whoever isn't the owner. */
static enum store_error put_seen(struct txn *txn, uint32_t mailbox, uint32_t uid, uint64_t seen_by)
{
    struct seen_cache cache = {.mailbox = mailbox, .account = seen_by};
    uint64_t *word;
    enum store_error err = seen_cache_word(txn, &cache, chunk_block(uid), &word);
    if (err || !word)
        return err;
    *word |= (uint64_t)1 << chunk_bit(uid);
    cache.dirty = true;
    return seen_cache_flush(txn, &cache);
}

static enum store_error put_annotations(struct txn *txn, uint32_t mailbox, const struct message_row *row,
                                        const struct new_message *message)
{
    struct annotating annotating;
    if (!message->annotation_count)
        return STORE_OK;
    enum store_error err = annotating_begin(txn, &annotating);
    if (!err)
        err = annotations_add(txn, &annotating, mailbox, row->uid, row->modseq, message->annotations,
                              message->annotation_count);
    return err ? err : annotating_end(txn, &annotating);
}

enum store_error message_add(struct txn *txn, uint32_t mailbox, const struct new_message *message,
                             struct added *added_r)
{
    struct head head;
    struct digest digest;
    struct message_row row = {.flags = message->flags & FLAG_SYSTEM_ALL,
                              .internal_utc_s = message->internal_utc_s,
                              .internal_zone_minutes = message->internal_zone_minutes,
                              .saved_utc_s = clock_wall_s()};
    enum store_error err = head_begin(txn, mailbox, &head);
    if (!err)
        err = txn_check_lease(txn, mailbox);
    if (!err && !digest_open(message->digest, &digest))
        err = STORE_CORRUPT;
    if (!err && (head.mailbox.flags & MAILBOX_NOSELECT))
        err = STORE_NO_MAILBOX;
    if (!err && !message->ignore_quota && account_over_quota(&head.account, digest.size_octets))
        err = STORE_OVER_QUOTA;
    if (!err && !next_uid(&head.mailbox, message->wanted_uid, &row.uid))
        err = STORE_LIMIT;
    if (!err)
        err = keyword_set(txn, message->keywords, message->keyword_count, true, &row.keywords);
    if (!err)
        err = keyword_mark_used(txn, mailbox, &row.keywords);
    if (!err)
        err = put_email(txn, message, &digest, &head.account, &row.email);
    if (err)
        return err;
    row.size_octets = digest.size_octets;
    row.flags |= digest.flags & DIGEST_ENDS_OPEN ? FLAG_ENDS_OPEN : 0;
    row.flags |= digest.flags & DIGEST_HEADER_RAW ? FLAG_HEADER_RAW : 0;
    row.modseq = head_modseq(&head);
    bool others = message->seen_by && (row.flags & FLAG_SEEN);
    if (others)
        row.flags &= (uint8_t)~FLAG_SEEN;
    err = put_message(txn, &head, &row);
    if (!err && others)
        err = put_seen(txn, mailbox, row.uid, message->seen_by);
    if (!err)
        err = put_kept_uidl(txn, mailbox, row.uid, message->uidl);
    if (!err)
        err = put_annotations(txn, mailbox, &row, message);
    if (!err)
        err = head_put(txn, &head);
    *added_r = (struct added){row.uid, head.mailbox.uidvalidity, row.modseq, row.email};
    return err;
}
