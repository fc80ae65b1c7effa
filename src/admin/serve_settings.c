/*
 * admin/serve_settings.c: `user set` and `user settings`, in mail: what one account wants otherwise than the
 * configuration says.
 *
 * Does     checks each NAME=VALUE by the schema of the configuration, then writes all of them in one change. An empty
 *          value takes the account's own word back.
 * Tested   tests/e2e/test_pop3_policy.py
 */
#include "admin/serving.h"
#include "base/memory.h"
#include "config/schema.h"

#include <sysexits.h>

/* The settings that an account may have of its own. */
static const char *const own[] = {"pop3.delete", "pop3.retrieve", "pop3.uidl", "imap.administrator"};
/* What no configuration gives to everybody: it may set quotas over IMAP (RFC 9208 4.1.3). */
static const struct setting administrator = {.name = "imap.administrator", .type = SETTING_BOOL, .fallback = "false"};

struct wish {
    struct view name;
    struct buffer value; /* canonical, or empty */
};
struct wishes {
    struct mutation mutation;
    struct wish rows[sizeof(own) / sizeof(own[0])];
    size_t count;
};

static bool is_own(struct view name)
{
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (view_equal_string(name, own[i]))
            return true;
    return false;
}

static const struct setting *find_setting(struct view name)
{
    return view_equal_string(name, administrator.name) ? &administrator : setting_find(name);
}

static enum store_error put_wishes(struct txn *txn, struct mutation *mutation)
{
    struct wishes *wishes = (struct wishes *)(void *)mutation;
    enum store_error error = STORE_OK;
    for (size_t i = 0; !error && i < wishes->count; i++)
        error = account_setting_put(txn, wishes->rows[i].name, buffer_view(&wishes->rows[i].value));
    return error;
}

/* EX_OK, or what was said on stderr. */
static int take_wish(struct serving *serving, struct wishes *wishes, const char *said)
{
    char why[512];
    struct view word = view_of_string(said);
    size_t equals = view_find(word, '=', 0);
    struct view name = view_slice(word, 0, equals);
    if (equals == SIZE_MAX)
        return serving_fail(serving, EX_USAGE, "can't set \"%s\": say NAME=VALUE, or NAME= for the default", said);
    if (!is_own(name))
        return serving_fail(serving, EX_USAGE, "%.*s can't be set for one user: %s, %s, %s or %s can",
                            VIEW_PRINTF(name), own[0], own[1], own[2], own[3]);
    if (wishes->count == sizeof(own) / sizeof(own[0]))
        return serving_fail(serving, EX_USAGE, "too many settings at once");
    struct wish *wish = &wishes->rows[wishes->count++];
    struct view value = view_skip(word, equals + 1);
    wish->name = name;
    if (value.size > 0 && !setting_canonical(find_setting(name), value, &wish->value, why, sizeof(why)))
        return serving_fail(serving, EX_USAGE, "%.*s: %s", VIEW_PRINTF(name), why);
    return EX_OK;
}

int serve_user_set(struct serving *serving)
{
    struct wishes wishes = {.mutation = {.run = put_wishes}};
    const char *said = NULL;
    int code = EX_OK;
    for (size_t n = 1; code == EX_OK && (said = serving_argument(serving, n)) != NULL; n++)
        code = take_wish(serving, &wishes, said);
    if (code == EX_OK) {
        enum store_error error = serving_mutate(serving, serving_account(serving), &wishes.mutation);
        if (error != STORE_OK)
            code = serving_store_failed(serving, "can't set", error);
    }
    for (size_t i = 0; i < wishes.count; i++)
        buffer_free(&wishes.rows[i].value);
    return code;
}

static void show_setting(void *ctx, struct view name, struct view value)
{
    struct serving *serving = ctx;
    if (!is_own(name))
        return;
    serving_text(serving, name);
    serving_text(serving, value);
    serving_row_end(serving);
}

int serve_user_settings(struct serving *serving)
{
    struct reader reader = serving_reader(serving, serving_account(serving));
    serving_columns(serving, "setting\tvalue");
    enum store_error error = account_settings_each(&reader, "", show_setting, serving);
    return error == STORE_OK ? EX_OK : serving_store_failed(serving, "can't read the settings", error);
}
