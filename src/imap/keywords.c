/*
 * imap/keywords.c: the names that FLAGS shows keywords by.
 *
 * Does     reads them into the command's arena, and again when a row has a keyword that came after they were read.
 * Called   by whoever shows flags, behind the rows that have them, on any thread of the session.
 * Tested   tests/e2e/test_cap_keywords.py
 */
#include "imap/private.h"

static size_t keywords_end(const struct keywords *keywords)
{
    for (size_t word = sizeof keywords->bits / sizeof *keywords->bits; word > 0; word--)
        if (keywords->bits[word - 1])
            return word * 64 - (size_t)__builtin_clzll(keywords->bits[word - 1]);
    return 0;
}

enum store_error imap_names_for(struct imap *imap, const struct reader *reader, const struct keywords *used,
                                struct view **names, size_t *count)
{
    struct view *read;
    size_t read_count;
    if (keywords_end(used) <= *count)
        return STORE_OK;
    enum store_error error = keyword_names(reader, &imap->session->command_arena, &read, &read_count);
    if (error)
        return error;
    *names = read;
    *count = read_count;
    return STORE_OK;
}

enum store_error imap_names_for_rows(struct imap *imap, const struct reader *reader, const struct message_rows *rows,
                                     struct view **names, size_t *count)
{
    struct keywords used = {{0}};
    for (size_t i = 0; i < rows->count; i++)
        for (size_t word = 0; word < sizeof used.bits / sizeof *used.bits; word++)
            used.bits[word] |= rows->rows[i].keywords.bits[word];
    return imap_names_for(imap, reader, &used, names, count);
}
