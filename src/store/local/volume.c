/* store/local/volume.c: see store/local/volume.h. */
#include "store/local/volume.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const struct {
    uint32_t kind;
    const char *suffix;
} kinds[] = {{0, ".vol"}, {VOLUME_PACKED, ".pak"}, {VOLUME_LARGE, ".big"}};

void volume_name(uint32_t number, char name[16])
{
    size_t kind = 0;
    while (kinds[kind].kind != (number & VOLUME_KIND))
        kind++;
    snprintf(name, 16, "%08u%s", number & ~VOLUME_KIND, kinds[kind].suffix);
}

void volume_name_damage(uint32_t number, uint64_t offset, const char *what)
{
    char name[16];
    volume_name(number, name);
    log_event(LOG_ERROR, "store.damage", "volume=%s offset=%llu what=\"%s\"", name, (unsigned long long)offset, what);
}

static bool name_parse(const char *name, uint32_t *number_r)
{
    struct view v = view_of_string(name);
    uint64_t number;
    if (v.size != 12 || !view_parse_u64(view_slice(v, 0, 8), 99999999, &number) || number == 0)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(name + 8, kinds[i].suffix) == 0) {
            *number_r = (uint32_t)number | kinds[i].kind;
            return true;
        }
    return false;
}

void volumes_init(struct volumes *volumes, int folder_fd, const unsigned char store_id[16])
{
    memset(volumes, 0, sizeof *volumes);
    pthread_mutex_init(&volumes->lock, NULL);
    volumes->folder_fd = folder_fd;
    memcpy(volumes->store_id, store_id, 16);
}

void volumes_free(struct volumes *volumes)
{
    for (struct volume *volume = volumes->newest, *older; volume; volume = older) {
        older = volume->older;
        close(volume->fd);
        free(volume);
    }
    if (volumes->folder_fd >= 0)
        close(volumes->folder_fd);
    pthread_mutex_destroy(&volumes->lock);
}

/* ---- the descriptors: a hash by number, a list by use ---- */

static void list_remove(struct volumes *volumes, struct volume *volume)
{
    *(volume->newer ? &volume->newer->older : &volumes->newest) = volume->older;
    *(volume->older ? &volume->older->newer : &volumes->oldest) = volume->newer;
    volume->newer = volume->older = NULL;
}

static void list_add(struct volumes *volumes, struct volume *volume)
{
    volume->newer = NULL;
    volume->older = volumes->newest;
    *(volumes->newest ? &volumes->newest->newer : &volumes->oldest) = volume;
    volumes->newest = volume;
}

static struct volume **hash_place(struct volumes *volumes, uint32_t number)
{
    struct volume **place = &volumes->hash[number % VOLUMES_HASH];
    while (*place && (*place)->number != number)
        place = &(*place)->hash_next;
    return place;
}

static void forget(struct volumes *volumes, struct volume *volume)
{
    struct volume **place = hash_place(volumes, volume->number);
    *place = volume->hash_next;
    list_remove(volumes, volume);
    volumes->open--;
    close(volume->fd);
    free(volume);
}

static void close_oldest(struct volumes *volumes)
{
    struct volume *volume = volumes->oldest;
    while (volume && volume->pins)
        volume = volume->newer;
    if (volume)
        forget(volumes, volume);
}

