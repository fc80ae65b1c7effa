/*
 * process/walls_landlock.c: Landlock by its three system calls.
 *
 * Debian 12's headers know version 2 only; the rights of later versions are named here, and masked by what the kernel
 * has.
 */
#include "process/walls.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446, RULE_PATH_BENEATH = 1, ASK_VERSION = 1 };

struct ruleset_attributes {
    uint64_t files, net, scoped;
};
struct path_rule {
    uint64_t allowed;
    int32_t folder;
} __attribute__((packed));

#define EXECUTE     ((uint64_t)1 << 0)
#define WRITE_FILE  ((uint64_t)1 << 1)
#define READ_FILE   ((uint64_t)1 << 2)
#define READ_DIR    ((uint64_t)1 << 3)
#define REMOVE_DIR  ((uint64_t)1 << 4)
#define REMOVE_FILE ((uint64_t)1 << 5)
#define MAKE_DIR    ((uint64_t)1 << 7)
#define MAKE_REG    ((uint64_t)1 << 8)
#define REFER       ((uint64_t)1 << 13)
#define TRUNCATE    ((uint64_t)1 << 14)

#define FOLDER_RIGHTS                                                                                                  \
    (WRITE_FILE | READ_FILE | READ_DIR | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE)

/* All rights that version `abi` can take away. */
static struct ruleset_attributes handled(unsigned abi)
{
    static const unsigned file_rights[] = {0, 13, 14, 15, 15, 16};
    unsigned count = file_rights[abi < 5 ? abi : 5];
    return (struct ruleset_attributes){((uint64_t)1 << count) - 1, abi >= 4 ? 3 : 0, abi >= 6 ? 3 : 0};
}

static size_t attributes_size(unsigned abi)
{
    return abi < 4 ? 8 : abi < 6 ? 16 : 24;
}

static bool allow_folder(int ruleset, const char *path, uint64_t rights)
{
    struct path_rule rule = {rights, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (rule.folder < 0)
        return false;
    bool good = syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) == 0;
    close(rule.folder);
    return good;
}

bool walls_landlock(const char *const *folders, unsigned abi_max, unsigned *abi_r, char *error, size_t error_size)
{
    long version = syscall(CREATE_RULESET, NULL, 0, ASK_VERSION);
    unsigned abi = version < 0 ? 0 : (unsigned)version;
    if (abi_max && abi > abi_max)
        abi = abi_max;
    *abi_r = abi;
    if (abi == 0)
        return true;
    struct ruleset_attributes attributes = handled(abi);
    int ruleset = (int)syscall(CREATE_RULESET, &attributes, attributes_size(abi), 0);
    if (ruleset < 0) {
        snprintf(error, error_size, "walls: landlock: %s", strerror(errno));
        return false;
    }
    bool good = true;
    for (; *folders && good; folders++)
        good = allow_folder(ruleset, *folders, FOLDER_RIGHTS & attributes.files);
    if (good && syscall(RESTRICT_SELF, ruleset, 0) < 0)
        good = false;
    if (!good)
        snprintf(error, error_size, "walls: landlock: %s: %s", *folders ? *folders : "", strerror(errno));
    close(ruleset);
    return good;
}
