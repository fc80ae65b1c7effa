/*
 * pop3/delete.c: DELE and RSET (RFC 1939 5): marks in the snapshot; quit.c makes changes of them.
 *
 * Tested   tests/unit/pop3.c, tests/e2e/test_pop3.py
 */
#include "pop3/private.h"

enum step_result pop3_dele_step(struct pop3 *pop3, struct step_context *context)
{
    struct reader reader = session_reader(pop3->session, context);
    struct pop3_message *message = &pop3->messages[pop3->index];
    enum store_error error = pop3->disposal_settled ? STORE_OK : pop3_settle_disposal(pop3, &reader);
    if (error == STORE_WOULD_BLOCK)
        return pop3_wait_pool(context);
    if (error != STORE_OK) {
        pop3_say(pop3, pop3_error(error));
        return STEP_DONE;
    }
    message->deleted = 1;
    pop3->deleted++;
    pop3->deleted_octets += pop3_octets_sent(message);
    pop3_printf(pop3, "+OK Message %zu deleted\r\n", pop3->index + 1);
    return STEP_DONE;
}

enum step_result pop3_rset_step(struct pop3 *pop3, struct step_context *context)
{
    for (size_t i = 0; pop3->deleted > 0 && i < pop3->count; i++)
        pop3->messages[i].deleted = 0;
    pop3->deleted = 0;
    pop3->deleted_octets = 0;
    pop3_printf(pop3, "+OK %zu messages (%llu octets)\r\n", pop3->count, (unsigned long long)pop3->octets);
    return STEP_DONE;
}
