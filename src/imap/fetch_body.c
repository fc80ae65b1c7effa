/*
 * imap/fetch_body.c: sections of messages (RFC 3501 6.4.5): their place in the octets from the digest, then the octets
 * themselves straight into the output, a stretch at a time.
 *
 * Fails    a section that isn't there is NIL. Octets that can't be read before anything was sent: the message is left
 *          out, and the command ends with NO; after that the connection is cut, so that nobody takes half for whole.
 * Tested   tests/unit/imap_fetch.c, tests/e2e/test_imap.py
 */
#include "base/memory.h"
#include "digest/fields.h"
#include "imap/fetch.h"

/* ---- where a section lies ---- */

static uint32_t child_of(const struct digest *d, uint32_t index)
{
    struct digest_part part;
    for (uint32_t i = index + 1; i < d->part_count; i++) {
        digest_part_at(d, i, &part);
        if (part.parent == index)
            return i;
    }
    return PART_NONE;
}

/* The part whose header or text is meant: of "2.HEADER" that of the message inside part 2. */
static uint32_t message_part(const struct digest *d, const struct section *s)
{
    struct digest_part part;
    if (!s->number_count)
        return 0;
    uint32_t index = digest_find_part(d, s->numbers, s->number_count);
    if (index == PART_NONE)
        return PART_NONE;
    digest_part_at(d, index, &part);
    return part.kind == PART_MESSAGE ? child_of(d, index) : PART_NONE;
}

bool section_find(const struct digest *d, const struct section *s, struct section_place *place_r)
{
    struct digest_part part;
    uint32_t index;
    if (s->kind == SECTION_WHOLE && !s->number_count) {
        *place_r = (struct section_place){0, d->size_octets};
        return true;
    }
    bool of_part = s->kind == SECTION_WHOLE || s->kind == SECTION_MIME;
    index = of_part ? digest_find_part(d, s->numbers, s->number_count) : message_part(d, s);
    if (index == PART_NONE)
        return false;
    digest_part_at(d, index, &part);
    if (s->kind == SECTION_WHOLE || s->kind == SECTION_TEXT)
        *place_r = (struct section_place){part.body_offset, part.body_size};
    else
        *place_r = (struct section_place){part.header_offset, part.header_size};
    return true;
}

struct section_place section_clip(struct section_place whole, const struct section *s)
{
    if (!s->partial)
        return whole;
    uint64_t from = s->from < whole.octets ? s->from : whole.octets;
    uint64_t left = whole.octets - from;
    return (struct section_place){whole.at + from, s->count < left ? s->count : left};
}

/* ---- header fields ---- */

static bool is_named(const struct section *s, struct view name)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (view_equal_nocase(name, s->fields[i]))
            return true;
    return false;
}

static void choose_fields(const struct section *s, struct view header, struct buffer *out)
{
    struct view field, name, value;
    size_t at = 0;
    while (header_next(header, &at, &field, &name, &value))
        if (name.size && is_named(s, name) == (s->kind == SECTION_FIELDS))
            buffer_append_view(out, field);
    buffer_append_string(out, "\r\n");
}

/* RFC 3501 4.3: a literal holds no NUL. What came with one is shown with 0x80 in its place, as POP3 does. */
static void replace_nuls(const struct email *email, struct buffer *out, size_t from)
{
    if (!(email->digest.flags & DIGEST_HAS_NUL))
        return;
    char *octets = out->memory + out->start;
    for (size_t i = from; i < buffer_size(out); i++)
        if (octets[i] == '\0')
            octets[i] = (char)(unsigned char)0x80;
}

/* Most clients ask for what the digest keeps: then the message isn't read. */
static bool is_kept(const struct email *email, const struct section *s)
{
    return s->kept && email->digest.fields.size;
}

enum store_error section_choose_fields(const struct reader *reader, const struct email *email, const struct section *s,
                                       struct section_place place, struct buffer *out)
{
    struct buffer header = {0};
    size_t before = buffer_size(out);
    enum store_error error = STORE_OK;
    if (is_kept(email, s)) {
        fields_choose(email->digest.fields, s->kept, out);
        buffer_append_string(out, "\r\n");
    } else {
        error = email_octets(reader, email, place.at, place.octets, &header);
        if (!error)
            choose_fields(s, buffer_view(&header), out);
        buffer_free(&header);
    }
    replace_nuls(email, out, before);
    return error;
}

static void write_literal_size(struct buffer *out, uint64_t octets)
{
    buffer_append_string(out, " {");
    buffer_append_u64(out, octets);
    buffer_append_string(out, "}\r\n");
}

static enum store_error write_fields(struct fetch *f, const struct section *s, const struct reader *reader,
                                     struct section_place place, struct buffer *out)
{
    struct buffer chosen = {0};
    if (is_kept(&f->email, s) && !s->partial) {
        buffer_append_view(out, s->label);
        write_literal_size(out, fields_size(f->email.digest.fields, s->kept) + 2);
        return section_choose_fields(reader, &f->email, s, place, out);
    }
    enum store_error error = section_choose_fields(reader, &f->email, s, place, &chosen);
    if (!error) {
        struct section_place part = section_clip((struct section_place){0, buffer_size(&chosen)}, s);
        buffer_append_view(out, s->label);
        write_literal_size(out, part.octets);
        buffer_append_view(out, view_slice(buffer_view(&chosen), (size_t)part.at, (size_t)part.octets));
    }
    buffer_free(&chosen);
    return error;
}

/* ---- octets ---- */

enum store_error fetch_body_more(struct fetch *f, const struct reader *reader, struct buffer *out)
{
    struct sending *sending = &f->sending;
    uint64_t size = sending->left < SECTION_STRETCH ? sending->left : SECTION_STRETCH;
    size_t before = buffer_size(out);
    enum store_error error = size ? email_octets(reader, &f->email, sending->at, size, out) : STORE_OK;
    if (!error && buffer_size(out) - before != size)
        error = STORE_CORRUPT;
    if (error) {
        buffer_truncate(out, before);
        return error;
    }
    replace_nuls(&f->email, out, before);
    sending->at += size;
    sending->left -= size;
    sending->active = sending->left > 0;
    return STORE_OK;
}

enum store_error fetch_body_begin(struct imap *imap, struct fetch *f, const struct section *s,
                                  const struct reader *reader, struct buffer *out)
{
    struct section_place place;
    size_t before = buffer_size(out);
    if (!section_find(&f->email.digest, s, &place)) {
        buffer_append_view(out, s->label);
        buffer_append_string(out, " NIL");
        return STORE_OK;
    }
    if (s->kind == SECTION_FIELDS || s->kind == SECTION_FIELDS_NOT)
        return write_fields(f, s, reader, place, out);
    place = section_clip(place, s);
    buffer_append_view(out, s->label);
    write_literal_size(out, place.octets);
    f->sending = (struct sending){.active = true, .at = place.at, .left = place.octets};
    enum store_error error = fetch_body_more(f, reader, out);
    if (error) {
        buffer_truncate(out, before);
        f->sending.active = false;
    }
    return error;
}
