/* store/keys.c: see store/keys.h. */
#include "store/keys.h"
#include "base/memory.h"

struct key key_begin(char kind)
{
    struct key key = {.data = {kind}, .size = 1};
    return key;
}

static void put_groups(struct key *key, uint64_t number, unsigned groups)
{
    BUG_IF(key->size + groups > sizeof key->data);
    for (unsigned i = groups; i-- > 0;)
        key->data[key->size++] = (char)(0x80 | ((number >> (7 * i)) & 0x7f));
}

void key_u32(struct key *key, uint32_t number)
{
    put_groups(key, number, 5);
}

void key_u64(struct key *key, uint64_t number)
{
    put_groups(key, number, 10);
}

void key_text(struct key *key, const char *text)
{
    size_t size = strlen(text);
    BUG_IF(key->size + size > sizeof key->data);
    memcpy(key->data + key->size, text, size);
    key->size += size;
}

struct key key_after(const struct key *key)
{
    struct key after = *key;
    /* No octet of a key is 0xff behind its kind's numbers' end but as a full group: one more octet sorts behind all of
     * them. */
    BUG_IF(after.size >= sizeof after.data);
    after.data[after.size++] = (char)0xff;
    while (after.size < sizeof after.data)
        after.data[after.size++] = (char)0xff;
    return after;
}

struct key key_kind(char kind)
{
    return key_begin(kind);
}

struct key key_1(char kind, uint32_t a)
{
    struct key key = key_begin(kind);
    key_u32(&key, a);
    return key;
}

struct key key_2(char kind, uint32_t a, uint32_t b)
{
    struct key key = key_1(kind, a);
    key_u32(&key, b);
    return key;
}

struct key key_place(uint32_t volume, uint64_t offset)
{
    struct key key = key_1('B', volume);
    key_u64(&key, offset);
    return key;
}

struct key key_email(uint64_t email)
{
    struct key key = key_begin('E');
    key_u64(&key, email);
    return key;
}

static bool read_groups(struct view *rest, unsigned groups, uint64_t *number_r)
{
    uint64_t number = 0;
    if (rest->size < groups)
        return false;
    for (unsigned i = 0; i < groups; i++) {
        unsigned char c = (unsigned char)rest->data[i];
        if (!(c & 0x80))
            return false;
        number = (number << 7) | (c & 0x7f);
    }
    *rest = view_skip(*rest, groups);
    *number_r = number;
    return true;
}

bool key_read_u32(struct view *rest, uint32_t *number_r)
{
    uint64_t number;
    if (!read_groups(rest, 5, &number) || number > UINT32_MAX)
        return false;
    *number_r = (uint32_t)number;
    return true;
}

bool key_read_u64(struct view *rest, uint64_t *number_r)
{
    return read_groups(rest, 10, number_r);
}
