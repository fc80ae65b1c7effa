/*
 * base/log.h: one line an event.
 *
 * Does     writes "event=NAME key=value ..." to the log descriptor, with a "<N>" priority in front for the journal.
 *          Fixed event names, fixed key order, spaces and control characters in values as \xNN, and whatever a stranger
 *          chose comes last, so that nobody can forge another line's fields.
 * Owns     the log descriptor of the process. Lines are at most LOG_LINE_MAX octets, one write each; a full pipe drops
 *          the line and counts it.
 * Called   by everybody, on any thread. Parse, gate, auth and mail write to a pipe of the supervisor.
 * Tested   tests/unit/base_log.c
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/view.h"

enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_INFO = 6, LOG_DEBUG = 7 };

/* The descriptor is made non-blocking unless it is stderr. */
void log_open(int fd, const char *process_name, enum log_level most);
/*
 * log_event(LOG_INFO, "login.ok", "proto=%s rip=%s", proto, rip): the format holds key=value pairs. %s values are
 * escaped by log_value or known to be plain; see log_value.
 */
void log_event(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Escapes a stranger's text into `out` (size octets, terminated) and returns it. Cut at the end if too long. */
const char *log_value(struct view v, char *out, size_t size);
uint64_t log_dropped(void);

#endif
