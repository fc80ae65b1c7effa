/* message/bodystructure.c: see message/bodystructure.h. */
#include "message/bodystructure.h"
#include "digest/text.h"
#include "message/header.h"

struct writing {
    struct form *form;
    const struct mime *mime;
    struct arena *arena;
    struct buffer *out, *cuts;
    size_t start; /* of the list in out */
};

/* ---- parameters ---- */

/* RFC 2231 4: the only 7-bit form that says which charset it is. */
static void write_extended_value(struct view utf8, struct buffer *out)
{
    static const char hex[] = "0123456789ABCDEF";
    struct buffer value = {0};
    buffer_append_string(&value, "utf-8''");
    for (size_t i = 0; i < utf8.size; i++) {
        unsigned char c = (unsigned char)utf8.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
                     c == '-' || c == '_';
        if (plain) {
            buffer_append_char(&value, (char)c);
        } else {
            buffer_append_char(&value, '%');
            buffer_append_char(&value, hex[c >> 4]);
            buffer_append_char(&value, hex[c & 15]);
        }
    }
    imap_string(buffer_view(&value), out);
    buffer_free(&value);
}

static void write_parameter(struct writing *w, const struct parameter *p)
{
    struct buffer value = {0}, name = {0};
    parameter_utf8(p, &value);
    struct view utf8 = buffer_view(&value);
    bool ascii = text_is_ascii(utf8);
    w->form->differs = w->form->differs || !ascii;
    header_unfold(p->name, &name);
    if (!text_is_ascii(buffer_view(&name))) {
        buffer_clear(&name);
        buffer_append_string(&name, "X-UNREADABLE");
    }
    if (!ascii && !w->form->utf8)
        buffer_append_char(&name, '*');
    imap_string(buffer_view(&name), w->out);
    buffer_append_char(w->out, ' ');
    if (ascii || w->form->utf8)
        imap_string(utf8, w->out);
    else
        write_extended_value(utf8, w->out);
    buffer_free(&value);
    buffer_free(&name);
}

static void write_parameters(struct writing *w, const struct content *content)
{
    size_t count = content->count < LIMIT_MIME_PARAMETERS ? content->count : LIMIT_MIME_PARAMETERS;
    if (!count) {
        buffer_append_string(w->out, "NIL");
        return;
    }
    buffer_append_char(w->out, '(');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_append_char(w->out, ' ');
        write_parameter(w, &content->parameters[i]);
    }
    buffer_append_char(w->out, ')');
}

/* ---- what follows in the extended form ---- */

static void write_disposition(struct writing *w, const struct mime_part *part)
{
    struct content content = {0};
    if (!part->has[KEPT_DISPOSITION] || !content_read(w->arena, part->fields[KEPT_DISPOSITION], &content)) {
        buffer_append_string(w->out, "NIL");
        return;
    }
    buffer_append_char(w->out, '(');
    form_nstring(w->form, true, content.type, w->out);
    buffer_append_char(w->out, ' ');
    write_parameters(w, &content);
    buffer_append_char(w->out, ')');
}

static void write_language(struct writing *w, const struct mime_part *part)
{
    struct view value = part->fields[KEPT_LANGUAGE];
    if (!part->has[KEPT_LANGUAGE] || view_find(value, ',', 0) == SIZE_MAX) {
        form_nstring(w->form, part->has[KEPT_LANGUAGE], value, w->out);
        return;
    }
    bool first = true;
    buffer_append_char(w->out, '(');
    while (value.size) {
        size_t comma = view_find(value, ',', 0);
        struct view tag = view_trim(view_slice(value, 0, comma));
        value = comma == SIZE_MAX ? VIEW_EMPTY : view_skip(value, comma + 1);
        if (!tag.size)
            continue;
        if (!first)
            buffer_append_char(w->out, ' ');
        form_nstring(w->form, true, tag, w->out);
        first = false;
    }
    if (first)
        buffer_append_string(w->out, "\"\"");
    buffer_append_char(w->out, ')');
}

