/* search/order.c: see search/order.h. */
#include "search/order.h"
#include "base/memory.h"
#include <stdlib.h>

/* The first eight octets decide most comparisons; no key is the beginning of another. */
struct order_item {
    uint64_t beginning;
    uint32_t at, size; /* in keys; size 0: all of it is in beginning */
    uint32_t uid;
};

bool order_needs_email(const struct order_program *program)
{
    for (size_t i = 0; i < program->count; i++)
        if (program->criteria[i].by >= ORDER_DATE)
            return true;
    return false;
}

/* ---- values ---- */

struct order_value {
    uint32_t uid;
    uint32_t at, size; /* in octets */
};

bool order_values_add(struct order_values *v, uint32_t uid, struct view value)
{
    value = view_slice(value, 0, LIMIT_SORT_KEY);
    size_t room = v->count < v->room ? v->room : v->room ? v->room * 2 : 64;
    size_t octets = buffer_size(&v->octets) + value.size;
    if (!purse_reach(&v->purse, room * sizeof *v->rows + 2 * octets))
        return false;
    if (room != v->room)
        v->rows = memory_resize(v->rows, room * sizeof *v->rows);
    v->room = room;
    v->rows[v->count++] = (struct order_value){uid, (uint32_t)buffer_size(&v->octets), (uint32_t)value.size};
    buffer_append_view(&v->octets, value);
    return true;
}

struct view order_values_find(const struct order_values *v, uint32_t uid)
{
    size_t low = 0, high = v->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (v->rows[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == v->count || v->rows[low].uid != uid)
        return VIEW_EMPTY;
    return view_slice(buffer_view(&v->octets), v->rows[low].at, v->rows[low].size);
}

void order_values_free(struct order_values *v)
{
    free(v->rows);
    buffer_free(&v->octets);
    purse_empty(&v->purse);
    *v = (struct order_values){0};
}

/* ---- keys ---- */

int64_t order_sent_date(const struct message_row *row, const struct email *email)
{
    return email->digest.flags & DIGEST_HAS_DATE ? email->digest.sent_utc_s : row->internal_utc_s;
}

static void put_number(struct buffer *out, int64_t number)
{
    uint64_t value = (uint64_t)number ^ (UINT64_C(1) << 63);
    char octets[8];
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (char)(value >> (56 - 8 * i));
    buffer_append(out, octets, sizeof octets);
}

/* Ends with a zero, so it holds none. */
static void put_text(struct buffer *out, struct view text)
{
    text = view_slice(text, 0, LIMIT_SORT_KEY);
    char *room = buffer_reserve(out, text.size + 1);
    if (!room)
        return;
    for (size_t i = 0; i < text.size; i++)
        room[i] = text.data[i] ? text.data[i] : 1;
    room[text.size] = 0;
    buffer_commit(out, text.size + 1);
}

static void put_criterion(const struct order_criterion *c, const struct message_row *row, const struct email *email,
                          uint8_t relevancy, struct buffer *out)
{
    switch (c->by) {
    case ORDER_ARRIVAL:
        put_number(out, row->internal_utc_s);
        break;
    case ORDER_SIZE:
        put_number(out, (int64_t)row->size_octets);
        break;
    case ORDER_RELEVANCY:
        put_number(out, -(int64_t)relevancy);
        break;
    case ORDER_ANNOTATION:
        put_text(out, order_values_find(&c->values, row->uid));
        break;
    case ORDER_DATE:
        put_number(out, order_sent_date(row, email));
        break;
    case ORDER_CC:
        put_text(out, email->digest.sort_cc);
        break;
    case ORDER_FROM:
        put_text(out, email->digest.sort_from);
        break;
    case ORDER_SUBJECT:
        put_text(out, email->digest.sort_subject);
        break;
    case ORDER_TO:
        put_text(out, email->digest.sort_to);
        break;
    case ORDER_DISPLAYFROM:
        put_text(out, email->digest.sort_display_from);
        break;
    case ORDER_DISPLAYTO:
        put_text(out, email->digest.sort_display_to);
        break;
    }
}

void order_write_key(const struct order_program *program, const struct message_row *row, const struct email *email,
                     uint8_t relevancy, struct buffer *out)
{
    for (size_t i = 0; i < program->count; i++) {
        size_t before = buffer_size(out);
        put_criterion(&program->criteria[i], row, email, relevancy, out);
        char *key = out->memory + out->start;
        for (size_t at = before; program->criteria[i].reverse && at < buffer_size(out); at++)
            key[at] = (char)~key[at];
    }
}

/* ---- the order ---- */

static uint64_t beginning_of(struct view key)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | (i < key.size ? (unsigned char)key.data[i] : 0);
    return value;
}

