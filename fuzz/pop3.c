/*
 * fuzz/pop3.c: command lines of POP3 after login, one a line, over a maildrop of five messages of which one is marked.
 *
 * What is accepted names a message that is there.
 */
#include "base/memory.h"
#include "pop3/private.h"

static void read_one(struct pop3 *pop3, struct view line)
{
    size_t space = view_find(line, ' ', 0);
    pop3->arguments = space == SIZE_MAX ? VIEW_EMPTY : view_skip(line, space + 1);
    pop3->command = pop3_command_find(view_slice(line, 0, space));
    if (!pop3->command)
        return;
    bool good = pop3_arguments_read(pop3);
    BUG_IF(good != (pop3->problem == NULL));
    if (!good)
        return;
    bool named = pop3->index != SIZE_MAX;
    BUG_IF(named && (pop3->index >= pop3->count || pop3->messages[pop3->index].deleted));
    BUG_IF(named && pop3->command->arguments == POP3_NONE);
    BUG_IF(!named && (pop3->command->arguments == POP3_MESSAGE || pop3->command->arguments == POP3_MESSAGE_LINES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pop3_message messages[5] = {[2] = {.deleted = 1}};
    struct pop3 pop3 = {.messages = messages, .count = 5, .deleted = 1};
    struct view rest = view_of(data, size);
    while (rest.size) {
        size_t end = view_find(rest, '\n', 0);
        read_one(&pop3, view_slice(rest, 0, end));
        rest = end == SIZE_MAX ? VIEW_EMPTY : view_skip(rest, end + 1);
    }
    return 0;
}
