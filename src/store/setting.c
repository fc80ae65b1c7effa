/*
 * store/setting.c: small texts of one account, by name: what it wants otherwise than the configuration says.
 *
 * Does     one row a setting: its version, then the text. A name that begins with '.' is what the server itself keeps
 *          in mind for the account; the others are its owner's or the administrator's.
 * Called   reads on any thread; account_setting_put inside mutation.run.
 * Limits   LIMIT_SETTING_NAME, LIMIT_SETTING_VALUE.
 * Tested   tests/unit/store_settings.c, tests/e2e/test_pop3_policy.py
 */
#include "base/limits.h"
#include "base/memory.h"
#include "store/private.h"

enum { SETTING_VERSION = 1 };

static bool name_is_good(struct view name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_'))
            return false;
    }
    return name.size > 0 && name.size <= LIMIT_SETTING_NAME;
}

static struct key setting_key(struct view name)
{
    char text[LIMIT_SETTING_NAME + 1];
    struct key key = key_begin('O');
    snprintf(text, sizeof text, "%.*s", VIEW_PRINTF(name));
    key_text(&key, text);
    return key;
}

static bool value_read(struct view row, struct view *value_r)
{
    if (row.size < 1 || row.data[0] != SETTING_VERSION)
        return false;
    *value_r = view_skip(row, 1);
    return true;
}

enum store_error account_setting_put(struct txn *txn, struct view name, struct view value)
{
    if (!name_is_good(name))
        return STORE_BAD_NAME;
    if (value.size > LIMIT_SETTING_VALUE)
        return STORE_LIMIT;
    struct key key = setting_key(name);
    if (value.size == 0)
        return txn_delete(txn, key_view(&key));
    struct buffer row = {0};
    buffer_append_char(&row, SETTING_VERSION);
    buffer_append_view(&row, value);
    return txn_put_row(txn, &key, &row);
}

struct setting_scan {
    account_setting_row *each;
    void *ctx;
    bool bad;
};

static bool take_setting(void *ctx, struct view key, struct view row)
{
    struct setting_scan *scan = ctx;
    struct view value;
    if (!value_read(row, &value)) {
        scan->bad = true;
        return false;
    }
    scan->each(scan->ctx, view_skip(key, 1), value);
    return true;
}

enum store_error account_settings_each(const struct reader *reader, const char *prefix, account_setting_row *each,
                                       void *ctx)
{
    struct key first = setting_key(view_of_string(prefix)), end = key_after(&first);
    struct setting_scan scan = {.each = each, .ctx = ctx};
    enum store_error err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&first),
                                       key_view(&end), take_setting, &scan, NULL);
    return err ? err : scan.bad ? STORE_CORRUPT : STORE_OK;
}
