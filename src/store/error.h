/*
 * store/error.h: what can go wrong in the store. Few classes; each protocol holds one table from these to its own
 * codes.
 */
#ifndef STORE_ERROR_H
#define STORE_ERROR_H

enum store_error {
    STORE_OK = 0,
    STORE_MORE,        /* a slice is done, call again */
    STORE_WOULD_BLOCK, /* not in memory: ask again from the pool */
    STORE_NOT_FOUND,
    STORE_NO_ACCOUNT,
    STORE_NO_MAILBOX,
    STORE_EXISTS,
    STORE_EXPUNGED, /* the message is gone, and past its grace */
    STORE_OVER_QUOTA,
    STORE_LIMIT,     /* a limit of docs/limits.md */
    STORE_BAD_NAME,  /* a mailbox name that can't be */
    STORE_FORBIDDEN, /* INBOX can't be deleted, and the like */
    STORE_NO_RIGHT,  /* whoever asks may not */
    STORE_HAS_CHILDREN,
    STORE_MODIFIED,  /* UNCHANGEDSINCE failed */
    STORE_TOO_OLD,   /* behind the change log's floor */
    STORE_BUSY,      /* locked by another process, or under a lease */
    STORE_FULL,      /* the disk is full or below the reserve */
    STORE_READ_ONLY, /* a sync failed: read-only until restart */
    STORE_CORRUPT,   /* rot: named in the log */
    STORE_IO,
    STORE_ERROR_COUNT
};

const char *store_error_text(enum store_error error);

#endif
