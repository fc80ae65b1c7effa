/*
 * base/table.h: hash tables in memory: number to pointer, and text to pointer.
 *
 * Does     open addressing with linear probing, at most 3/4 full, hashed with a secret of the run. Deletion moves the
 *          followers back, so there are no tombstones and a table that shrinks gives memory back.
 * Owns     its slots; the text keys too (copies); never the values.
 * Called   one thread at a time.
 * Tested   tests/unit/base_table.c (against a plain array model)
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/view.h"

struct table_slot;
struct table {
    struct table_slot *slots; /* null while empty */
    size_t count, capacity;   /* capacity: 0 or a power of two */
};

/* An all-zero table is an empty one. table_free forgets all and gives the memory back. */
void table_free(struct table *table);
static inline size_t table_count(const struct table *table)
{
    return table->count;
}

/* Null if there is none. Put returns the value that was there before, or null; a null value is not allowed. */
void *table_get(const struct table *table, uint64_t key);
void *table_put(struct table *table, uint64_t key, void *value);
/* Returns what was removed, or null. */
void *table_remove(struct table *table, uint64_t key);

/* The same with text as key. One table holds one kind of key. */
void *table_get_view(const struct table *table, struct view key);
void *table_put_view(struct table *table, struct view key, void *value);
void *table_remove_view(struct table *table, struct view key);

/*
 * All values in no order: size_t at = 0; while ((value = table_next(&table, &at))) ... The table must not change in
 * between, but for removing the value just given when the walk is then begun anew.
 */
void *table_next(const struct table *table, size_t *at);

#endif
