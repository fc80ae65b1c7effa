/* The matrix of forbidden actions: each role, behind the walls of each profile, as root and as an ordinary user. */
#include "process/walls.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SOMEBODY = 60998, ROLE_ID = 60999, RESULT_ERROR = 250 };

static int run_matrix(struct walls *w)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int wrong = walls_matrix(w, out);
    fclose(out);
    if (wrong && w->profile != WALLS_OFF)
        fprintf(stderr, "%s", text);
    free(text);
    return wrong;
}

/* In a process of its own, which may first become an ordinary user. */
static int matrix_of(enum role role, enum walls_profile profile, const char *own, unsigned landlock_abi)
{
    char folder[] = "/tmp/waxwing-walls-XXXXXX", path[64], command_folder[80];
    struct walls w = {.role = role,
                      .profile = profile,
                      .uid = ROLE_ID,
                      .gid = ROLE_ID,
                      .root = folder,
                      .folders = {own},
                      .landlock_abi_max = landlock_abi};
    int status = 0;
    uid_t owner = profile == WALLS_FULL ? ROLE_ID : geteuid() == 0 ? SOMEBODY : geteuid();
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0755), 0);
    snprintf(path, sizeof path, "%s/%s", folder, own ? own : "unused");
    assert_int_equal(mkdir(path, 0700), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(path, owner, owner), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (profile != WALLS_FULL && geteuid() == 0 && (setgid(SOMEBODY) < 0 || setuid(SOMEBODY) < 0))
            _exit(RESULT_ERROR);
        _exit(run_matrix(&w));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    snprintf(command_folder, sizeof command_folder, "%s/own", path);
    unlink(command_folder);
    rmdir(path);
    rmdir(folder);
    return WIFEXITED(status) ? WEXITSTATUS(status) : RESULT_ERROR;
}

static void all_roles(enum walls_profile profile, unsigned landlock_abi)
{
    assert_int_equal(matrix_of(ROLE_GATE, profile, NULL, landlock_abi), 0);
    assert_int_equal(matrix_of(ROLE_LMTP, profile, NULL, landlock_abi), 0);
    assert_int_equal(matrix_of(ROLE_AUTH, profile, "auth", landlock_abi), 0);
    assert_int_equal(matrix_of(ROLE_MAIL, profile, "store", landlock_abi), 0);
    assert_int_equal(matrix_of(ROLE_PARSE, profile, NULL, landlock_abi), 0);
}

static void test_started_as_root_every_forbidden_action_is_denied_in_every_role(void **state)
{
#ifdef WAXWING_SANITIZED
    skip();
#endif
    if (geteuid() != 0)
        skip();
    all_roles(WALLS_FULL, 0);
}

static void test_started_by_a_user_every_forbidden_action_is_denied_in_every_role(void **state)
{
#ifdef WAXWING_SANITIZED
    skip();
#endif
    all_roles(WALLS_USER, 0);
}

static void test_the_walls_hold_with_the_landlock_of_an_older_kernel(void **state)
{
#ifdef WAXWING_SANITIZED
    skip();
#endif
    all_roles(geteuid() == 0 ? WALLS_FULL : WALLS_USER, 2);
}

/* The control, as an ordinary user: without walls the same matrix finds open doors, so it can fail. */
static void test_without_walls_the_matrix_finds_open_doors(void **state)
{
    static const char *const left[] = {"/tmp/waxwing-intruder", "/tmp/waxwing-link", "/tmp/waxwing-fifo"};
    assert_int_not_equal(matrix_of(ROLE_PARSE, WALLS_OFF, NULL, 0), 0);
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        unlink(left[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_started_as_root_every_forbidden_action_is_denied_in_every_role),
        cmocka_unit_test(test_started_by_a_user_every_forbidden_action_is_denied_in_every_role),
        cmocka_unit_test(test_the_walls_hold_with_the_landlock_of_an_older_kernel),
        cmocka_unit_test(test_without_walls_the_matrix_finds_open_doors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
