/*
 * digest/digest.c: the digest's octets, written and checked.
 *
 * Layout (version 2): "WXD", version; then numbers as LEB128 (signed ones zigzag) in the order of put_head below; the
 * sizes of the texts in the order of `texts`; the hash of Message-ID (8 octets, little-endian); the texts; references
 * (8 octets each); parts (PART_OCTETS each). Nothing may be left over. Version 1, which stores hold from before, had no
 * `fields`; the count of a table of header lines stood behind that of the parts, and the table (10 octets a line) came
 * last. Nobody read it.
 */
#include "digest/digest.h"
#include "base/limits.h"
#include "base/octets.h"
#include "digest/fields.h"
#include "digest/imaplist.h"
#include "digest/text.h"
#include "digest/transfer.h"

enum { PART_OCTETS = 28, OLD_VERSION = 1, OLD_LINE_OCTETS = 10 };
/* What stands with the flags: how many references are In-Reply-To's, and that the subject is a reply's. */
enum { REPLIES_SHIFT = 8, REPLIES_MASK = 127, FLAGS_MASK = 255, SUBJECT_IS_REPLY = 1 << 15 };
_Static_assert((int)LIMIT_REFERENCES <= (int)REPLIES_MASK, "the count fits");
enum { NO_PARENT = 0xFFFF, KIND_MASK = 3, IS_TEXT = 4, IS_ATTACHMENT = 8 };
enum { SHORT_TEXT_OCTETS = 255 };

/* ---- the octets ---- */

static void put_number(struct buffer *out, uint64_t value)
{
    while (value >= 0x80) {
        buffer_append_char(out, (char)(value | 0x80));
        value >>= 7;
    }
    buffer_append_char(out, (char)value);
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t value)
{
    uint64_t half = value >> 1;
    return (int64_t)(value & 1 ? ~half : half);
}

/* Reads with a sticky error. */
struct input {
    struct view left;
    bool bad;
};

static uint64_t get_long_number(struct input *in, uint64_t max)
{
    uint64_t value = 0;
    for (size_t i = 0; i < in->left.size && i < 10; i++) {
        unsigned char c = (unsigned char)in->left.data[i];
        if (i == 9 && c > 1)
            break;
        value |= (uint64_t)(c & 0x7F) << (7 * i);
        if (c & 0x80)
            continue;
        if ((i && !c) || value > max) /* one spelling a number */
            break;
        in->left = view_skip(in->left, i + 1);
        return value;
    }
    in->bad = true;
    return 0;
}

/* Most have one octet or two. */
static inline uint64_t get_number(struct input *in, uint64_t max)
{
    const unsigned char *p = (const unsigned char *)in->left.data;
    size_t octets = in->left.size && p[0] < 0x80 ? 1 : in->left.size > 1 && p[1] && p[1] < 0x80 ? 2 : 0;
    uint64_t value = octets == 1 ? p[0] : octets ? (p[0] & 0x7Fu) | (unsigned)p[1] << 7 : 0;
    if (!octets || value > max)
        return get_long_number(in, max);
    in->left = (struct view){in->left.data + octets, in->left.size - octets};
    return value;
}

static inline struct view get_octets(struct input *in, uint64_t size)
{
    if (size > in->left.size) {
        in->bad = true;
        return VIEW_EMPTY;
    }
    struct view v = {in->left.data, (size_t)size};
    in->left = (struct view){in->left.data + size, in->left.size - (size_t)size};
    return v;
}

/* ---- the texts ---- */

