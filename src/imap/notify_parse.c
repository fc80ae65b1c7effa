/*
 * imap/notify_parse.c: NOTIFY's arguments (RFC 5465 8).
 *
 * The RFC's own examples leave out the parentheses around a list of events: both forms are taken.
 * Tested   tests/e2e/test_cap_notify.py, fuzz/imap_command.c
 */
#include "imap/notify.h"
#include "imap/place.h"

static bool fail(struct arguments *a, const char *problem)
{
    a->problem = problem;
    return false;
}

const char notify_event_names[] =
    "MessageNew MessageExpunge FlagChange AnnotationChange MailboxName SubscriptionChange "
    "MailboxMetadataChange ServerMetadataChange";
static const struct {
    const char *name;
    enum notify_event event;
} events[] = {{"MessageNew", NOTIFY_NEW},
              {"MessageExpunge", NOTIFY_EXPUNGE},
              {"FlagChange", NOTIFY_FLAGS},
              {"AnnotationChange", NOTIFY_ANNOTATIONS},
              {"MailboxName", NOTIFY_NAME},
              {"SubscriptionChange", NOTIFY_SUBSCRIPTION},
              {"MailboxMetadataChange", NOTIFY_METADATA},
              {"ServerMetadataChange", NOTIFY_SERVER_METADATA}};

struct reading {
    struct notify *n;
    struct notify_group *group;
    bool unsupported;
};

static bool is_of_selected(const struct notify_group *group)
{
    return group->filter.kind == FILTER_SELECTED || group->filter.kind == FILTER_SELECTED_DELAYED;
}

/* "MessageNew (UID BODY.PEEK[HEADER])": the list may follow for the selected mailbox alone. */
static bool take_items(struct arguments *a, struct reading *r)
{
    struct arguments ahead = *a;
    if (!arguments_take(&ahead, ' ') || arguments_peek(&ahead) != '(')
        return true;
    if (!is_of_selected(r->group))
        return fail(a, "Items are sent of the selected mailbox alone");
    if (r->n->fetch)
        return fail(a, "One MessageNew is enough");
    a->at = ahead.at;
    r->n->fetch = ARENA_NEW(a->arena, struct fetch);
    return fetch_take_list(a, r->n->fetch);
}

static bool take_event(struct arguments *a, struct reading *r)
{
    struct view word;
    if (!arguments_atom(a, &word))
        return false;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        if (!view_equal_string_nocase(word, events[i].name))
            continue;
        r->group->events |= events[i].event;
        return events[i].event != NOTIFY_NEW || take_items(a, r);
    }
    r->unsupported = true;
    return true;
}

static bool take_events(struct arguments *a, struct reading *r)
{
    struct arguments ahead = *a;
    struct view word;
    bool list = arguments_take(a, '(');
    if (!list && arguments_atom(&ahead, &word) && view_equal_string_nocase(word, "NONE")) {
        a->at = ahead.at;
        return true;
    }
    do {
        if (!take_event(a, r))
            return false;
    } while (arguments_take(a, ' '));
    return !list || arguments_take(a, ')') || fail(a, "The list of events doesn't end");
}

/* RFC 5465 5, 6.1. */
static bool check_group(struct arguments *a, const struct reading *r)
{
    unsigned wanted = r->group->events;
    bool both = (wanted & NOTIFY_NEW) && (wanted & NOTIFY_EXPUNGE);
    if (r->unsupported)
        return true;
    if ((wanted & NOTIFY_OF_MESSAGES) && !both)
        return fail(a, "MessageNew and MessageExpunge go together, and with changes of messages");
    if (is_of_selected(r->group) && (wanted & ~(unsigned)NOTIFY_OF_MESSAGES))
        return fail(a, "Of the selected mailbox there are events of messages alone");
    return true;
}

/* May it name what others share? */
static bool is_foreign(const struct filter *filter)
{
    bool foreign = filter->kind == FILTER_SUBSCRIBED;
    for (size_t i = 0; i < filter->count; i++)
        foreign = foreign || place_is_foreign_name(filter->names[i]);
    return foreign;
}

static bool take_group(struct arguments *a, struct reading *r, size_t *names, bool *selected)
{
    struct notify *n = r->n;
    if (n->group_count == LIMIT_NOTIFY_GROUPS)
        return fail(a, "Too many groups of events");
    r->group = &n->groups[n->group_count];
    if (!arguments_take(a, '(') || !filter_parse(a, names, &r->group->filter) || !arguments_space(a) ||
        !take_events(a, r) || !check_group(a, r))
        return false;
    if (r->group->filter.kind == FILTER_SUBTREE_ONE)
        return fail(a, "Unknown kind of mailboxes");
    if (!is_of_selected(r->group)) {
        n->any |= r->group->events;
        n->foreign = n->foreign || is_foreign(&r->group->filter);
        n->group_count++;
    } else if (*selected) {
        return fail(a, "There is one selected mailbox");
    } else {
        *selected = true;
        n->selected = r->group->events;
        n->delayed = r->group->filter.kind == FILTER_SELECTED_DELAYED;
        *r->group = (struct notify_group){0}; /* its place is the next one's */
    }
    return arguments_take(a, ')') || fail(a, "The group of events doesn't end");
}

static bool take_status(struct arguments *a)
{
    struct arguments ahead = *a;
    struct view word;
    if (!arguments_take(&ahead, ' ') || !arguments_atom(&ahead, &word) || !view_equal_string_nocase(word, "STATUS"))
        return false;
    a->at = ahead.at;
    return true;
}

bool notify_read(struct imap *imap, struct arguments *a, struct notify *n, bool *status_r, bool *unsupported_r)
{
    struct reading reading = {.n = n};
    struct view word;
    size_t names = 0;
    bool selected = false;
    if (!arguments_space(a) || !arguments_atom(a, &word))
        return false;
    if (view_equal_string_nocase(word, "NONE"))
        return arguments_end(a);
    if (!view_equal_string_nocase(word, "SET"))
        return fail(a, "SET or NONE is expected");
    n->set = true;
    *status_r = take_status(a);
    do {
        if (!arguments_space(a) || !take_group(a, &reading, &names, &selected))
            return false;
    } while (arguments_peek(a) == ' ');
    *unsupported_r = reading.unsupported;
    return arguments_end(a);
}
