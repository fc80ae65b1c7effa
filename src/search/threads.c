/*
 * search/threads.c: see search/threads.h. The numbers are the steps of RFC 5256 3, REFERENCES.
 *
 * Lists of siblings are made by going through the messages in the order of their dates and hanging each behind its
 * parent's children: so every list is in order without being sorted itself, and a dummy stands where its first child
 * would.
 */
#include "search/threads.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include <stdlib.h>

#define NONE UINT32_MAX

struct thread_node {
    struct thread_message message; /* of a dummy: uid 0; its subject, date and arrival are its first child's */
    uint32_t reference_at, reference_count;
    uint32_t parent;
    uint32_t first, last, next; /* children; the next sibling */
    uint32_t children;
    uint32_t resolved; /* the nearest message above, or the dummy at the top; itself at the top */
    bool known;        /* resolved is */
    bool listed;
};

static bool is_dummy(const struct thread_node *n)
{
    return n->message.uid == 0;
}

/* ---- taking ---- */

static bool grow(struct threads *t, size_t nodes, size_t reference_octets)
{
    size_t room = t->room;
    while (room < nodes)
        room = room ? room * 2 : 256;
    /* with it its slot in a table, its place in the order, and that order once more while it is made */
    size_t node_octets = sizeof *t->nodes + 96 + 2 * sizeof(uint32_t);
    if (room > UINT32_MAX / 4 ||
        !purse_reach(&t->purse, room * node_octets + 2 * (buffer_size(&t->references) + reference_octets)))
        return false;
    if (room != t->room)
        t->nodes = memory_resize(t->nodes, room * sizeof *t->nodes);
    t->room = (uint32_t)room;
    return true;
}

/* NONE: there is no memory for it, and t->poor says so. Pointers to nodes are void behind it. */
static uint32_t new_node(struct threads *t)
{
    t->poor = t->poor || !grow(t, (size_t)t->count + 1, 0);
    if (t->poor)
        return NONE;
    t->nodes[t->count] = (struct thread_node){.parent = NONE, .first = NONE, .last = NONE, .next = NONE};
    return t->count++;
}

bool threads_add(struct threads *t, const struct thread_message *message, const uint64_t *references,
                 size_t reference_count)
{
    size_t octets = reference_count * sizeof *references;
    if (!grow(t, (size_t)t->count + 1, octets))
        return false;
    struct thread_node *n = &t->nodes[new_node(t)];
    n->message = *message;
    n->reference_at = (uint32_t)(buffer_size(&t->references) / sizeof *references);
    n->reference_count = (uint32_t)reference_count;
    buffer_append(&t->references, references, octets);
    return true;
}

const struct thread_message *threads_message(const struct threads *t, uint32_t at, struct view *references_r)
{
    const struct thread_node *n = &t->nodes[at];
    *references_r = view_slice(buffer_view(&t->references), n->reference_at * sizeof(uint64_t),
                               n->reference_count * sizeof(uint64_t));
    return &n->message;
}

/* ---- nodes by hash ---- */

struct thread_slot {
    uint64_t hash;
    uint32_t node; /* plus one; 0: the slot is free */
};

/* Who sends hashes that collide doesn't know where they lie: hash_u64 has a secret. */
static struct thread_slot *slot_of(const struct thread_map *map, uint64_t hash)
{
    uint32_t mask = map->room - 1, at = (uint32_t)hash_u64(hash) & mask;
    while (map->slots[at].node && map->slots[at].hash != hash)
        at = (at + 1) & mask;
    return &map->slots[at];
}

/* At most half full. */
static void map_reserve(struct thread_map *map, uint32_t count)
{
    struct thread_map larger = {.count = map->count, .room = map->room ? map->room : 64};
    while (larger.room / 2 < count)
        larger.room *= 2;
    if (larger.room == map->room)
        return;
    larger.slots = memory_array(larger.room, sizeof *larger.slots);
    for (uint32_t i = 0; i < map->room; i++)
        if (map->slots[i].node)
            *slot_of(&larger, map->slots[i].hash) = map->slots[i];
    free(map->slots);
    *map = larger;
}

static uint32_t look_up(const struct thread_map *map, uint64_t hash)
{
    uint32_t node = map->room ? slot_of(map, hash)->node : 0;
    return node ? node - 1 : NONE;
}

static void enter(struct thread_map *map, uint64_t hash, uint32_t node)
{
    map_reserve(map, map->count + 1);
    struct thread_slot *slot = slot_of(map, hash);
    map->count += !slot->node;
    *slot = (struct thread_slot){hash, node + 1};
}

static void map_free(struct thread_map *map)
{
    free(map->slots);
    *map = (struct thread_map){0};
}

