/*
 * store/keys.h: the keys of one account (the engine puts the account in front).
 *
 * Does     builds keys that sort by memcmp and hold no NUL: a kind letter, then numbers in groups of seven bits with
 *          the high bit set, most significant first, in full width (u32: 5 octets, u64: 10).
 *
 * clang-format off
 *   A                     the account's row
 *   B volume, offset      which email lies there
 *   C mailbox, block      chunk of the messages with (UID - 1) / 64 = block
 *   D day, s, mailbox, UID  (nothing) retained until that day, removed in second s; at first there was no s
 *   E email               email record
 *   F                     how many entries the history has
 *   G mailbox, name       metadata: name and value; mailbox 0: of the account
 *   H thread, email       (nothing) the emails of a thread
 *   I                     messages and octets of all that is retained
 *   J                     octets of all metadata
 *   K                     names of the keywords
 *   L mailbox, modseq     a change: its kind, runs of UIDs
 *   M mailbox             mailbox row
 *   N parent, name        id of the mailbox of that name
 *   O name                setting of the account
 *   P mailbox             lease: a COPY in slices
 *   Q mailbox             name of a deleted mailbox of which messages are retained
 *   R mailbox, UID        retained message
 *   S name                subscription without a mailbox
 *   T hash                thread of a Message-ID
 *   U mailbox, UID        UIDL kept from elsewhere
 *   V email               how many messages show it, if not one
 *   W mailbox             keywords used in it
 *   X mailbox             secret that signs the owner's URLs of it
 *   Y time, modseq, kind  who removed, moved or restored what
 *   Z mailbox             who else may do what there; in account 0: whose mailboxes name an identifier
 *   a mailbox, UID, account, entry  an annotation of a message; account 0: shared; stays while the message is retained
 *   b                     how many annotations, and their octets
 *   s mailbox, account, page  which messages that reader of a shared mailbox has seen (the capitals are used up)
 *   x owner, mailbox      secret that signs this user's URLs of somebody else's mailbox
 *   g mailbox, account, name  private metadata of that reader of a shared mailbox: as G
 * clang-format on
 *
 * Called   by store/, on any thread.
 * Tested   tests/unit/store_keys.c
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "base/view.h"

struct key {
    char data[64];
    size_t size;
};

/* Each begins a key, or adds to one. */
struct key key_begin(char kind);
void key_u32(struct key *key, uint32_t number);
void key_u64(struct key *key, uint64_t number);
/* At most 40 octets, none of them NUL: hex digits here. */
void key_text(struct key *key, const char *text);
static inline struct view key_view(const struct key *key)
{
    return view_of(key->data, key->size);
}
/* The key behind all those that begin with this one. */
struct key key_after(const struct key *key);

struct key key_kind(char kind);
struct key key_1(char kind, uint32_t a);
struct key key_2(char kind, uint32_t a, uint32_t b);
struct key key_email(uint64_t email);
/* Which email lies there: what compaction asks. */
struct key key_place(uint32_t volume, uint64_t offset);

/* Reads numbers back. False if the key is not of that shape. */
bool key_read_u32(struct view *rest, uint32_t *number_r);
bool key_read_u64(struct view *rest, uint64_t *number_r);

#endif
