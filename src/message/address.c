/* message/address.c: see message/address.h. */
#include "message/address.h"
#include "base/memory.h"

struct reader {
    struct view text;
    size_t at;
    struct arena *arena;
    struct address *list;
    size_t count, max, room;
    bool in_group, full;
    /* of the address being read */
    struct buffer phrase; /* words with a blank where white space stood */
    struct buffer local;  /* the same words without it */
    struct buffer comment, route, domain;
    bool blank;       /* white space or a comment was passed since the last word */
    bool has_comment; /* one may be empty */
};

/* A comment, from its "(": nested ones are counted. The last one of an address is kept. */
static void read_comment(struct reader *r)
{
    size_t depth = 0;
    buffer_clear(&r->comment);
    r->has_comment = true;
    for (; r->at < r->text.size; r->at++) {
        char c = r->text.data[r->at];
        if (c == '(' && depth++ == 0)
            continue;
        if (c == ')' && --depth == 0) {
            r->at++;
            return;
        }
        if (c == '\\' && r->at + 1 < r->text.size)
            c = r->text.data[++r->at];
        buffer_append_char(&r->comment, c);
    }
}

/* White space and comments (RFC 5322 3.2.2). */
static void skip_blanks(struct reader *r)
{
    while (r->at < r->text.size) {
        char c = r->text.data[r->at];
        if (c == '(')
            read_comment(r);
        else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            r->at++;
        else
            return;
        r->blank = true;
    }
}

static void read_quoted(struct reader *r, struct buffer *word)
{
    for (r->at++; r->at < r->text.size; r->at++) {
        char c = r->text.data[r->at];
        if (c == '"') {
            r->at++;
            return;
        }
        if (c == '\\' && r->at + 1 < r->text.size)
            c = r->text.data[++r->at];
        else if (c == '\\')
            continue; /* a lone backslash at the end (CVE-2026-47088) */
        buffer_append_char(word, c);
    }
}

static bool is_special(char c)
{
    return c == '<' || c == '>' || c == ',' || c == ';' || c == ':' || c == '@' || c == '(' || c == '"' || c == ' ' ||
           c == '\t' || c == '\r' || c == '\n';
}

static void read_atom(struct reader *r, struct buffer *word)
{
    while (r->at < r->text.size && !is_special(r->text.data[r->at])) {
        char c = r->text.data[r->at++];
        if (c == '\\' && r->at < r->text.size)
            c = r->text.data[r->at++];
        else if (c == '\\')
            return;
        buffer_append_char(word, c);
    }
}

/* A domain: atoms and dots, or a literal in brackets; white space and comments go (obs-domain). */
static void read_domain(struct reader *r)
{
    skip_blanks(r);
    bool literal = r->at < r->text.size && r->text.data[r->at] == '[';
    while (r->at < r->text.size) {
        char c = r->text.data[r->at];
        if (literal && c != ',' && c != '>') {
            buffer_append_char(&r->domain, c);
            r->at++;
            if (c == ']')
                break;
            continue;
        }
        if (is_special(c)) {
            /* white space ends a domain unless a dot stands on one side of it */
            struct view so_far = buffer_view(&r->domain);
            bool dot = so_far.size && so_far.data[so_far.size - 1] == '.';
            skip_blanks(r);
            if (r->at < r->text.size && (dot || r->text.data[r->at] == '.') && !is_special(r->text.data[r->at]))
                continue;
            break;
        }
        read_atom(r, &r->domain);
    }
    skip_blanks(r);
}

/* The words of a phrase or local part, up to a special. */
static void read_words(struct reader *r)
{
    for (;;) {
        skip_blanks(r);
        if (r->at >= r->text.size)
            return;
        char c = r->text.data[r->at];
        if (c != '"' && is_special(c))
            return;
        if (r->blank && buffer_size(&r->phrase))
            buffer_append_char(&r->phrase, ' ');
        r->blank = false;
        size_t from = buffer_size(&r->phrase), before = r->at;
        if (c == '"')
            read_quoted(r, &r->phrase);
        else
            read_atom(r, &r->phrase);
        buffer_append_view(&r->local, view_skip(buffer_view(&r->phrase), from));
        if (r->at == before)
            r->at++;
    }
}

static struct view keep(struct reader *r, const struct buffer *b)
{
    struct view v = buffer_view(b);
    if (!v.size)
        return VIEW_EMPTY;
    char *copy = arena_try(r->arena, v.size);
    if (!copy) {
        r->full = true;
        return VIEW_EMPTY;
    }
    view_copy(copy, v);
    return view_of(copy, v.size);
}

/* A group that was counted is ended too, even if that is one more than `max`. */
static struct address *add(struct reader *r, enum address_kind kind)
{
    if (r->count >= r->max && kind != ADDRESS_GROUP_END) {
        r->full = true;
        return NULL;
    }
    if (r->count == r->room) {
        r->room = r->room ? r->room * 2 : 4;
        r->list = memory_resize(r->list, r->room * sizeof *r->list);
    }
    struct address *address = &r->list[r->count++];
    *address = (struct address){.kind = kind};
    return address;
}