/* ---- links, step 1 ---- */

/* True if the link would make a loop, or if there was too much looking already: then the message stands alone. */
static bool loops(struct threads *t, uint32_t parent, uint32_t child)
{
    if (parent == child)
        return true;
    if (!t->nodes[child].children)
        return false;
    for (uint32_t up = t->nodes[parent].parent; up != NONE; up = t->nodes[up].parent)
        if (up == child || ++t->steps > LIMIT_THREAD_STEPS)
            return true;
    return false;
}

static void unlink_node(struct threads *t, uint32_t child)
{
    struct thread_node *n = &t->nodes[child];
    if (n->parent != NONE)
        t->nodes[n->parent].children--;
    n->parent = NONE;
}

static void link_node(struct threads *t, uint32_t parent, uint32_t child)
{
    t->nodes[child].parent = parent;
    t->nodes[parent].children++;
}

/* The node of an id: the message, or a dummy from now on. */
static uint32_t node_of(struct threads *t, uint64_t id)
{
    uint32_t at = look_up(&t->ids, id);
    if (at == NONE) {
        at = new_node(t);
        if (at != NONE)
            enter(&t->ids, id, at);
    }
    return at;
}

/* 1 (A) and (B) of one message. */
static void link_references(struct threads *t, uint32_t at)
{
    const struct thread_node *n = &t->nodes[at];
    uint32_t from = n->reference_at, count = n->reference_count, before = NONE;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t id;
        memcpy(&id, buffer_view(&t->references).data + (size_t)(from + i) * sizeof id, sizeof id);
        uint32_t here = node_of(t, id);
        if (here == NONE)
            return;
        if (before != NONE && t->nodes[here].parent == NONE && !loops(t, before, here))
            link_node(t, before, here);
        before = here;
    }
    if (before != NONE && t->nodes[at].parent == before)
        return;
    unlink_node(t, at);
    if (before != NONE && !loops(t, before, at))
        link_node(t, before, at);
}

/* Of messages with the same id the first has it; another is nobody's parent. */
static void enter_ids(struct threads *t)
{
    map_reserve(&t->ids, t->messages);
    for (uint32_t i = 0; i < t->messages; i++) {
        uint64_t id = t->nodes[i].message.id;
        if (id && look_up(&t->ids, id) == NONE)
            enter(&t->ids, id, i);
    }
}

/* ---- dummies, steps 2 and 3 ---- */

/* Where the chain of dummies above a node ends: at a message, or at the top. Each dummy is climbed once. */
static uint32_t resolve(struct threads *t, uint32_t at)
{
    uint32_t end = at;
    while (is_dummy(&t->nodes[end]) && !t->nodes[end].known && t->nodes[end].parent != NONE)
        end = t->nodes[end].parent;
    if (is_dummy(&t->nodes[end]) && t->nodes[end].known)
        end = t->nodes[end].resolved;
    while (at != end && is_dummy(&t->nodes[at]) && !t->nodes[at].known) {
        t->nodes[at].resolved = end;
        t->nodes[at].known = true;
        at = t->nodes[at].parent;
    }
    return end;
}

/* Dummies go; one stays at the top if it holds more than one child together. */
static void prune(struct threads *t)
{
    for (uint32_t i = 0; i < t->messages; i++) {
        uint32_t parent = t->nodes[i].parent;
        t->nodes[i].resolved = parent == NONE ? NONE : resolve(t, parent);
    }
    for (uint32_t i = 0; i < t->count; i++)
        t->nodes[i].children = 0;
    for (uint32_t i = 0; i < t->messages; i++)
        if (t->nodes[i].resolved != NONE)
            t->nodes[t->nodes[i].resolved].children++;
    for (uint32_t i = 0; i < t->messages; i++) {
        uint32_t parent = t->nodes[i].resolved;
        bool alone = parent != NONE && is_dummy(&t->nodes[parent]) && t->nodes[parent].children == 1;
        t->nodes[i].parent = alone ? NONE : parent;
    }
    for (uint32_t i = t->messages; i < t->count; i++)
        t->nodes[i].parent = NONE;
}

/* ---- lists, steps 4 and 6 ---- */

