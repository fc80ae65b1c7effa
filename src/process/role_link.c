/*
 * process/role_link.c: one role alone, linked from the folders that it may contain and nothing else.
 *
 * The executables role-gate, role-auth, ... are never installed: that they link is the proof (DESIGN 4).
 */
#include "process/role.h"
#include "process/title.h"

int main(int argc, char **argv)
{
    static const struct role_entry *const entries[] = {&ROLE_ENTRY, NULL};
    title_init(argc, argv);
    return argc == 4 ? role_main(entries, argc - 1, argv + 1) : 64;
}
