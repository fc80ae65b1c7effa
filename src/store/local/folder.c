/*
 * store/local/folder.c: the store's folder: its version, its id, its epoch, the lock, small files replaced whole.
 *
 * Called   engine_open and engine_close; engine_write_file also by compaction.
 * Fails    with a sentence for the administrator.
 * Tested   tests/unit/store_engine.c
 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/local/local.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

uint64_t engine_free_octets(struct engine *engine)
{
    struct statvfs st;
    return fstatvfs(engine->folder_fd, &st) < 0 ? 0 : (uint64_t)st.f_bavail * st.f_frsize;
}

enum store_error engine_write_file(struct engine *engine, const char *name, const char *text)
{
    char fresh[64];
    snprintf(fresh, sizeof fresh, "%s.new", name);
    int fd = openat(engine->folder_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return volume_write_error(errno);
    enum store_error error = volume_write(fd, text, strlen(text), 0);
    if (!error && fsync(fd) < 0)
        error = STORE_IO;
    close(fd);
    if (!error && (renameat(engine->folder_fd, fresh, engine->folder_fd, name) < 0 || fsync(engine->folder_fd) < 0))
        error = STORE_IO;
    return error;
}

/* False if there is none or it is too long. */
static bool read_file(const struct engine *engine, const char *name, char *text, size_t size)
{
    int fd = openat(engine->folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = pread(fd, text, size - 1, 0);
    close(fd);
    if (n < 0)
        return false;
    text[n] = '\0';
    return true;
}

enum store_error engine_remove_folder(struct engine *engine, const char *name)
{
    int fd = openat(engine->folder_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? STORE_OK : STORE_IO;
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return STORE_IO;
    }
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    return unlinkat(engine->folder_fd, name, AT_REMOVEDIR) < 0 ? STORE_IO : STORE_OK;
}

enum store_error engine_raise_epoch(struct engine *engine)
{
    char text[32];
    snprintf(text, sizeof text, "%u\n", engine->epoch + 1);
    enum store_error error = engine_write_file(engine, "epoch", text);
    if (!error)
        engine->epoch++;
    engine->epoch_raised = !error;
    return error;
}

/* ---- opening ---- */

static enum store_error lock_folder(struct engine *engine, char *error, size_t error_size)
{
    engine->lock_fd = openat(engine->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (engine->lock_fd < 0) {
        snprintf(error, error_size, "%s/lock can't be opened: %s", engine->path, strerror(errno));
        return STORE_IO;
    }
    unsigned turns = 0;
    do /* what was killed a moment ago may be ending still */
        if (flock(engine->lock_fd, LOCK_EX | LOCK_NB) == 0)
            return STORE_OK;
    while (clock_wait_turn(&turns, LIMIT_TAKE_OVER_MS));
    snprintf(error, error_size, "another process uses the store in %s", engine->path);
    return STORE_BUSY;
}

static enum store_error write_version(struct engine *engine)
{
    char text[96];
    static const char digits[] = "0123456789abcdef";
    char hex[33] = {0};
    for (size_t i = 0; i < 16; i++) {
        hex[2 * i] = digits[engine->store_id[i] >> 4];
        hex[2 * i + 1] = digits[engine->store_id[i] & 15];
    }
    snprintf(text, sizeof text, "waxwing-store %d %s\n", STORE_FORMAT, hex);
    return engine_write_file(engine, "version", text);
}

static enum store_error make_version(struct engine *engine)
{
    if (getrandom(engine->store_id, sizeof engine->store_id, 0) != (ssize_t)sizeof engine->store_id)
        return STORE_IO;
    return write_version(engine);
}

static bool parse_version(struct engine *engine, const char *text, int *format_r)
{
    static const struct view name = VIEW_LITERAL("waxwing-store ");
    struct view rest = view_trim(view_of_string(text));
    uint64_t format;
    if (!view_starts_with(rest, name))
        return false;
    rest = view_skip(rest, name.size);
    size_t blank = view_find(rest, ' ', 0);
    if (blank == SIZE_MAX || !view_parse_u64(view_slice(rest, 0, blank), INT_MAX, &format))
        return false;
    rest = view_skip(rest, blank + 1);
    bool good = rest.size == 2 * sizeof engine->store_id;
    for (size_t i = 0; good && i < sizeof engine->store_id; i++) {
        int octet = view_hex_octet(rest, 2 * i);
        good = octet >= 0;
        engine->store_id[i] = (unsigned char)octet;
    }
    *format_r = (int)format;
    return good;
}

static enum store_error read_version(struct engine *engine, char *error, size_t error_size)
{
    char text[128];
    int format = 0;
    if (!read_file(engine, "version", text, sizeof text)) {
        if (engine->options.create && !engine->options.read_only && make_version(engine) == STORE_OK)
            return STORE_OK;
        snprintf(error, error_size, "there is no store in %s (waxwing init makes one)", engine->path);
        return STORE_NOT_FOUND;
    }
    if (!parse_version(engine, text, &format)) {
        snprintf(error, error_size, "%s/version is not a store's", engine->path);
        return STORE_CORRUPT;
    }
    if (format < 1 || format > STORE_FORMAT) {
        snprintf(error, error_size, "the store in %s has format %d, this program knows formats up to %d", engine->path,
                 format, STORE_FORMAT);
        return STORE_FORBIDDEN;
    }
    /* Older formats are read as they are; what is written from now on an older program could not read. */
    enum store_error result = format == STORE_FORMAT || engine->options.read_only ? STORE_OK : write_version(engine);
    if (result)
        snprintf(error, error_size, "%s/version can't be written", engine->path);
    return result;
}

enum store_error engine_open_folder(struct engine *engine, char *error, size_t error_size)
{
    char text[32];
    uint64_t epoch = 0;
    if (engine->options.create && !engine->options.read_only)
        mkdir(engine->path, 0700);
    engine->folder_fd = open(engine->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (engine->folder_fd < 0) {
        snprintf(error, error_size, "%s can't be opened: %s", engine->path, strerror(errno));
        return errno == ENOENT ? STORE_NOT_FOUND : STORE_IO;
    }
    enum store_error result = lock_folder(engine, error, error_size);
    if (!result)
        result = read_version(engine, error, error_size);
    if (result)
        return result;
    if (read_file(engine, "epoch", text, sizeof text))
        view_parse_u64(view_trim(view_of_string(text)), UINT32_MAX, &epoch);
    engine->epoch = (uint32_t)epoch;
    mkdirat(engine->folder_fd, "volumes", 0700);
    int volumes = openat(engine->folder_fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (volumes < 0) {
        snprintf(error, error_size, "%s/volumes can't be opened: %s", engine->path, strerror(errno));
        return STORE_IO;
    }
    volumes_init(&engine->volumes, volumes, engine->store_id);
    return STORE_OK;
}

void engine_close_folder(struct engine *engine)
{
    if (engine->lock_fd >= 0)
        close(engine->lock_fd);
    if (engine->folder_fd >= 0)
        close(engine->folder_fd);
}
