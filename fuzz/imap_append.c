/*
 * fuzz/imap_append.c: the text of APPEND between literals, and IMAP URLs. First octet: even, a URL; odd, lines of text,
 * each with a literal behind it, the last without.
 */
#include "base/memory.h"
#include "imap/append.h"

static void fuzz_url(struct arena *arena, struct view text)
{
    struct imap_url url;
    if (!imap_url_parse(arena, text, &url))
        return;
    BUG_IF(!url.uid || (url.absolute && !url.mailbox.size));
    BUG_IF(url.rump_octets > text.size || (url.access.size && !url.rump_octets));
    BUG_IF(url.token.size && !url.access.size);
    BUG_IF(url.section.number_count > LIMIT_IMAP_NESTING);
    BUG_IF(url.section.partial && !url.section.count);
}

static void check_actions(const struct append *append, bool literal)
{
    const struct append_action *actions = append->actions;
    size_t count = append->action_count;
    BUG_IF(!count || count > APPEND_ACTIONS || append->message_count > LIMIT_APPEND_MESSAGES);
    for (size_t i = 0; i < count; i++) {
        BUG_IF(actions[i].kind != APPEND_END && !actions[i].message);
        BUG_IF(actions[i].kind == APPEND_OCTETS && !literal);
        BUG_IF(actions[i].kind == APPEND_END && (literal || i + 1 != count));
    }
    BUG_IF(!literal && !append->in_list && actions[count - 1].kind != APPEND_END);
}

static void fuzz_text(struct arena *arena, struct view rest)
{
    struct append *append = ARENA_NEW(arena, struct append);
    bool literal = true;
    while (literal && !append->problem) {
        size_t end = view_find(rest, '\n', 0);
        struct view line = view_slice(rest, 0, end), text = line;
        literal = end != SIZE_MAX;
        rest = literal ? view_skip(rest, end + 1) : VIEW_EMPTY;
        if (append_literal_at_end(line, &text, &append->left, &append->waits, &append->literal8))
            BUG_IF(text.size >= line.size);
        append_text_goes_on(text);
        if (append_parse_text(append, arena, arena_view(arena, text), literal))
            check_actions(append, literal);
        else
            BUG_IF(!append->problem);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    if (!size || size > LIMIT_IMAP_COMMAND)
        return 0;
    arena_init(&arena, LIMIT_COMMAND_MEMORY);
    if (data[0] & 1)
        fuzz_text(&arena, view_of(data + 1, size - 1));
    else
        fuzz_url(&arena, view_of(data + 1, size - 1));
    arena_free(&arena);
    return 0;
}
