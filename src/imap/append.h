/*
 * imap/append.h: APPEND and REPLACE as a list of things to do, made line by line as the command comes.
 *
 * A command is text, a literal, text, a literal, and so on. append_parse.c reads one stretch of text into actions;
 * append.c carries them out and takes the literal that ends the stretch.
 * Called   inside imap/append*.c only.
 */
#ifndef IMAP_APPEND_H
#define IMAP_APPEND_H

#include "imap/annotation.h"
#include "imap/place.h"
#include "imap/url.h"

enum append_kind {
    APPEND_MESSAGE, /* another message begins */
    APPEND_OCTETS,  /* a literal comes: the last action of its stretch of text */
    APPEND_URL,
    APPEND_MESSAGE_END,
    APPEND_END, /* of the command */
};
struct append_action {
    enum append_kind kind;
    struct append_message *message;
    struct view url;
};
enum { APPEND_ACTIONS = 512 };

struct append_message {
    struct flag_list flags;
    bool has_date;
    int64_t utc_s;
    int16_t zone_minutes;
    struct annotation_list annotations; /* RFC 5257 4.7 */
    struct staged *staged;
    struct staged_request request;
    struct imap *imap;
    uint64_t account;
    bool parsed;
    struct added added;
};

enum append_phase {
    APPEND_BEGIN,
    APPEND_TEXT,    /* a stretch of text is whole */
    APPEND_ACT,     /* actions are under way */
    APPEND_LITERAL, /* the literal's octets come */
    APPEND_LINE,    /* more text comes */
    APPEND_IN_TEXT, /* a literal that belongs to the text: a URL, the value of an annotation */
    APPEND_ADD,
    APPEND_REMOVE, /* REPLACE from one account to another */
};

struct append {
    struct view name;
    bool valid;
    uint32_t limit; /* of messages (RFC 9738); 0: none */
    bool replaces;
    uint64_t person;       /* whose private annotations it brings */
    bool elsewhere;        /* it replaces a message of another account: two changes, the new message first */
    uint32_t replaced_uid; /* 0: it isn't there */
    const char *code;      /* of the problem, or null */
    const char *problem;   /* BAD, once what the client sends anyway was thrown away */

    enum append_phase phase;
    struct place place;
    /* NO, likewise */
    enum store_error error;
    bool try_create, too_big, empty, too_many, annotated, annotation_too_big;
    struct view bad_url;

    /* the text under way, and what the last stretch said */
    struct buffer text;
    size_t text_octets; /* of all stretches */
    unsigned literals;  /* that belong to the text */
    bool in_list;       /* within CATENATE's parentheses */
    bool after_part;
    bool in_utf8; /* within UTF8's parentheses */
    struct append_action actions[APPEND_ACTIONS];
    size_t action_count, action_at;
    uint64_t left; /* octets of the literal still to come */
    bool waits;    /* for "+" */
    bool literal8; /* line ends stay as they are */

    struct append_message *messages[LIMIT_APPEND_MESSAGES];
    size_t message_count;
    uint64_t octets; /* of all messages */
    uint64_t room;   /* in the account when the command began */
    struct url_reading url;
    struct place url_place;
    bool reading_url;
    struct uidset *replaced, *gone;
};

/* Does the text end with "{n}", "{n+}", "~{n}"? Then *text_r is what stands before it. */
bool append_literal_at_end(struct view text, struct view *text_r, uint64_t *octets_r, bool *waits_r, bool *literal8_r);
/* The literal behind this text is a URL or the value of an annotation, not a message. */
bool append_text_goes_on(struct view text);
/* A stretch of text, and whether a literal follows: actions; false with append->problem. */
bool append_parse_text(struct append *append, struct arena *arena, struct view text, bool literal);

#endif
