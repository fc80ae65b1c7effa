/*
 * digest/structure.c: BODYSTRUCTURE of one part, cut out of the whole message's (RFC 5259 8.2, RFC 5524 3.2).
 *
 * The list and the table of parts come in the same order, but parse alone says that they agree: what doesn't is an
 * error, never read past. No recursion.
 * Tested   tests/unit/digest.c, fuzz/digest.c
 */
#include "digest/digest.h"
#include "digest/imaplist.h"

/* "(" is taken; of a message inside, also what stands before the list of what it holds. */
static bool enter(struct view list, size_t *at, const struct digest_part *part)
{
    enum { BEFORE_MESSAGE = 8 }; /* type, subtype, parameters, id, description, encoding, size, envelope */
    if (*at >= list.size || list.data[*at] != '(')
        return false;
    ++*at;
    for (unsigned i = 0; part->kind == PART_MESSAGE && i < BEFORE_MESSAGE; i++)
        if (!imaplist_item(list, at).size)
            return false;
    while (*at < list.size && list.data[*at] == ' ')
        ++*at;
    return true;
}

/* Everything up to and with the parenthesis that ends the list being read. */
static bool leave(struct view list, size_t *at)
{
    while (imaplist_item(list, at).size)
        ;
    if (*at >= list.size || list.data[*at] != ')')
        return false;
    ++*at;
    return true;
}

/* Ends lists until that of `parent` is being read. */
static bool leave_to(const struct digest *d, struct view list, size_t *at, uint32_t *open, uint32_t parent)
{
    struct digest_part ended;
    while (*open != parent) {
        if (*open == PART_NONE || !leave(list, at))
            return false;
        digest_part_at(d, *open, &ended);
        *open = ended.parent;
    }
    return true;
}

bool digest_part_structure(const struct digest *d, bool utf8, uint32_t index, struct view *structure_r)
{
    struct view list = utf8 ? d->bodystructure_utf8 : d->bodystructure;
    struct digest_part part;
    uint32_t open = PART_NONE; /* whose list is being read */
    size_t at = 0;
    for (uint32_t i = 0; i < index; i++) {
        digest_part_at(d, i, &part);
        if (!leave_to(d, list, &at, &open, part.parent))
            return false;
        if (part.kind == PART_LEAF ? !imaplist_item(list, &at).size : !enter(list, &at, &part))
            return false;
        open = part.kind == PART_LEAF ? open : i;
    }
    digest_part_at(d, index, &part);
    if (!leave_to(d, list, &at, &open, part.parent))
        return false;
    *structure_r = imaplist_item(list, &at);
    return structure_r->size && structure_r->data[0] == '(';
}

bool structure_is_text(struct view structure)
{
    size_t at = 1;
    return view_equal_string_nocase(imaplist_item(structure, &at), "\"TEXT\"");
}

bool structure_write_decoded(struct view structure, uint64_t octets, uint32_t lines, struct buffer *out)
{
    enum { BEFORE_ENCODING = 5 }; /* type, subtype, parameters, id, description */
    bool text = structure_is_text(structure);
    size_t at = 1;
    for (unsigned i = 0; i < BEFORE_ENCODING; i++)
        if (!imaplist_item(structure, &at).size)
            return false;
    struct view before = view_slice(structure, 0, at);
    for (unsigned i = 0; i < 2u + text; i++) /* encoding, size, lines */
        if (!imaplist_item(structure, &at).size)
            return false;
    buffer_append_view(out, before);
    buffer_printf(out, " \"BINARY\" %llu", (unsigned long long)octets);
    if (text)
        buffer_printf(out, " %u", lines);
    buffer_append_view(out, view_skip(structure, at));
    return true;
}
