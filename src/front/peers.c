/*
 * front/peers.c: how many connections of one address are not logged in yet (LIMIT_GATE_SESSIONS_PEER).
 *
 * Does     counts by address; an IPv6 address counts as its /64. Loopback and unix peers are not counted: proxies and
 *          webmails come from there for everybody.
 * Tested   tests/unit/front_imap.c
 */
#include "base/limits.h"
#include "base/memory.h"
#include "front/private.h"

#include <arpa/inet.h>

struct peer_count {
    struct peer_count *next;
    unsigned char address[8];
    uint8_t family;
    uint32_t count;
};

static bool address_key(const char *text, unsigned char key[8], uint8_t *family_r)
{
    unsigned char octets[16] = {0};
    memset(key, 0, 8);
    if (inet_pton(AF_INET, text, octets) == 1) {
        *family_r = 4;
        memcpy(key, octets, 4);
        return true;
    }
    *family_r = 6;
    if (inet_pton(AF_INET6, text, octets) != 1)
        return false;
    memcpy(key, octets, 8);
    return true;
}

static size_t slot_of(const unsigned char key[8])
{
    uint64_t number;
    memcpy(&number, key, 8);
    return (size_t)((number * 0x9E3779B97F4A7C15u) >> 40) % FRONT_PEER_SLOTS;
}

bool peer_enter(struct client *client)
{
    unsigned char key[8];
    uint8_t family;
    if (client->loopback || !client->protocol->logs_in || !address_key(client->peer, key, &family))
        return true;
    struct peer_count **slot = &client->front->peer_counts[slot_of(key)];
    struct peer_count *count = *slot;
    while (count && (count->family != family || memcmp(count->address, key, 8) != 0))
        count = count->next;
    if (count && count->count >= LIMIT_GATE_SESSIONS_PEER)
        return false;
    if (!count) {
        count = NEW(struct peer_count);
        memcpy(count->address, key, 8);
        count->family = family;
        count->next = *slot;
        *slot = count;
    }
    count->count++;
    client->peer_count = count;
    return true;
}

void peer_leave(struct client *client)
{
    struct peer_count *count = client->peer_count;
    client->peer_count = NULL;
    if (!count || --count->count > 0)
        return;
    struct peer_count **at = &client->front->peer_counts[slot_of(count->address)];
    while (*at && *at != count)
        at = &(*at)->next;
    if (*at)
        *at = count->next;
    free(count);
}
