/*
 * tests/support/replay.c: runs a fuzz target over files and folders, without libFuzzer: the corpora as ordinary tests.
 *
 * Called   as replay-NAME [FILE or FOLDER]...; one empty input always.
 */
#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return;
    uint8_t *data = malloc((size_t)1 << 22);
    size_t size = data ? fread(data, 1, (size_t)1 << 22, file) : 0;
    fclose(file);
    /* An exact-size heap block, so that a sanitised build sees each octet read behind the end. */
    uint8_t *exact = malloc(size ? size : 1);
    if (exact && data) {
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
    }
    free(exact);
    free(data);
}

static void replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char name[4096];
        if (entry->d_name[0] != '.' && snprintf(name, sizeof name, "%s/%s", path, entry->d_name) < (int)sizeof name)
            replay_file(name);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode))
            replay_folder(argv[i]);
        else
            replay_file(argv[i]);
    }
    return 0;
}
