/* base/clock.c: see base/clock.h. Civil dates by the days-from-civil method over 400-year eras, without tables or
 * locale. */
#include "base/clock.h"
#include <errno.h>
#include <poll.h>
#include <strings.h>

uint64_t clock_monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000u;
}

int64_t clock_wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_wall_s(void)
{
    return clock_wall_us() / 1000000;
}

bool clock_wait_turn(unsigned *turns, unsigned most_ms)
{
    enum { TURN_MS = 50 };
    int before = errno;
    if (*turns >= most_ms / TURN_MS)
        return false;
    ++*turns;
    poll(NULL, 0, TURN_MS);
    errno = before;
    return true;
}

enum { DAYS_ERA = 146097, YEARS_ERA = 400, DAYS_TO_1970 = 719468 };

static bool leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_of_month(int32_t year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap(year) ? 29 : days[month - 1];
}

bool civil_to_seconds(const struct civil_time *c, int64_t *utc_s_r)
{
    if (c->year < 0 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
        c->day > days_of_month(c->year, c->month) || c->hour > 23 || c->minute > 59 || c->second > 60 ||
        c->zone_minutes < -1440 || c->zone_minutes > 1440)
        return false;
    /* Years begin in March, so that the leap day is the last one. */
    int64_t year = c->year - (c->month <= 2), era = (year >= 0 ? year : year - (YEARS_ERA - 1)) / YEARS_ERA;
    int64_t year_of_era = year - era * YEARS_ERA, month = (c->month + 9) % 12,
            day_of_year = (153 * month + 2) / 5 + c->day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    int64_t days = era * DAYS_ERA + day_of_era - DAYS_TO_1970;
    *utc_s_r = days * 86400 + c->hour * 3600L + c->minute * 60L + c->second - (int64_t)c->zone_minutes * 60;
    return true;
}

void civil_from_seconds(int64_t utc_s, int16_t zone_minutes, struct civil_time *civil_r)
{
    int64_t local = utc_s + (int64_t)zone_minutes * 60, days = local / 86400, rest = local % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    days += DAYS_TO_1970;
    int64_t era = (days >= 0 ? days : days - (DAYS_ERA - 1)) / DAYS_ERA, day_of_era = days - era * DAYS_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100),
            month = (5 * day_of_year + 2) / 153;
    *civil_r = (struct civil_time){
        .year = (int32_t)(year_of_era + era * YEARS_ERA + (month >= 10)),
        .month = (uint8_t)(month < 10 ? month + 3 : month - 9),
        .day = (uint8_t)(day_of_year - (153 * month + 2) / 5 + 1),
        .hour = (uint8_t)(rest / 3600),
        .minute = (uint8_t)(rest / 60 % 60),
        .second = (uint8_t)(rest % 60),
        .zone_minutes = zone_minutes,
    };
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

const char *civil_month_name(int month)
{
    static const char names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    return month >= 1 && month <= 12 ? names[month - 1] : "";
}

int civil_month_number(const char *three_letters)
{
    for (int i = 0; i < 12; i++)
        if (strncasecmp(three_letters, months + (size_t)3 * (size_t)i, 3) == 0)
            return i + 1;
    return 0;
}
