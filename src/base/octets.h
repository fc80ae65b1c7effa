/*
 * base/octets.h: numbers as octets, least significant first, as they stand in frames, records and digests.
 *
 * Does     one octet after the other, so that neither alignment nor the machine's own order matters.
 * Called   on any thread. `octets` is 1 to 8; the caller has made sure that they are there.
 */
#ifndef BASE_OCTETS_H
#define BASE_OCTETS_H

#include <stdint.h>

static inline uint64_t get_le(const void *from, unsigned octets)
{
    const unsigned char *p = from;
    uint64_t value = 0;
    for (unsigned i = octets; i > 0; i--)
        value = value << 8 | p[i - 1];
    return value;
}

/* What of the value has no place in so many octets is left off. */
static inline void put_le(void *to, unsigned octets, uint64_t value)
{
    unsigned char *p = to;
    for (unsigned i = 0; i < octets; i++, value >>= 8)
        p[i] = (unsigned char)value;
}

#endif
