/* digest/match.c: see digest/match.h. Each key: where (1), size of field (2), size of needle (4), field, needle. */
#include "digest/match.h"

enum { KEY_HEAD = 7 };

void match_keys_write(const struct match_key *keys, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count && i < MATCH_KEYS_MAX; i++) {
        struct view field = view_slice(keys[i].field, 0, UINT16_MAX),
                    needle = view_slice(keys[i].needle, 0, UINT32_MAX);
        const unsigned char head[KEY_HEAD] = {keys[i].where,
                                              (unsigned char)(field.size & 255),
                                              (unsigned char)(field.size >> 8 & 255),
                                              (unsigned char)(needle.size & 255),
                                              (unsigned char)(needle.size >> 8 & 255),
                                              (unsigned char)(needle.size >> 16 & 255),
                                              (unsigned char)(needle.size >> 24 & 255)};
        buffer_append(out, head, sizeof head);
        buffer_append_view(out, field);
        buffer_append_view(out, needle);
    }
}

static bool read_key(struct view *octets, struct match_key *key_r)
{
    if (octets->size < KEY_HEAD)
        return false;
    const unsigned char *head = (const unsigned char *)octets->data;
    size_t field = head[1] | (size_t)head[2] << 8;
    size_t needle = head[3] | (size_t)head[4] << 8 | (size_t)head[5] << 16 | (size_t)head[6] << 24;
    if (head[0] < MATCH_TEXT || head[0] > MATCH_HEADER)
        return false;
    if (octets->size - KEY_HEAD < field || octets->size - KEY_HEAD - field < needle)
        return false;
    key_r->where = head[0];
    key_r->field = view_slice(*octets, KEY_HEAD, field);
    key_r->needle = view_slice(*octets, KEY_HEAD + field, needle);
    *octets = view_skip(*octets, KEY_HEAD + field + needle);
    return true;
}

bool match_keys_read(struct view octets, struct match_key *keys, size_t max, size_t *count_r)
{
    size_t count = 0;
    while (octets.size) {
        if (count == max || !read_key(&octets, &keys[count]))
            return false;
        count++;
    }
    *count_r = count;
    return true;
}
