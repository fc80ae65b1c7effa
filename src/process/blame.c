/* process/blame.c: a small table of accounts, the oldest overwritten. */
#include "process/blame.h"
#include "base/view.h"

#define WITHIN_MS ((uint64_t)600 * 1000)
#define FORGET_MS ((uint64_t)3600 * 1000)

static struct blame_row *row_of(struct blame *blame, uint64_t account, uint64_t now_ms)
{
    struct blame_row *oldest = &blame->rows[0];
    for (size_t i = 0; i < BLAME_ACCOUNTS; i++) {
        struct blame_row *row = &blame->rows[i];
        if (row->account == account)
            return row;
        if (row->account && row->last_ms + FORGET_MS < now_ms && row->until_ms < now_ms)
            *row = (struct blame_row){0};
        if (oldest->account && (row->account == 0 || row->last_ms < oldest->last_ms))
            oldest = row;
    }
    *oldest = (struct blame_row){.account = account};
    return oldest;
}

static void blame_account(struct blame *blame, uint64_t account, uint64_t now_ms)
{
    static const uint64_t refused_ms[] = {60000, 300000, 900000};
    struct blame_row *row = row_of(blame, account, now_ms);
    bool again = row->last_ms && row->last_ms + WITHIN_MS >= now_ms;
    row->last_ms = now_ms;
    if (!again)
        return;
    row->until_ms = now_ms + refused_ms[row->times < 2 ? row->times : 2];
    row->times++;
}

bool blame_crash(struct blame *blame, const struct nowslot *slots, size_t count, uint64_t now_ms)
{
    bool named = false;
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        uint64_t account = slots[i].account;
        for (size_t j = 0; j < i; j++)
            seen = seen || slots[j].account == account;
        if (account == 0 || seen)
            continue;
        blame_account(blame, account, now_ms);
        named = true;
    }
    return named;
}

uint32_t blame_refused_s(const struct blame_row *row, uint64_t now_ms)
{
    return row->account && row->until_ms > now_ms ? (uint32_t)((row->until_ms - now_ms + 999) / 1000) : 0;
}
