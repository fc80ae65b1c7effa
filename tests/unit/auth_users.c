#include "auth/users.h"
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/waxwing-users-XXXXXX";
static char error[256];

static struct users *open_fresh(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return users_open(path, error, sizeof(error));
}

static struct user made(const char *name, uint64_t account)
{
    struct user user = {.account = account};
    snprintf(user.name, sizeof(user.name), "%s", name);
    snprintf(user.hash, sizeof(user.hash), "{PLAIN}x");
    return user;
}

static void what_was_written_is_there_after_a_reopen(void **state)
{
    struct users *users = open_fresh("a");
    struct user user = made("ann", 0), found;
    assert_non_null(users);
    assert_int_equal(users_add(users, &user), USERS_OK);
    assert_int_equal(users_add(users, &user), USERS_EXISTS);
    assert_int_equal(users_set_account(users, "ann", 7), USERS_OK);
    assert_int_equal(users_set_password(users, "ann", "{PLAIN}y"), USERS_OK);
    assert_int_equal(users_set_password(users, "bob", "{PLAIN}y"), USERS_NONE);
    users_close(&users);
    users = open_fresh("a");
    assert_int_equal(users_find(users, "ann", &found), USERS_OK);
    assert_int_equal(found.account, 7);
    assert_int_equal(found.version, 2);
    assert_string_equal(found.hash, "{PLAIN}y");
    assert_int_equal(users_find(users, "an", &found), USERS_NONE);
    users_close(&users);
}

static void a_second_process_is_kept_away(void **state)
{
    struct users *users = open_fresh("b");
    assert_non_null(users);
    assert_null(open_fresh("b"));
    assert_non_null(strstr(error, "in use by another process"));
    users_close(&users);
    users = open_fresh("b");
    assert_non_null(users);
    users_close(&users);
}

static void a_rehash_gives_way_to_a_new_password(void **state)
{
    struct users *users = open_fresh("c");
    struct user user = made("ann", 1), found;
    users_add(users, &user);
    assert_int_equal(users_rehash(users, "ann", 1, "{PLAIN}better"), USERS_OK);
    users_set_password(users, "ann", "{PLAIN}new");
    assert_int_equal(users_rehash(users, "ann", 1, "{PLAIN}late"), USERS_NONE);
    users_find(users, "ann", &found);
    assert_string_equal(found.hash, "{PLAIN}new");
    users_close(&users);
}

static void addresses_lead_to_users_in_the_written_order(void **state)
{
    static const struct {
        const char *address, *name, *detail;
    } rows[] = {
        {"ann", "ann", ""},
        {"ann@anywhere.example", "ann", ""},
        {"ann+lists@example.org", "ann", "lists"},
        {"ann+a+b@example.org", "ann", "a+b"},
        {"bob@example.org", "bob@example.org", ""},
        {"bob+x@example.org", "bob@example.org", "x"},
        {"bob@example.net", NULL, ""},
        {"sales@example.org", "ann", ""},
        {"sales+q3@example.org", "ann", "q3"},
        {"sales@example.net", NULL, ""},
        {"c+d@example.org", "c+d", ""},
        {"ann@example.com", "bob@example.org", ""}, /* given to somebody: stronger than the local part */
        {"\"ann\"@example.org", NULL, ""},
        {"+ann@example.org", NULL, ""},
        {"@example.org", NULL, ""},
        {"nobody@example.org", NULL, ""},
        {"ann@b@example.org", NULL, ""},
    };
    struct users *users = open_fresh("d");
    struct user ann = made("ann", 1), bob = made("bob@example.org", 2), c = made("c+d", 3), found;
    struct view detail;
    users_add(users, &ann);
    users_add(users, &bob);
    users_add(users, &c);
    assert_int_equal(users_add_address(users, "ann", "sales@example.org"), USERS_OK);
    assert_int_equal(users_add_address(users, "bob@example.org", "sales@example.org"), USERS_EXISTS);
    assert_int_equal(users_add_address(users, "nobody", "nobody@example.org"), USERS_NONE);
    assert_int_equal(users_add_address(users, "bob@example.org", "ann@example.com"), USERS_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum users_result result = users_find_address(users, rows[i].address, '+', &found, &detail);
        if ((result == USERS_OK) != (rows[i].name != NULL))
            fail_msg("%s: %d", rows[i].address, result);
        if (rows[i].name != NULL) {
            assert_string_equal(found.name, rows[i].name);
            assert_true(view_equal_string(detail, rows[i].detail));
        }
    }
    users_close(&users);
}

