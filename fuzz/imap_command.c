/*
 * fuzz/imap_command.c: IMAP after login: octets to commands, commands to what they ask for. Nothing is run.
 *
 * First octet: in which pieces the rest comes. Whatever they are, the same commands are found. What a parse function
 * accepts it has read to its end.
 */
#include "imap_fake.h"

static const struct imap_command *find(struct view name)
{
    for (size_t i = 0; i < imap_command_count; i++)
        if (view_equal_string_nocase(name, imap_commands[i].name))
            return &imap_commands[i];
    return NULL;
}

/* Once more from the tag on, as engine.c's read_command. */
static void parse(struct view octets)
{
    struct arguments a = fake_arguments(octets);
    struct view tag, name;
    if (!arguments_atom(&a, &tag) || !arguments_space(&a) || !arguments_atom(&a, &name))
        return;
    fake.imap.uid = view_equal_string_nocase(name, "UID");
    if (fake.imap.uid && (!arguments_space(&a) || !arguments_atom(&a, &name)))
        return;
    const struct imap_command *command = find(name);
    if (!command || !command->parse || (fake.imap.uid && !(command->flags & COMMAND_UID)))
        return;
    fake.imap.command = command;
    const char *end = a.end;
    bool good = command->parse(&fake.imap, &a);
    BUG_IF(a.at > a.end || a.end > end);
    BUG_IF(good && a.at != a.end && !(command->flags & COMMAND_MESSAGE));
    BUG_IF(!good && a.problem && strpbrk(a.problem, "\r\n"));
    if (command->drop)
        command->drop(&fake.imap);
}

static struct view without_line_end(struct view v)
{
    v.size -= v.size && v.data[v.size - 1] == '\n';
    v.size -= v.size && v.data[v.size - 1] == '\r';
    return v;
}

/* All commands into one buffer, each behind its result. */
static void read_all(struct view input, size_t step, bool parses, struct buffer *found)
{
    fake_input(input, step);
    for (unsigned commands = 0; commands < 200; commands++) {
        enum frame_result result = fake_frame();
        if (result == FRAME_MORE)
            break;
        struct view frame = buffer_view(&fake.imap.frame);
        BUG_IF(frame.size > LIMIT_IMAP_COMMAND + 2 * (size_t)LIMIT_IMAP_LITERAL);
        buffer_append_char(found, result == FRAME_BAD ? '!' : '=');
        buffer_append_view(found, frame);
        if (parses && result == FRAME_WHOLE)
            parse(without_line_end(frame));
        fake_next_command();
    }
    fake_next_command();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct view input = view_of(data + 1, size - 1);
    struct buffer at_once = {0}, in_pieces = {0};
    fake_open();
    read_all(input, SIZE_MAX, true, &at_once);
    unsigned pluses = fake.pluses;
    if (size < LIMIT_IMAP_COMMAND) {
        read_all(input, data[0] ? data[0] : 1, false, &in_pieces);
        BUG_IF(!view_equal(buffer_view(&at_once), buffer_view(&in_pieces)) || fake.pluses != 2 * pluses);
    }
    fake_close();
    buffer_free(&at_once);
    buffer_free(&in_pieces);
    return 0;
}
