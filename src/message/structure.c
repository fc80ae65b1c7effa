/* message/structure.c: see message/structure.h. */
#include "message/structure.h"
#include "base/memory.h"
#include "digest/fields.h"
#include "digest/transfer.h"

enum { KEEP_PARTS = 64, ARENA_OCTETS = 64 << 20 };

/* ---- fields that are kept ---- */

static const struct {
    const char *name;
    uint8_t size;
    bool joined;
} kept_fields[KEPT_COUNT] = {
#define KEPT(id, text, join) [id] = {text, sizeof(text) - 1, join}
    KEPT(KEPT_CONTENT_TYPE, "content-type", false),
    KEPT(KEPT_ENCODING, "content-transfer-encoding", false),
    KEPT(KEPT_DISPOSITION, "content-disposition", false),
    KEPT(KEPT_ID, "content-id", false),
    KEPT(KEPT_DESCRIPTION, "content-description", false),
    KEPT(KEPT_LANGUAGE, "content-language", false),
    KEPT(KEPT_LOCATION, "content-location", false),
    KEPT(KEPT_MD5, "content-md5", false),
    KEPT(KEPT_DATE, "date", false),
    KEPT(KEPT_SUBJECT, "subject", false),
    KEPT(KEPT_FROM, "from", true),
    KEPT(KEPT_SENDER, "sender", true),
    KEPT(KEPT_REPLY_TO, "reply-to", true),
    KEPT(KEPT_TO, "to", true),
    KEPT(KEPT_CC, "cc", true),
    KEPT(KEPT_BCC, "bcc", true),
    KEPT(KEPT_IN_REPLY_TO, "in-reply-to", false),
    KEPT(KEPT_MESSAGE_ID, "message-id", false),
    KEPT(KEPT_REFERENCES, "references", false),
};

static int kept_by_name(struct view name)
{
    for (int id = 0; id < KEPT_COUNT; id++)
        if (name.size == kept_fields[id].size && view_equal_string_nocase(name, kept_fields[id].name))
            return id;
    return -1;
}

static void keep_piece(struct mime *m, struct kept *kept, struct view value, bool joined)
{
    size_t max = joined ? LIMIT_ADDRESS_OCTETS : LIMIT_TEXT_OCTETS;
    if ((kept->count && !joined) || kept->octets >= max)
        return;
    if (kept->count == kept->room) {
        uint32_t room = kept->room ? kept->room * 2 : 1;
        struct view *pieces = arena_try(&m->arena, room * sizeof *pieces);
        if (!pieces)
            return;
        if (kept->count)
            memcpy(pieces, kept->pieces, kept->count * sizeof *pieces);
        kept->pieces = pieces;
        kept->room = room;
    }
    value = view_slice(value, 0, max - kept->octets);
    kept->pieces[kept->count++] = value;
    kept->octets += value.size + 1;
}

/* The first one of a name counts, but for addresses. */
static void keep_field(struct mime *m, struct mime_part *part, struct view name, struct view value)
{
    int id = kept_by_name(name);
    if (id < 0)
        return;
    value = view_trim(view_slice(value, 0, LIMIT_HEADER_FIELD));
    if (id >= KEPT_PART_COUNT) {
        if (part->message)
            keep_piece(m, &part->message[id - KEPT_PART_COUNT], value, kept_fields[id].joined);
        return;
    }
    if (!part->has[id]) {
        part->has[id] = true;
        part->fields[id] = view_slice(value, 0, LIMIT_TEXT_OCTETS);
    }
}

/* All of them or none: what is missing can't be told from what the message hasn't. */
static void keep_as_it_is(struct mime *m, struct view name, struct view field)
{
    if (!m->fields_too_long && !fields_add(&m->fields, name, field)) {
        m->fields_too_long = true;
        buffer_clear(&m->fields);
    }
}

/* ---- lines ---- */

/* Line ends before `to`; asked for in ascending order, so that all is counted once. */
static uint64_t line_ends_before(struct mime *m, uint64_t to)
{
    while (m->counted_to < to) {
        const char *from = m->octets.data + m->counted_to;
        const char *found = memchr(from, '\n', (size_t)(to - m->counted_to));
        if (!found) {
            m->counted_to = to;
            break;
        }
        m->line_ends++;
        m->counted_to += (uint64_t)(found - from) + 1;
    }
    return m->line_ends;
}

static size_t line_end(struct view v, size_t from)
{
    size_t end = view_find(v, '\n', from);
    return end == SIZE_MAX ? v.size : end + 1;
}

/* ---- delimiters (RFC 2046 5.1.1) ---- */

struct delimiter {
    uint32_t boundary; /* index */
    bool closing;
    size_t start, end; /* of its line */
};

static bool only_blanks(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if (v.data[i] != ' ' && v.data[i] != '\t' && v.data[i] != '\r' && v.data[i] != '\n')
            return false;
    return true;
}

