/*
 * imap/list.c: LIST and LSUB (RFC 3501 6.3.8, 6.3.9), extended (RFC 5258, 5819, 6154, 9590).
 *
 * Does     reads all names of the account once, matches each against the patterns, writes a line for each that fits.
 *          Matching is by a row of states, linear in pattern times name, whatever the pattern.
 * Tested   tests/unit/base_wildcard.c, tests/e2e/test_imap.py, tests/e2e/test_cap_list_extended.py,
 *          test_cap_list_metadata.py
 */
#include "imap/list.h"
#include "base/memory.h"
#include "base/wildcard.h"
#include "imap/metadata.h"
#include "imap/status.h"
#include "store/mutf7.h"

enum { PATTERNS = 32 };

enum list_option {
    LIST_SUBSCRIBED = 1,
    LIST_SPECIAL_USE = 2,
    LIST_RECURSIVE = 4,
    LIST_STATUS = 8,
    LIST_METADATA = 16,
    LIST_MYRIGHTS = 32 /* RFC 8440 */
};

struct list {
    struct view patterns[PATTERNS]; /* with the reference in front */
    bool encoded[PATTERNS];         /* it isn't whole modified UTF-7 ("&*"): matched against names in that form */
    size_t pattern_count;
    unsigned select, show; /* enum list_option */
    bool extended;         /* some option was given */
    bool lsub;
    bool root; /* LIST "" "" */
    struct mailbox_entry *entries;
    size_t count, at;
    bool read; /* one's own mailboxes are known */
    struct list_foreign foreign;
    struct view parent; /* the parent that LSUB told last */
    struct status_items status;
    struct metadata_wanted metadata;
    bool told;        /* the entry got a line, and is a mailbox */
    bool entries_due; /* of its metadata: the line is written */
};

/* ---- arguments ---- */

struct option {
    const char *name;
    unsigned bit;
};

static const struct option *find_option(const struct option *options, size_t count, struct view word)
{
    for (size_t i = 0; i < count; i++)
        if (view_equal_string_nocase(word, options[i].name))
            return &options[i];
    return NULL;
}

/* Up to ")"; STATUS and METADATA have lists of their own behind them (RFC 5819 2, RFC 9590 3). */
static bool take_options(struct arguments *a, struct list *list, const struct option *options, size_t count,
                         unsigned *bits)
{
    struct view word;
    if (arguments_take(a, ')'))
        return true;
    do {
        if (!arguments_atom(a, &word))
            return false;
        const struct option *option = find_option(options, count, word);
        if (!option) {
            a->problem = "Unknown option of LIST";
            return false;
        }
        *bits |= option->bit;
        if (option->bit == LIST_STATUS && (!arguments_space(a) || !status_items_parse(a, &list->status)))
            return false;
        if (option->bit == LIST_METADATA && (!arguments_space(a) || !metadata_take_entries(a, &list->metadata)))
            return false;
    } while (arguments_take(a, ' '));
    if (arguments_take(a, ')'))
        return true;
    a->problem = "The list of options doesn't end";
    return false;
}

static bool take_selection(struct arguments *a, struct list *list)
{
    static const struct option options[] = {{"SUBSCRIBED", LIST_SUBSCRIBED},
                                            {"REMOTE", 0},
                                            {"RECURSIVEMATCH", LIST_RECURSIVE},
                                            {"SPECIAL-USE", LIST_SPECIAL_USE}};
    if (!arguments_take(a, '('))
        return true;
    list->extended = true;
    if (!take_options(a, list, options, sizeof options / sizeof *options, &list->select))
        return false;
    if (list->select == LIST_RECURSIVE) { /* RFC 5258 3.1 */
        a->problem = "RECURSIVEMATCH wants something to match";
        return false;
    }
    return arguments_space(a);
}

static bool take_return(struct arguments *a, struct list *list)
{
    static const struct option options[] = {{"SUBSCRIBED", LIST_SUBSCRIBED},   {"CHILDREN", 0},
                                            {"SPECIAL-USE", LIST_SPECIAL_USE}, {"MYRIGHTS", LIST_MYRIGHTS},
                                            {"STATUS", LIST_STATUS},           {"METADATA", LIST_METADATA}};
    struct view word;
    if (!arguments_take(a, ' '))
        return true;
    list->extended = true;
    if (!arguments_atom(a, &word) || !view_equal_string_nocase(word, "RETURN") || !arguments_space(a) ||
        !arguments_take(a, '(')) {
        a->problem = "RETURN and a list of options are expected";
        return false;
    }
    return take_options(a, list, options, sizeof options / sizeof *options, &list->show);
}

