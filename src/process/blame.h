/*
 * process/blame.h: whose command crashed mail, and how long that account is refused.
 *
 * Does     remembers which accounts were named in the now-slots of crashes. Named in two within ten minutes: refused
 *          for 60 s, then 5 min, then 15 min (DESIGN 3). Pure bookkeeping, no clocks of its own.
 * Called   by the supervisor.
 * Tested   tests/unit/process_blame.c
 */
#ifndef PROCESS_BLAME_H
#define PROCESS_BLAME_H

#include "base/nowslot.h"
#include <stdbool.h>

enum { BLAME_ACCOUNTS = 256 };
struct blame {
    struct blame_row {
        uint64_t account; /* 0: free */
        uint64_t last_ms, until_ms;
        unsigned times; /* quarantined so far */
    } rows[BLAME_ACCOUNTS];
};

/* One crash: false if no slot names an account. Forgets nothing younger than an hour unless the table is full. */
bool blame_crash(struct blame *blame, const struct nowslot *slots, size_t count, uint64_t now_ms);
/* Seconds that an account is refused from now, 0 if it isn't. */
uint32_t blame_refused_s(const struct blame_row *row, uint64_t now_ms);

#endif
