/* base/buffer.c: see base/buffer.h. */
#include "base/buffer.h"
#include "base/memory.h"

enum { FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *b, size_t max_octets)
{
    *b = (struct buffer){.max = max_octets};
}

void buffer_free(struct buffer *b)
{
    free(b->memory);
    *b = (struct buffer){.max = b->max};
}

void buffer_clear(struct buffer *b)
{
    b->start = b->end = 0;
    b->overflow = false;
}

void buffer_consume(struct buffer *b, size_t count)
{
    size_t size = buffer_size(b);
    b->start += count < size ? count : size;
    if (b->start == b->end)
        b->start = b->end = 0;
}

void buffer_truncate(struct buffer *b, size_t size)
{
    if (size < buffer_size(b))
        b->end = b->start + size;
}

/* Moves what is there to the front, or grows. */
static void make_room(struct buffer *b, size_t count)
{
    size_t size = buffer_size(b);
    if (b->memory && b->capacity - size >= count) {
        memmove(b->memory, b->memory + b->start, size);
    } else {
        size_t wanted = b->capacity ? b->capacity * 2 : FIRST_CAPACITY;
        while (wanted < size + count)
            wanted *= 2;
        char *memory = memory_resize(NULL, wanted);
        if (b->memory)
            memcpy(memory, b->memory + b->start, size);
        free(b->memory);
        b->memory = memory;
        b->capacity = wanted;
    }
    b->start = 0;
    b->end = size;
}

char *buffer_reserve(struct buffer *b, size_t count)
{
    size_t max = b->max ? b->max : BUFFER_MAX_DEFAULT, size = buffer_size(b);
    if (count > max || size > max - count) {
        b->overflow = true;
        return NULL;
    }
    if (b->capacity - b->end < count || !b->memory)
        make_room(b, count);
    return b->memory + b->end;
}

void buffer_commit(struct buffer *b, size_t count)
{
    BUG_IF(count > b->capacity - b->end);
    b->end += count;
}

void buffer_append(struct buffer *b, const void *data, size_t size)
{
    if (!size)
        return;
    char *room = buffer_reserve(b, size);
    if (room) {
        memcpy(room, data, size);
        b->end += size;
    }
}

void buffer_append_view(struct buffer *b, struct view v)
{
    buffer_append(b, v.data, v.size);
}

void buffer_append_string(struct buffer *b, const char *text)
{
    buffer_append(b, text, strlen(text));
}

void buffer_append_char(struct buffer *b, char c)
{
    if (b->end < b->capacity && (!b->max || buffer_size(b) < b->max)) {
        b->memory[b->end++] = c;
        return;
    }
    buffer_append(b, &c, 1);
}

void buffer_append_u64(struct buffer *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buffer_append(b, digits + at, sizeof digits - at);
}

void buffer_vprintf(struct buffer *b, const char *format, va_list arguments)
{
    char few[512];
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(few, sizeof few, format, arguments);
    if (size >= 0 && (size_t)size < sizeof few) {
        buffer_append(b, few, (size_t)size);
    } else {
        char *room = size < 0 ? NULL : buffer_reserve(b, (size_t)size + 1);
        if (room) {
            vsnprintf(room, (size_t)size + 1, format, again);
            b->end += (size_t)size;
        }
    }
    va_end(again);
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buffer_vprintf(b, format, arguments);
    va_end(arguments);
}

void buffer_release_idle(struct buffer *b, size_t keep)
{
    if (buffer_size(b) == 0 && b->capacity > keep) {
        free(b->memory);
        b->memory = NULL;
        b->start = b->end = b->capacity = 0;
    }
}
