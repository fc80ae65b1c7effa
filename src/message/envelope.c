/* message/envelope.c: see message/envelope.h. */
#include "message/envelope.h"
#include "message/header.h"

bool envelope_field(const struct mime_part *part, enum kept_field field, struct view *value_r)
{
    const struct kept *kept = part->message ? &part->message[field - KEPT_PART_COUNT] : NULL;
    *value_r = kept && kept->count ? kept->pieces[0] : VIEW_EMPTY;
    return kept && kept->count;
}

size_t envelope_addresses(struct arena *arena, const struct mime_part *part, enum kept_field field,
                          struct address **list_r)
{
    const struct kept *kept = part->message ? &part->message[field - KEPT_PART_COUNT] : NULL;
    struct buffer joined = {0};
    *list_r = NULL;
    for (uint32_t i = 0; kept && i < kept->count; i++) {
        if (i)
            buffer_append_string(&joined, ", ");
        header_unfold(kept->pieces[i], &joined);
    }
    size_t count = 0;
    if (buffer_size(&joined))
        count = address_read(arena, arena_view(arena, buffer_view(&joined)), LIMIT_ADDRESSES, list_r);
    buffer_free(&joined);
    return count;
}

static void write_address(struct form *form, const struct address *a, struct buffer *out)
{
    switch (a->kind) {
    case ADDRESS_GROUP:
        buffer_append_string(out, "(NIL NIL ");
        form_nstring(form, true, a->local, out);
        buffer_append_string(out, " NIL)");
        break;
    case ADDRESS_GROUP_END:
        buffer_append_string(out, "(NIL NIL NIL NIL)");
        break;
    case ADDRESS_MAILBOX:
        buffer_append_char(out, '(');
        form_nstring(form, a->has_name, a->name, out);
        buffer_append_char(out, ' ');
        form_nstring(form, a->route.size > 0, a->route, out);
        buffer_append_char(out, ' ');
        form_nstring(form, true, a->local, out);
        buffer_append_char(out, ' ');
        form_nstring(form, true, a->domain, out); /* NIL would begin a group */
        buffer_append_char(out, ')');
        break;
    }
}

static bool write_addresses(struct form *form, struct arena *arena, const struct mime_part *part, enum kept_field field,
                            struct buffer *out)
{
    struct address *list;
    size_t count = envelope_addresses(arena, part, field, &list);
    if (!count)
        return false;
    buffer_append_char(out, '(');
    for (size_t i = 0; i < count; i++)
        write_address(form, &list[i], out);
    buffer_append_char(out, ')');
    return true;
}

void envelope_write(struct form *form, struct arena *arena, const struct mime_part *part, struct buffer *out)
{
    /* RFC 9051 7.5.2: Sender and Reply-To say what From says where they say nothing. */
    static const struct {
        enum kept_field field, instead;
    } lists[] = {{KEPT_FROM, KEPT_FROM}, {KEPT_SENDER, KEPT_FROM}, {KEPT_REPLY_TO, KEPT_FROM},
                 {KEPT_TO, KEPT_TO},     {KEPT_CC, KEPT_CC},       {KEPT_BCC, KEPT_BCC}};
    struct view value;
    bool present = envelope_field(part, KEPT_DATE, &value);
    buffer_append_char(out, '(');
    form_nstring(form, present, value, out);
    buffer_append_char(out, ' ');
    present = envelope_field(part, KEPT_SUBJECT, &value);
    form_nstring(form, present, value, out);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        buffer_append_char(out, ' ');
        if (!write_addresses(form, arena, part, lists[i].field, out) &&
            (lists[i].instead == lists[i].field || !write_addresses(form, arena, part, lists[i].instead, out)))
            buffer_append_string(out, "NIL");
    }
    buffer_append_char(out, ' ');
    present = envelope_field(part, KEPT_IN_REPLY_TO, &value);
    form_nstring(form, present, value, out);
    buffer_append_char(out, ' ');
    present = envelope_field(part, KEPT_MESSAGE_ID, &value);
    form_nstring(form, present, value, out);
    buffer_append_char(out, ')');
}
