/*
 * front/line.h: scanners that the protocols before login share: lines, words, paths, data with dots.
 *
 * Owns     nothing; views point into what was given.
 * Called   on any thread; no state but the caller's.
 * Tested   tests/unit/front_line.c
 */
#ifndef FRONT_LINE_H
#define FRONT_LINE_H

#include "base/buffer.h"

/* The first line of input without its CRLF (or LF); octets_r: with it. False if no line is complete. */
bool line_take(struct view input, struct view *line_r, size_t *octets_r);
/* The octets up to the next space (or the end), which are taken off together with that one space. */
struct view word_take(struct view *rest);
/* No NUL, CR or LF. */
bool text_is_clean(struct view text);
bool utf8_is_valid(struct view text);

/* ---- the data of DATA (RFC 5321 4.5.2) ---- */

struct dot_reader {
    uint8_t state;
    bool bare; /* a CR or LF stood alone */
};
/*
 * Appends to out what the dots of in stand for; returns how many octets of in were used. Only CRLF "." CRLF ends the
 * data (the CRLF before may be the one of the DATA command): then *ended_r, and the rest of in is not looked at.
 */
size_t dot_read(struct dot_reader *reader, struct view in, struct buffer *out, bool *ended_r);

/* ---- MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.2) ---- */

enum path_result { PATH_OK, PATH_SYNTAX, PATH_TOO_LONG, PATH_8BIT };
enum { PATH_OCTETS = 512 };
/*
 * "<path>" at the start of rest, spaces before it allowed: unquoted, without <> and source route, into `out`
 * (terminated); rest is then what follows. An empty path "<>" is PATH_OK with an empty result.
 */
enum path_result path_take(struct view *rest, char out[PATH_OCTETS]);

#endif
