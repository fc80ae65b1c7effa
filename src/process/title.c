/* process/title.c: writes over the stretch of memory that the kernel shows as the command line. */
#include "process/title.h"
#include "base/memory.h"
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char *stretch;
static size_t stretch_size;

void title_init(int argc, char **argv)
{
    if (argc < 1)
        return;
    char *end = argv[0];
    for (int i = 0; i < argc; i++)
        if (argv[i] == end)
            end += strlen(argv[i]) + 1;
    size_t count = 0;
    for (; environ[count]; count++)
        if (environ[count] == end)
            end += strlen(environ[count]) + 1;
    char **copy = memory_array(count + 1, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = memory_string(environ[i]);
    environ = copy;
    stretch = argv[0];
    stretch_size = (size_t)(end - argv[0]);
}

void title_set(const char *title)
{
    prctl(PR_SET_NAME, title, 0, 0, 0);
    if (!stretch)
        return;
    size_t size = strlen(title);
    if (size >= stretch_size)
        size = stretch_size - 1;
    memset(stretch, 0, stretch_size);
    memcpy(stretch, title, size);
}