enum text_rule {
    RULE_LIST,      /* an IMAP list, 7-bit */
    RULE_LIST_UTF8, /* an IMAP list, present if DIGEST_HEADER_8BIT */
    RULE_CUTS,
    RULE_CUTS_UTF8,
    RULE_UTF8,
    RULE_SHORT, /* UTF-8 without control characters, at most 255 octets */
    RULE_MESSAGE_ID,
    RULE_FIELDS,
};
static const struct {
    size_t offset;
    enum text_rule rule;
} texts[] = {
    {offsetof(struct digest, envelope), RULE_LIST},
    {offsetof(struct digest, bodystructure), RULE_LIST},
    {offsetof(struct digest, body_cuts), RULE_CUTS},
    {offsetof(struct digest, envelope_utf8), RULE_LIST_UTF8},
    {offsetof(struct digest, bodystructure_utf8), RULE_LIST_UTF8},
    {offsetof(struct digest, body_cuts_utf8), RULE_CUTS_UTF8},
    {offsetof(struct digest, search_from), RULE_UTF8},
    {offsetof(struct digest, search_to), RULE_UTF8},
    {offsetof(struct digest, search_cc), RULE_UTF8},
    {offsetof(struct digest, search_bcc), RULE_UTF8},
    {offsetof(struct digest, search_subject), RULE_UTF8},
    {offsetof(struct digest, sort_subject), RULE_UTF8},
    {offsetof(struct digest, sort_from), RULE_UTF8},
    {offsetof(struct digest, sort_to), RULE_UTF8},
    {offsetof(struct digest, sort_cc), RULE_UTF8},
    {offsetof(struct digest, sort_display_from), RULE_UTF8},
    {offsetof(struct digest, sort_display_to), RULE_UTF8},
    {offsetof(struct digest, subject), RULE_SHORT},
    {offsetof(struct digest, preview), RULE_SHORT},
    {offsetof(struct digest, message_id), RULE_MESSAGE_ID},
    {offsetof(struct digest, fields), RULE_FIELDS}, /* last: version 1 has no such */
};
enum { TEXT_COUNT = sizeof texts / sizeof *texts };

static struct view *text_at(struct digest *d, size_t i)
{
    return (struct view *)(void *)((char *)d + texts[i].offset);
}

static struct view text_of(const struct digest *d, size_t i)
{
    return *(const struct view *)(const void *)((const char *)d + texts[i].offset);
}

static bool is_second_form(enum text_rule rule)
{
    return rule == RULE_LIST_UTF8 || rule == RULE_CUTS_UTF8;
}

static bool list_is_good(struct view v, bool eight_bit)
{
    struct imaplist list = {.eight_bit = eight_bit};
    imaplist_feed(&list, v);
    return imaplist_is_whole(&list) && (!eight_bit || text_valid(v));
}

/* Ascending stretches inside `of`, and what is left when they are cut out is a list again. */
static bool cuts_are_good(struct view cuts, struct view of, bool eight_bit)
{
    struct imaplist list = {.eight_bit = eight_bit};
    size_t at = 0;
    if (cuts.size % 8)
        return false;
    for (size_t i = 0; i < cuts.size; i += 8) {
        size_t offset = (size_t)get_le(cuts.data + i, 4), size = (size_t)get_le(cuts.data + i + 4, 4);
        if (offset < at || offset > of.size || size > of.size - offset)
            return false;
        imaplist_feed(&list, view_slice(of, at, offset - at));
        at = offset + size;
    }
    imaplist_feed(&list, view_skip(of, at));
    return imaplist_is_whole(&list);
}

static bool has_no_controls(struct view v, bool ascii)
{
    for (size_t i = 0; i < v.size; i++) {
        unsigned char c = (unsigned char)v.data[i];
        if (c < 32 || c == 127 || (ascii && c > 126))
            return false;
    }
    return true;
}

static bool text_is_good(const struct digest *d, size_t i)
{
    struct view v = text_of(d, i);
    bool second = d->flags & DIGEST_HEADER_8BIT;
    switch (texts[i].rule) {
    case RULE_LIST:
        return list_is_good(v, false);
    case RULE_LIST_UTF8:
        return !second || list_is_good(v, true);
    case RULE_CUTS:
        return cuts_are_good(v, d->bodystructure, false);
    case RULE_CUTS_UTF8:
        return !second || cuts_are_good(v, d->bodystructure_utf8, true);
    case RULE_UTF8:
        return text_valid(v);
    case RULE_SHORT:
        return v.size <= SHORT_TEXT_OCTETS && has_no_controls(v, false) && text_valid(v);
    case RULE_MESSAGE_ID:
        return v.size <= DIGEST_MESSAGE_ID_OCTETS && has_no_controls(v, true);
    case RULE_FIELDS:
        return fields_good(v);
    }
    return false;
}

