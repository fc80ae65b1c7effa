/*
 * tests/support/chance.h: what a test leaves to chance, the same for the same seed.
 */
#ifndef TESTS_CHANCE_H
#define TESTS_CHANCE_H

#include "base/uidset.h"

static uint32_t seed;

static uint32_t pick(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

/* One in so many of them. */
static struct uidset *some_of(const struct uidset *uids, uint32_t one_in)
{
    struct uidset *some = uidset_new();
    for (uint32_t uid = uidset_next(uids, 1); uid; uid = uidset_next(uids, uid + 1))
        if (!pick(one_in))
            uidset_add(some, uid);
    return some;
}

#endif
