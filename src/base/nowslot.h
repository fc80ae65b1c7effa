/*
 * base/nowslot.h: what each thread of mail is doing now, in a page shared with the supervisor.
 *
 * Does     one slot a thread: account, session, command. After a crash the supervisor reads the slots as numbers; an
 *          account named in two crashes within ten minutes is refused for a while (DESIGN 3).
 * Owns     nothing; the page is a memfd made by the supervisor, mapped by mail for writing.
 * Called   by session/engine.c and store's writer around each step; cheap (a few plain stores).
 * Tested   tests/unit/base_nowslot.c, tests/e2e/test_processes.py
 */
#ifndef BASE_NOWSLOT_H
#define BASE_NOWSLOT_H

#include <stddef.h>
#include <stdint.h>

enum { NOWSLOT_COUNT = 64 };
struct nowslot {
    volatile uint64_t account, session;
    volatile char command[16];
};
/* page: NOWSLOT_COUNT slots, or null (then setting does nothing). Once, before threads start. */
void nowslot_use(struct nowslot *page);
/* For the calling thread, which gets a slot of its own at its first call. account 0: idle. */
void nowslot_set(uint64_t account, uint64_t session, const char *command);

#endif
