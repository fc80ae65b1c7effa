/*
 * fuzz/front_lmtp.c: the whole of LMTP. Each line said is a reply with a code; what mail is given holds no CR or LF
 * that stands alone, unless it came by BDAT.
 */
#include "front_dialogue.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    unsigned messages = house.messages, recipients = house.recipients;
    dialogue(ROLE_LMTP, PROTOCOL_LMTP, data, size);
    struct view rest = buffer_view(&house.said), line;
    size_t taken = 0;
    BUG_IF(!view_starts_with(rest, VIEW_LITERAL("220 mx.example.org ")));
    while (next_said(&rest, &line)) {
        BUG_IF(line.size < 4 || !is_digit(line.data[0]) || !is_digit(line.data[1]) || !is_digit(line.data[2]));
        BUG_IF(line.data[3] != ' ' && line.data[3] != '-');
        taken += view_starts_with(line, VIEW_LITERAL("250 2.0.0 Taken"));
    }
    /* a reply a recipient that was asked for, and none without a message (RFC 2033 4.2) */
    BUG_IF(taken > house.recipients - recipients || (taken > 0) != (house.messages > messages));
    return 0;
}