static void add_mailbox(struct reader *r, struct buffer *name, struct buffer *local)
{
    struct address *address = add(r, ADDRESS_MAILBOX);
    if (!address)
        return;
    if (!buffer_size(name) && r->has_comment && local != &r->comment)
        name = &r->comment;
    address->has_name = buffer_size(name) > 0;
    address->name = keep(r, name);
    address->route = keep(r, &r->route);
    address->local = keep(r, local);
    address->domain = keep(r, &r->domain);
}

static void begin_address(struct reader *r)
{
    buffer_clear(&r->phrase);
    buffer_clear(&r->local);
    buffer_clear(&r->comment);
    buffer_clear(&r->route);
    buffer_clear(&r->domain);
    r->blank = r->has_comment = false;
}

/* obs-route (RFC 5322 4.4): "@a,@b:" before the address. */
static void read_route(struct reader *r)
{
    size_t colon = r->at, end = r->text.size;
    while (colon < end && r->text.data[colon] != ':' && r->text.data[colon] != '>' && r->text.data[colon] != '<')
        colon++;
    if (colon == end || r->text.data[colon] != ':')
        return;
    for (; r->at < colon; r->at++) {
        char c = r->text.data[r->at];
        if (c != ' ' && c != '\t')
            buffer_append_char(&r->route, c);
    }
    r->at++;
}

/* From "<" on; the phrase before it is the name. */
static void read_angle(struct reader *r, struct buffer *name)
{
    struct buffer display = *name;
    *name = (struct buffer){0};
    r->at++;
    skip_blanks(r);
    if (r->at < r->text.size && r->text.data[r->at] == '@')
        read_route(r);
    buffer_clear(&r->phrase);
    buffer_clear(&r->local);
    buffer_clear(&r->domain);
    for (;;) {
        read_words(r);
        char c = r->at < r->text.size ? r->text.data[r->at] : '>';
        if (c == '@') {
            r->at++;
            buffer_clear(&r->domain);
            read_domain(r);
        } else if (c == '<' || c == ':') {
            r->at++;
            continue;
        }
        break;
    }
    if (r->at < r->text.size && r->text.data[r->at] == '>')
        r->at++;
    skip_blanks(r);
    add_mailbox(r, &display, &r->local);
    buffer_free(&display);
}

/* Whatever stands between an address and the comma behind it. */
static void skip_junk(struct reader *r)
{
    while (r->at < r->text.size) {
        char c = r->text.data[r->at];
        if (c == ',' || c == ';')
            return;
        if (c == '"') {
            buffer_clear(&r->phrase);
            read_quoted(r, &r->phrase);
        } else if (c == '(') {
            skip_blanks(r);
        } else {
            r->at++;
        }
    }
}

/* "a@b", which may turn out to be the unquoted name of "a@b <a@b>", as many programs write. */
static void read_after_at(struct reader *r)
{
    size_t name_from = r->at;
    r->at++;
    read_domain(r);
    size_t special = r->at;
    while (special < r->text.size && r->text.data[special] != '<' && r->text.data[special] != ',' &&
           r->text.data[special] != ';' && r->text.data[special] != '"')
        special++;
    if (special < r->text.size && r->text.data[special] == '<') {
        buffer_append_view(&r->phrase, view_trim(view_slice(r->text, name_from, special - name_from)));
        r->at = special;
        read_angle(r, &r->phrase);
    } else {
        struct buffer none = {0};
        add_mailbox(r, &none, &r->local);
    }
    skip_junk(r);
}

static void read_one(struct reader *r)
{
    begin_address(r);
    read_words(r);
    char c = r->at < r->text.size ? r->text.data[r->at] : ',';
    if (c == '<') {
        read_angle(r, &r->phrase);
        skip_junk(r);
    } else if (c == '@') {
        read_after_at(r);
    } else if (c == ':' && !r->in_group && buffer_size(&r->phrase)) {
        struct address *group = add(r, ADDRESS_GROUP);
        if (group) {
            group->has_name = true;
            group->local = keep(r, &r->phrase);
            r->in_group = true;
        }
        r->at++;
        return;
    } else if (c == ',' || c == ';') {
        struct buffer none = {0};
        if (buffer_size(&r->phrase))
            add_mailbox(r, &none, &r->phrase);
    } else {
        r->at++; /* a stray ">" or ":" */
        return;
    }
}

size_t address_read(struct arena *arena, struct view value, size_t max, struct address **list_r)
{
    struct reader r = {.text = value, .arena = arena, .max = max};
    while (r.at < r.text.size && !r.full) {
        char c = r.text.data[r.at];
        if (c == ';' && r.in_group) {
            add(&r, ADDRESS_GROUP_END);
            r.in_group = false;
        }
        if (c == ',' || c == ';')
            r.at++;
        else
            read_one(&r);
    }
    if (r.in_group)
        add(&r, ADDRESS_GROUP_END);
    *list_r = r.count ? arena_try(arena, r.count * sizeof *r.list) : NULL;
    if (*list_r)
        memcpy(*list_r, r.list, r.count * sizeof *r.list);
    free(r.list);
    buffer_free(&r.phrase);
    buffer_free(&r.local);
    buffer_free(&r.comment);
    buffer_free(&r.route);
    buffer_free(&r.domain);
    return *list_r ? r.count : 0;
}