static int by_date(const void *a, const void *b, void *nodes)
{
    const struct thread_message *x = &((const struct thread_node *)nodes)[*(const uint32_t *)a].message,
                                *y = &((const struct thread_node *)nodes)[*(const uint32_t *)b].message;
    if (x->sent_s != y->sent_s)
        return x->sent_s < y->sent_s ? -1 : 1;
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static void append(struct threads *t, uint32_t *first, uint32_t *last, uint32_t at)
{
    if (*last == NONE)
        *first = at;
    else
        t->nodes[*last].next = at;
    *last = at;
    t->nodes[at].listed = true;
}

/* What a dummy is sorted and named by is its first child. */
static void append_dummy(struct threads *t, uint32_t *last, uint32_t dummy, uint32_t child)
{
    struct thread_message *m = &t->nodes[dummy].message;
    if (t->nodes[dummy].listed)
        return;
    m->subject = t->nodes[child].message.subject;
    m->sent_s = t->nodes[child].message.sent_s;
    append(t, &t->first, last, dummy);
}

static void make_lists(struct threads *t, const uint32_t *dated)
{
    uint32_t last = NONE;
    t->first = NONE;
    for (uint32_t i = 0; i < t->count; i++) {
        struct thread_node *n = &t->nodes[i];
        n->first = n->last = n->next = NONE;
        n->children = 0;
        n->listed = false;
    }
    for (uint32_t i = 0; i < t->messages; i++) {
        uint32_t at = dated[i], parent = t->nodes[at].parent;
        if (parent == NONE) {
            append(t, &t->first, &last, at);
            continue;
        }
        if (is_dummy(&t->nodes[parent]))
            append_dummy(t, &last, parent, at);
        struct thread_node *p = &t->nodes[parent];
        p->children++;
        append(t, &p->first, &p->last, at);
    }
}

/* ---- subjects, step 5 ---- */

/* (B): one message for each subject. */
static void enter_subjects(struct threads *t)
{
    for (uint32_t at = t->first; at != NONE; at = t->nodes[at].next) {
        const struct thread_node *n = &t->nodes[at];
        if (!n->message.subject)
            continue;
        uint32_t there = look_up(&t->subjects, n->message.subject);
        const struct thread_node *other = there == NONE ? NULL : &t->nodes[there];
        if (!other || (!is_dummy(other) && (is_dummy(n) || (other->message.is_reply && !n->message.is_reply))))
            enter(&t->subjects, n->message.subject, at);
    }
}

static void adopt_children(struct threads *t, uint32_t from, uint32_t to)
{
    for (uint32_t child = t->nodes[from].first; child != NONE; child = t->nodes[child].next)
        t->nodes[child].parent = to;
}

/* (C): a thread and the one that the table names for its subject. */
static void merge(struct threads *t, uint32_t at, uint32_t there)
{
    struct thread_node *n = &t->nodes[at], *other = &t->nodes[there];
    if (is_dummy(n) && is_dummy(other)) {
        adopt_children(t, at, there);
    } else if (is_dummy(other) || (n->message.is_reply && !other->message.is_reply)) {
        n->parent = there;
    } else {
        uint64_t subject = n->message.subject;
        uint32_t dummy = new_node(t);
        if (dummy == NONE)
            return;
        t->nodes[at].parent = t->nodes[there].parent = dummy;
        enter(&t->subjects, subject, dummy);
    }
}

static void merge_subjects(struct threads *t)
{
    enter_subjects(t);
    for (uint32_t at = t->first; at != NONE; at = t->nodes[at].next) {
        const struct thread_node *n = &t->nodes[at];
        uint32_t there = n->message.subject && n->parent == NONE ? look_up(&t->subjects, n->message.subject) : NONE;
        if (there != NONE && there != at)
            merge(t, at, there);
    }
}

/* ORDEREDSUBJECT: the first by date holds the others, be the subject empty or not. */
static void group_by_subject(struct threads *t, const uint32_t *dated)
{
    for (uint32_t i = 0; i < t->messages; i++) {
        uint32_t there = look_up(&t->subjects, t->nodes[dated[i]].message.subject);
        if (there == NONE)
            enter(&t->subjects, t->nodes[dated[i]].message.subject, dated[i]);
        else
            t->nodes[dated[i]].parent = there;
    }
}

/* ---- REFS: threads by their newest arrival ---- */

static int by_arrival(const void *a, const void *b, void *nodes)
{
    const struct thread_node *n = nodes;
    const struct thread_node *x = &n[*(const uint32_t *)a], *y = &n[*(const uint32_t *)b];
    if (x->message.arrived_s != y->message.arrived_s)
        return x->message.arrived_s < y->message.arrived_s ? -1 : 1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

/* The next node of a whole walk through a tree; NONE behind its last. */
static uint32_t next_in_tree(const struct threads *t, uint32_t root, uint32_t at)
{
    if (t->nodes[at].first != NONE)
        return t->nodes[at].first;
    while (at != root && t->nodes[at].next == NONE)
        at = t->nodes[at].parent;
    return at == root ? NONE : t->nodes[at].next;
}

static void order_by_arrival(struct threads *t, uint32_t *scratch)
{
    uint32_t count = 0, last = NONE;
    for (uint32_t root = t->first; root != NONE; root = t->nodes[root].next) {
        int64_t newest = INT64_MIN;
        for (uint32_t at = root; at != NONE; at = next_in_tree(t, root, at))
            if (!is_dummy(&t->nodes[at]) && t->nodes[at].message.arrived_s > newest)
                newest = t->nodes[at].message.arrived_s;
        t->nodes[root].message.arrived_s = newest;
        scratch[count++] = root;
    }
    qsort_r(scratch, count, sizeof *scratch, by_arrival, t->nodes);
    t->first = NONE;
    for (uint32_t i = 0; i < count; i++) {
        t->nodes[scratch[i]].next = NONE;
        append(t, &t->first, &last, scratch[i]);
    }
}

/* ---- the whole ---- */

static void link_all(struct threads *t)
{
    enter_ids(t);
    for (uint32_t i = 0; i < t->messages; i++)
        link_references(t, i);
    prune(t);
}

static int by_uid(const void *a, const void *b)
{
    const struct thread_node *x = a, *y = b;
    return x->message.uid < y->message.uid ? -1 : x->message.uid > y->message.uid;
}

/* Nothing points at them yet. Most often they come as they lie. */
static void sort_nodes(struct threads *t)
{
    uint32_t sorted = 1;
    while (sorted < t->count && t->nodes[sorted - 1].message.uid < t->nodes[sorted].message.uid)
        sorted++;
    if (sorted < t->count)
        qsort(t->nodes, t->count, sizeof *t->nodes, by_uid);
}

static uint32_t *by_dates(const struct threads *t)
{
    uint32_t *dated = memory_array(t->count, sizeof *dated), sorted = 1;
    for (uint32_t i = 0; i < t->count; i++)
        dated[i] = i;
    while (sorted < t->count && by_date(&dated[sorted - 1], &dated[sorted], t->nodes) < 0)
        sorted++;
    if (sorted < t->count)
        qsort_r(dated, t->count, sizeof *dated, by_date, t->nodes);
    return dated;
}

bool threads_build(struct threads *t)
{
    t->messages = t->count;
    t->first = NONE;
    if (!t->count)
        return true;
    sort_nodes(t);
    uint32_t *dated = by_dates(t);
    if (t->kind == THREADS_ORDEREDSUBJECT)
        group_by_subject(t, dated);
    else
        link_all(t);
    if (t->kind == THREADS_REFERENCES) {
        make_lists(t, dated);
        merge_subjects(t);
    }
    make_lists(t, dated);
    if (t->kind == THREADS_REFS)
        order_by_arrival(t, dated);
    free(dated);
    map_free(&t->ids);
    map_free(&t->subjects);
    buffer_free(&t->references);
    return !t->poor;
}

size_t threads_octets(const struct threads *t)
{
    return t->room * sizeof *t->nodes + t->references.capacity;
}

void threads_free(struct threads *t)
{
    free(t->nodes);
    buffer_free(&t->references);
    map_free(&t->ids);
    map_free(&t->subjects);
    purse_empty(&t->purse);
    *t = (struct threads){0};
}

/* ---- the answer ---- */

/* A list of its own: a thread, and one of several siblings. */
static bool has_parentheses(const struct threads *t, uint32_t at)
{
    uint32_t parent = t->nodes[at].parent;
    return parent == NONE || t->nodes[parent].children > 1;
}

/* Closes what ends behind a leaf, and goes to what follows. NONE: nothing does. */
static uint32_t climb(const struct threads *t, uint32_t at, struct buffer *out)
{
    while (at != NONE) {
        if (has_parentheses(t, at))
            buffer_append_char(out, ')');
        if (t->nodes[at].next != NONE)
            return t->nodes[at].next;
        at = t->nodes[at].parent;
    }
    return NONE;
}

bool threads_write(const struct threads *t, struct threads_place *place, uint32_t (*number)(void *ctx, uint32_t uid),
                   void *ctx, struct buffer *out)
{
    if (!place->begun)
        place->at = t->first;
    place->begun = true;
    if (place->at == NONE)
        return false;
    const struct thread_node *n = &t->nodes[place->at];
    if (has_parentheses(t, place->at))
        buffer_append_char(out, '(');
    if (!is_dummy(n)) {
        buffer_append_u64(out, number(ctx, n->message.uid));
        if (n->children)
            buffer_append_char(out, ' ');
    }
    place->at = n->first != NONE ? n->first : climb(t, place->at, out);
    return true;
}