/* ---- parts and headers ---- */

static void pack_part(const struct digest_part *part, char *at)
{
    put_le(at, 2, part->parent == PART_NONE ? (uint64_t)NO_PARENT : part->parent);
    at[2] =
        (char)((part->kind & KIND_MASK) | (part->is_text ? IS_TEXT : 0) | (part->is_attachment ? IS_ATTACHMENT : 0));
    at[3] = (char)part->encoding;
    put_le(at + 4, 4, part->header_offset);
    put_le(at + 8, 4, part->header_size);
    put_le(at + 12, 4, part->body_offset);
    put_le(at + 16, 4, part->body_size);
    put_le(at + 20, 4, part->lines);
    put_le(at + 24, 4, part->decoded_size);
}

void digest_part_at(const struct digest *d, uint32_t index, struct digest_part *part_r)
{
    if (index >= d->part_count) {
        *part_r = (struct digest_part){.parent = PART_NONE};
        return;
    }
    const char *at = d->parts + (size_t)index * PART_OCTETS;
    uint32_t parent = (uint32_t)get_le(at, 2);
    unsigned char bits = (unsigned char)at[2];
    *part_r = (struct digest_part){
        .parent = parent == NO_PARENT ? PART_NONE : parent,
        .kind = bits & KIND_MASK,
        .encoding = (uint8_t)at[3],
        .is_text = (bits & IS_TEXT) != 0,
        .is_attachment = (bits & IS_ATTACHMENT) != 0,
        .header_offset = get_le(at + 4, 4),
        .header_size = get_le(at + 8, 4),
        .body_offset = get_le(at + 12, 4),
        .body_size = get_le(at + 16, 4),
        .lines = (uint32_t)get_le(at + 20, 4),
        .decoded_size = get_le(at + 24, 4),
    };
}

uint64_t digest_reference_at(const struct digest *d, uint32_t index)
{
    return index < d->reference_count ? get_le(d->references + (size_t)index * 8, 8) : 0;
}

static bool part_is_good_alone(const struct digest_part *part, unsigned bits, uint64_t message_size)
{
    return part->kind <= PART_MESSAGE && !(bits & ~(unsigned)(KIND_MASK | IS_TEXT | IS_ATTACHMENT)) &&
           part->encoding <= ENCODING_OTHER && part->body_offset == part->header_offset + part->header_size &&
           part->body_offset + part->body_size <= message_size && part->lines <= part->body_size;
}

/*
 * Parts come in preorder. The parent of the next one is the part before it or one of that part's ancestors: climbing
 * from the one before passes every part at most once, and what was climbed from last is the sibling before.
 */
static bool parts_are_good(const struct digest *d)
{
    struct digest_part before = {0}, part;
    uint32_t depth = 0;
    for (uint32_t i = 0; i < d->part_count; i++, before = part) {
        digest_part_at(d, i, &part);
        if (!part_is_good_alone(&part, (unsigned char)d->parts[(size_t)i * PART_OCTETS + 2], d->size_octets))
            return false;
        if (i == 0) {
            if (part.parent != PART_NONE || part.header_offset != 0)
                return false;
            continue;
        }
        if (part.parent >= i)
            return false;
        uint32_t at = i - 1;
        struct digest_part climbed = before, parent;
        uint64_t from = 0;
        depth++;
        while (at != part.parent) {
            if (climbed.parent == PART_NONE)
                return false;
            from = climbed.body_offset + climbed.body_size;
            at = climbed.parent;
            digest_part_at(d, at, &climbed);
            depth--;
        }
        parent = climbed;
        bool first = part.parent == i - 1;
        if (parent.kind == PART_LEAF || (parent.kind == PART_MESSAGE && !first) || depth > LIMIT_MIME_DEPTH)
            return false;
        if (part.header_offset < (first ? parent.body_offset : from) ||
            part.body_offset + part.body_size > parent.body_offset + parent.body_size)
            return false;
        if (parent.kind == PART_MESSAGE && part.header_offset != parent.body_offset)
            return false;
    }
    return true;
}

