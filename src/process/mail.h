/*
 * process/mail.h: the parts of the role mail (mail.c, mail_tickets.c, mail_control.c) among themselves.
 */
#ifndef PROCESS_MAIL_H
#define PROCESS_MAIL_H

#include "process/role.h"
#include "session/session.h"

/* mail_control.c: connections of the command line, each served by a thread of its own. Takes over fd. */
void mail_control_open(struct role_process *process, const struct mail_env *env, int fd);
/* No new ones. */
void mail_control_close(void);
/* Verbs under way. */
unsigned mail_control_running(void);

#endif