/* Is the line that begins at `start` with "--" one of the open boundaries? */
static bool read_delimiter(const struct mime *m, size_t start, struct delimiter *found_r)
{
    struct view line = view_slice(m->octets, start + 2, LIMIT_BOUNDARY_LINE);
    line = view_slice(line, 0, line_end(line, 0));
    for (uint32_t i = m->boundary_count; i > 0; i--) {
        struct view text = m->boundaries[i - 1].text;
        if (!view_starts_with(line, text))
            continue;
        struct view rest = view_skip(line, text.size);
        bool closing = view_starts_with(rest, VIEW_LITERAL("--")) && only_blanks(view_skip(rest, 2));
        if (!closing && !only_blanks(rest))
            continue;
        *found_r = (struct delimiter){i - 1, closing, start, line_end(m->octets, start)};
        return true;
    }
    return false;
}

static bool starts_delimiter(struct view octets, size_t at)
{
    return octets.size - at >= 2 && octets.data[at] == '-' && octets.data[at + 1] == '-';
}

/* The first delimiter line at or behind `from`, where a line begins. */
static bool find_delimiter(const struct mime *m, size_t from, struct delimiter *found_r)
{
    if (!m->boundary_count || from > m->octets.size)
        return false;
    if (starts_delimiter(m->octets, from) && read_delimiter(m, from, found_r))
        return true;
    while (from < m->octets.size) {
        const char *p = memmem(m->octets.data + from, m->octets.size - from, "\n--", 3);
        if (!p)
            return false;
        from = (size_t)(p - m->octets.data) + 1;
        if (read_delimiter(m, from, found_r))
            return true;
    }
    return false;
}

/* The line end before a delimiter belongs to it. */
static size_t before_delimiter(struct view octets, size_t start)
{
    if (start > 0 && octets.data[start - 1] == '\n')
        start--;
    if (start > 0 && octets.data[start - 1] == '\r')
        start--;
    return start;
}

/* ---- parts ---- */

static struct mime_part *add_part(struct mime *m, uint32_t parent, size_t header_offset, bool is_message)
{
    if (m->count == m->room) {
        m->room = m->room ? m->room * 2 : 8;
        m->parts = memory_resize(m->parts, m->room * sizeof *m->parts);
    }
    struct mime_part *part = &m->parts[m->count];
    *part = (struct mime_part){.place = {.parent = parent, .header_offset = header_offset}, .is_message = is_message};
    if (parent != PART_NONE) {
        part->depth = m->parts[parent].depth + 1;
        part->in_digest = !is_message && mime_is(&m->parts[parent], "multipart", "digest");
        m->parts[parent].children++;
    }
    if (is_message)
        part->message = arena_try(&m->arena, (KEPT_COUNT - KEPT_PART_COUNT) * sizeof *part->message);
    m->current = m->count++;
    return part;
}

bool mime_is(const struct mime_part *part, const char *type, const char *subtype)
{
    if (part->defaulted)
        return part->in_digest ? strcmp(type, "message") == 0 && (!subtype || strcmp(subtype, "rfc822") == 0)
                               : strcmp(type, "text") == 0 && (!subtype || strcmp(subtype, "plain") == 0);
    return view_equal_string_nocase(part->content.type, type) &&
           (!subtype || view_equal_string_nocase(part->content.subtype, subtype));
}

static enum part_encoding read_encoding(const struct mime_part *part)
{
    static const struct {
        const char *name;
        enum part_encoding encoding;
    } names[] = {{"7bit", ENCODING_7BIT},
                 {"8bit", ENCODING_8BIT},
                 {"binary", ENCODING_BINARY},
                 {"base64", ENCODING_BASE64},
                 {"quoted-printable", ENCODING_QUOTED_PRINTABLE}};
    struct view value = part->fields[KEPT_ENCODING];
    struct view word = view_trim(view_slice(value, 0, view_find(value, ';', 0)));
    if (!part->has[KEPT_ENCODING])
        return ENCODING_7BIT;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (view_equal_string_nocase(word, names[i].name))
            return names[i].encoding;
    return ENCODING_OTHER;
}

/* The header of the current part, from its offset to the blank line, or to a delimiter that comes before one. */
static void read_header(struct mime *m)
{
    struct mime_part *part = &m->parts[m->current];
    size_t start = (size_t)part->place.header_offset, at = start;
    struct view octets = view_slice(m->octets, 0, m->octets.size), field, name, value;
    struct delimiter found;
    size_t before = at;
    while (header_next(octets, &at, &field, &name, &value)) {
        if (!name.size && m->boundary_count && starts_delimiter(octets, before) && read_delimiter(m, before, &found)) {
            at = before;
            goto out; /* no blank line: the header ends where the delimiter begins */
        }
        if (name.size && !m->current)
            keep_as_it_is(m, name, field);
        if (name.size && at - start <= LIMIT_HEADER_OCTETS)
            keep_field(m, part, name, value);
        before = at;
    }
    if (at < octets.size && octets.data[at] == '\r')
        at++;
    if (at < octets.size && octets.data[at] == '\n')
        at++;
out:
    part->place.header_size = at - start;
    part->place.body_offset = at;
    part->lines_before = line_ends_before(m, at);
}