/* Each inner part has a child: RFC 9051 9 has no multipart without one, and a message is a message inside. */
static bool inner_parts_have_children(const struct digest *d)
{
    for (uint32_t i = 0; i < d->part_count; i++) {
        struct digest_part part, next;
        digest_part_at(d, i, &part);
        digest_part_at(d, i + 1, &next);
        if (part.kind != PART_LEAF && (i + 1 == d->part_count || next.parent != i))
            return false;
    }
    return true;
}

/* ---- reading ---- */

static bool read_layout(struct view octets, struct digest *d)
{
    struct input in = {.left = octets};
    struct view magic = get_octets(&in, 4);
    uint64_t sizes[TEXT_COUNT] = {0}, old_lines = 0;
    if (in.bad || memcmp(magic.data, "WXD", 3) != 0 || magic.data[3] < OLD_VERSION || magic.data[3] > DIGEST_VERSION)
        return false;
    bool old = magic.data[3] == OLD_VERSION;
    uint64_t flags = get_number(&in, UINT16_MAX);
    d->flags = (uint16_t)(flags & ~(uint64_t)(SUBJECT_IS_REPLY | REPLIES_MASK << REPLIES_SHIFT));
    d->reply_count = (uint32_t)(flags >> REPLIES_SHIFT & REPLIES_MASK);
    d->subject_is_reply = (flags & SUBJECT_IS_REPLY) != 0;
    d->size_octets = get_number(&in, UINT32_MAX);
    d->lines = (uint32_t)get_number(&in, UINT32_MAX);
    d->sent_utc_s = unzigzag(get_number(&in, UINT64_MAX));
    d->sent_zone_minutes = (int16_t)unzigzag(get_number(&in, UINT16_MAX));
    d->reference_count = (uint32_t)get_number(&in, LIMIT_REFERENCES);
    d->part_count = (uint32_t)get_number(&in, LIMIT_MIME_PARTS);
    if (old)
        old_lines = get_number(&in, LIMIT_DIGEST_OCTETS);
    for (size_t i = 0; i < TEXT_COUNT - (old ? 1 : 0); i++) {
        if (!is_second_form(texts[i].rule) || d->flags & DIGEST_HEADER_8BIT)
            sizes[i] = get_number(&in, LIMIT_DIGEST_OCTETS);
    }
    struct view hash = get_octets(&in, 8);
    d->message_id_hash = in.bad ? 0 : get_le(hash.data, 8);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        *text_at(d, i) = get_octets(&in, sizes[i]);
    d->references = get_octets(&in, (uint64_t)d->reference_count * 8).data;
    d->parts = get_octets(&in, (uint64_t)d->part_count * PART_OCTETS).data;
    get_octets(&in, old_lines * OLD_LINE_OCTETS);
    return !in.bad && !in.left.size && !(d->flags & ~FLAGS_MASK) && d->reply_count <= d->reference_count &&
           d->part_count > 0;
}

/* Without a second form the first one serves for both. */
static void fill_second_form(struct digest *d)
{
    if (d->flags & DIGEST_HEADER_8BIT)
        return;
    d->envelope_utf8 = d->envelope;
    d->bodystructure_utf8 = d->bodystructure;
    d->body_cuts_utf8 = d->body_cuts;
}

bool digest_open_checked(struct view octets, struct digest *digest_r)
{
    *digest_r = (struct digest){0};
    if (octets.size > LIMIT_DIGEST_OCTETS || !read_layout(octets, digest_r))
        return false;
    fill_second_form(digest_r);
    return true;
}

bool digest_open(struct view octets, struct digest *digest_r)
{
    if (!digest_open_checked(octets, digest_r))
        return false;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (!text_is_good(digest_r, i))
            return false;
    }
    return parts_are_good(digest_r) && inner_parts_have_children(digest_r);
}