static bool make_room(struct order *o, size_t key_size)
{
    size_t room = o->count < o->room ? o->room : o->room ? o->room * 2 : 256;
    size_t keys =
        o->keys.capacity > buffer_size(&o->keys) + key_size ? o->keys.capacity : 2 * (buffer_size(&o->keys) + key_size);
    /* sorting takes the items once more (glibc merges) */
    if (!purse_reach(&o->purse, room * sizeof *o->items * 2 + keys))
        return false;
    if (room != o->room)
        o->items = memory_resize(o->items, room * sizeof *o->items);
    o->room = room;
    return true;
}

bool order_add(struct order *o, struct view key, uint32_t uid)
{
    size_t size = key.size > 8 ? key.size : 0;
    if (!make_room(o, size))
        return false;
    o->items[o->count++] = (struct order_item){beginning_of(key), (uint32_t)buffer_size(&o->keys), (uint32_t)size, uid};
    if (size)
        buffer_append_view(&o->keys, key);
    return true;
}

static int compare_items(const struct order_item *x, const char *x_keys, const struct order_item *y, const char *y_keys)
{
    if (x->beginning != y->beginning)
        return x->beginning < y->beginning ? -1 : 1;
    int result =
        x->size || y->size ? view_compare(view_of(x_keys + x->at, x->size), view_of(y_keys + y->at, y->size)) : 0;
    return result ? result : x->uid < y->uid ? -1 : x->uid > y->uid;
}

static const char *keys_of(const struct order *o)
{
    return buffer_view(&o->keys).data;
}

static int compare(const void *a, const void *b, void *keys)
{
    return compare_items(a, keys, b, keys);
}

int order_compare(const struct order *a, size_t at_a, const struct order *b, size_t at_b)
{
    return compare_items(&a->items[at_a], keys_of(a), &b->items[at_b], keys_of(b));
}

bool order_add_from(struct order *o, const struct order *from, size_t at)
{
    const struct order_item *item = &from->items[at];
    if (!make_room(o, item->size))
        return false;
    struct order_item *copy = &o->items[o->count++];
    *copy = *item;
    copy->at = (uint32_t)buffer_size(&o->keys);
    if (item->size)
        buffer_append(&o->keys, keys_of(from) + item->at, item->size);
    return true;
}

/* One pass of a radix sort: by the octet at `shift` of the beginning. False: all have the same one. */
static bool pass(const struct order_item *from, struct order_item *to, size_t count, unsigned shift)
{
    size_t counts[256] = {0}, at = 0;
    for (size_t i = 0; i < count; i++)
        counts[from[i].beginning >> shift & 255]++;
    if (counts[from[0].beginning >> shift & 255] == count)
        return false;
    for (size_t i = 0; i < 256; i++) {
        size_t here = counts[i];
        counts[i] = at;
        at += here;
    }
    for (size_t i = 0; i < count; i++)
        to[counts[from[i].beginning >> shift & 255]++] = from[i];
    return true;
}

/* By the first eight octets. */
static void sort_beginnings(struct order *o)
{
    struct order_item *from = o->items, *to = memory_array(o->count, sizeof *to);
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if (!pass(from, to, o->count, shift))
            continue;
        struct order_item *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != o->items)
        o->room = o->count;
    o->items = from;
    free(to);
}

void order_sort(struct order *o)
{
    if (!o->count)
        return;
    sort_beginnings(o);
    void *keys = (void *)(uintptr_t)keys_of(o);
    for (size_t first = 0, next; first < o->count; first = next) {
        for (next = first + 1; next < o->count && o->items[next].beginning == o->items[first].beginning; next++) {
        }
        if (next - first > 1)
            qsort_r(&o->items[first], next - first, sizeof *o->items, compare, keys);
    }
}

size_t order_octets(const struct order *o)
{
    return o->room * sizeof *o->items + o->keys.capacity;
}

uint32_t order_uid(const struct order *o, size_t at)
{
    return o->items[at].uid;
}

void order_free(struct order *o)
{
    free(o->items);
    buffer_free(&o->keys);
    purse_empty(&o->purse);
    *o = (struct order){0};
}
