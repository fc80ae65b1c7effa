/* message/summary.c: see message/summary.h. */
#include "message/summary.h"
#include "base/memory.h"
#include "digest/text.h"
#include "message/bodystructure.h"
#include "message/date.h"
#include "message/decode.h"
#include "message/header.h"
#include "message/preview.h"
#include "message/subject.h"
#include <xxhash.h>

enum { ARENA_OCTETS = 64 << 20, SUBJECT_OCTETS = 255 };

enum text {
    TEXT_ENVELOPE,
    TEXT_STRUCTURE,
    TEXT_CUTS,
    TEXT_ENVELOPE_UTF8,
    TEXT_STRUCTURE_UTF8,
    TEXT_CUTS_UTF8,
    TEXT_SEARCH_FROM,
    TEXT_SEARCH_TO,
    TEXT_SEARCH_CC,
    TEXT_SEARCH_BCC,
    TEXT_SEARCH_SUBJECT,
    TEXT_SORT_SUBJECT,
    TEXT_SORT_FROM,
    TEXT_SORT_TO,
    TEXT_SORT_CC,
    TEXT_DISPLAY_FROM,
    TEXT_DISPLAY_TO,
    TEXT_SUBJECT,
    TEXT_PREVIEW,
    TEXT_MESSAGE_ID,
    TEXT_COUNT
};

struct summary {
    struct mime mime;
    struct arena arena;
    struct form form;
    struct buffer texts[TEXT_COUNT];
    struct buffer scratch, decoded;
    struct digest_part *parts;
    uint32_t part_room;
    uint64_t references[LIMIT_REFERENCES];
};

struct summary *summary_new(void)
{
    return NEW(struct summary);
}

void summary_free(struct summary **summary)
{
    struct summary *s = *summary;
    *summary = NULL;
    if (!s)
        return;
    mime_free(&s->mime);
    arena_free(&s->arena);
    form_free(&s->form);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        buffer_free(&s->texts[i]);
    buffer_free(&s->scratch);
    buffer_free(&s->decoded);
    free(s->parts);
    free(s);
}

static struct view text_of(const struct summary *s, enum text which)
{
    return buffer_view(&s->texts[which]);
}

/* ---- envelope and structure, in one form or both ---- */

static void write_forms(struct summary *s, struct digest *d)
{
    const struct mime_part *top = s->mime.parts;
    s->form.utf8 = s->form.differs = false;
    envelope_write(&s->form, &s->arena, top, &s->texts[TEXT_ENVELOPE]);
    bodystructure_write(&s->form, &s->mime, &s->arena, &s->texts[TEXT_STRUCTURE], &s->texts[TEXT_CUTS]);
    if (s->form.differs) {
        s->form.utf8 = true;
        envelope_write(&s->form, &s->arena, top, &s->texts[TEXT_ENVELOPE_UTF8]);
        bodystructure_write(&s->form, &s->mime, &s->arena, &s->texts[TEXT_STRUCTURE_UTF8], &s->texts[TEXT_CUTS_UTF8]);
        d->flags |= DIGEST_HEADER_8BIT;
    }
    d->envelope = text_of(s, TEXT_ENVELOPE);
    d->bodystructure = text_of(s, TEXT_STRUCTURE);
    d->body_cuts = text_of(s, TEXT_CUTS);
    d->envelope_utf8 = s->form.differs ? text_of(s, TEXT_ENVELOPE_UTF8) : VIEW_EMPTY;
    d->bodystructure_utf8 = s->form.differs ? text_of(s, TEXT_STRUCTURE_UTF8) : VIEW_EMPTY;
    d->body_cuts_utf8 = s->form.differs ? text_of(s, TEXT_CUTS_UTF8) : VIEW_EMPTY;
}

/* ---- addresses ---- */

static void write_mailbox(const struct address *a, struct buffer *out)
{
    buffer_append_view(out, a->local);
    if (a->domain.size) {
        buffer_append_char(out, '@');
        buffer_append_view(out, a->domain);
    }
}