void digest_write_body(const struct digest *d, bool utf8, struct buffer *out)
{
    struct view of = utf8 ? d->bodystructure_utf8 : d->bodystructure;
    struct view cuts = utf8 ? d->body_cuts_utf8 : d->body_cuts;
    size_t at = 0;
    for (size_t i = 0; i + 8 <= cuts.size; i += 8) {
        size_t offset = (size_t)get_le(cuts.data + i, 4), size = (size_t)get_le(cuts.data + i + 4, 4);
        if (offset < at || offset > of.size)
            break;
        buffer_append_view(out, view_slice(of, at, offset - at));
        at = offset + size;
    }
    buffer_append_view(out, view_skip(of, at));
}

static uint32_t child(const struct digest *d, uint32_t of, uint32_t number)
{
    uint32_t seen = 0;
    for (uint32_t i = of + 1; i < d->part_count; i++) {
        struct digest_part part;
        digest_part_at(d, i, &part);
        if (part.parent == PART_NONE || part.parent < of)
            break; /* behind the last descendant */
        if (part.parent == of && ++seen == number)
            return i;
    }
    return PART_NONE;
}

uint32_t digest_find_part(const struct digest *d, const uint32_t *numbers, size_t count)
{
    uint32_t at = 0;
    bool is_message = true; /* `at` stands for a whole message here, not for a body part */
    for (size_t i = 0; i < count && at != PART_NONE; i++) {
        struct digest_part part;
        digest_part_at(d, at, &part);
        if (!is_message && part.kind == PART_MESSAGE) {
            at = child(d, at, 1);
            if (at == PART_NONE)
                break;
            digest_part_at(d, at, &part);
            is_message = true;
        }
        if (part.kind == PART_MULTIPART)
            at = child(d, at, numbers[i]);
        else if (!is_message || numbers[i] != 1)
            at = PART_NONE;
        is_message = false;
    }
    return at;
}

/* ---- writing ---- */

static void put_head(const struct digest *d, struct buffer *out)
{
    buffer_append(out, "WXD", 3);
    buffer_append_char(out, DIGEST_VERSION);
    uint32_t replies = d->reply_count < d->reference_count ? d->reply_count : d->reference_count;
    put_number(out,
               (uint64_t)d->flags | (uint64_t)replies << REPLIES_SHIFT | (d->subject_is_reply ? SUBJECT_IS_REPLY : 0));
    put_number(out, d->size_octets);
    put_number(out, d->lines);
    put_number(out, zigzag(d->sent_utc_s));
    put_number(out, zigzag(d->sent_zone_minutes));
    put_number(out, d->reference_count);
    put_number(out, d->part_count);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (!is_second_form(texts[i].rule) || d->flags & DIGEST_HEADER_8BIT)
            put_number(out, text_of(d, i).size);
    }
    char hash[8];
    put_le(hash, 8, d->message_id_hash);
    buffer_append(out, hash, 8);
}

bool digest_write(const struct digest *fields, const struct digest_part *parts, const uint64_t *references,
                  struct buffer *out)
{
    struct digest d = *fields;
    size_t start = buffer_size(out);
    if (d.reference_count > LIMIT_REFERENCES)
        d.reference_count = LIMIT_REFERENCES;
    put_head(&d, out);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (!is_second_form(texts[i].rule) || d.flags & DIGEST_HEADER_8BIT)
            buffer_append_view(out, text_of(&d, i));
    }
    char packed[PART_OCTETS];
    for (uint32_t i = 0; i < d.reference_count; i++) {
        put_le(packed, 8, references[i]);
        buffer_append(out, packed, 8);
    }
    for (uint32_t i = 0; i < d.part_count; i++) {
        pack_part(&parts[i], packed);
        buffer_append(out, packed, PART_OCTETS);
    }
    if (!out->overflow && buffer_size(out) - start <= LIMIT_DIGEST_OCTETS)
        return true;
    buffer_truncate(out, start);
    return false;
}

void digest_cuts_add(struct buffer *cuts, size_t offset, size_t size)
{
    char pair[8];
    put_le(pair, 4, offset);
    put_le(pair + 4, 4, size);
    buffer_append(cuts, pair, 8);
}
