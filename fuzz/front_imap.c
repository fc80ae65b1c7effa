/* fuzz/front_imap.c: IMAP before login. Every line that is said is untagged, a continuation or has a tag and a word. */
#include "front_dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    dialogue(ROLE_GATE, PROTOCOL_IMAP, data, size);
    struct view rest = buffer_view(&house.said), line;
    BUG_IF(!view_starts_with(rest, VIEW_LITERAL("* OK [CAPABILITY ")));
    while (next_said(&rest, &line)) {
        size_t space = view_find(line, ' ', 0);
        BUG_IF(space == SIZE_MAX || space == 0);
        struct view text = view_skip(line, space + 1);
        bool untagged = line.data[0] == '*' || line.data[0] == '+';
        BUG_IF(!untagged && !view_starts_with(text, VIEW_LITERAL("OK ")) &&
               !view_starts_with(text, VIEW_LITERAL("NO ")) && !view_starts_with(text, VIEW_LITERAL("BAD ")));
    }
    return 0;
}
