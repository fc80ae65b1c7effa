/* tests/unit/store_acl.c: rights as text, entries changed and combined, children that inherit, who shares with whom. */
#include "base/limits.h"
#include "store/acl.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char folder[64];
static struct store *store;
static uint64_t account;
static struct arena arena;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void open_store(void)
{
    char error[256];
    struct engine_options options = {.path = folder, .create = true, .reserve_octets = 1, .pool_threads = 1};
    assert_int_equal(store_open(&options, &store, error, sizeof error), STORE_OK);
}

static int begin(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/waxwing-acl-XXXXXX");
    assert_non_null(mkdtemp(folder));
    open_store();
    assert_int_equal(account_create(store, 0, &account), STORE_OK);
    arena_init(&arena, 1 << 22);
    return 0;
}

static void no_problem(void *ctx, const char *what)
{
    fail_msg("%s", what);
}

static int end(void **state)
{
    uint64_t problems;
    assert_int_equal(store_check(store, 0, false, no_problem, NULL, &problems), STORE_OK);
    arena_free(&arena);
    store_close(&store);
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

struct wish {
    struct mutation mutation;
    uint32_t mailbox;
    struct acl_entry entry;
    enum acl_how how;
    struct view name, to;
};

static enum store_error run_change(struct txn *txn, struct mutation *mutation)
{
    struct wish *wish = (struct wish *)mutation;
    return acl_change(txn, wish->mailbox, &wish->entry, wish->how);
}

static enum store_error run_note(struct txn *txn, struct mutation *mutation)
{
    struct wish *wish = (struct wish *)mutation;
    return acl_note(txn, &wish->entry, account);
}

static enum store_error run_create(struct txn *txn, struct mutation *mutation)
{
    struct mailbox made;
    return mailbox_create(txn, ((struct wish *)mutation)->name, 0, &made);
}

static enum store_error run_rename(struct txn *txn, struct mutation *mutation)
{
    const struct wish *wish = (const struct wish *)mutation;
    const struct removal why = {.by = REMOVED_BY_ADMIN};
    return mailbox_rename(txn, wish->name, wish->to, &why);
}

static enum store_error run_delete(struct txn *txn, struct mutation *mutation)
{
    const struct removal why = {.by = REMOVED_BY_ADMIN};
    return mailbox_delete(txn, ((struct wish *)mutation)->mailbox, &why);
}

static enum store_error wish(struct wish wish)
{
    wish.mutation.account = wish.mutation.run == run_note ? ACL_INDEX_ACCOUNT : account;
    return engine_mutate_wait(store_engine(store), &wish.mutation);
}

static uint32_t find(const char *name)
{
    struct reader reader = {store, account, READ_BLOCKING};
    struct mailbox mailbox;
    assert_int_equal(mailbox_find(&reader, &arena, view_of_string(name), &mailbox), STORE_OK);
    return mailbox.id;
}

static enum store_error change(uint32_t mailbox, struct acl_entry entry, enum acl_how how)
{
    return wish((struct wish){.mutation.run = run_change, .mailbox = mailbox, .entry = entry, .how = how});
}

static struct acl read_of(uint32_t mailbox)
{
    struct reader reader = {store, account, READ_BLOCKING};
    struct acl acl;
    assert_int_equal(acl_read(&reader, &arena, mailbox, &acl), STORE_OK);
    return acl;
}

static void test_rights_are_letters(void **state)
{
    static const struct {
        const char *text;
        uint32_t rights;
        const char *again;
    } rows[] = {{"", 0, ""},
                {"lr", RIGHT_LOOKUP | RIGHT_READ, "lr"},
                {"rl", RIGHT_LOOKUP | RIGHT_READ, "lr"},
                {"c", RIGHT_CREATE | RIGHT_DELETE_MAILBOX, "kxc"},
                {"d", RIGHT_DELETE | RIGHT_EXPUNGE, "ted"},
                {"e", RIGHT_EXPUNGE, "ed"},
                {"lrswipkxtean", RIGHTS_ALL, "lrswipkxtecdan"}};
    static const char *const bad[] = {"q", "L", "l r", "0", "lr\x80"};
    uint32_t rights;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer out = {0};
        assert_true(rights_read(view_of_string(rows[i].text), &rights));
        assert_int_equal(rights, rows[i].rights);
        rights_write(rights, &out);
        assert_true(view_equal_string(buffer_view(&out), rows[i].again));
        buffer_free(&out);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(rights_read(view_of_string(bad[i]), &rights));
}

static void test_entries_come_change_and_go(void **state)
{
    uint32_t sent = find("Sent");
    struct acl_entry ann = {.kind = ACL_ACCOUNT, .account = 77, .rights = RIGHT_READ};
    assert_int_equal(read_of(sent).count, 0);
    assert_int_equal(change(sent, ann, ACL_REMOVE), STORE_OK);
    assert_int_equal(read_of(sent).count, 0);
    assert_int_equal(change(sent, ann, ACL_REPLACE), STORE_OK);
    ann.rights = RIGHT_LOOKUP;
    assert_int_equal(change(sent, ann, ACL_ADD), STORE_OK);
    assert_int_equal(acl_rights(&(struct acl){read_of(sent).entries, 1}, 77, NULL, 0), RIGHT_READ | RIGHT_LOOKUP);
    assert_int_equal(change(sent, ann, ACL_REMOVE), STORE_OK);
    struct acl acl = read_of(sent);
    assert_int_equal(acl_rights(&acl, 77, NULL, 0), RIGHT_READ);
    assert_int_equal(acl_rights(&acl, 78, NULL, 0), 0);
    ann.rights = 0;
    assert_int_equal(change(sent, ann, ACL_REPLACE), STORE_OK);
    assert_int_equal(read_of(sent).count, 0);
    assert_int_equal(change(4711, ann, ACL_REPLACE), STORE_NO_MAILBOX);
}

static void test_rights_add_up_and_are_taken_away(void **state)
{
    uint32_t sent = find("Sent");
    const struct view staff = VIEW_LITERAL("staff"), tea = VIEW_LITERAL("tea"), both[] = {staff, tea};
    const struct acl_entry entries[] = {
        {.kind = ACL_ANYONE, .rights = RIGHT_LOOKUP},
        {.kind = ACL_GROUP, .group = staff, .rights = RIGHT_READ | RIGHT_WRITE},
        {.kind = ACL_GROUP, .group = tea, .negative = true, .rights = RIGHT_WRITE},
        {.kind = ACL_ACCOUNT, .account = 77, .negative = true, .rights = RIGHT_LOOKUP},
    };
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(change(sent, entries[i], ACL_REPLACE), STORE_OK);
    struct acl acl = read_of(sent);
    assert_true(acl_has_groups(&acl));
    assert_int_equal(acl_rights(&acl, 5, NULL, 0), RIGHT_LOOKUP);
    assert_int_equal(acl_rights(&acl, 5, &staff, 1), RIGHT_LOOKUP | RIGHT_READ | RIGHT_WRITE);
    assert_int_equal(acl_rights(&acl, 5, both, 2), RIGHT_LOOKUP | RIGHT_READ);
    assert_int_equal(acl_rights(&acl, 77, both, 2), RIGHT_READ);
}

static void test_a_list_has_an_end(void **state)
{
    uint32_t sent = find("Sent");
    for (uint64_t i = 0; i < LIMIT_ACL_ENTRIES; i++)
        assert_int_equal(change(sent, (struct acl_entry){.kind = ACL_ACCOUNT, .account = 100 + i, .rights = 1}, 0),
                         STORE_OK);
    assert_int_equal(change(sent, (struct acl_entry){.kind = ACL_ANYONE, .rights = 1}, 0), STORE_LIMIT);
    assert_int_equal(read_of(sent).count, LIMIT_ACL_ENTRIES);
}

static void test_children_inherit_renames_keep_deletes_drop(void **state)
{
    const struct acl_entry ann = {.kind = ACL_ACCOUNT, .account = 77, .rights = RIGHT_READ};
    assert_int_equal(change(find("Archive"), ann, ACL_REPLACE), STORE_OK);
    assert_int_equal(wish((struct wish){.mutation.run = run_create, .name = VIEW_LITERAL("Archive/2025/May")}), 0);
    assert_int_equal(read_of(find("Archive/2025")).count, 1);
    assert_int_equal(read_of(find("Archive/2025/May")).count, 1);
    uint32_t id = find("Archive/2025/May");
    assert_int_equal(wish((struct wish){.mutation.run = run_rename,
                                        .name = VIEW_LITERAL("Archive/2025/May"),
                                        .to = VIEW_LITERAL("May")}),
                     0);
    assert_int_equal(read_of(id).count, 1);
    assert_int_equal(wish((struct wish){.mutation.run = run_create, .name = VIEW_LITERAL("June")}), 0);
    assert_int_equal(read_of(find("June")).count, 0);
    assert_int_equal(wish((struct wish){.mutation.run = run_delete, .mailbox = id}), 0);
    assert_int_equal(read_of(id).count, 0);
}

static size_t owners_for(uint64_t who, const struct view *groups, size_t count)
{
    uint64_t *owners;
    size_t found;
    assert_int_equal(acl_owners(store, READ_BLOCKING, &arena, who, groups, count, &owners, &found), STORE_OK);
    assert_true(!found || owners[0] == account);
    return found;
}

static void test_the_index_tells_who_shares(void **state)
{
    const struct view staff = VIEW_LITERAL("staff"), tea = VIEW_LITERAL("tea");
    const struct acl_entry ann = {.kind = ACL_ACCOUNT, .account = 77}, group = {.kind = ACL_GROUP, .group = staff};
    assert_false(acl_may_be_shared_with(store, 77) || acl_may_be_shared_with_groups(store));
    assert_int_equal(wish((struct wish){.mutation.run = run_note, .entry = ann}), STORE_OK);
    assert_int_equal(wish((struct wish){.mutation.run = run_note, .entry = ann}), STORE_OK);
    assert_true(acl_may_be_shared_with(store, 77));
    assert_false(acl_may_be_shared_with(store, 78) || acl_may_be_shared_with_groups(store));
    assert_int_equal(wish((struct wish){.mutation.run = run_note, .entry = group}), STORE_OK);
    store_close(&store);
    open_store();
    assert_true(acl_may_be_shared_with(store, 77) && acl_may_be_shared_with_groups(store));
    assert_false(acl_may_be_shared_with(store, 78));
    assert_int_equal(owners_for(77, NULL, 0), 1);
    assert_int_equal(owners_for(77, &staff, 1), 1);
    assert_int_equal(owners_for(78, &tea, 1), 0);
    assert_int_equal(owners_for(78, &staff, 1), 1);
    assert_int_equal(owners_for(account, &staff, 1), 0);
    assert_int_equal(wish((struct wish){.mutation.run = run_note, .entry = {.kind = ACL_ANYONE}}), STORE_OK);
    assert_true(acl_may_be_shared_with(store, 78));
    assert_int_equal(owners_for(78, NULL, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rights_are_letters),
        cmocka_unit_test_setup_teardown(test_entries_come_change_and_go, begin, end),
        cmocka_unit_test_setup_teardown(test_rights_add_up_and_are_taken_away, begin, end),
        cmocka_unit_test_setup_teardown(test_a_list_has_an_end, begin, end),
        cmocka_unit_test_setup_teardown(test_children_inherit_renames_keep_deletes_drop, begin, end),
        cmocka_unit_test_setup_teardown(test_the_index_tells_who_shares, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
