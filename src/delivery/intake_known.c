/*
 * delivery/intake_known.c: a delivery that comes again because its reply was not seen is recognised (DESIGN 5, I2).
 *
 * Does     two rings: the newest deliveries answered, by session; and those whose reply was lost, for
 *          LIMIT_INTAKE_LOST_S seconds, by a key made of octets, sender and recipient. The second is asked at each
 *          delivery.
 * Fails    what happened before a restart of mail is not known here.
 * Tested   tests/e2e/test_lmtp.py
 */
#include "base/limits.h"
#include "base/memory.h"
#include "delivery/intake_private.h"

struct answered {
    uint64_t session;
    struct delivery_key key;
};
struct lost {
    struct delivery_key key;
    int64_t until_utc_s; /* 0: taken or never used */
};
struct known {
    struct answered *answered; /* LIMIT_INTAKE_ANSWERED, made at the first use */
    uint64_t answered_count;   /* ever; the ring's place is this modulo its size */
    struct lost *lost;         /* LIMIT_INTAKE_LOST */
    uint64_t lost_count;
    struct table by_key; /* low half to struct lost */
};

struct known *known_new(void)
{
    return NEW(struct known);
}

void known_free(struct known **known)
{
    if (!*known)
        return;
    free((*known)->answered);
    free((*known)->lost);
    table_free(&(*known)->by_key);
    free(*known);
    *known = NULL;
}

void known_answered(struct known *known, uint64_t session, struct delivery_key key)
{
    if (!known->answered)
        known->answered = memory_array(LIMIT_INTAKE_ANSWERED, sizeof(struct answered));
    known->answered[known->answered_count++ % LIMIT_INTAKE_ANSWERED] = (struct answered){session, key};
}

void known_remember(struct known *known, struct delivery_key key, int64_t now_utc_s)
{
    if (!known->lost)
        known->lost = memory_array(LIMIT_INTAKE_LOST, sizeof(struct lost));
    struct lost *lost = &known->lost[known->lost_count++ % LIMIT_INTAKE_LOST];
    if (lost->until_utc_s && table_get(&known->by_key, lost->key.low) == lost)
        table_remove(&known->by_key, lost->key.low);
    *lost = (struct lost){key, now_utc_s + LIMIT_INTAKE_LOST_S};
    table_put(&known->by_key, key.low, lost);
}

size_t known_lost(struct known *known, uint64_t session)
{
    size_t found = 0;
    int64_t now_utc_s = (int64_t)time(NULL);
    uint64_t oldest = known->answered_count > LIMIT_INTAKE_ANSWERED ? known->answered_count - LIMIT_INTAKE_ANSWERED : 0;
    for (uint64_t i = known->answered_count; i > oldest; i--) {
        struct answered *answered = &known->answered[(i - 1) % LIMIT_INTAKE_ANSWERED];
        if (answered->session == session) {
            known_remember(known, answered->key, now_utc_s);
            answered->session = 0;
            found++;
        } else if (found > 0) {
            break; /* a transaction's recipients stand together; older ones of the session were confirmed by it */
        }
    }
    return found;
}

bool known_take(struct known *known, struct delivery_key key, int64_t now_utc_s)
{
    struct lost *lost = table_get(&known->by_key, key.low);
    if (!lost || lost->key.high != key.high || lost->until_utc_s == 0)
        return false;
    bool fresh = lost->until_utc_s > now_utc_s;
    lost->until_utc_s = 0;
    table_remove(&known->by_key, key.low);
    return fresh;
}
