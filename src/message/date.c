/* message/date.c: see message/date.h. */
#include "message/date.h"
#include "base/clock.h"

enum { TOKENS_MAX = 16, TOKEN_OCTETS = 12, VALUE_OCTETS = 256 };

struct token {
    char text[TOKEN_OCTETS + 1];
    char before; /* the separator in front: ' ', ':', '-', '+', '/', '.', ',' */
    bool digits;
    int number;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Runs of digits and runs of letters; comments are passed. */
static size_t split(struct view value, struct token tokens[TOKENS_MAX])
{
    size_t count = 0, depth = 0;
    char before = ' ';
    for (size_t at = 0; at < value.size && count < TOKENS_MAX;) {
        char c = value.data[at];
        if (c == '(' || (c == ')' && depth)) {
            depth = c == '(' ? depth + 1 : depth - 1;
            at++;
            continue;
        }
        if (depth || (!is_digit(c) && !is_letter(c))) {
            if (!depth && c != ' ' && c != '\t')
                before = c;
            at++;
            continue;
        }
        struct token *token = &tokens[count++];
        *token = (struct token){.before = before, .digits = is_digit(c)};
        before = ' ';
        size_t size = 0;
        for (; at < value.size && (token->digits ? is_digit(value.data[at]) : is_letter(value.data[at])); at++) {
            if (size < TOKEN_OCTETS)
                token->text[size++] = value.data[at];
        }
        for (size_t i = 0; token->digits && i < size && i < 9; i++)
            token->number = token->number * 10 + (token->text[i] - '0');
        if (token->digits && size > 9)
            token->number = INT32_MAX;
    }
    return count;
}

static int month_of(const struct token *token)
{
    return token->digits || strlen(token->text) < 3 ? 0 : civil_month_number(token->text);
}

/* RFC 5322 4.3: two digits below 50 are 20xx, others and three digits are added to 1900. */
static int year_of(const struct token *token)
{
    size_t size = strlen(token->text);
    if (!token->digits || size > 4)
        return -1;
    if (size <= 2)
        return token->number + (token->number < 50 ? 2000 : 1900);
    return size == 3 ? token->number + 1900 : token->number;
}

/* RFC 5322 4.3: military zones and unknown names are -0000. */
static int zone_of(const struct token *token)
{
    static const struct {
        char name[5];
        int minutes;
    } zones[] = {{"EST", -300}, {"EDT", -240}, {"CST", -360}, {"CDT", -300}, {"MST", -420}, {"MDT", -360},
                 {"PST", -480}, {"PDT", -420}, {"CET", 60},   {"CEST", 120}, {"MET", 60},   {"MEST", 120},
                 {"BST", 60},   {"JST", 540},  {"MSK", 180},  {"EET", 120},  {"EEST", 180}, {"IST", 330}};
    if (token->digits) {
        size_t size = strlen(token->text);
        int hours = size > 2 ? token->number / 100 : token->number, minutes = size > 2 ? token->number % 100 : 0;
        if (size > 4 || hours > 23 || minutes > 59)
            return 0;
        return (hours * 60 + minutes) * (token->before == '-' ? -1 : 1);
    }
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        if (view_equal_string_nocase(view_of_string(token->text), zones[i].name))
            return zones[i].minutes;
    }
    return 0;
}

struct reading {
    struct token tokens[TOKENS_MAX];
    size_t count, time_at; /* time_at: the hour's token, count if there is none */
    struct civil_time civil;
};

/* "h:m[:s]": a digit token followed by one with ':' in front. */
static void read_time(struct reading *r)
{
    r->time_at = r->count;
    for (size_t i = 0; i + 1 < r->count; i++) {
        const struct token *hour = &r->tokens[i], *minute = hour + 1;
        if (!hour->digits || !minute->digits || minute->before != ':')
            continue;
        const struct token *second = i + 2 < r->count && hour[2].digits && hour[2].before == ':' ? hour + 2 : NULL;
        r->time_at = i;
        if (hour->number > 23 || minute->number > 59 || (second && second->number > 60))
            return;
        r->civil.hour = (uint8_t)hour->number;
        r->civil.minute = (uint8_t)minute->number;
        int s = second ? second->number : 0;
        r->civil.second = (uint8_t)(s == 60 ? 59 : s); /* a leap second */
        return;
    }
}

static size_t behind_time(const struct reading *r)
{
    size_t at = r->time_at;
    if (at == r->count)
        return at;
    at += 2;
    if (at < r->count && r->tokens[at].digits && r->tokens[at].before == ':')
        at++;
    if (at < r->count && r->tokens[at].digits && r->tokens[at].before == '.')
        at++; /* fractions of a second */
    return at;
}

static bool set_date(struct reading *r, const struct token *year, int month, const struct token *day)
{
    int y = year_of(year);
    if (y < 0 || month < 1 || month > 12 || !day->digits || day->number < 1 || day->number > 31)
        return false;
    r->civil.year = y;
    r->civil.month = (uint8_t)month;
    r->civil.day = (uint8_t)day->number;
    return true;
}

/* Finds the month's name and the numbers around it; or year-month-day. *used_r: one behind the date's last token. */
static bool read_date(struct reading *r, size_t *year_at_r)
{
    for (size_t i = 0; i < r->count; i++) {
        int month = month_of(&r->tokens[i]);
        if (!month)
            continue;
        if (i > 0 && i + 1 < r->count && r->tokens[i - 1].digits && r->tokens[i + 1].digits && i + 1 != r->time_at) {
            *year_at_r = i + 1; /* 24 Nov 2026 */
            return set_date(r, &r->tokens[i + 1], month, &r->tokens[i - 1]);
        }
        if (i + 1 < r->count && r->tokens[i + 1].digits) { /* Nov 24 02:40:40 2026, or Nov 24, 2026 */
            size_t year = i + 2 == r->time_at ? behind_time(r) : i + 2;
            while (year < r->count && !(r->tokens[year].digits && strlen(r->tokens[year].text) == 4 &&
                                        r->tokens[year].before != '+' && r->tokens[year].before != '-'))
                year++;
            *year_at_r = year;
            return year < r->count && set_date(r, &r->tokens[year], month, &r->tokens[i + 1]);
        }
        return false;
    }
    if (r->count >= 3 && r->tokens[0].digits && strlen(r->tokens[0].text) == 4 && r->tokens[1].digits) {
        *year_at_r = 0; /* ISO 8601 */
        return set_date(r, &r->tokens[0], r->tokens[1].number, &r->tokens[2]);
    }
    return false;
}

bool date_read(struct view value, int64_t *utc_s_r, int16_t *zone_minutes_r)
{
    struct reading r = {.count = 0};
    size_t year_at = 0;
    r.count = split(view_slice(value, 0, VALUE_OCTETS), r.tokens);
    read_time(&r);
    if (!read_date(&r, &year_at))
        return false;
    size_t zone_at = behind_time(&r);
    if (zone_at == year_at) /* asctime: the year stands behind the time */
        zone_at++;
    int zone = zone_at < r.count ? zone_of(&r.tokens[zone_at]) : 0;
    r.civil.zone_minutes = (int16_t)zone;
    *zone_minutes_r = (int16_t)zone;
    return civil_to_seconds(&r.civil, utc_s_r);
}
