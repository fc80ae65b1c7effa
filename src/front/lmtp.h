/*
 * front/lmtp.h: what front/lmtp.c (commands) and front/lmtp_data.c (the message) share.
 */
#ifndef FRONT_LMTP_H
#define FRONT_LMTP_H

#include "front/line.h"
#include "front/private.h"

enum lmtp_mode { LMTP_COMMAND = 0, LMTP_DATA, LMTP_CHUNK };

struct lmtp {
    enum lmtp_mode mode;
    bool greeted, has_sender, body_8bit, smtputf8, skipping;
    bool begun;       /* MAIL_BEGIN was sent, and neither ended nor aborted */
    bool ended;       /* MAIL_END was sent; DONE is awaited */
    bool chunked;     /* the message comes by BDAT */
    bool chunk_last;  /* ... and this chunk is its last */
    bool discarding;  /* nothing more goes to mail; refusal says why */
    bool unconfirmed; /* replies were written, and the peer has said nothing since */
    uint32_t recipients;
    uint32_t unacknowledged; /* octets sent to mail and not credited */
    uint64_t declared, received, chunk_left, chunk_octets;
    struct dot_reader dots;
    struct buffer tickets; /* 16 octets a recipient */
    struct buffer octets;  /* for one MAIL_DATA; empty between turns */
    char helo[256];
    char sender[PATH_OCTETS];
    char refusal[200];
};

void lmtp_reply(struct client *client, const char *text);
/* Forgets the transaction, and has mail forget it. */
void lmtp_reset(struct client *client);

/* lmtp_data.c */
void lmtp_data(struct client *client, struct view rest);
void lmtp_bdat(struct client *client, struct view rest);
bool lmtp_next_data(struct client *client);
bool lmtp_next_chunk(struct client *client);
void lmtp_data_answer(struct client *client, const struct message *message);
/* mail went away. */
void lmtp_data_lost(struct client *client);

#endif
