/* store/error.c: see store/error.h. */
#include "store/error.h"

static const char *const texts[STORE_ERROR_COUNT] = {
    [STORE_OK] = "done",
    [STORE_MORE] = "more to do",
    [STORE_WOULD_BLOCK] = "not in memory",
    [STORE_NOT_FOUND] = "not found",
    [STORE_NO_ACCOUNT] = "no such account",
    [STORE_NO_MAILBOX] = "no such mailbox",
    [STORE_EXISTS] = "exists already",
    [STORE_EXPUNGED] = "the message is gone",
    [STORE_OVER_QUOTA] = "over quota",
    [STORE_LIMIT] = "a limit is reached",
    [STORE_BAD_NAME] = "not a possible name",
    [STORE_FORBIDDEN] = "not allowed",
    [STORE_NO_RIGHT] = "no right to do that",
    [STORE_HAS_CHILDREN] = "has children",
    [STORE_MODIFIED] = "changed meanwhile",
    [STORE_TOO_OLD] = "too long ago",
    [STORE_BUSY] = "in use",
    [STORE_FULL] = "the disk is full",
    [STORE_READ_ONLY] = "the store is read-only",
    [STORE_CORRUPT] = "damaged on disk",
    [STORE_IO] = "input or output failed",
};

const char *store_error_text(enum store_error error)
{
    if ((unsigned)error >= STORE_ERROR_COUNT || !texts[error])
        return "unknown";
    return texts[error];
}
