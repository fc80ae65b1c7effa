/* base/memory.c: see base/memory.h. */
#include "base/memory.h"
#include "base/view.h"

_Noreturn void bug_at(const char *file, int line, const char *what)
{
    fprintf(stderr, "<2>event=bug file=%s line=%d what=%s\n", file, line, what);
    abort();
}

static void *checked(void *memory)
{
    if (!memory) {
        fputs("<2>event=bug what=out-of-memory\n", stderr);
        abort();
    }
    return memory;
}

void *memory_new(size_t size)
{
    return checked(calloc(1, size ? size : 1));
}

void *memory_array(size_t count, size_t size)
{
    size_t octets;
    if (!size_mul(count, size, &octets))
        BUG("array size wraps");
    return memory_new(octets);
}

void *memory_resize(void *old, size_t size)
{
    return checked(realloc(old, size ? size : 1));
}

void *memory_copy(const void *data, size_t size)
{
    size_t octets;
    if (!size_add(size, 1, &octets))
        BUG("copy size wraps");
    char *copy = checked(malloc(octets));
    if (size)
        memcpy(copy, data, size);
    copy[size] = 0;
    return copy;
}

char *memory_string(const char *text)
{
    return memory_copy(text, strlen(text));
}