/* A run of wildcards says no more than its strongest one. In place. */
static struct view squeeze(char *text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        bool wild = text[i] == '*' || text[i] == '%';
        bool after_wild = used && (text[used - 1] == '*' || text[used - 1] == '%');
        if (wild && after_wild)
            text[used - 1] = text[i] == '*' ? '*' : text[used - 1];
        else
            text[used++] = text[i];
    }
    return view_of(text, used);
}

static bool add_pattern(struct arguments *a, struct list *list, struct view reference)
{
    struct view pattern;
    if (list->pattern_count == PATTERNS) {
        a->problem = "Too many patterns";
        return false;
    }
    if (!arguments_list_mailbox(a, &pattern, &list->encoded[list->pattern_count]))
        return false;
    char *both = arena_new(a->arena, reference.size + pattern.size + 1);
    view_copy(both, reference);
    view_copy(both + reference.size, pattern);
    struct view whole = squeeze(both, reference.size + pattern.size);
    if (whole.size > WILDCARD_OCTETS) {
        a->problem = "The pattern is too long";
        return false;
    }
    /* INBOX is one in any case (RFC 3501 5.1). */
    if (whole.size >= 5 && view_starts_with_nocase(whole, VIEW_LITERAL("INBOX")) &&
        (whole.size == 5 || memchr("/*%", whole.data[5], 3)))
        memcpy(both, "INBOX", 5);
    list->root = !pattern.size && !list->pattern_count;
    list->patterns[list->pattern_count++] = whole;
    return true;
}

static bool take_patterns(struct arguments *a, struct list *list, struct view reference)
{
    if (!arguments_take(a, '('))
        return add_pattern(a, list, reference);
    list->extended = true;
    do {
        if (!add_pattern(a, list, reference))
            return false;
    } while (arguments_take(a, ' '));
    if (arguments_take(a, ')'))
        return true;
    a->problem = "The list of patterns doesn't end";
    return false;
}

bool list_parse(struct imap *imap, struct arguments *a)
{
    struct list *list = ARENA_NEW(a->arena, struct list);
    struct view reference;
    imap->state = list;
    return arguments_space(a) && take_selection(a, list) && arguments_list_reference(a, &reference) &&
           arguments_space(a) && take_patterns(a, list, reference) && take_return(a, list) && arguments_end(a);
}

bool lsub_parse(struct imap *imap, struct arguments *a)
{
    struct list *list = ARENA_NEW(a->arena, struct list);
    struct view reference;
    imap->state = list;
    list->lsub = true;
    return arguments_space(a) && arguments_list_reference(a, &reference) && arguments_space(a) &&
           add_pattern(a, list, reference) && arguments_end(a);
}

/* ---- lines ---- */

static bool fits_encoded(struct view pattern, struct view name)
{
    struct buffer encoded = {0};
    mutf7_encode(name, &encoded);
    bool fits = wildcard_matches(pattern, buffer_view(&encoded));
    buffer_free(&encoded);
    return fits;
}

static bool fits(const struct list *list, struct view name)
{
    for (size_t i = 0; i < list->pattern_count; i++)
        if (list->encoded[i] ? fits_encoded(list->patterns[i], name) : wildcard_matches(list->patterns[i], name))
            return true;
    return false;
}

static void add_attribute(struct buffer *out, const char *name)
{
    size_t size = buffer_size(out);
    if (size && buffer_view(out).data[size - 1] != '(')
        buffer_append_char(out, ' ');
    buffer_append_string(out, name);
}

