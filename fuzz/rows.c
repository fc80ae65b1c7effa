/* fuzz/rows.c: the store's rows as a damaged index may give them; what is read can be written and read again. */
#include "store/rows.h"
#include "base/memory.h"
#include "store/acl.h"
#include "store/annotation.h"
#include "store/seen.h"

static void read_chunk(struct view v)
{
    static struct chunk chunk, again;
    uint64_t present, modseq;
    if (!chunk_read(7, v, &chunk))
        return;
    struct buffer out = {0};
    BUG_IF(!chunk_read_head(v, &present, &modseq) || present != chunk.present);
    chunk_write(&chunk, &out);
    BUG_IF(!chunk_read(7, buffer_view(&out), &again) || again.present != chunk.present);
    buffer_free(&out);
}

static void read_account(struct view v)
{
    struct account_row row, again;
    struct buffer out = {0};
    if (!account_row_read(v, &row))
        return;
    account_row_write(&row, &out);
    BUG_IF(!account_row_read(buffer_view(&out), &again) || again.modseq != row.modseq);
    buffer_free(&out);
}

static void read_mailbox(struct view v)
{
    struct mailbox_row row, again;
    struct buffer out = {0};
    if (!mailbox_row_read(v, &row))
        return;
    mailbox_row_write(&row, &out);
    BUG_IF(!mailbox_row_read(buffer_view(&out), &again) || !view_equal(again.name, row.name));
    buffer_free(&out);
}

static void read_acl(struct view v)
{
    struct arena arena;
    struct acl acl, again;
    struct buffer out = {0};
    arena_init(&arena, 1 << 20);
    if (acl_row_read(v, &arena, &acl)) {
        acl_row_write(&acl, &out);
        BUG_IF(!acl_row_read(buffer_view(&out), &arena, &again) || again.count != acl.count);
    }
    buffer_free(&out);
    arena_free(&arena);
}

static void read_seen(struct view v)
{
    struct seen_page page, again;
    struct buffer out = {0};
    if (!seen_page_read(v, &page))
        return;
    seen_page_write(&page, &out);
    BUG_IF(!seen_page_read(buffer_view(&out), &again) || memcmp(&page, &again, sizeof page));
    buffer_free(&out);
}

static void read_annotation(struct view v)
{
    struct annotation row, again;
    struct annotation_total total;
    struct buffer out = {0};
    annotation_total_read(v, &total);
    if (!annotation_row_read(v, &row))
        return;
    annotation_row_write(&row, &out);
    BUG_IF(!annotation_row_read(buffer_view(&out), &again) || !view_equal(again.value, row.value));
    buffer_free(&out);
}

static void read_others(struct view v)
{
    struct retained_row retained;
    struct email_row email;
    struct uidset *flags = uidset_new(), *vanished = uidset_new();
    struct retained_total total;
    struct lost_mailbox lost;
    struct history_entry entry = {0};
    struct history_message message;
    if (history_read(v, &entry))
        while (history_message(&entry, &message)) {
        }
    retained_read(v, 3, 9, &retained);
    retained_total_read(v, &total);
    lost_mailbox_read(v, &lost);
    email_row_read(v, &email);
    change_read(v, flags, vanished);
    uidset_unref(&flags);
    uidset_unref(&vanished);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, size);
    read_chunk(v);
    read_account(v);
    read_mailbox(v);
    read_acl(v);
    read_seen(v);
    read_annotation(v);
    read_others(v);
    return 0;
}
