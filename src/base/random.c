/* base/random.c: see base/random.h. */
#include "base/random.h"
#include "base/memory.h"
#include <errno.h>
#include <sys/random.h>

void random_octets(void *to, size_t size)
{
    char *at = to;
    while (size) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0) {
            BUG_IF(errno != EINTR);
            continue;
        }
        at += got;
        size -= (size_t)got;
    }
}

uint64_t random_u64(void)
{
    uint64_t value;
    random_octets(&value, sizeof value);
    return value;
}
