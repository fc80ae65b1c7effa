/* fuzz/front_pop3.c: POP3 before login. */
#include "front_dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    dialogue(ROLE_GATE, PROTOCOL_POP3, data, size);
    struct view rest = buffer_view(&house.said), line;
    bool listing = false;
    BUG_IF(!view_starts_with(rest, VIEW_LITERAL("+OK")));
    while (next_said(&rest, &line)) {
        bool status = view_starts_with(line, VIEW_LITERAL("+OK")) || view_starts_with(line, VIEW_LITERAL("-ERR ")) ||
                      view_starts_with(line, VIEW_LITERAL("+ "));
        BUG_IF(!listing && !status && line.size == 0);
        listing = !view_equal_string(line, ".") && (listing || !status);
    }
    return 0;
}
