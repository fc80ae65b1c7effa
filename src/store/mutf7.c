/* store/mutf7.c: see store/mutf7.h. */
#include "store/mutf7.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int digit(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

static void put_utf8(struct buffer *out, uint32_t c)
{
    char octets[4];
    size_t size;
    if (c < 0x80) {
        octets[0] = (char)c;
        size = 1;
    } else if (c < 0x800) {
        octets[0] = (char)(0xc0 | (c >> 6));
        octets[1] = (char)(0x80 | (c & 0x3f));
        size = 2;
    } else if (c < 0x10000) {
        octets[0] = (char)(0xe0 | (c >> 12));
        octets[1] = (char)(0x80 | ((c >> 6) & 0x3f));
        octets[2] = (char)(0x80 | (c & 0x3f));
        size = 3;
    } else {
        octets[0] = (char)(0xf0 | (c >> 18));
        octets[1] = (char)(0x80 | ((c >> 12) & 0x3f));
        octets[2] = (char)(0x80 | ((c >> 6) & 0x3f));
        octets[3] = (char)(0x80 | (c & 0x3f));
        size = 4;
    }
    buffer_append(out, octets, size);
}

/* One UTF-16 unit at a time; *high holds a high surrogate that waits for its other half. */
static bool put_unit(struct buffer *out, uint32_t unit, uint32_t *high)
{
    if (*high) {
        if (unit < 0xdc00 || unit > 0xdfff)
            return false;
        put_utf8(out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
        *high = 0;
        return true;
    }
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return false;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        *high = unit;
        return true;
    }
    if (unit >= 0x20 && unit <= 0x7e)
        return false; /* printable ASCII stands for itself */
    if (unit < 0x20 || unit == 0x7f)
        return false;
    put_utf8(out, unit);
    return true;
}

/* From behind '&' to '-'. False if it isn't canonical; *position moves behind the '-'. */
static bool decode_shifted(struct view name, size_t *position, struct buffer *utf8)
{
    uint32_t bits = 0, high = 0;
    unsigned count = 0;
    size_t i = *position;
    for (; i < name.size && name.data[i] != '-'; i++) {
        int value = digit(name.data[i]);
        if (value < 0)
            return false;
        bits = (bits << 6) | (uint32_t)value;
        count += 6;
        if (count >= 16) {
            count -= 16;
            if (!put_unit(utf8, (bits >> count) & 0xffff, &high))
                return false;
            bits &= (1u << count) - 1;
        }
    }
    if (i == name.size || high || count >= 6 || bits)
        return false;
    *position = i + 1;
    return true;
}

bool mutf7_decode(struct view name, struct buffer *utf8)
{
    bool after_shift = false;
    for (size_t i = 0; i < name.size;) {
        unsigned char c = (unsigned char)name.data[i++];
        if (c < 0x20 || c > 0x7e)
            return false;
        if (c != '&') {
            buffer_append_char(utf8, (char)c);
            after_shift = false;
        } else if (i < name.size && name.data[i] == '-') {
            buffer_append_char(utf8, '&');
            i++;
            after_shift = false;
        } else {
            if (after_shift || !decode_shifted(name, &i, utf8))
                return false; /* two shifts in a row have one spelling: joined */
            after_shift = true;
        }
    }
    return !utf8->overflow;
}

/* The next character of valid or broken UTF-8. */
static uint32_t next_utf8(struct view text, size_t *position)
{
    unsigned char c = (unsigned char)text.data[(*position)++];
    unsigned more = c >= 0xf0 && c < 0xf5 ? 3 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xc2 && c < 0xe0 ? 1 : 0;
    if (c < 0x80)
        return c;
    if (!more || text.size - *position < more)
        return 0xfffd;
    uint32_t value = c & (0x3fu >> more);
    for (unsigned i = 0; i < more; i++) {
        unsigned char next = (unsigned char)text.data[*position + i];
        if ((next & 0xc0) != 0x80)
            return 0xfffd;
        value = (value << 6) | (next & 0x3f);
    }
    *position += more;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    return value < least[more] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff) ? 0xfffd : value;
}

struct shift {
    uint32_t bits;
    unsigned count;
    bool on;
};

static void put_shifted(struct buffer *out, struct shift *shift, uint32_t unit)
{
    if (!shift->on)
        buffer_append_char(out, '&');
    shift->on = true;
    shift->bits = (shift->bits << 16) | unit;
    shift->count += 16;
    while (shift->count >= 6) {
        shift->count -= 6;
        buffer_append_char(out, alphabet[(shift->bits >> shift->count) & 0x3f]);
    }
    shift->bits &= (1u << shift->count) - 1;
}

static void end_shift(struct buffer *out, struct shift *shift)
{
    if (!shift->on)
        return;
    if (shift->count)
        buffer_append_char(out, alphabet[(shift->bits << (6 - shift->count)) & 0x3f]);
    buffer_append_char(out, '-');
    *shift = (struct shift){0};
}

void mutf7_encode(struct view utf8, struct buffer *name)
{
    struct shift shift = {0};
    for (size_t i = 0; i < utf8.size;) {
        uint32_t c = next_utf8(utf8, &i);
        if (c >= 0x20 && c <= 0x7e) {
            end_shift(name, &shift);
            buffer_append_string(name, c == '&' ? "&-" : (char[]){(char)c, 0});
        } else if (c >= 0x10000) {
            put_shifted(name, &shift, 0xd800 + ((c - 0x10000) >> 10));
            put_shifted(name, &shift, 0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            put_shifted(name, &shift, c);
        }
    }
    end_shift(name, &shift);
}
