/*
 * admin/parcel.c: see parcel.h. Numbers are little-endian; texts are a u16 length and the octets.
 */
#include "admin/parcel.h"

static void put(struct buffer *out, uint64_t value, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++)
        buffer_append_char(out, (char)(value >> (8 * i)));
}

static void put_text(struct buffer *out, struct view text)
{
    text = view_slice(text, 0, UINT16_MAX);
    put(out, text.size, 2);
    buffer_append_view(out, text);
}

struct reading {
    struct view rest;
    bool bad;
};

static uint64_t get(struct reading *in, unsigned octets)
{
    uint64_t value = 0;
    if (in->rest.size < octets) {
        in->bad = true;
        return 0;
    }
    for (unsigned i = 0; i < octets; i++)
        value |= (uint64_t)(unsigned char)in->rest.data[i] << (8 * i);
    in->rest = view_skip(in->rest, octets);
    return value;
}

static struct view get_text(struct reading *in)
{
    size_t size = (size_t)get(in, 2);
    if (in->rest.size < size) {
        in->bad = true;
        return VIEW_EMPTY;
    }
    struct view text = view_slice(in->rest, 0, size);
    in->rest = view_skip(in->rest, size);
    return text;
}

void parcel_write(const struct parcel *parcel, struct buffer *out)
{
    buffer_append_char(out, (char)parcel->kind);
    switch (parcel->kind) {
    case PARCEL_MAILBOX:
        put(out, parcel->uidvalidity, 4);
        put(out, parcel->uidnext, 4);
        put(out, parcel->special_use, 4);
        put(out, parcel->mailbox_flags, 4);
        put_text(out, parcel->name);
        break;
    case PARCEL_MESSAGE:
        put(out, parcel->uid, 4);
        put(out, parcel->flags, 1);
        put(out, (uint64_t)parcel->date_utc_s, 8);
        put(out, (uint16_t)parcel->zone_minutes, 2);
        put(out, parcel->octet_count, 8);
        put_text(out, parcel->uidl);
        put(out, parcel->keyword_count, 2);
        for (size_t i = 0; i < parcel->keyword_count; i++)
            put_text(out, parcel->keywords[i]);
        break;
    case PARCEL_OCTETS:
        buffer_append_view(out, parcel->octets);
        break;
    case PARCEL_SUBSCRIBED:
        put_text(out, parcel->name);
        break;
    case PARCEL_END:
        break;
    }
}

static void read_message(struct reading *in, struct parcel *parcel)
{
    parcel->uid = (uint32_t)get(in, 4);
    parcel->flags = (uint8_t)get(in, 1) & FLAG_SYSTEM_ALL;
    parcel->date_utc_s = (int64_t)get(in, 8);
    parcel->zone_minutes = (int16_t)get(in, 2);
    parcel->octet_count = get(in, 8);
    parcel->uidl = get_text(in);
    parcel->keyword_count = (size_t)get(in, 2);
    if (parcel->keyword_count > PARCEL_KEYWORDS) {
        in->bad = true;
        parcel->keyword_count = 0;
    }
    for (size_t i = 0; i < parcel->keyword_count; i++)
        parcel->keywords[i] = get_text(in);
}

bool parcel_read(struct view octets, struct parcel *parcel_r)
{
    struct reading in = {octets, false};
    memset(parcel_r, 0, sizeof(*parcel_r));
    parcel_r->kind = (enum parcel_kind)get(&in, 1);
    switch (parcel_r->kind) {
    case PARCEL_MAILBOX:
        parcel_r->uidvalidity = (uint32_t)get(&in, 4);
        parcel_r->uidnext = (uint32_t)get(&in, 4);
        parcel_r->special_use = (uint32_t)get(&in, 4);
        parcel_r->mailbox_flags = (uint32_t)get(&in, 4);
        parcel_r->name = get_text(&in);
        break;
    case PARCEL_MESSAGE:
        read_message(&in, parcel_r);
        break;
    case PARCEL_OCTETS:
        parcel_r->octets = in.rest;
        return in.rest.size <= PARCEL_PIECE;
    case PARCEL_SUBSCRIBED:
        parcel_r->name = get_text(&in);
        break;
    case PARCEL_END:
        break;
    default:
        return false;
    }
    return !in.bad && in.rest.size == 0;
}
