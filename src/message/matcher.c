/* message/matcher.c: see message/matcher.h. */
#include "message/matcher.h"
#include "base/memory.h"
#include "digest/text.h"
#include "digest/transfer.h"
#include "message/decode.h"
#include "message/header.h"

struct matching {
    struct mime mime;
    const struct match_key *keys;
    struct buffer needles[MATCH_KEYS_MAX];
    size_t count;
    char found[MATCH_KEYS_MAX];
    struct buffer text, folded;
};

static bool holds(struct view where, struct view what)
{
    return view_contains(where, what);
}

static void look(struct matching *m, struct view utf8, bool in_header)
{
    buffer_clear(&m->folded);
    text_fold(utf8, &m->folded);
    for (size_t i = 0; i < m->count; i++) {
        bool here = m->keys[i].where == MATCH_TEXT || (m->keys[i].where == MATCH_BODY && !in_header);
        if (here && !m->found[i])
            m->found[i] = holds(buffer_view(&m->folded), buffer_view(&m->needles[i]));
    }
}

/* RFC 9051 6.4.4: a HEADER key with an empty text asks whether the field is there. */
static void look_at_field(struct matching *m, struct view name, struct view value)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct match_key *key = &m->keys[i];
        if (key->where != MATCH_HEADER || m->found[i] || !view_equal_nocase(name, key->field))
            continue;
        buffer_clear(&m->text);
        buffer_clear(&m->folded);
        header_unfold(value, &m->folded);
        words_decode(buffer_view(&m->folded), &m->text);
        buffer_clear(&m->folded);
        text_fold(buffer_view(&m->text), &m->folded);
        m->found[i] = holds(buffer_view(&m->folded), buffer_view(&m->needles[i]));
    }
}

/* Headers of parts and of messages inside belong to the text (RFC 9051 6.4.4, TEXT: "header or body"). */
static void look_at_header(struct matching *m, const struct mime_part *part, bool top)
{
    struct view header = mime_header(&m->mime, part), field, name, value;
    struct buffer all = {0};
    size_t at = 0;
    while (header_next(header, &at, &field, &name, &value)) {
        if (top && name.size)
            look_at_field(m, name, value);
        buffer_append_view(&all, name);
        buffer_append_string(&all, ": ");
        buffer_clear(&m->text);
        header_unfold(value, &m->text);
        words_decode(buffer_view(&m->text), &all);
        buffer_append_char(&all, '\n');
    }
    look(m, buffer_view(&all), top);
    buffer_free(&all);
}

static void look_at_body(struct matching *m, const struct mime_part *part)
{
    if (part->place.kind != PART_LEAF || part->forced || !mime_is(part, "text", NULL))
        return;
    buffer_clear(&m->text);
    decode_text(&m->mime, part, SIZE_MAX, &m->text);
    look(m, buffer_view(&m->text), false);
}

void matcher_run(struct view message, const struct match_key *keys, size_t count, struct buffer *bits)
{
    struct matching *m = NEW(struct matching);
    m->keys = keys;
    m->count = count < MATCH_KEYS_MAX ? count : MATCH_KEYS_MAX;
    for (size_t i = 0; i < m->count; i++)
        text_fold(keys[i].needle, &m->needles[i]);
    mime_read(&m->mime, message);
    for (uint32_t i = 0; i < m->mime.count; i++) {
        look_at_header(m, &m->mime.parts[i], i == 0);
        look_at_body(m, &m->mime.parts[i]);
    }
    buffer_append(bits, m->found, m->count);
    for (size_t i = 0; i < m->count; i++)
        buffer_free(&m->needles[i]);
    mime_free(&m->mime);
    buffer_free(&m->text);
    buffer_free(&m->folded);
    free(m);
}
