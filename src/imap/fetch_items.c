/*
 * imap/fetch_items.c: the short items of FETCH (RFC 3501 7.4.2).
 *
 * FETCH 1:* (FLAGS) is what clients ask most and longest: fetch_write_row writes such a response straight into the
 * output, with numbers formatted in place.
 * Tested   tests/unit/imap_fetch.c, tests/e2e/test_imap.py
 */
#include "imap/fetch.h"

/* ---- straight into memory ---- */

static char *put_text(char *p, const char *text, size_t size)
{
    memcpy(p, text, size);
    return p + size;
}
#define PUT(p, literal) put_text((p), (literal), sizeof(literal) - 1)

static char *put_u64(char *p, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    return put_text(p, digits + at, sizeof digits - at);
}

/* The five system flags: at most 5 * 10 octets. */
static char *put_system_flags(char *p, uint8_t flags)
{
    static const struct view words[] = {VIEW_LITERAL("\\Seen "), VIEW_LITERAL("\\Answered "),
                                        VIEW_LITERAL("\\Flagged "), VIEW_LITERAL("\\Deleted "),
                                        VIEW_LITERAL("\\Draft ")};
    char *start = p;
    for (unsigned left = flags & FLAG_SYSTEM_ALL; left; left &= left - 1) {
        const struct view *word = &words[__builtin_ctz(left)];
        p = put_text(p, word->data, word->size);
    }
    return p > start ? p - 1 : p;
}

static bool has_keywords(const struct message_row *row)
{
    const uint64_t *bits = row->keywords.bits;
    return (bits[0] | bits[1] | bits[2] | bits[3]) != 0;
}

static char *put_plain(char *p, const struct message_row *row, enum fetch_kind kind)
{
    switch (kind) {
    case FETCH_UID:
        return put_u64(PUT(p, "UID "), row->uid);
    case FETCH_SIZE:
        return put_u64(PUT(p, "RFC822.SIZE "), row->size_octets);
    case FETCH_MODSEQ:
        p = put_u64(PUT(p, "MODSEQ ("), row->modseq);
        return PUT(p, ")");
    case FETCH_FLAGS:
        p = put_system_flags(PUT(p, "FLAGS ("), row->flags);
        return PUT(p, ")");
    default:
        return p;
    }
}

/* Room for a response of items that put_plain knows: 4 items, each at most 80 octets, and the frame. */
enum { ROW_OCTETS = 4 * 80 + 64 };

static bool all_plain(const struct fetch *f)
{
    const unsigned plain = 1u << FETCH_UID | 1u << FETCH_SIZE | 1u << FETCH_MODSEQ | 1u << FETCH_FLAGS;
    return (f->kinds & ~plain) == 0 && !f->tell_flags && !has_keywords(&f->row);
}

void fetch_write_row(struct imap *imap, const struct fetch *f, uint32_t number, struct buffer *out)
{
    char *start = all_plain(f) ? buffer_reserve(out, ROW_OCTETS) : NULL;
    if (start) {
        bool by_uid = imap->enabled & ENABLED_UIDONLY;
        char *p = put_u64(PUT(start, "* "), by_uid ? f->row.uid : number);
        p = by_uid ? PUT(p, " UIDFETCH (") : PUT(p, " FETCH (");
        for (size_t i = 0; i < f->item_count; i++) {
            if (i)
                *p++ = ' ';
            p = put_plain(p, &f->row, f->items[i].kind);
        }
        p = PUT(p, ")\r\n");
        buffer_commit(out, (size_t)(p - start));
        return;
    }
    imap_begin_fetch(imap, out, f->row.uid, number);
    for (size_t i = 0; i < f->item_count; i++) {
        if (i)
            buffer_append_char(out, ' ');
        fetch_write_item(imap, f, f->items[i].kind, out);
    }
    buffer_append_string(out, ")\r\n");
}

/* ---- one item ---- */

static void write_list(struct buffer *out, const char *name, struct view list)
{
    buffer_append_string(out, name);
    buffer_append_view(out, list);
}

void fetch_write_item(struct imap *imap, const struct fetch *f, enum fetch_kind kind, struct buffer *out)
{
    const struct message_row *row = &f->row;
    bool utf8 = imap->enabled & ENABLED_ANY_UTF8; /* RFC 6855 3 */
    char *p;
    switch (kind) {
    case FETCH_UID:
    case FETCH_SIZE:
    case FETCH_MODSEQ:
        p = buffer_reserve(out, ROW_OCTETS);
        if (p)
            buffer_commit(out, (size_t)(put_plain(p, row, kind) - p));
        break;
    case FETCH_FLAGS:
        buffer_append_string(out, "FLAGS ");
        imap_write_flags(out, row->flags, &row->keywords, f->names, f->name_count);
        break;
    case FETCH_INTERNALDATE:
        buffer_append_string(out, "INTERNALDATE ");
        imap_write_date_time(out, row->internal_utc_s, row->internal_zone_minutes);
        break;
    case FETCH_EMAILID:
        buffer_printf(out, "EMAILID (E%llx)", (unsigned long long)row->email);
        break;
    case FETCH_SAVEDATE: /* RFC 8514 4.2 */
        buffer_append_string(out, "SAVEDATE ");
        imap_write_date_time(out, row->saved_utc_s, 0);
        break;
    case FETCH_PREVIEW: /* RFC 8970 3.1 */
        buffer_append_string(out, "PREVIEW ");
        imap_write_string(out, f->email.digest.preview);
        break;
    case FETCH_THREADID:
        buffer_printf(out, "THREADID (T%llx)", (unsigned long long)f->email.thread);
        break;
    case FETCH_ENVELOPE:
        write_list(out, "ENVELOPE ", utf8 ? f->email.digest.envelope_utf8 : f->email.digest.envelope);
        break;
    case FETCH_BODYSTRUCTURE:
        write_list(out, "BODYSTRUCTURE ", utf8 ? f->email.digest.bodystructure_utf8 : f->email.digest.bodystructure);
        break;
    case FETCH_BODY:
        buffer_append_string(out, "BODY ");
        digest_write_body(&f->email.digest, utf8, out);
        break;
    case FETCH_SECTION:
    case FETCH_ANNOTATION:
        break;
    }
}
