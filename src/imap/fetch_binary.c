/*
 * imap/fetch_binary.c: BINARY[] and BINARY.SIZE[] (RFC 3516 4.2, 4.3): a part without its transfer encoding, a stretch
 * at a time.
 *
 * The size stands in the digest, so the literal can begin before anything is decoded. What is decoded by the first
 * stretch is looked through for NUL: without one it goes out as an ordinary literal, as RFC 3516 4.3 wishes.
 * Fails    as fetch_body.c does. A transfer encoding that nobody knows: NIL, and the command ends with NO
 *          [UNKNOWN-CTE].
 * Tested   tests/e2e/test_cap_binary.py
 */
#include "imap/fetch.h"

/* ---- which part, how encoded ---- */

struct binary {
    struct section_place encoded;
    uint8_t encoding;
    uint64_t octets; /* decoded */
};

/* False: there is no such part. The whole message, multiparts and messages have no encoding but identity. */
static bool find_part(const struct digest *d, const struct section *s, struct binary *binary_r)
{
    struct digest_part part;
    *binary_r = (struct binary){.encoded = {0, d->size_octets}, .octets = d->size_octets};
    if (!s->number_count)
        return true;
    uint32_t index = digest_find_part(d, s->numbers, s->number_count);
    if (index == PART_NONE)
        return false;
    digest_part_at(d, index, &part);
    binary_r->encoded = (struct section_place){part.body_offset, part.body_size};
    binary_r->octets = part.body_size;
    if (part.kind == PART_LEAF) {
        binary_r->encoding = part.encoding;
        binary_r->octets = part.decoded_size;
    }
    return true;
}

/* ---- octets ---- */

static void decode(struct sending *sending, struct view encoded, struct buffer *out)
{
    if (sending->encoding == ENCODING_BASE64)
        base64_decode_more(&sending->state, encoded, out);
    else if (sending->encoding == ENCODING_QUOTED_PRINTABLE)
        quoted_printable_decode_more(&sending->state, encoded, sending->left == encoded.size, out);
    else
        buffer_append_view(out, encoded);
}

enum store_error fetch_binary_more(struct fetch *f, const struct reader *reader, struct buffer *out)
{
    struct sending *sending = &f->sending;
    uint64_t size = sending->left < SECTION_STRETCH ? sending->left : SECTION_STRETCH;
    struct buffer encoded = {0}, decoded = {0};
    enum store_error error = size ? email_octets(reader, &f->email, sending->at, size, &encoded) : STORE_OK;
    if (!error && buffer_size(&encoded) != size)
        error = STORE_CORRUPT;
    if (!error) {
        decode(sending, buffer_view(&encoded), &decoded);
        struct view octets = buffer_view(&decoded);
        uint64_t skipped = sending->skip < octets.size ? sending->skip : octets.size;
        octets = view_slice(octets, (size_t)skipped, (size_t)sending->wanted);
        buffer_append_view(out, octets);
        sending->skip -= skipped;
        sending->wanted -= octets.size;
        sending->at += size;
        sending->left -= size;
        sending->active = sending->wanted > 0;
        if (sending->active && !sending->left) /* the digest promised more */
            error = STORE_CORRUPT;
    }
    buffer_free(&encoded);
    buffer_free(&decoded);
    return error;
}

/* ---- items ---- */

static void write_size(const struct section *s, uint64_t octets, struct buffer *out)
{
    buffer_append_view(out, s->label);
    buffer_append_char(out, ' ');
    buffer_append_u64(out, octets);
}

static void write_nil(const struct section *s, struct buffer *out)
{
    buffer_append_view(out, s->label);
    buffer_append_string(out, " NIL");
}

static enum store_error begin_octets(struct fetch *f, const struct section *s, const struct binary *binary,
                                     const struct reader *reader, struct buffer *out)
{
    struct section_place wanted = section_clip((struct section_place){0, binary->octets}, s);
    struct buffer first = {0};
    f->sending = (struct sending){.active = true,
                                  .binary = true,
                                  .at = binary->encoded.at,
                                  .left = binary->encoded.octets,
                                  .encoding = binary->encoding,
                                  .skip = wanted.at,
                                  .wanted = wanted.octets};
    enum store_error error = fetch_binary_more(f, reader, &first);
    if (error) {
        f->sending.active = false;
    } else {
        struct view octets = buffer_view(&first);
        bool plain = !f->sending.active && view_find(octets, '\0', 0) == SIZE_MAX;
        buffer_append_view(out, s->label);
        buffer_printf(out, " %s{%llu}\r\n", plain ? "" : "~", (unsigned long long)wanted.octets);
        buffer_append_view(out, octets);
    }
    buffer_free(&first);
    return error;
}

enum store_error fetch_binary_begin(struct fetch *f, const struct section *s, const struct reader *reader,
                                    struct buffer *out)
{
    struct binary binary;
    bool found = find_part(&f->email.digest, s, &binary);
    if (found && binary.encoding == ENCODING_OTHER) {
        f->unknown_encoding = true;
        found = false;
    }
    if (found && !s->size_only)
        return begin_octets(f, s, &binary, reader, out);
    if (s->size_only)
        write_size(s, found ? binary.octets : 0, out);
    else
        write_nil(s, out);
    return STORE_OK;
}
