/*
 * fuzz/mime.c: a whole message to its digest.
 *
 * The digest opens; parts lie inside the part that holds them, in order, within the limits; the same message written
 * with CRLF and with LF has the same tree and says the same.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "digest/digest.h"
#include "digest/fields.h"
#include "digest/transfer.h"
#include "message/structure.h"
#include "message/summary.h"

static struct summary *summary;

/* A part's header and body lie in its parent's body, behind the part before it. */
static void check_place(const struct digest *d, const struct digest_part *part, uint64_t *behind)
{
    BUG_IF(part->header_offset > part->body_offset || part->header_size > part->body_offset - part->header_offset);
    BUG_IF(part->body_offset > d->size_octets || part->body_size > d->size_octets - part->body_offset);
    if (part->parent == PART_NONE)
        return;
    struct digest_part parent;
    digest_part_at(d, part->parent, &parent);
    BUG_IF(parent.kind == PART_LEAF);
    BUG_IF(part->header_offset < parent.body_offset);
    BUG_IF(part->body_offset + part->body_size > parent.body_offset + parent.body_size);
    BUG_IF(part->lines > parent.lines + 1);
    BUG_IF(part->header_offset < behind[part->parent]);
    behind[part->parent] = part->body_offset + part->body_size;
}

/* What is kept as it stands is what a reader of the header finds there. */
static void check_fields(const struct digest *d, struct view message)
{
    struct digest_part top;
    digest_part_at(d, 0, &top);
    struct view header = view_slice(message, 0, (size_t)top.header_size), field, name, value;
    struct buffer kept = {0}, found = {0};
    size_t at = 0;
    while (header_next(header, &at, &field, &name, &value))
        if (name.size && fields_bit(name))
            buffer_append_view(&found, field);
    fields_choose(d->fields, UINT64_MAX, &kept);
    BUG_IF(d->fields.size && !view_equal(buffer_view(&kept), buffer_view(&found)));
    buffer_free(&kept);
    buffer_free(&found);
}

static void check_digest(struct view octets, struct view message, struct digest *d)
{
    BUG_IF(!digest_open(octets, d));
    BUG_IF(d->size_octets != message.size || d->part_count > LIMIT_MIME_PARTS || !d->part_count);
    uint64_t *behind = memory_array(d->part_count, sizeof *behind);
    for (uint32_t i = 0; i < d->part_count; i++) {
        struct digest_part part;
        digest_part_at(d, i, &part);
        check_place(d, &part, behind);
    }
    free(behind);
    struct buffer body = {0};
    digest_write_body(d, false, &body);
    BUG_IF(buffer_size(&body) > d->bodystructure.size);
    buffer_free(&body);
    check_fields(d, message);
}

/* The same lines with one line end; a CR that stands alone could be half of one, and goes. */
static void write_lines(struct view message, bool crlf, struct buffer *out)
{
    for (size_t i = 0; i < message.size; i++) {
        char c = message.data[i];
        if (c == '\n' && crlf)
            buffer_append_char(out, '\r');
        if (c != '\r')
            buffer_append_char(out, c);
    }
}

static void check_same(const struct digest *a, const struct digest *b)
{
    BUG_IF(!view_equal(a->envelope, b->envelope) || !view_equal(a->envelope_utf8, b->envelope_utf8));
    BUG_IF(!view_equal(a->search_from, b->search_from) || !view_equal(a->search_to, b->search_to));
    BUG_IF(!view_equal(a->subject, b->subject) || !view_equal(a->sort_subject, b->sort_subject));
    BUG_IF(!view_equal(a->preview, b->preview) || !view_equal(a->message_id, b->message_id));
    BUG_IF(a->sent_utc_s != b->sent_utc_s || a->lines != b->lines || a->reference_count != b->reference_count);
    BUG_IF(a->part_count != b->part_count);
    for (uint32_t i = 0; i < a->part_count; i++) {
        struct digest_part one, other;
        digest_part_at(a, i, &one);
        digest_part_at(b, i, &other);
        BUG_IF(one.parent != other.parent || one.kind != other.kind || one.encoding != other.encoding);
        BUG_IF(one.lines != other.lines || one.is_text != other.is_text);
        BUG_IF(one.is_attachment != other.is_attachment);
    }
}

static bool summarize(struct view message, struct buffer *out, struct digest *d)
{
    if (!summary_write(summary, message, out))
        return false;
    check_digest(buffer_view(out), message, d);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!summary)
        summary = summary_new();
    struct view message = view_of(data, size);
    struct buffer outs[3] = {0}, forms[2] = {0};
    struct digest digest, by_form[2];
    bool made = summarize(message, &outs[0], &digest);
    write_lines(message, false, &forms[0]);
    write_lines(message, true, &forms[1]);
    /* Limits are in octets: only what is far below them must be the same with longer line ends. */
    if (made && size < LIMIT_BOUNDARY_LINE && summarize(buffer_view(&forms[0]), &outs[1], &by_form[0]) &&
        summarize(buffer_view(&forms[1]), &outs[2], &by_form[1]))
        check_same(&by_form[0], &by_form[1]);
    for (size_t i = 0; i < 3; i++)
        buffer_free(&outs[i]);
    buffer_free(&forms[0]);
    buffer_free(&forms[1]);
    return 0;
}