/* "Name <local@domain>, ...", decoded and folded: what SEARCH looks into. */
static void write_search(struct summary *s, const struct address *list, size_t count, struct buffer *out)
{
    buffer_clear(&s->scratch);
    for (size_t i = 0; i < count; i++) {
        if (list[i].kind == ADDRESS_GROUP_END)
            continue;
        if (buffer_size(&s->scratch))
            buffer_append_string(&s->scratch, ", ");
        if (list[i].kind == ADDRESS_GROUP) {
            words_decode(list[i].local, &s->scratch);
            continue;
        }
        if (list[i].has_name)
            words_decode(list[i].name, &s->scratch);
        buffer_append_string(&s->scratch, list[i].has_name ? " <" : "<");
        write_mailbox(&list[i], &s->scratch);
        buffer_append_char(&s->scratch, '>');
    }
    text_fold(buffer_view(&s->scratch), out);
}

/*
 * RFC 5255 4.6: what no charset gives a meaning to (decoded to U+FFFD) comes behind everything else, unfolded. The
 * last code point there is leads it.
 */
static void fold_key(struct view utf8, struct buffer *out)
{
    utf8 = text_cut(utf8, LIMIT_SORT_KEY);
    text_fold(utf8, out);
    if (view_contains(buffer_view(out), VIEW_LITERAL("\xef\xbf\xbd")) && text_valid(utf8)) {
        buffer_clear(out);
        text_append(out, 0x10FFFF);
        buffer_append_view(out, utf8);
    }
    buffer_truncate(out, text_cut(buffer_view(out), LIMIT_SORT_KEY).size);
}

/* RFC 5256 3: the first address's mailbox. RFC 5957 3: its display name, or mailbox@host. */
static void write_sort(struct summary *s, const struct address *list, size_t count, struct buffer *mailbox,
                       struct buffer *display)
{
    if (!count)
        return;
    buffer_clear(&s->scratch);
    buffer_append_view(&s->scratch, list[0].local);
    fold_key(buffer_view(&s->scratch), mailbox);
    if (!display)
        return;
    buffer_clear(&s->scratch);
    if (list[0].has_name)
        words_decode(list[0].name, &s->scratch);
    else
        write_mailbox(&list[0], &s->scratch);
    fold_key(buffer_view(&s->scratch), display);
}

