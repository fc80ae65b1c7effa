/* base/arena.c: see base/arena.h. */
#include "base/arena.h"
#include "base/memory.h"
#include <stdarg.h>
#include <stddef.h>

struct arena_chunk {
    struct arena_chunk *older;
    size_t size, used;
    _Alignas(max_align_t) char data[];
};

enum { CHUNK_FIRST = 1024, CHUNK_MOST = 65536, ALIGNMENT = _Alignof(max_align_t) };

void arena_init(struct arena *a, size_t max_octets)
{
    *a = (struct arena){.max = max_octets};
}

static void free_chunks(struct arena_chunk *chunk)
{
    while (chunk) {
        struct arena_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = a->chunks;
    a->used = 0;
    if (!keep)
        return;
    if (keep->size > (size_t)CHUNK_FIRST * 4) {
        free_chunks(keep);
        a->chunks = NULL;
        return;
    }
    free_chunks(keep->older);
    keep->older = NULL;
    keep->used = 0;
}

void arena_free(struct arena *a)
{
    free_chunks(a->chunks);
    a->chunks = NULL;
    a->used = 0;
}

static struct arena_chunk *add_chunk(struct arena *a, size_t needed)
{
    size_t size = a->chunks ? a->chunks->size * 2 : CHUNK_FIRST;
    if (size > CHUNK_MOST)
        size = CHUNK_MOST;
    if (size < needed)
        size = needed;
    size_t octets;
    BUG_IF(!size_add(sizeof(struct arena_chunk), size, &octets));
    struct arena_chunk *chunk = memory_resize(NULL, octets);
    *chunk = (struct arena_chunk){.older = a->chunks, .size = size};
    a->chunks = chunk;
    return chunk;
}

void *arena_try(struct arena *a, size_t size)
{
    size_t rounded;
    if (!size_add(size, ALIGNMENT - 1, &rounded))
        return NULL;
    rounded &= ~(size_t)(ALIGNMENT - 1);
    if (rounded > a->max || a->used > a->max - rounded)
        return NULL;
    struct arena_chunk *chunk = a->chunks;
    if (!chunk || chunk->size - chunk->used < rounded)
        chunk = add_chunk(a, rounded);
    char *memory = chunk->data + chunk->used;
    chunk->used += rounded;
    a->used += rounded;
    memset(memory, 0, rounded);
    return memory;
}

void *arena_new(struct arena *a, size_t size)
{
    void *memory = arena_try(a, size);
    BUG_IF(!memory);
    return memory;
}

size_t arena_room(const struct arena *a)
{
    return a->max - a->used;
}

char *arena_string(struct arena *a, struct view v)
{
    char *copy = arena_new(a, v.size + 1);
    if (v.size)
        view_copy(copy, v);
    return copy;
}

struct view arena_view(struct arena *a, struct view v)
{
    return view_of(arena_string(a, v), v.size);
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    BUG_IF(size < 0);
    char *text = arena_new(a, (size_t)size + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return text;
}
