/* base/table.c: see base/table.h. */
#include "base/table.h"
#include "base/hash.h"
#include "base/memory.h"

enum { CAPACITY_FIRST = 16 };

struct table_slot {
    uint64_t hash;   /* of a text; for a number its own hash too, so that moving needs no hashing */
    uint64_t number; /* the key, or the length of the text */
    char *text;      /* null for a number */
    void *value;     /* null: the slot is free */
};

/* What is looked for. */
struct table_key {
    uint64_t hash, number;
    const char *text;
};

static struct table_key number_key(uint64_t number)
{
    return (struct table_key){.hash = hash_u64(number), .number = number};
}

static struct table_key text_key(struct view v)
{
    return (struct table_key){.hash = hash_view(v), .number = v.size, .text = v.data ? v.data : ""};
}

static bool same(const struct table_slot *slot, const struct table_key *key)
{
    if (slot->hash != key->hash || slot->number != key->number)
        return false;
    if (!slot->text || !key->text)
        return slot->text == key->text;
    return key->number == 0 || memcmp(slot->text, key->text, (size_t)key->number) == 0;
}

/* The slot that holds the key, or the free one where it belongs. The table has at least one free slot. */
static size_t find(const struct table *table, const struct table_key *key)
{
    size_t mask = table->capacity - 1, at = (size_t)key->hash & mask;
    while (table->slots[at].value && !same(&table->slots[at], key))
        at = (at + 1) & mask;
    return at;
}

static void resize(struct table *table, size_t capacity)
{
    struct table_slot *slots = memory_array(capacity, sizeof *slots);
    for (size_t i = 0; i < table->capacity; i++) {
        if (!table->slots[i].value)
            continue;
        size_t at = (size_t)table->slots[i].hash & (capacity - 1);
        while (slots[at].value)
            at = (at + 1) & (capacity - 1);
        slots[at] = table->slots[i];
    }
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
}

static void *get(const struct table *table, struct table_key key)
{
    return table->count ? table->slots[find(table, &key)].value : NULL;
}

static void *put(struct table *table, struct table_key key, void *value)
{
    BUG_IF(!value);
    if (!table->capacity)
        resize(table, CAPACITY_FIRST);
    else if (table->count + 1 > table->capacity / 4 * 3)
        resize(table, table->capacity * 2);
    struct table_slot *slot = &table->slots[find(table, &key)];
    void *before = slot->value;
    if (!before) {
        char *text = key.text ? memory_copy(key.text, (size_t)key.number) : NULL;
        *slot = (struct table_slot){.hash = key.hash, .number = key.number, .text = text};
        table->count++;
    }
    slot->value = value;
    return before;
}

/* Moves back whatever was pushed behind `hole` by the slot that is free now. */
static void close_hole(struct table *table, size_t hole)
{
    size_t mask = table->capacity - 1;
    for (size_t at = (hole + 1) & mask; table->slots[at].value; at = (at + 1) & mask) {
        size_t home = (size_t)table->slots[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* it stands between the hole and its home's followers already */
        table->slots[hole] = table->slots[at];
        hole = at;
    }
    table->slots[hole] = (struct table_slot){0};
}

static void *take(struct table *table, struct table_key key)
{
    if (!table->count)
        return NULL;
    size_t at = find(table, &key);
    void *value = table->slots[at].value;
    if (!value)
        return NULL;
    free(table->slots[at].text);
    close_hole(table, at);
    table->count--;
    if (!table->count)
        table_free(table);
    else if (table->capacity > CAPACITY_FIRST && table->count < table->capacity / 8)
        resize(table, table->capacity / 2);
    return value;
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->capacity; i++)
        free(table->slots[i].text);
    free(table->slots);
    *table = (struct table){0};
}

void *table_get(const struct table *table, uint64_t key)
{
    return get(table, number_key(key));
}

void *table_put(struct table *table, uint64_t key, void *value)
{
    return put(table, number_key(key), value);
}

void *table_remove(struct table *table, uint64_t key)
{
    return take(table, number_key(key));
}

void *table_get_view(const struct table *table, struct view key)
{
    return get(table, text_key(key));
}

void *table_put_view(struct table *table, struct view key, void *value)
{
    return put(table, text_key(key), value);
}

void *table_remove_view(struct table *table, struct view key)
{
    return take(table, text_key(key));
}

void *table_next(const struct table *table, size_t *at)
{
    while (*at < table->capacity) {
        void *value = table->slots[(*at)++].value;
        if (value)
            return value;
    }
    return NULL;
}