static void write_uses(struct buffer *out, uint32_t uses)
{
    static const struct {
        uint32_t use;
        const char *name;
    } names[] = {{USE_ALL, "\\All"},         {USE_ARCHIVE, "\\Archive"},    {USE_DRAFTS, "\\Drafts"},
                 {USE_JUNK, "\\Junk"},       {USE_SENT, "\\Sent"},          {USE_TRASH, "\\Trash"},
                 {USE_FLAGGED, "\\Flagged"}, {USE_IMPORTANT, "\\Important"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (uses & names[i].use)
            add_attribute(out, names[i].name);
}

/* Another case of INBOX, or a "/" at the end, is no other name. */
bool list_is_other_name(struct view path, struct view sent)
{
    if (sent.size && sent.data[sent.size - 1] == '/')
        sent.size--;
    return !view_equal_nocase(path, sent);
}

void list_write_one(struct imap *imap, const char *attribute, const struct mailbox *mailbox, struct view path,
                    struct view sent)
{
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* LIST (");
    buffer_append_string(out, attribute);
    if (mailbox->flags & MAILBOX_SUBSCRIBED)
        add_attribute(out, "\\Subscribed");
    write_uses(out, mailbox->special_use);
    buffer_append_string(out, ") \"/\" ");
    imap_write_mailbox(imap, out, path);
    if (list_is_other_name(path, sent)) {
        buffer_append_string(out, " (\"OLDNAME\" (");
        imap_write_mailbox(imap, out, sent);
        buffer_append_string(out, "))");
    }
    buffer_append_string(out, "\r\n");
}

/* RFC 5258 3.5: what was selected is somewhere below. */
static void write_child_info(struct buffer *out, const struct list *list)
{
    buffer_append_string(out, " (\"CHILDINFO\" (");
    if (list->select & LIST_SUBSCRIBED)
        buffer_append_string(out, list->select & LIST_SPECIAL_USE ? "\"SUBSCRIBED\" " : "\"SUBSCRIBED\"");
    if (list->select & LIST_SPECIAL_USE)
        buffer_append_string(out, "\"SPECIAL-USE\"");
    buffer_append_string(out, "))");
}

/* ---- RFC 5258: selection ---- */

static bool is_selected(const struct list *list, const struct mailbox_entry *entry)
{
    bool subscribed = !(list->select & LIST_SUBSCRIBED) || (entry->mailbox.flags & MAILBOX_SUBSCRIBED);
    return subscribed && (!(list->select & LIST_SPECIAL_USE) || entry->mailbox.special_use);
}

static bool may_read(const struct mailbox_entry *entry)
{
    return !entry->account || (entry->rights & RIGHT_READ);
}

static void write_line(struct imap *imap, struct list *list, const struct mailbox_entry *entry, bool parent_only,
                       bool child_info)
{
    struct buffer *out = imap_output(imap);
    bool selectable = entry->exists && !(entry->mailbox.flags & MAILBOX_NOSELECT) && !parent_only;
    buffer_append_string(out, list->lsub ? "* LSUB (" : "* LIST (");
    if (!entry->exists && list->extended)
        add_attribute(out, "\\NonExistent");
    else if (!selectable)
        add_attribute(out, "\\Noselect");
    if (!list->lsub)
        add_attribute(out, entry->has_children ? "\\HasChildren" : "\\HasNoChildren");
    if (((list->select | list->show) & LIST_SUBSCRIBED) && (entry->mailbox.flags & MAILBOX_SUBSCRIBED))
        add_attribute(out, "\\Subscribed");
    if (!list->lsub)
        write_uses(out, entry->mailbox.special_use);
    buffer_append_string(out, ") \"/\" ");
    imap_write_mailbox(imap, out, entry->path);
    if (child_info)
        write_child_info(out, list);
    buffer_append_string(out, "\r\n");
    if ((list->show & LIST_MYRIGHTS) && selectable && is_selected(list, entry)) /* RFC 8440 3 */
        acl_write_myrights(imap, entry->path, entry->account ? entry->rights : RIGHTS_ALL);
    if (list->status.count && selectable && may_read(entry)) /* RFC 5819 2 */
        status_write(imap, &list->status, entry->path, &entry->mailbox);
    list->told = selectable;
}

/* RFC 3501 6.3.9: with "%" a subscribed name below one that fits shows the latter, \Noselect. */
static void tell_parent(struct imap *imap, struct list *list, const struct mailbox_entry *entry)
{
    for (size_t end = entry->path.size; end > 0; end--) {
        if (entry->path.data[end - 1] != '/')
            continue;
        struct view parent = view_slice(entry->path, 0, end - 1);
        if (!fits(list, parent) || view_equal(parent, list->parent))
            continue;
        list->parent = parent;
        for (size_t i = 0; i < list->count; i++)
            if (view_equal(list->entries[i].path, parent) && (list->entries[i].mailbox.flags & MAILBOX_SUBSCRIBED))
                return; /* it has a line of its own */
        struct mailbox_entry made = {.path = parent, .has_children = true};
        write_line(imap, list, &made, true, false);
        return;
    }
}

static bool is_below(struct view path, struct view parent)
{
    return path.size > parent.size && path.data[parent.size] == '/' && view_starts_with(path, parent);
}

/* What is below an entry stands right behind it. */
static bool has_selected_below(const struct list *list, size_t at)
{
    for (size_t i = at + 1; i < list->count && is_below(list->entries[i].path, list->entries[at].path); i++)
        if (is_selected(list, &list->entries[i]))
            return true;
    return false;
}

/* Only the entry before it can be that parent, or stand below it too. */
static bool parent_is_known(const struct list *list, size_t at, struct view parent)
{
    const struct mailbox_entry *entries = list->entries;
    if (at && (view_equal(entries[at - 1].path, parent) || is_below(entries[at - 1].path, parent)))
        return true;
    return false;
}

/* RECURSIVEMATCH shows parents that are no mailbox: those that a subscription to a name without one has. */
static void tell_missing_parents(struct imap *imap, struct list *list, size_t at)
{
    struct view path = list->entries[at].path;
    for (size_t end = 0; end < path.size; end++) {
        struct view parent = view_slice(path, 0, end);
        if (path.data[end] != '/' || parent_is_known(list, at, parent) || !fits(list, parent))
            continue;
        struct mailbox_entry made = {.path = parent, .has_children = true};
        write_line(imap, list, &made, true, true);
    }
}

static void tell_extended(struct imap *imap, struct list *list, size_t at)
{
    const struct mailbox_entry *entry = &list->entries[at];
    bool recursive = list->select & LIST_RECURSIVE, selected = is_selected(list, entry);
    if (recursive && selected)
        tell_missing_parents(imap, list, at);
    if (!fits(list, entry->path))
        return;
    bool below = recursive && has_selected_below(list, at);
    if (selected || below)
        write_line(imap, list, entry, false, below);
}

static void tell(struct imap *imap, struct list *list, size_t at)
{
    const struct mailbox_entry *entry = &list->entries[at];
    if (list->select) {
        tell_extended(imap, list, at);
    } else if (list->lsub) {
        if (!(entry->mailbox.flags & MAILBOX_SUBSCRIBED))
            return;
        if (fits(list, entry->path))
            write_line(imap, list, entry, false, false);
        else
            tell_parent(imap, list, entry);
    } else if (fits(list, entry->path) && (entry->exists || entry->has_children)) {
        write_line(imap, list, entry, false, false);
    }
}

/* The entry at list->at: its line, and what belongs to it. STEP_DONE: all of it is told. */
static enum step_result tell_entry(struct imap *imap, struct list *list, struct step_context *context)
{
    struct mailbox_entry *entry = &list->entries[list->at];
    const struct place place = {.account = entry->account ? entry->account : imap->session->account};
    struct reader reader = place_reader(imap, context, &place);
    enum store_error error;
    uint64_t longest = 0;
    if (!list->entries_due) {
        /* What can't be counted is told as 0: RFC 5819 2 wants the LIST to go on. */
        enum step_result result = status_count(imap, &list->status, &reader, &entry->mailbox, context, &error);
        if (result != STEP_DONE)
            return result;
        list->told = false;
        tell(imap, list, list->at);
        list->entries_due = list->told && list->metadata.count && may_read(entry);
    }
    if (list->entries_due &&
        metadata_respond(imap, &reader, &list->metadata, entry->path, entry->mailbox.id, &longest) == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    list->entries_due = false;
    list->at++;
    list->status.next_uid = 0;
    list->status.deleted_octets = 0;
    list->status.unseen_known = false;
    return STEP_DONE;
}

enum step_result list_step(struct imap *imap, struct step_context *context)
{
    struct list *list = imap->state;
    struct reader reader = session_reader(imap->session, context);
    enum step_result result = STEP_DONE;
    status_items_enable(imap, &list->status);
    if (list->root && !list->lsub) { /* RFC 3501 6.3.8: the delimiter and the root */
        imap_untagged(imap, "LIST (\\Noselect) \"/\" \"\"");
        list->at = list->count = 0;
    } else if (!list->read) {
        enum store_error error = mailbox_list(&reader, &imap->session->command_arena, &list->entries, &list->count);
        if (error == STORE_WOULD_BLOCK)
            return imap_wait_pool(context);
        if (error) {
            imap_finish_error(imap, error);
            return STEP_DONE;
        }
        list->read = true;
    }
    if (list->read)
        result = list_add_foreign(imap, context, &list->foreign, &list->entries, &list->count);
    if (result != STEP_DONE)
        return result;
    while (list->at < list->count) {
        result = tell_entry(imap, list, context);
        if (result != STEP_DONE)
            return result;
        if (imap_slice_over(imap, context, &result))
            return result;
    }
    imap_finish(imap, "OK", NULL, list->lsub ? "Lsub completed" : "List completed");
    return STEP_DONE;
}

enum step_result lsub_step(struct imap *imap, struct step_context *context)
{
    return list_step(imap, context);
}
