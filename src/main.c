/*
 * main.c: the verbs of the one binary: the server, a role of it, or a command.
 */
#include "admin/admin.h"
#include "process/role.h"
#include "process/supervisor.h"
#include "process/title.h"
#include "process/walls.h"

static const struct role_entry *const roles[] = {&gate_entry, &lmtp_entry,  &auth_entry,
                                                 &mail_entry, &parse_entry, NULL};

int main(int argc, char **argv)
{
    const char *config = NULL;
    int at = 1;
    if (argc > 3 && strcmp(argv[1], "role") == 0) {
        title_init(argc, argv);
        return role_main(roles, argc - 1, argv + 1);
    }
    if (argc > at + 1 && strcmp(argv[at], "-c") == 0) {
        config = argv[at + 1];
        at += 2;
    }
    if (argc > at && strcmp(argv[at], "--version") == 0) {
        puts("waxwing " WAXWING_VERSION);
        return 0;
    }
    if (argc > at && strcmp(argv[at], "--walls-test") == 0)
        return walls_test_main(argc - at - 1, argv + at + 1);
    if (argc > at && strcmp(argv[at], "serve") == 0) {
        title_init(argc, argv);
        return supervisor_main(config, argc - at, argv + at);
    }
    return admin_main(argc, argv);
}