static void write_addresses(struct summary *s, struct digest *d)
{
    static const struct {
        enum kept_field field;
        int search, sort, display;
    } rows[] = {{KEPT_FROM, TEXT_SEARCH_FROM, TEXT_SORT_FROM, TEXT_DISPLAY_FROM},
                {KEPT_TO, TEXT_SEARCH_TO, TEXT_SORT_TO, TEXT_DISPLAY_TO},
                {KEPT_CC, TEXT_SEARCH_CC, TEXT_SORT_CC, -1},
                {KEPT_BCC, TEXT_SEARCH_BCC, -1, -1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address *list;
        size_t count = envelope_addresses(&s->arena, s->mime.parts, rows[i].field, &list);
        write_search(s, list, count, &s->texts[rows[i].search]);
        if (rows[i].sort >= 0)
            write_sort(s, list, count, &s->texts[rows[i].sort],
                       rows[i].display >= 0 ? &s->texts[rows[i].display] : NULL);
    }
    d->search_from = text_of(s, TEXT_SEARCH_FROM);
    d->search_to = text_of(s, TEXT_SEARCH_TO);
    d->search_cc = text_of(s, TEXT_SEARCH_CC);
    d->search_bcc = text_of(s, TEXT_SEARCH_BCC);
    d->sort_from = text_of(s, TEXT_SORT_FROM);
    d->sort_to = text_of(s, TEXT_SORT_TO);
    d->sort_cc = text_of(s, TEXT_SORT_CC);
    d->sort_display_from = text_of(s, TEXT_DISPLAY_FROM);
    d->sort_display_to = text_of(s, TEXT_DISPLAY_TO);
}

/* ---- subject, date, ids ---- */

static void write_subject(struct summary *s, struct digest *d)
{
    struct view value;
    struct buffer base = {0};
    if (envelope_field(s->mime.parts, KEPT_SUBJECT, &value)) {
        buffer_clear(&s->scratch);
        buffer_clear(&s->decoded);
        header_unfold(value, &s->scratch);
        words_decode(buffer_view(&s->scratch), &s->decoded);
        struct view utf8 = buffer_view(&s->decoded);
        text_fold(utf8, &s->texts[TEXT_SEARCH_SUBJECT]);
        d->subject_is_reply = subject_base(utf8, &base);
        fold_key(buffer_view(&base), &s->texts[TEXT_SORT_SUBJECT]);
        buffer_append_view(&s->texts[TEXT_SUBJECT], text_cut(utf8, SUBJECT_OCTETS));
    }
    buffer_free(&base);
    d->search_subject = text_of(s, TEXT_SEARCH_SUBJECT);
    d->sort_subject = text_of(s, TEXT_SORT_SUBJECT);
    d->subject = text_of(s, TEXT_SUBJECT);
}

static void write_date(const struct summary *s, struct digest *d)
{
    struct view value;
    if (envelope_field(s->mime.parts, KEPT_DATE, &value) && date_read(value, &d->sent_utc_s, &d->sent_zone_minutes))
        d->flags |= DIGEST_HAS_DATE;
}

/* The next "<...>" of a list of ids, without the white space that some programs fold long ones with. */
static bool next_id(struct view *rest, struct buffer *id)
{
    for (;;) {
        size_t open = view_find(*rest, '<', 0);
        size_t close = open == SIZE_MAX ? SIZE_MAX : view_find(*rest, '>', open);
        if (close == SIZE_MAX)
            return false;
        buffer_clear(id);
        for (size_t i = open + 1; i < close; i++)
            if ((unsigned char)rest->data[i] > 32 && rest->data[i] != 127)
                buffer_append_char(id, rest->data[i]);
        *rest = view_skip(*rest, close + 1);
        if (buffer_size(id) && text_is_ascii(buffer_view(id)))
            return true;
    }
}

/* RFC 5256 3: however an id is quoted, it is the same id. */
static struct view unquote(struct view id, struct buffer *scratch)
{
    if (view_find(id, '"', 0) == SIZE_MAX)
        return id;
    buffer_clear(scratch);
    for (size_t i = 0; i < id.size; i++) {
        bool escaped = id.data[i] == '\\' && i + 1 < id.size;
        i += escaped;
        if (escaped || id.data[i] != '"')
            buffer_append_char(scratch, id.data[i]);
    }
    return buffer_view(scratch);
}

static uint64_t id_hash(struct summary *s, struct view id)
{
    id = unquote(id, &s->decoded);
    uint64_t hash = XXH3_64bits(id.data, id.size);
    return hash ? hash : 1; /* 0 says that there is none */
}

/* The last ones of References are the nearest: of too many the first are left out. */
static void write_references(struct summary *s, struct digest *d)
{
    static const enum kept_field fields[] = {KEPT_IN_REPLY_TO, KEPT_REFERENCES};
    uint32_t count = 0, replies = 0;
    struct view value;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!envelope_field(s->mime.parts, fields[i], &value))
            continue;
        while (next_id(&value, &s->scratch)) {
            if (count == LIMIT_REFERENCES) {
                memmove(s->references, s->references + 1, (LIMIT_REFERENCES - 1) * sizeof *s->references);
                count--;
                replies -= replies && fields[i] == KEPT_REFERENCES;
            }
            s->references[count++] = id_hash(s, buffer_view(&s->scratch));
            replies += fields[i] == KEPT_IN_REPLY_TO && replies < count;
        }
    }
    d->reference_count = count;
    d->reply_count = replies;
}

