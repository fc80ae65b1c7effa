/*
 * base/clock.h: the two clocks, and civil time without locale or files.
 *
 * Does     monotonic milliseconds for deadlines, wall seconds for dates, and conversion between seconds and civil time.
 * Called   by everybody, on any thread.
 * Tested   tests/unit/base_clock.c
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct civil_time {
    int32_t year;
    uint8_t month, day, hour, minute, second; /* month and day from 1 */
    int16_t zone_minutes;                     /* east of UTC */
};

uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);
int64_t clock_wall_s(void);
int64_t clock_wall_us(void);
/* A turn of waiting, on a thread that has nothing else to do, for what ends by itself. *turns begins at 0. False: it
 * was waited for `most_ms`; errno stays. */
bool clock_wait_turn(unsigned *turns, unsigned most_ms);
/* Seconds since 1970 of a civil time; false if a field is out of range. */
bool civil_to_seconds(const struct civil_time *civil, int64_t *utc_s_r);
void civil_from_seconds(int64_t utc_s, int16_t zone_minutes, struct civil_time *civil_r);
/* The name of a month, "Jan" for 1; and its number, 0 if it is none (case-insensitive, three letters). */
const char *civil_month_name(int month);
int civil_month_number(const char *three_letters);

#endif