static void count_gone(void *ctx, uint64_t account)
{
    *(uint64_t *)ctx += account;
}

static void count_unfinished(void *ctx, const struct user *user)
{
    (*(uint64_t *)ctx)++;
    assert_string_equal(user->name, "unfinished");
}

static void a_removed_user_leaves_its_account_to_be_destroyed(void **state)
{
    struct users *users = open_fresh("e");
    struct user ann = made("ann", 5), other = made("unfinished", 0), found;
    uint64_t gone = 0, unfinished = 0;
    struct view detail;
    users_add(users, &ann);
    users_add(users, &other);
    users_add_address(users, "ann", "sales@example.org");
    assert_int_equal(users_remove(users, "ann"), USERS_OK);
    assert_int_equal(users_remove(users, "ann"), USERS_NONE);
    assert_int_equal(users_find(users, "ann", &found), USERS_NONE);
    assert_int_equal(users_find_address(users, "sales@example.org", '+', &found, &detail), USERS_NONE);
    users_gone(users, count_gone, &gone);
    users_unfinished(users, count_unfinished, &unfinished);
    assert_int_equal(gone, 5);
    assert_int_equal(unfinished, 1);
    assert_int_equal(users_forget_gone(users, 5), USERS_OK);
    gone = 0;
    users_gone(users, count_gone, &gone);
    assert_int_equal(gone, 0);
    users_close(&users);
}

static void lists_page_through_names(void **state)
{
    struct users *users = open_fresh("f");
    struct user rows[10];
    size_t count = 0, total = 0;
    char after[NAME_SIZE] = "", name[32];
    for (int i = 0; i < 25; i++) {
        snprintf(name, sizeof(name), "user%02d", i);
        struct user user = made(name, (uint64_t)i + 1);
        users_add(users, &user);
    }
    while (users_list(users, after, rows, 10, &count) == USERS_OK && count > 0) {
        for (size_t i = 0; i < count; i++) {
            snprintf(name, sizeof(name), "user%02zu", total++);
            assert_string_equal(rows[i].name, name);
        }
        snprintf(after, sizeof(after), "%s", rows[count - 1].name);
    }
    assert_int_equal(total, 25);
    users_close(&users);
}

static void names_have_one_form(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {{"Ann", "ann"},
                {"ANN@Example.ORG", "ann@example.org"},
                {"\xc3\x84nn", "\xc3\xa4nn"},  /* Ä */
                {"A\xcc\x88nn", "\xc3\xa4nn"}, /* A and a combining diaeresis */
                {"\xef\xbc\xa1nn", "ann"},     /* full width A */
                {"stra\xc3\x9f"
                 "e",
                 "strasse"},
                {"", NULL},
                {"a\x01", NULL},
                {"a\x7f", NULL},
                {"a\xff", NULL},
                {"\xc3", NULL},
                {"\xed\xa0\x80", NULL}};
    char out[NAME_SIZE], longest[400];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(name_canonical(view_of_string(rows[i].in), out), rows[i].out != NULL);
        if (rows[i].out != NULL)
            assert_string_equal(out, rows[i].out);
    }
    memset(longest, 'a', sizeof(longest));
    assert_true(name_canonical(view_of(longest, 255), out));
    assert_false(name_canonical(view_of(longest, 256), out));
    assert_false(name_canonical(view_of("a\0b", 3), out));
    assert_true(name_is_allowed("ann.o'neil-x_y+z@example.org"));
    static const char *const bad[] = {"",     "a b",   "a@",  "@b",  "a@b@c", "a/b",
                                      "a\\b", "\"a\"", "<a>", "a,b", "-a",    "a:b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(name_is_allowed(bad[i]));
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_there_after_a_reopen),
        cmocka_unit_test(a_second_process_is_kept_away),
        cmocka_unit_test(a_rehash_gives_way_to_a_new_password),
        cmocka_unit_test(addresses_lead_to_users_in_the_written_order),
        cmocka_unit_test(a_removed_user_leaves_its_account_to_be_destroyed),
        cmocka_unit_test(lists_page_through_names),
        cmocka_unit_test(names_have_one_form),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    static const char *const parts[] = {"users.db", "users.db-wal"};
    for (char name = 'a'; name <= 'f'; name++) {
        char path[160];
        for (size_t i = 0; i < 2; i++) {
            snprintf(path, sizeof(path), "%s/%c/%s", folder, name, parts[i]);
            unlink(path);
        }
        snprintf(path, sizeof(path), "%s/%c", folder, name);
        rmdir(path);
    }
    rmdir(folder);
    return failed;
}