static void write_ids(struct summary *s, struct digest *d)
{
    struct view value;
    d->message_id = VIEW_EMPTY;
    if (envelope_field(s->mime.parts, KEPT_MESSAGE_ID, &value) && next_id(&value, &s->texts[TEXT_MESSAGE_ID])) {
        struct view id = text_of(s, TEXT_MESSAGE_ID);
        d->message_id_hash = id_hash(s, id);
        d->message_id = view_slice(id, 0, DIGEST_MESSAGE_ID_OCTETS);
    }
    write_references(s, d);
}

/* ---- parts ---- */

static bool is_attachment(struct summary *s, const struct mime_part *part)
{
    struct content disposition = {0};
    bool named = part->has[KEPT_DISPOSITION] && content_read(&s->arena, part->fields[KEPT_DISPOSITION], &disposition);
    if (named && view_equal_string_nocase(disposition.type, "attachment"))
        return true;
    if (part->place.kind == PART_MESSAGE)
        return !named;
    /* RFC 8621 4.1.4: what isn't shown with the text: no text, and no picture that the text refers to. */
    return !part->place.is_text && !part->has[KEPT_ID] &&
           !(named && view_equal_string_nocase(disposition.type, "inline"));
}

static void write_parts(struct summary *s, struct digest *d)
{
    struct mime *m = &s->mime;
    if (s->part_room < m->count) {
        s->part_room = m->count;
        s->parts = memory_resize(s->parts, s->part_room * sizeof *s->parts);
    }
    for (uint32_t i = 0; i < m->count; i++) {
        struct mime_part *part = &m->parts[i];
        part->place.is_text = part->place.kind == PART_LEAF && !part->forced && mime_is(part, "text", NULL);
        part->place.is_attachment = part->place.kind != PART_MULTIPART && is_attachment(s, part);
        part->place.decoded_size =
            part->place.kind == PART_LEAF ? decode_size(m, part, &s->scratch) : part->place.body_size;
        if (part->place.is_attachment)
            d->flags |= DIGEST_HAS_ATTACHMENT;
        s->parts[i] = part->place;
    }
    d->part_count = m->count;
    d->fields = buffer_view(&m->fields);
}

/* The first text that is none of the attachments. */
static void write_preview(struct summary *s, struct digest *d)
{
    struct mime *m = &s->mime;
    struct buffer *out = &s->texts[TEXT_PREVIEW];
    for (uint32_t i = 0; i < m->count && !buffer_size(out); i++) {
        const struct mime_part *part = &m->parts[i];
        if (!part->place.is_text || part->place.is_attachment)
            continue;
        bool html = mime_is(part, "text", "html");
        buffer_clear(&s->decoded);
        decode_text(m, part, html ? LIMIT_PREVIEW_HTML : LIMIT_PREVIEW_TEXT, &s->decoded);
        if (html)
            preview_from_html(buffer_view(&s->decoded), out);
        else
            preview_from_text(buffer_view(&s->decoded), out);
    }
    d->preview = text_of(s, TEXT_PREVIEW);
}

/* ---- the whole ---- */

static void reset(struct summary *s)
{
    arena_free(&s->arena);
    arena_init(&s->arena, ARENA_OCTETS);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        buffer_clear(&s->texts[i]);
}

bool summary_write(struct summary *s, struct view message, struct buffer *digest)
{
    struct digest d = {.size_octets = message.size};
    reset(s);
    mime_read(&s->mime, message);
    write_parts(s, &d);
    d.lines = s->mime.parts[0].place.lines;
    d.flags |= s->mime.has_nul ? DIGEST_HAS_NUL : 0;
    d.flags |= s->mime.has_8bit_header ? DIGEST_HEADER_RAW : 0;
    d.flags |= s->mime.cut ? DIGEST_CUT : 0;
    bool ends = message.size >= 2 && memcmp(message.data + message.size - 2, "\r\n", 2) == 0;
    d.flags |= message.size && !ends ? DIGEST_ENDS_OPEN : 0;
    write_forms(s, &d);
    write_addresses(s, &d);
    write_subject(s, &d);
    write_date(s, &d);
    write_ids(s, &d);
    write_preview(s, &d);
    return digest_write(&d, s->parts, s->references, digest);
}
