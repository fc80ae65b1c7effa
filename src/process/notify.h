/*
 * process/notify.h: tells systemd how the service is (sd_notify's datagrams).
 *
 * Called   by the supervisor. Does nothing without $NOTIFY_SOCKET.
 */
#ifndef PROCESS_NOTIFY_H
#define PROCESS_NOTIFY_H

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
void notify_status(const char *status);

#endif
