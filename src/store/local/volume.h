/*
 * store/local/volume.h: the volume files: names, descriptors, making, removing, reading whole stretches.
 *
 * Does     keeps at most VOLUMES_OPEN descriptors for reading, least recently used first out, those in use pinned.
 * Owns     the folder's descriptor and the readers' descriptors. The writer and large bodies keep their own for
 *          writing.
 * Called   on any thread; locked inside.
 * Waits    for the disk at a first open, and in volumes_create.
 * Tested   tests/unit/store_engine.c, fuzz/volume.c
 */
#ifndef STORE_LOCAL_VOLUME_H
#define STORE_LOCAL_VOLUME_H

#include "store/local/record.h"
#include <pthread.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { VOLUMES_OPEN = 512, VOLUMES_HASH = 1024 };

struct volume {
    uint32_t number;
    int fd;
    uint32_t pins;
    struct volume *hash_next, *newer, *older;
};

struct volumes {
    pthread_mutex_t lock;
    int folder_fd;
    unsigned char store_id[16];
    struct volume *hash[VOLUMES_HASH];
    struct volume *newest, *oldest; /* by use */
    uint32_t open;
    _Atomic uint64_t count, octets; /* for status */
};

/* Takes over folder_fd. */
void volumes_init(struct volumes *volumes, int folder_fd, const unsigned char store_id[16]);
void volumes_free(struct volumes *volumes);

/* STORE_NOT_FOUND if there is no such file (compaction moved what was in it). */
enum store_error volumes_pin(struct volumes *volumes, uint32_t number, struct volume **volume_r);
void volumes_unpin(struct volumes *volumes, struct volume *volume);

/* Made, header written, file and folder synced: then only it may be used. A file of that name without a valid header
 * is overwritten: nothing was ever in it. */
enum store_error volumes_create(struct volumes *volumes, uint32_t number, uint64_t first_batch, int *fd_r);
/* For writing. */
int volumes_open_for_append(struct volumes *volumes, uint32_t number);
enum store_error volumes_remove(struct volumes *volumes, uint32_t number);

struct volume_entry {
    uint32_t number;
    uint64_t octets;
    int64_t written_s; /* the last time */
};
/* Ascending: the log, then the packed ones, then the large ones. The caller frees *list_r. */
enum store_error volumes_list(struct volumes *volumes, struct volume_entry **list_r, size_t *count_r);
void volume_name(uint32_t number, char name[16]);
/* Damage, for the administrator: an event of the log. */
void volume_name_damage(uint32_t number, uint64_t offset, const char *what);

/* From errno of a failed write: STORE_FULL for a full disk, else STORE_IO. */
enum store_error volume_write_error(int number);
/* All of it or an error. */
enum store_error volume_write(int fd, const void *data, size_t size, uint64_t offset);
/* All of it: STORE_OK; fewer octets there: STORE_CORRUPT; STORE_IO; nonblocking and not in memory: STORE_WOULD_BLOCK.
 */
enum store_error volume_read(int fd, bool nonblocking, void *data, size_t size, uint64_t offset);
/* Into several places; parts is used up. */
enum store_error volume_read_parts(int fd, bool nonblocking, struct iovec *parts, size_t count, uint64_t offset);

/* A window over a file, or over memory, for scans. */
struct window {
    int fd; /* -1: memory */
    const char *memory;
    uint64_t size; /* of the file */
    char *octets;
    uint64_t start;
    size_t held, capacity;
};
void window_init_file(struct window *window, int fd, uint64_t size);
void window_init_memory(struct window *window, const void *memory, size_t size);
void window_free(struct window *window);
/* `size` octets at offset, valid until the next call; null beyond the end or if they can't be read. */
const char *window_get(struct window *window, uint64_t offset, size_t size);

/*
 * Steps through a volume's records. SCAN_BAD: octets that are no good record, from *offset to scan->at; found again by
 * the damaged record's length or by the next magic with a good header.
 */
struct scan {
    struct window *window;
    uint32_t volume;
    uint64_t at;
};
enum scan_found { SCAN_RECORD, SCAN_BAD, SCAN_END };
/* body_r: the octets that the body's checksum covers; good until the next call. record_r of SCAN_BAD: kind 0 unless
 * the header was good. check_bodies false: only headers are looked at, and *body_r is null. */
enum scan_found scan_next(struct scan *scan, bool check_bodies, uint64_t *offset_r, struct record *record_r,
                          const char **body_r);

/*
 * Opens a volume of those whose headers are written last, to go on behind the last good one; what a crash left behind
 * that is cut off if `cut`. *fd_r -1: it has no good header of its own, and nothing was ever in it.
 */
enum store_error volumes_go_on(struct volumes *volumes, const struct volume_entry *entry, bool cut, int *fd_r,
                               uint64_t *end_r);

#endif
