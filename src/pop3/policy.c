/*
 * pop3/policy.c: what a maildrop does with retrieved and deleted mail, and how its UIDLs look.
 *
 * Does     holds the administrator's defaults; reads words of the configuration and of an account's own settings by one
 *          table.
 * Called   pop3_defaults_set on mail's main thread at start and reload, while loops read: each value is one atomic
 *          number.
 * Tested   tests/unit/pop3.c, tests/e2e/test_pop3_policy.py
 */
#include "pop3/private.h"

#include <stdatomic.h>

static const char *const delete_words[] = {"remove", "trash", "archive", "hide", NULL};
static const char *const retrieve_words[] = {"nothing", "seen", NULL};

static const struct {
    const char *name;
    const char *const *words; /* null: formats of UIDLs */
} rows[POP3_POLICIES] = {
    [POP3_DELETE] = {"pop3.delete", delete_words},
    [POP3_RETRIEVE] = {"pop3.retrieve", retrieve_words},
    [POP3_UIDL] = {"pop3.uidl", NULL},
};
static atomic_uint defaults[POP3_POLICIES];
static atomic_uint login_delay_s;

static bool word_number(const char *const *words, struct view word, unsigned *number_r)
{
    for (unsigned i = 0; words[i]; i++) {
        if (!view_equal_string(word, words[i]))
            continue;
        *number_r = i;
        return true;
    }
    return false;
}

bool pop3_policy_read(struct pop3_policy *policy, struct view name, struct view word)
{
    for (size_t i = 0; i < POP3_POLICIES; i++)
        if (view_equal_string(name, rows[i].name))
            return rows[i].words ? word_number(rows[i].words, word, &policy->value[i])
                                 : uidl_format_read(word, &policy->value[i]);
    return false;
}

const char *pop3_policy_name(enum pop3_policy_item item)
{
    return rows[item].name;
}

void pop3_defaults_set(const struct pop3_policy *policy, uint32_t delay_s)
{
    for (size_t i = 0; i < POP3_POLICIES; i++)
        atomic_store(&defaults[i], policy->value[i]);
    atomic_store(&login_delay_s, delay_s);
}

void pop3_defaults(struct pop3_policy *policy_r)
{
    for (size_t i = 0; i < POP3_POLICIES; i++)
        policy_r->value[i] = atomic_load(&defaults[i]);
}

uint32_t pop3_login_delay_s(void)
{
    return atomic_load(&login_delay_s);
}
