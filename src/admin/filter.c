/* admin/filter.c: see admin/filter.h. */
#include "admin/filter.h"
#include "base/clock.h"

#include <sysexits.h>

/* ---- times ---- */

static bool ago_read(struct view text, int64_t now_utc_s, int64_t *utc_s_r)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t count;
    for (size_t i = 0; text.size > 1 && i < sizeof(units) / sizeof(units[0]); i++) {
        if (text.data[text.size - 1] != units[i].letter)
            continue;
        if (!view_parse_u64(view_slice(text, 0, text.size - 1), 1000000000, &count))
            return false;
        *utc_s_r = now_utc_s - (int64_t)count * units[i].seconds;
        return true;
    }
    return false;
}

/* Digits up to `end` (or the text's end), which is taken too. */
static bool take_number(struct view *rest, char end, uint64_t max, uint64_t *number_r)
{
    size_t at = view_find(*rest, end, 0);
    bool good = view_parse_u64(view_slice(*rest, 0, at), max, number_r);
    *rest = at == SIZE_MAX ? VIEW_EMPTY : view_skip(*rest, at + 1);
    return good;
}

static bool clock_read(struct view text, struct civil_time *civil)
{
    uint64_t part[3] = {0};
    for (size_t i = 0; i < 3 && text.size > 0; i++)
        if (!take_number(&text, ':', 60, &part[i]))
            return false;
    civil->hour = (uint8_t)part[0];
    civil->minute = (uint8_t)part[1];
    civil->second = (uint8_t)part[2];
    return text.size == 0;
}

bool filter_time_read(struct view text, int64_t now_utc_s, int64_t *utc_s_r)
{
    struct civil_time civil = {0};
    uint64_t year, month, day;
    if (ago_read(text, now_utc_s, utc_s_r))
        return true;
    size_t border = view_find(text, 'T', 0);
    if (border == SIZE_MAX)
        border = view_find(text, ' ', 0);
    struct view date = view_slice(text, 0, border);
    if (!take_number(&date, '-', 9999, &year) || !take_number(&date, '-', 12, &month) ||
        !take_number(&date, '-', 31, &day) || date.size > 0)
        return false;
    civil.year = (int32_t)year;
    civil.month = (uint8_t)month;
    civil.day = (uint8_t)day;
    return (border == SIZE_MAX || clock_read(view_skip(text, border + 1), &civil)) && civil_to_seconds(&civil, utc_s_r);
}

/* ---- protocols, UIDs ---- */

static const struct {
    const char *name;
    uint8_t by;
} protocols[] = {{"imap", REMOVED_BY_IMAP},
                 {"pop3", REMOVED_BY_POP3},
                 {"jmap", REMOVED_BY_JMAP},
                 {"admin", REMOVED_BY_ADMIN},
                 {"pop", REMOVED_BY_POP3}};

bool filter_by_read(struct view word, uint8_t *by_r)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (view_equal_string_nocase(word, protocols[i].name)) {
            *by_r = protocols[i].by;
            return true;
        }
    }
    return false;
}

const char *filter_by_name(uint8_t by)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
        if (protocols[i].by == by)
            return protocols[i].name;
    return "";
}

bool filter_uids_read(struct view text, struct uidset *uids)
{
    if (text.size == 0)
        return false;
    while (text.size > 0) {
        size_t comma = view_find(text, ',', 0);
        struct view range = view_slice(text, 0, comma);
        uint64_t first, last;
        bool many = view_find(range, ':', 0) != SIZE_MAX;
        if (!take_number(&range, ':', UINT32_MAX, &first) || first == 0)
            return false;
        last = first;
        if (many && (!view_parse_u64(range, UINT32_MAX, &last) || last < first))
            return false;
        uidset_add_range(uids, (uint32_t)first, (uint32_t)last);
        text = comma == SIZE_MAX ? VIEW_EMPTY : view_skip(text, comma + 1);
    }
    return true;
}

/* ---- the options ---- */

static int read_time(struct serving *serving, struct filter *filter)
{
    const char *said = serving_option(serving, "since", 0);
    if (said == NULL || filter_time_read(view_of_string(said), clock_wall_s(), &filter->since_utc_s))
        return EX_OK;
    return serving_fail(
        serving, EX_USAGE,
        "can't read --since=%s: say a date (2026-11-24), a time (2026-11-24T10:30, UTC), or how long ago "
        "(12h, 3d)",
        said);
}

static int read_by(struct serving *serving, struct filter *filter)
{
    const char *said = serving_option(serving, "from", 0);
    if (said == NULL || filter_by_read(view_of_string(said), &filter->by))
        return EX_OK;
    return serving_fail(serving, EX_USAGE, "can't use --from=%s: pop, imap, jmap or admin", said);
}

static int read_mailbox(struct serving *serving, struct arena *arena, struct filter *filter)
{
    const char *said = serving_option(serving, "mailbox", 0);
    if (said == NULL)
        return EX_OK;
    enum store_error error = mailbox_name_canonical(arena, view_of_string(said), &filter->mailbox);
    return error == STORE_OK ? EX_OK : serving_store_failed(serving, said, error);
}

static int read_uids(struct serving *serving, struct filter *filter)
{
    const char *said = serving_option(serving, "uid", 0);
    if (said == NULL)
        return EX_OK;
    if (filter->mailbox.size == 0)
        return serving_fail(serving, EX_USAGE, "a UID is one mailbox's: say --mailbox too");
    filter->uids = uidset_new();
    if (filter_uids_read(view_of_string(said), filter->uids))
        return EX_OK;
    return serving_fail(serving, EX_USAGE, "can't read --uid=%s: say 7, 3:9 or 3:9,12", said);
}

int filter_read(struct serving *serving, struct arena *arena, struct filter *filter_r)
{
    *filter_r = (struct filter){.mailbox = VIEW_EMPTY};
    int code = read_time(serving, filter_r);
    if (code == EX_OK)
        code = read_by(serving, filter_r);
    if (code == EX_OK)
        code = read_mailbox(serving, arena, filter_r);
    return code == EX_OK ? read_uids(serving, filter_r) : code;
}

void filter_free(struct filter *filter)
{
    uidset_unref(&filter->uids);
}
