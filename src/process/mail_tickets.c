/* process/mail_tickets.c: a list of tickets, two hashes of sessions, a short table of quarantined accounts. */
#include "process/mail_tickets.h"
#include "base/limits.h"
#include "base/memory.h"
#include <sodium.h>

static size_t bucket(uint64_t number)
{
    return (size_t)((number * 0x9E3779B97F4A7C15u) >> 52) % HOUSE_BUCKETS;
}

/* ---- tickets ---- */

static void forget_old(struct house *h, uint64_t now_ms)
{
    for (struct ticket **t = &h->tickets; *t;) {
        struct ticket *old = *t;
        if (old->expires_ms > now_ms) {
            t = &old->next;
            continue;
        }
        *t = old->next;
        h->ticket_count--;
        free(old);
    }
}

struct count {
    uint32_t account, account_peer;
};

/* Sessions and those on their way in. */
static struct count count_of(const struct house *h, uint64_t account, struct view peer)
{
    struct count c = {0, 0};
    for (const struct live *l = h->by_account[bucket(account)]; l; l = l->next_account) {
        c.account += l->account == account;
        c.account_peer += l->account == account && view_equal_string(peer, l->peer);
    }
    for (const struct ticket *t = h->tickets; t; t = t->next) {
        c.account += t->account == account;
        c.account_peer += t->account == account && view_equal_string(peer, t->peer);
    }
    return c;
}

static void copy_text(struct view v, char *out, size_t size)
{
    v = view_slice(v, 0, size - 1);
    view_copy(out, v);
    out[v.size] = 0;
}

int house_ticket(struct house *h, const struct ipc_ticket *ticket, uint64_t now_ms)
{
    forget_old(h, now_ms);
    if (h->draining)
        return TICKET_NO_DRAINING;
    if (house_is_quarantined(h, ticket->account, now_ms))
        return TICKET_NO_QUARANTINE;
    struct count c = count_of(h, ticket->account, ticket->peer);
    if (h->ticket_count >= LIMIT_TICKETS || h->live_count >= LIMIT_MAIL_SESSIONS || c.account >= h->per_account ||
        c.account_peer >= h->per_account_peer)
        return TICKET_NO_LIMIT;
    uint64_t valid = ticket->valid_ms < LIMIT_TICKET_MS ? ticket->valid_ms : LIMIT_TICKET_MS;
    struct ticket *t = NEW(struct ticket);
    *t = (struct ticket){.next = h->tickets,
                         .high = ticket->ticket_high,
                         .low = ticket->ticket_low,
                         .session = ticket->session,
                         .account = ticket->account,
                         .credential = ticket->credential,
                         .expires_ms = now_ms + valid,
                         .protocol = ticket->protocol};
    copy_text(ticket->user, t->user, sizeof t->user);
    copy_text(ticket->peer, t->peer, sizeof t->peer);
    copy_text(ticket->maildrop, t->maildrop, sizeof t->maildrop);
    h->tickets = t;
    h->ticket_count++;
    return 0;
}

/* In constant time: a gate that was broken into must not learn tickets octet by octet. */
static bool is_ticket(const struct ticket *t, uint64_t high, uint64_t low)
{
    uint64_t mine[2] = {t->high, t->low}, theirs[2] = {high, low};
    return sodium_memcmp(mine, theirs, sizeof mine) == 0;
}

static struct ticket *take(struct house *h, uint64_t high, uint64_t low)
{
    for (struct ticket **t = &h->tickets; *t; t = &(*t)->next) {
        struct ticket *found = *t;
        if (!is_ticket(found, high, low))
            continue;
        *t = found->next;
        h->ticket_count--;
        return found;
    }
    return NULL;
}

struct ticket *house_redeem(struct house *h, const struct ipc_adopt *adopt, uint64_t now_ms)
{
    forget_old(h, now_ms);
    struct ticket *t = take(h, adopt->ticket_high, adopt->ticket_low);
    if (t && (t->session != adopt->session || t->protocol != adopt->protocol || h->draining)) {
        free(t);
        t = NULL;
    }
    return t;
}

void house_drop_ticket(struct house *h, uint64_t high, uint64_t low)
{
    free(take(h, high, low));
}

void house_drop_tickets(struct house *h, int gate)
{
    for (struct ticket **t = &h->tickets; *t;) {
        struct ticket *old = *t;
        if (gate >= 0 && (old->session & 0xFF) != (uint64_t)gate) {
            t = &old->next;
            continue;
        }
        *t = old->next;
        h->ticket_count--;
        free(old);
    }
}

/* ---- sessions ---- */

void house_enter(struct house *h, uint64_t session, uint64_t account, const char *peer)
{
    struct live *l = NEW(struct live);
    struct live **id = &h->by_id[bucket(session)], **of_account = &h->by_account[bucket(account)];
    *l = (struct live){.next_id = *id, .next_account = *of_account, .session = session, .account = account};
    copy_text(view_of_string(peer), l->peer, sizeof l->peer);
    *id = l;
    *of_account = l;
    h->live_count++;
}

bool house_leave(struct house *h, uint64_t session)
{
    struct live **id = &h->by_id[bucket(session)];
    while (*id && (*id)->session != session)
        id = &(*id)->next_id;
    struct live *l = *id;
    if (!l)
        return false;
    struct live **of_account = &h->by_account[bucket(l->account)];
    while (*of_account != l)
        of_account = &(*of_account)->next_account;
    *id = l->next_id;
    *of_account = l->next_account;
    h->live_count--;
    free(l);
    return true;
}

/* ---- quarantine ---- */

void house_quarantine(struct house *h, uint64_t account, uint64_t until_ms)
{
    size_t soonest = 0;
    for (size_t i = 0; i < HOUSE_QUARANTINE; i++) {
        if (h->quarantine[i].account == account) {
            soonest = i;
            break;
        }
        if (h->quarantine[i].until_ms < h->quarantine[soonest].until_ms)
            soonest = i;
    }
    h->quarantine[soonest].account = account;
    h->quarantine[soonest].until_ms = until_ms;
}

bool house_is_quarantined(const struct house *h, uint64_t account, uint64_t now_ms)
{
    for (size_t i = 0; i < HOUSE_QUARANTINE; i++)
        if (h->quarantine[i].account == account && h->quarantine[i].until_ms > now_ms)
            return true;
    return false;
}

void house_free(struct house *h)
{
    house_drop_tickets(h, -1);
    for (size_t i = 0; i < HOUSE_BUCKETS; i++)
        while (h->by_id[i])
            house_leave(h, h->by_id[i]->session);
}
