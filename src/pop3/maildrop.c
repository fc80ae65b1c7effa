/*
 * pop3/maildrop.c: STAT, LIST, UIDL (RFC 1939 5, 7).
 *
 * Does     writes from the snapshot alone; UIDL asks the store only where an import kept UIDLs from elsewhere.
 * Tested   tests/unit/pop3.c
 */
#include "pop3/private.h"

enum { LINES_A_LOOK = 256, UIDL_OCTETS = 72 };

enum step_result pop3_stat_step(struct pop3 *pop3, struct step_context *context)
{
    pop3_printf(pop3, "+OK %zu %llu\r\n", pop3->count - pop3->deleted,
                (unsigned long long)(pop3->octets - pop3->deleted_octets));
    return STEP_DONE;
}

/* Writes one line's "number value" into out (128 octets); how long. */
typedef enum store_error line_writer(struct pop3 *pop3, const struct reader *reader, size_t index, char *out,
                                     size_t *size_r);

static enum store_error list_line(struct pop3 *pop3, const struct reader *reader, size_t index, char *out,
                                  size_t *size_r)
{
    size_t size = uidl_put_decimal(out, index + 1);
    out[size++] = ' ';
    *size_r = size + uidl_put_decimal(out + size, pop3_octets_sent(&pop3->messages[index]));
    return STORE_OK;
}

/* Where nothing was kept: made up from the snapshot (store/uidl.c). */
static enum store_error own_uidl_line(struct pop3 *pop3, const struct reader *reader, size_t index, char *out,
                                      size_t *size_r)
{
    size_t size = uidl_put_decimal(out, index + 1);
    out[size++] = ' ';
    *size_r = size + uidl_write(&pop3->uidls, pop3->messages[index].uid, out + size);
    return STORE_OK;
}

static enum store_error kept_uidl_line(struct pop3 *pop3, const struct reader *reader, size_t index, char *out,
                                       size_t *size_r)
{
    size_t size = uidl_put_decimal(out, index + 1);
    out[size++] = ' ';
    enum store_error error =
        message_kept_uidl(reader, pop3->inbox.id, pop3->messages[index].uid, out + size, UIDL_OCTETS);
    if (error != STORE_OK && error != STORE_WOULD_BLOCK)
        return own_uidl_line(pop3, reader, index, out, size_r);
    *size_r = size + strnlen(out + size, UIDL_OCTETS);
    return error;
}

static enum step_result all_lines(struct pop3 *pop3, struct step_context *context, line_writer *write)
{
    struct reader reader = session_reader(pop3->session, context);
    struct buffer *out = stream_output(pop3->session->stream);
    char line[160];
    enum step_result result;
    for (; pop3->at < pop3->count; pop3->at++) {
        if (pop3->messages[pop3->at].deleted)
            continue;
        if (pop3->at % LINES_A_LOOK == LINES_A_LOOK - 1 && pop3_slice_over(pop3, context, &result))
            return result;
        size_t size = 0;
        if (write(pop3, &reader, pop3->at, line, &size) == STORE_WOULD_BLOCK)
            return pop3_wait_pool(context);
        line[size++] = '\r';
        line[size++] = '\n';
        buffer_append(out, line, size);
    }
    buffer_append_string(out, ".\r\n");
    return STEP_DONE;
}

static enum step_result one_line(struct pop3 *pop3, struct step_context *context, line_writer *write)
{
    struct reader reader = session_reader(pop3->session, context);
    char line[160];
    size_t size = 0;
    if (write(pop3, &reader, pop3->index, line, &size) == STORE_WOULD_BLOCK)
        return pop3_wait_pool(context);
    pop3_printf(pop3, "+OK %.*s\r\n", (int)size, line);
    return STEP_DONE;
}

static enum step_result lines(struct pop3 *pop3, struct step_context *context, line_writer *write)
{
    if (pop3->index != SIZE_MAX)
        return one_line(pop3, context, write);
    if (!pop3->begun) {
        pop3->begun = true;
        pop3->at = 0;
        pop3_printf(pop3, "+OK %zu messages\r\n", pop3->count - pop3->deleted);
    }
    return all_lines(pop3, context, write);
}

enum step_result pop3_list_step(struct pop3 *pop3, struct step_context *context)
{
    return lines(pop3, context, list_line);
}

enum step_result pop3_uidl_step(struct pop3 *pop3, struct step_context *context)
{
    struct reader reader = session_reader(pop3->session, context);
    bool kept = mailbox_has_kept_uidls(&reader, pop3->inbox.id);
    return lines(pop3, context, kept ? kept_uidl_line : own_uidl_line);
}
