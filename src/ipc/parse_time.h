/*
 * ipc/parse_time.h: how long parse may take for a message: what mail and parse hold each other to.
 *
 * Does     two bounds. parse stops itself by its processor time, so that a machine that is too busy makes no innocent
 *          message opaque. mail goes by the clock, with far more patience: for a parse that stands still, or lies.
 * Called   by message/service.c and delivery/parser.c.
 */
#ifndef IPC_PARSE_TIME_H
#define IPC_PARSE_TIME_H

#include "base/limits.h"
#include <stddef.h>
#include <stdint.h>

/* Sanitised code takes many times as long for the same message. */
#ifdef WAXWING_SANITIZED
enum { PARSE_SLOWNESS = 8, PARSE_PATIENCE = 4 * LIMIT_PARSE_PATIENCE };
#else
enum { PARSE_SLOWNESS = 1, PARSE_PATIENCE = LIMIT_PARSE_PATIENCE };
#endif

static inline uint64_t parse_ms(size_t octets)
{
    return LIMIT_PARSE_MS + (uint64_t)(octets >> 20) * LIMIT_PARSE_MS_PER_MIB;
}
/* Of processor time. */
static inline uint64_t parse_processor_ms(size_t octets)
{
    return PARSE_SLOWNESS * parse_ms(octets);
}
/* By the clock. */
static inline uint64_t parse_clock_ms(size_t octets)
{
    return PARSE_PATIENCE * parse_ms(octets);
}

#endif
