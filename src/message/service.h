/*
 * message/service.h: parse's work, request by request.
 *
 * Does     collects a message's pieces, makes its digest, looks for texts, converts charsets, answers. It believes
 *          nothing of what it reads, and holds nothing of one message when the next comes.
 * Called   by process/parse.c and, without a server, by admin/local.c's child, on the loop's thread.
 * Tested   tests/unit/message_summary.c, tests/e2e/test_processes.py
 */
#ifndef MESSAGE_SERVICE_H
#define MESSAGE_SERVICE_H

#include "ipc/channel.h"

struct service;

/* One a mail's loop. fault: the header X-Waxwing-Fault is obeyed (tests of what happens then). */
struct service *service_new(struct loop *loop, int fd, bool fault, void (*closed)(void *ctx, struct service *service),
                            void *ctx);
void service_set_fault(struct service *service, bool fault);
void service_free(struct service **service);
/* Opens what may be loaded late, before the walls go up. */
void service_warm_up(void);

#endif
