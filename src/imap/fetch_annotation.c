/*
 * imap/fetch_annotation.c: the ANNOTATION item of FETCH, and of responses that nobody asked for (RFC 5257 4.3, 4.4).
 *
 * Called   by fetch.c and sync.c. A message's annotations are read only where they are told.
 */
#include "base/wildcard.h"
#include "imap/annotation.h"

enum { ARENA_MOST = 2 * LIMIT_ANNOTATION_MESSAGE + 65536 };

/* Both sides of an entry; null: it has none. */
struct sides {
    const struct annotation *shared, *own;
};

/* Of the rows, which are in the order of names: those of the name at *at, which moves behind them. */
static struct sides next_entry(const struct annotations *all, size_t *at)
{
    struct sides sides = {NULL, NULL};
    struct view name = all->rows[*at].entry;
    for (; *at < all->count && view_equal(all->rows[*at].entry, name); ++*at) {
        const struct annotation *row = &all->rows[*at];
        if (row->owner == ANNOTATION_SHARED)
            sides.shared = row;
        else
            sides.own = row;
    }
    return sides;
}

static bool has_value(const struct annotation *row)
{
    return row && !row->removed;
}

static void write_attribute(struct buffer *out, const char **between, uint8_t attribute, const struct annotation *row)
{
    static const char *const names[2][2] = {{"value.priv ", "value.shared "}, {"size.priv ", "size.shared "}};
    bool size = attribute & ATTRIBUTE_SIZE, there = has_value(row);
    buffer_append_string(out, *between);
    buffer_append_string(out, names[size][(attribute & ATTRIBUTE_SHARED) != 0]);
    if (size)
        buffer_printf(out, "\"%llu\"", (unsigned long long)(there ? row->value.size : 0));
    else if (there)
        imap_write_octets(out, row->value);
    else
        buffer_append_string(out, "NIL");
    *between = " ";
}

struct writing {
    const struct annotation_wanted *wanted;
    struct buffer *out;
    size_t before; /* octets in out when it began */
    bool any;
};

static void write_entry(struct writing *w, struct view name, struct sides sides)
{
    static const uint8_t both[] = {ATTRIBUTE_PRIV, ATTRIBUTE_SHARED};
    const char *between = "";
    buffer_append_string(w->out, w->any ? " " : "ANNOTATION (");
    w->any = true;
    imap_write_astring(w->out, name);
    buffer_append_string(w->out, " (");
    for (size_t i = 0; i < w->wanted->attribute_count; i++) {
        uint8_t attribute = w->wanted->attributes[i];
        for (size_t side = 0; side < 2; side++)
            if (attribute & both[side])
                write_attribute(w->out, &between,
                                (uint8_t)((attribute & (ATTRIBUTE_VALUE | ATTRIBUTE_SIZE)) | both[side]),
                                side ? sides.shared : sides.own);
    }
    buffer_append_char(w->out, ')');
}

/* What a wildcard finds has a value on a side that is asked for. */
static bool is_found(const struct annotation_wanted *wanted, struct sides sides)
{
    for (size_t i = 0; i < wanted->attribute_count; i++)
        if (((wanted->attributes[i] & ATTRIBUTE_PRIV) && has_value(sides.own)) ||
            ((wanted->attributes[i] & ATTRIBUTE_SHARED) && has_value(sides.shared)))
            return true;
    return false;
}

/* Was it told for one of the patterns before? */
static bool was_told(const struct annotation_wanted *wanted, size_t before, struct view name, bool found)
{
    for (size_t i = 0; i < before; i++)
        if (wildcard_is_in(wanted->entries[i]) ? found && wildcard_matches(wanted->entries[i], name)
                                               : view_equal(wanted->entries[i], name))
            return true;
    return false;
}

/* RFC 5257 3.2.2: an entry that is asked for by its name is told, even if there is none. */
static void write_named(struct writing *w, const struct annotations *all, size_t pattern)
{
    struct view name = w->wanted->entries[pattern];
    struct sides sides = {NULL, NULL};
    for (size_t at = 0; at < all->count;) {
        struct view here = all->rows[at].entry;
        struct sides found = next_entry(all, &at);
        if (view_equal(here, name))
            sides = found;
    }
    if (!was_told(w->wanted, pattern, name, is_found(w->wanted, sides)))
        write_entry(w, name, sides);
}

static void write_matching(struct writing *w, const struct annotations *all, size_t pattern)
{
    for (size_t at = 0; at < all->count;) {
        struct view name = all->rows[at].entry;
        struct sides sides = next_entry(all, &at);
        if (is_found(w->wanted, sides) && wildcard_matches(w->wanted->entries[pattern], name) &&
            !was_told(w->wanted, pattern, name, true))
            write_entry(w, name, sides);
    }
}

static enum store_error read_all(const struct imap *imap, const struct reader *reader, struct arena *arena,
                                 uint32_t uid, struct annotations *all_r)
{
    arena_init(arena, ARENA_MOST);
    return annotations_read(reader, arena, imap->selected.mailbox, uid, imap->session->account, all_r);
}

enum store_error annotation_write_wanted(struct imap *imap, const struct reader *reader, uint32_t uid,
                                         const struct annotation_wanted *wanted, struct buffer *out)
{
    struct arena arena;
    struct annotations all;
    struct writing w = {.wanted = wanted, .out = out};
    enum store_error error = read_all(imap, reader, &arena, uid, &all);
    for (size_t i = 0; !error && i < wanted->entry_count; i++) {
        if (wildcard_is_in(wanted->entries[i]))
            write_matching(&w, &all, i);
        else
            write_named(&w, &all, i);
    }
    if (w.any)
        buffer_append_char(out, ')');
    arena_free(&arena);
    return error;
}

enum store_error annotation_write_changed(struct imap *imap, const struct reader *reader, uint32_t uid, uint64_t since,
                                          const char *before, struct buffer *out)
{
    struct arena arena;
    struct annotations all;
    bool any = false;
    enum store_error error = read_all(imap, reader, &arena, uid, &all);
    for (size_t at = 0; !error && at < all.count;) {
        struct view name = all.rows[at].entry;
        struct sides sides = next_entry(&all, &at);
        if ((!sides.shared || sides.shared->modseq <= since) && (!sides.own || sides.own->modseq <= since))
            continue;
        if (!any)
            buffer_printf(out, "%sANNOTATION (", before);
        else
            buffer_append_char(out, ' ');
        imap_write_astring(out, name);
        any = true;
    }
    if (any)
        buffer_append_char(out, ')');
    arena_free(&arena);
    return error;
}