/* first: parameters of a multipart, or MD5 of a part. All of it is cut out for BODY. */
static void write_extension(struct writing *w, const struct mime_part *part, bool multipart)
{
    size_t from = buffer_size(w->out);
    buffer_append_char(w->out, ' ');
    if (multipart)
        write_parameters(w, &part->content);
    else
        form_nstring(w->form, part->has[KEPT_MD5], part->fields[KEPT_MD5], w->out);
    buffer_append_char(w->out, ' ');
    write_disposition(w, part);
    buffer_append_char(w->out, ' ');
    write_language(w, part);
    buffer_append_char(w->out, ' ');
    form_nstring(w->form, part->has[KEPT_LOCATION], part->fields[KEPT_LOCATION], w->out);
    digest_cuts_add(w->cuts, from - w->start, buffer_size(w->out) - from);
}

/* ---- parts ---- */

static void write_type(struct writing *w, const struct mime_part *part)
{
    if (part->defaulted && part->place.kind == PART_MESSAGE) {
        buffer_append_string(w->out, "\"MESSAGE\" \"RFC822\" NIL");
    } else if (part->defaulted) { /* RFC 2045 5.2 */
        buffer_append_string(w->out, "\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\")");
    } else if (part->forced) { /* its own type would promise parts that aren't told */
        buffer_append_string(w->out, "\"APPLICATION\" \"OCTET-STREAM\" NIL");
    } else {
        form_nstring(w->form, true, part->content.type, w->out);
        buffer_append_char(w->out, ' ');
        form_nstring(w->form, true, part->content.subtype, w->out);
        buffer_append_char(w->out, ' ');
        write_parameters(w, &part->content);
    }
}

/* Type to size: what all but multiparts begin with. */
static void write_basics(struct writing *w, const struct mime_part *part)
{
    write_type(w, part);
    buffer_append_char(w->out, ' ');
    form_nstring(w->form, part->has[KEPT_ID], part->fields[KEPT_ID], w->out);
    buffer_append_char(w->out, ' ');
    form_nstring(w->form, part->has[KEPT_DESCRIPTION], part->fields[KEPT_DESCRIPTION], w->out);
    buffer_append_char(w->out, ' ');
    bool encoded = part->has[KEPT_ENCODING] && part->fields[KEPT_ENCODING].size > 0;
    form_nstring(w->form, true, encoded ? part->fields[KEPT_ENCODING] : VIEW_LITERAL("7BIT"), w->out);
    buffer_append_char(w->out, ' ');
    buffer_append_u64(w->out, part->place.body_size);
}

static void open_part(struct writing *w, const struct mime_part *part)
{
    buffer_append_char(w->out, '(');
    if (part->place.kind == PART_MULTIPART)
        return;
    write_basics(w, part);
    if (part->place.kind == PART_MESSAGE) {
        buffer_append_char(w->out, ' ');
        envelope_write(w->form, w->arena, part + 1, w->out); /* its only child follows it */
        buffer_append_char(w->out, ' ');
        return;
    }
    if (!part->forced && mime_is(part, "text", NULL)) {
        buffer_append_char(w->out, ' ');
        buffer_append_u64(w->out, part->place.lines);
    }
    write_extension(w, part, false);
    buffer_append_char(w->out, ')');
}

static void close_part(struct writing *w, const struct mime_part *part)
{
    buffer_append_char(w->out, ' ');
    if (part->place.kind == PART_MULTIPART)
        form_nstring(w->form, true, part->content.subtype, w->out);
    else
        buffer_append_u64(w->out, part->place.lines);
    write_extension(w, part, part->place.kind == PART_MULTIPART);
    buffer_append_char(w->out, ')');
}

void bodystructure_write(struct form *form, const struct mime *mime, struct arena *arena, struct buffer *out,
                         struct buffer *cuts)
{
    struct writing w = {form, mime, arena, out, cuts, buffer_size(out)};
    uint32_t open[LIMIT_MIME_DEPTH + 1], depth = 0;
    for (uint32_t i = 0; i < mime->count; i++) {
        const struct mime_part *part = &mime->parts[i];
        while (depth && open[depth - 1] != part->place.parent)
            close_part(&w, &mime->parts[open[--depth]]);
        open_part(&w, part);
        if (part->place.kind != PART_LEAF)
            open[depth++] = i;
    }
    while (depth)
        close_part(&w, &mime->parts[open[--depth]]);
}