static bool open_multipart(struct mime *m, struct mime_part *part)
{
    const struct parameter *boundary = content_parameter(&part->content, "boundary");
    if (!boundary || !boundary->value.size || boundary->value.size > LIMIT_BOUNDARY_LINE - 8)
        return false;
    part->place.kind = PART_MULTIPART;
    m->boundaries[m->boundary_count++] = (struct mime_boundary){m->current, view_trim(boundary->value)};
    return true;
}

/* What the header says the body is. True: a message inside, whose header comes next. */
static bool begin_body(struct mime *m)
{
    struct mime_part *part = &m->parts[m->current];
    part->defaulted = !part->has[KEPT_CONTENT_TYPE] ||
                      !content_read(&m->arena, part->fields[KEPT_CONTENT_TYPE], &part->content) ||
                      !part->content.subtype.size;
    part->place.encoding = (uint8_t)read_encoding(part);
    bool identity = part->place.encoding <= ENCODING_BINARY || part->place.encoding == ENCODING_OTHER;
    bool multipart = mime_is(part, "multipart", NULL);
    bool message = identity && (mime_is(part, "message", "rfc822") || mime_is(part, "message", "global"));
    if (!multipart && !message)
        return false;
    if (part->depth + 1 >= LIMIT_MIME_DEPTH || m->count >= LIMIT_MIME_PARTS) {
        part->forced = m->cut = true;
        return false;
    }
    if (multipart) {
        part->forced = !open_multipart(m, part);
        return false;
    }
    part->place.kind = PART_MESSAGE;
    size_t offset = (size_t)part->place.body_offset;
    add_part(m, m->current, offset, true);
    return true;
}

/* A multipart in which no delimiter was found: its text is shown as a text, for there is no empty multipart in
 * RFC 9051 9. */
static void add_missing_child(struct mime *m, uint32_t index, size_t end)
{
    struct digest_part place = m->parts[index].place;
    uint64_t lines_before = m->parts[index].lines_before;
    struct mime_part *child = add_part(m, index, (size_t)place.body_offset, false);
    child->place.body_offset = place.body_offset;
    child->place.body_size = end - place.body_offset;
    child->place.lines = (uint32_t)(line_ends_before(m, end) - lines_before);
    child->in_digest = false;
    child->defaulted = true;
}

/*
 * Ends the open parts from the current one up to, and without, `keep` (PART_NONE: all). A header that a delimiter cut
 * off has taken the line end before it: what holds that part then ends there too.
 */
static void close_parts(struct mime *m, uint32_t keep, size_t end)
{
    for (uint32_t index = m->current; index != keep && index != PART_NONE; index = m->parts[index].place.parent) {
        size_t from = (size_t)m->parts[index].place.body_offset, to = end > from ? end : from;
        end = to;
        if (m->parts[index].place.kind == PART_MULTIPART && !m->parts[index].children)
            add_missing_child(m, index, to);
        struct mime_part *part = &m->parts[index];
        part->place.body_size = to - from;
        part->place.lines = (uint32_t)(line_ends_before(m, to) - part->lines_before);
        while (m->boundary_count && m->boundaries[m->boundary_count - 1].part == index)
            m->boundary_count--;
    }
    m->current = keep == PART_NONE ? 0 : keep;
}

/* From the body that begins at `at` to the next part's header. False: the message is at its end. */
static bool next_part(struct mime *m, size_t at)
{
    struct delimiter found;
    while (find_delimiter(m, at, &found)) {
        uint32_t multipart = m->boundaries[found.boundary].part;
        close_parts(m, multipart, before_delimiter(m->octets, found.start));
        m->boundary_count = found.boundary + (found.closing ? 0 : 1);
        at = found.end;
        if (found.closing)
            continue; /* what follows is an epilogue */
        if (m->count < LIMIT_MIME_PARTS) {
            add_part(m, multipart, found.end, false);
            return true;
        }
        m->cut = true;
        m->boundary_count = 0; /* the rest belongs to the parts that are open */
    }
    close_parts(m, PART_NONE, m->octets.size);
    return false;
}

static bool has_8bit(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if ((unsigned char)v.data[i] >= 0x80)
            return true;
    return false;
}

void mime_read(struct mime *m, struct view octets)
{
    mime_reset(m);
    m->octets = octets;
    m->has_nul = octets.size && memchr(octets.data, '\0', octets.size) != NULL;
    arena_init(&m->arena, ARENA_OCTETS);
    add_part(m, PART_NONE, 0, true);
    do {
        read_header(m);
        m->has_8bit_header = m->has_8bit_header || has_8bit(mime_header(m, &m->parts[m->current]));
    } while (begin_body(m) || next_part(m, (size_t)m->parts[m->current].place.body_offset));
}

void mime_reset(struct mime *m)
{
    struct mime_part *parts = m->parts;
    uint32_t room = m->room;
    struct buffer fields = m->fields;
    if (room > KEEP_PARTS) {
        free(parts);
        parts = NULL;
        room = 0;
    }
    arena_free(&m->arena);
    buffer_clear(&fields);
    *m = (struct mime){.parts = parts, .room = room, .fields = fields};
}

void mime_free(struct mime *m)
{
    arena_free(&m->arena);
    free(m->parts);
    buffer_free(&m->fields);
    *m = (struct mime){0};
}
