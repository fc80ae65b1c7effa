/*
 * fuzz/front_dialogue.h: what the three targets of front share. First octet: how large the pieces are in which the rest
 * comes. Then the peer ends its direction, and the front must come to an end by itself.
 */
#ifndef FRONT_DIALOGUE_H
#define FRONT_DIALOGUE_H

#include "base/log.h"
#include "front_house.h"

static struct front_house house;

static void dialogue(enum role role, uint8_t protocol, const uint8_t *data, size_t size)
{
    if (!house.loop) {
        log_open(STDERR_FILENO, "fuzz", LOG_ERROR); /* not a line a login */
        house_open(&house, role);
    }
    house_connect(&house, protocol);
    struct view rest = view_of(data + 1, size - 1);
    size_t step = data[0] < 16 ? rest.size + 1 : (size_t)data[0] * 4;
    for (unsigned pieces = 0; rest.size && !house.ended; pieces++) {
        struct view piece = view_slice(rest, 0, pieces < 64 ? step : rest.size);
        rest = view_skip(rest, piece.size);
        house_send(&house, piece);
    }
    house_finish(&house);
    BUG_IF(!house.ended);
    house_hang_up(&house);
    BUG_IF(front_sessions(house.front) != 0);
}

/* The next line that the front wrote, without its CRLF. */
static bool next_said(struct view *rest, struct view *line_r)
{
    size_t end = view_find(*rest, '\n', 0);
    if (!rest->size)
        return false;
    BUG_IF(end == SIZE_MAX || end == 0 || rest->data[end - 1] != '\r'); /* only whole lines are written */
    *line_r = view_slice(*rest, 0, end - 1);
    *rest = view_skip(*rest, end + 1);
    return true;
}

#endif