static enum store_error open_for_reading(struct volumes *volumes, uint32_t number, struct volume **volume_r)
{
    char name[16];
    volume_name(number, name);
    int fd = openat(volumes->folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? STORE_NOT_FOUND : STORE_IO;
    if (volumes->open >= VOLUMES_OPEN)
        close_oldest(volumes);
    struct volume *volume = NEW(struct volume);
    volume->number = number;
    volume->fd = fd;
    volume->hash_next = volumes->hash[number % VOLUMES_HASH];
    volumes->hash[number % VOLUMES_HASH] = volume;
    list_add(volumes, volume);
    volumes->open++;
    *volume_r = volume;
    return STORE_OK;
}

enum store_error volumes_pin(struct volumes *volumes, uint32_t number, struct volume **volume_r)
{
    enum store_error error = STORE_OK;
    pthread_mutex_lock(&volumes->lock);
    struct volume *volume = *hash_place(volumes, number);
    if (!volume)
        error = open_for_reading(volumes, number, &volume);
    if (!error) {
        volume->pins++;
        if (volumes->newest != volume) {
            list_remove(volumes, volume);
            list_add(volumes, volume);
        }
        *volume_r = volume;
    }
    pthread_mutex_unlock(&volumes->lock);
    return error;
}

void volumes_unpin(struct volumes *volumes, struct volume *volume)
{
    pthread_mutex_lock(&volumes->lock);
    volume->pins--;
    pthread_mutex_unlock(&volumes->lock);
}

/* ---- making and removing ---- */

enum store_error volume_write_error(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EFBIG ? STORE_FULL : STORE_IO;
}

enum store_error volume_write(int fd, const void *data, size_t size, uint64_t offset)
{
    const char *p = data;
    while (size) {
        ssize_t n = pwrite(fd, p, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return volume_write_error(n < 0 ? errno : EIO);
        p += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return STORE_OK;
}

static bool header_is_good(int fd, uint32_t number)
{
    unsigned char octets[VOLUME_HEADER];
    struct volume_header header;
    ssize_t n = pread(fd, octets, sizeof octets, 0);
    return n == (ssize_t)sizeof octets && volume_header_decode(octets, sizeof octets, number, &header);
}

enum store_error volumes_create(struct volumes *volumes, uint32_t number, uint64_t first_batch, int *fd_r)
{
    char name[16];
    volume_name(number, name);
    struct volume_header header = {.number = number, .first_batch = first_batch, .made_s = (uint64_t)clock_wall_s()};
    memcpy(header.store_id, volumes->store_id, 16);
    unsigned char octets[VOLUME_HEADER];
    volume_header_encode(&header, octets);

    enum store_error error = STORE_IO;
    int fd = openat(volumes->folder_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return volume_write_error(errno);
    if (header_is_good(fd, number))
        goto out; /* in use: never overwritten */
    error = ftruncate(fd, 0) < 0 ? STORE_IO : volume_write(fd, octets, sizeof octets, 0);
    if (!error && (fsync(fd) < 0 || fsync(volumes->folder_fd) < 0))
        error = STORE_IO;
    if (error)
        goto out;
    atomic_fetch_add(&volumes->count, 1);
    atomic_fetch_add(&volumes->octets, sizeof octets);
    *fd_r = fd;
    fd = -1;
out:
    if (fd >= 0)
        close(fd);
    return error;
}

int volumes_open_for_append(struct volumes *volumes, uint32_t number)
{
    char name[16];
    volume_name(number, name);
    return openat(volumes->folder_fd, name, O_RDWR | O_CLOEXEC);
}

enum store_error volumes_remove(struct volumes *volumes, uint32_t number)
{
    char name[16];
    struct stat st;
    volume_name(number, name);
    if (fstatat(volumes->folder_fd, name, &st, 0) < 0)
        return errno == ENOENT ? STORE_NOT_FOUND : STORE_IO;
    if (unlinkat(volumes->folder_fd, name, 0) < 0 || fsync(volumes->folder_fd) < 0)
        return STORE_IO;
    atomic_fetch_sub(&volumes->count, 1);
    atomic_fetch_sub(&volumes->octets, (uint64_t)st.st_size);
    pthread_mutex_lock(&volumes->lock);
    struct volume *volume = *hash_place(volumes, number);
    if (volume && !volume->pins)
        forget(volumes, volume);
    pthread_mutex_unlock(&volumes->lock);
    return STORE_OK;
}

static int compare_entries(const void *a, const void *b)
{
    uint32_t x = ((const struct volume_entry *)a)->number, y = ((const struct volume_entry *)b)->number;
    return (x > y) - (x < y);
}

enum store_error volumes_list(struct volumes *volumes, struct volume_entry **list_r, size_t *count_r)
{
    struct volume_entry *list = NULL;
    size_t count = 0, capacity = 0;
    int fd = openat(volumes->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return STORE_IO;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        uint32_t number;
        struct stat st;
        if (!name_parse(entry->d_name, &number) || fstatat(volumes->folder_fd, entry->d_name, &st, 0) < 0)
            continue;
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            list = memory_resize(list, capacity * sizeof *list);
        }
        list[count++] =
            (struct volume_entry){.number = number, .octets = (uint64_t)st.st_size, .written_s = st.st_mtime};
    }
    closedir(folder);
    if (count)
        qsort(list, count, sizeof *list, compare_entries);
    *list_r = list;
    *count_r = count;
    return STORE_OK;
}

/* ---- reading ---- */

/* Steps over what was read. */
static void parts_advance(struct iovec **parts, size_t *count, size_t done)
{
    while (*count && done >= (*parts)->iov_len) {
        done -= (*parts)->iov_len;
        ++*parts;
        --*count;
    }
    if (*count) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + done;
        (*parts)->iov_len -= done;
    }
}

enum store_error volume_read_parts(int fd, bool nonblocking, struct iovec *parts, size_t count, uint64_t offset)
{
    parts_advance(&parts, &count, 0);
    while (count) {
        ssize_t n = preadv2(fd, parts, (int)count, (off_t)offset, nonblocking ? RWF_NOWAIT : 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EOPNOTSUPP && nonblocking) { /* a file system in memory: it never blocks */
            nonblocking = false;
            continue;
        }
        if (n < 0)
            return errno == EAGAIN ? STORE_WOULD_BLOCK : STORE_IO;
        if (n == 0)
            return STORE_CORRUPT;
        parts_advance(&parts, &count, (size_t)n);
        offset += (uint64_t)n;
    }
    return STORE_OK;
}

enum store_error volume_read(int fd, bool nonblocking, void *data, size_t size, uint64_t offset)
{
    struct iovec part = {data, size};
    return volume_read_parts(fd, nonblocking, &part, 1, offset);
}

enum { WINDOW_OCTETS = 1 << 20 };

void window_init_file(struct window *window, int fd, uint64_t size)
{
    *window = (struct window){.fd = fd, .size = size};
}

void window_init_memory(struct window *window, const void *memory, size_t size)
{
    *window = (struct window){.fd = -1, .memory = memory, .size = size};
}

void window_free(struct window *window)
{
    free(window->octets);
    window->octets = NULL;
}

static bool window_fill(struct window *window, uint64_t offset, size_t size)
{
    size_t wanted = size > WINDOW_OCTETS ? size : WINDOW_OCTETS;
    if (wanted > window->size - offset)
        wanted = (size_t)(window->size - offset);
    if (window->capacity < wanted) {
        free(window->octets);
        window->octets = memory_new(wanted);
        window->capacity = wanted;
    }
    window->held = 0;
    window->start = offset;
    if (volume_read(window->fd, false, window->octets, wanted, offset) != STORE_OK)
        return false;
    window->held = wanted;
    return true;
}

const char *window_get(struct window *window, uint64_t offset, size_t size)
{
    if (offset > window->size || size > window->size - offset)
        return NULL;
    if (window->fd < 0)
        return window->memory + offset;
    bool inside = window->octets && offset >= window->start && offset - window->start <= window->held &&
                  size <= window->held - (size_t)(offset - window->start);
    if (!inside && !window_fill(window, offset, size))
        return NULL;
    return window->octets + (offset - window->start);
}

/* ---- scanning ---- */

static bool header_at(struct scan *scan, uint64_t offset, struct record *record_r)
{
    const char *p = window_get(scan->window, offset, RECORD_HEADER);
    return p && record_decode(p, RECORD_HEADER, scan->volume, offset, scan->window->size - offset, record_r);
}

/* The first good header that begins inside this stretch, or SIZE_MAX. */
static size_t header_inside(const struct scan *scan, uint64_t from, const char *p, size_t stretch)
{
    size_t at = 0;
    while (at + RECORD_HEADER <= stretch) {
        struct record record;
        const char *hit = memmem(p + at, stretch - at, "WxR1", 4);
        if (!hit)
            break;
        at = (size_t)(hit - p);
        if (record_decode(hit, stretch - at, scan->volume, from + at, scan->window->size - from - at, &record))
            return at;
        at++;
    }
    return SIZE_MAX;
}

/* The next place after `from` where a good header begins, or the end of the file. */
static uint64_t find_header(struct scan *scan, uint64_t from)
{
    uint64_t size = scan->window->size;
    while (from < size && size - from >= RECORD_HEADER) {
        size_t stretch = size - from < WINDOW_OCTETS ? (size_t)(size - from) : WINDOW_OCTETS;
        const char *p = window_get(scan->window, from, stretch);
        if (!p) { /* a sector that can't be read */
            from += 4096 - from % 4096;
            continue;
        }
        size_t at = header_inside(scan, from, p, stretch);
        if (at != SIZE_MAX)
            return from + at;
        from += stretch - (RECORD_HEADER - 1);
    }
    return size;
}

enum scan_found scan_next(struct scan *scan, bool check_bodies, uint64_t *offset_r, struct record *record_r,
                          const char **body_r)
{
    uint64_t offset = scan->at;
    *offset_r = offset;
    *body_r = NULL;
    memset(record_r, 0, sizeof *record_r);
    if (offset >= scan->window->size)
        return SCAN_END;
    if (!header_at(scan, offset, record_r)) {
        scan->at = find_header(scan, offset + 1);
        return SCAN_BAD;
    }
    scan->at = offset + record_r->octets;
    if (!check_bodies)
        return SCAN_RECORD;
    *body_r = window_get(scan->window, offset + RECORD_HEADER, record_body_octets(record_r));
    if (*body_r && record_body_good(record_r, *body_r, scan->volume, offset))
        return SCAN_RECORD;
    return SCAN_BAD;
}

/* Behind the last good header. */
static uint64_t find_end(int fd, uint32_t number, uint64_t octets)
{
    struct window window;
    struct record record;
    const char *body;
    uint64_t offset, end = VOLUME_HEADER;
    window_init_file(&window, fd, octets);
    struct scan scan = {.window = &window, .volume = number, .at = VOLUME_HEADER};
    for (enum scan_found found; (found = scan_next(&scan, false, &offset, &record, &body)) != SCAN_END;)
        if (found == SCAN_RECORD)
            end = scan.at;
    window_free(&window);
    return end;
}

enum store_error volumes_go_on(struct volumes *volumes, const struct volume_entry *entry, bool cut, int *fd_r,
                               uint64_t *end_r)
{
    *fd_r = -1;
    int fd = volumes_open_for_append(volumes, entry->number);
    if (fd < 0)
        return STORE_IO;
    if (!header_is_good(fd, entry->number)) {
        close(fd);
        return STORE_OK;
    }
    uint64_t end = find_end(fd, entry->number, entry->octets);
    if (cut && end < entry->octets && ftruncate(fd, (off_t)end) < 0) {
        close(fd);
        return STORE_IO;
    }
    atomic_fetch_sub(&volumes->octets, entry->octets - end);
    *fd_r = fd;
    *end_r = end;
    return STORE_OK;
}
