/*
 * process/mail_tickets.h: who may come in, and who is in.
 *
 * Does     keeps tickets that auth announced (ten seconds at most), the sessions that were adopted (for limits and for
 *          END), and the accounts in quarantine.
 * Owns     its tables. No clocks of its own.
 * Called   by process/mail.c, on the main loop's thread.
 * Fails    full tables refuse: TICKET_NO_LIMIT.
 * Limits   LIMIT_TICKETS, LIMIT_MAIL_SESSIONS.
 * Tested   tests/unit/process_tickets.c
 */
#ifndef PROCESS_MAIL_TICKETS_H
#define PROCESS_MAIL_TICKETS_H

#include "ipc/messages.h"

struct ticket {
    struct ticket *next;
    uint64_t high, low, session, account, credential, expires_ms;
    uint8_t protocol;
    char user[256], peer[64], maildrop[256];
};

struct live {
    struct live *next_id, *next_account;
    uint64_t session, account;
    char peer[64];
};

enum { HOUSE_BUCKETS = 4096, HOUSE_QUARANTINE = 256 };
struct house {
    struct ticket *tickets; /* few: ten seconds' worth */
    size_t ticket_count, live_count;
    struct live *by_id[HOUSE_BUCKETS], *by_account[HOUSE_BUCKETS];
    struct {
        uint64_t account, until_ms;
    } quarantine[HOUSE_QUARANTINE];
    uint32_t per_account, per_account_peer;
    bool draining;
};

/* 0: in; else enum ticket_no. */
int house_ticket(struct house *house, const struct ipc_ticket *ticket, uint64_t now_ms);
/* Takes the ticket out: null if there is none, it is too old, or it belongs to another session or protocol. The caller
 * frees it. */
struct ticket *house_redeem(struct house *house, const struct ipc_adopt *adopt, uint64_t now_ms);
void house_drop_ticket(struct house *house, uint64_t high, uint64_t low);
/* Of one gate (the low octet of its session numbers), or of all (-1). */
void house_drop_tickets(struct house *house, int gate);

void house_enter(struct house *house, uint64_t session, uint64_t account, const char *peer);
/* False if it wasn't in. */
bool house_leave(struct house *house, uint64_t session);

void house_quarantine(struct house *house, uint64_t account, uint64_t until_ms);
bool house_is_quarantined(const struct house *house, uint64_t account, uint64_t now_ms);
void house_free(struct house *house);

#endif
