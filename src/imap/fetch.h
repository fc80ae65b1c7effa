/*
 * imap/fetch.h: a FETCH as a plan, made once a command, and the place in it.
 *
 * fetch_parse.c makes the plan, fetch.c walks the messages, fetch_items.c writes what is short, fetch_body.c sections,
 * fetch_binary.c decoded ones.
 * Called   inside imap/fetch*.c; sections by url.c too.
 */
#ifndef IMAP_FETCH_H
#define IMAP_FETCH_H

#include "digest/transfer.h"
#include "imap/annotation.h"
#include "imap/private.h"

enum fetch_kind {
    FETCH_FLAGS,
    FETCH_UID,
    FETCH_INTERNALDATE,
    FETCH_SIZE,
    FETCH_MODSEQ,
    FETCH_EMAILID,
    FETCH_SAVEDATE,
    FETCH_ANNOTATION, /* the email record too, if it asks for a part's */
    FETCH_ENVELOPE,
    FETCH_BODY,
    FETCH_BODYSTRUCTURE,
    FETCH_THREADID,
    FETCH_PREVIEW,
    FETCH_SECTION
};
/* Those from here on need the email record. */
#define FETCH_FIRST_OF_EMAIL FETCH_ENVELOPE

enum section_kind {
    SECTION_WHOLE, /* BODY[], BODY[1.2] */
    SECTION_HEADER,
    SECTION_FIELDS,
    SECTION_FIELDS_NOT,
    SECTION_TEXT,
    SECTION_MIME
};

struct section {
    enum section_kind kind;
    uint32_t *numbers;
    size_t number_count;
    struct view *fields;
    size_t field_count;
    uint64_t kept;          /* the fields as a set of digest/fields.h, if it knows all of them; else 0 */
    bool binary, size_only; /* BINARY[], BINARY.SIZE[] */
    bool partial;
    uint64_t from, count; /* of a partial */
    struct view label;    /* what stands before the literal: "BODY[1.2]" or "RFC822.TEXT" */
};

struct fetch_item {
    enum fetch_kind kind;
    struct section *section;
    struct annotation_wanted *annotations;
};

enum { FETCH_ITEMS = 64 };

/* A section being sent: octets [at, at + left) of the message. */
struct sending {
    bool active;
    uint64_t at, left;
    /* BINARY[]: `left` is of the encoded octets; of the decoded ones `skip` are passed over, then `wanted` sent */
    bool binary;
    uint8_t encoding; /* enum part_encoding */
    struct transfer_state state;
    uint64_t skip, wanted;
};

struct fetch {
    struct uidset *set;
    struct fetch_item items[FETCH_ITEMS];
    size_t item_count;
    unsigned kinds; /* bits of enum fetch_kind */
    bool needs_email, sets_seen;
    bool by_modseq;
    uint64_t changed_since;
    bool vanished;                /* the VANISHED modifier (RFC 7162 3.2.6) */
    bool narrowed;                /* set holds only what may have changed, and gone is known */
    struct uidset *named;         /* the set as it was written */
    struct partial_range partial; /* first 0: none */
    uint32_t known_up_to;         /* the client knows of all expunges up to this UID */
    struct uidset *gone;          /* to be told as VANISHED (EARLIER) */
    uint32_t gone_at;

    uint32_t limit;  /* RFC 9738; 0: none */
    uint32_t lowest; /* of the set, if the limit cut it; else 0 */
    bool cut;        /* the limit was looked at */

    /* the place */
    bool downwards;        /* what the limit cut is sent from the highest UID down (RFC 9738 3.1) */
    uint32_t next_uid;     /* of the set */
    struct uid_run in_set; /* for this step */
    struct message_rows rows;
    size_t row_at;
    bool rows_valid;
    uint32_t rows_from;
    struct uidset *seen; /* being marked now */
    struct flag_change seen_change;
    bool marking, stale; /* stale: the rows in hand are those from before \Seen was set */
    /* numbers of the client's view come in runs */
    uint32_t run_first, run_last, run_number;
    /* the message being sent */
    bool in_message;
    struct message_row row;
    bool tell_flags; /* its \Seen was set by this FETCH */
    bool written;    /* some item of it */
    bool no_part;    /* some message lacks a part whose annotations are asked for */
    size_t item_at;
    struct email email;
    bool has_email;
    struct sending sending;
    bool missing, damaged, unknown_encoding; /* some message was; some part has */
    struct view *names;
    size_t name_count;
};

/* fetch_parse.c: an item without a section, if it isn't there yet. */
void fetch_add_plain(struct fetch *fetch, enum fetch_kind kind);
/* "(UID BODY.PEEK[HEADER])" as NOTIFY and UPDATE have it (RFC 5465 7): the messages stay as they are, whatever is
 * sent of them. */
bool fetch_take_list(struct arguments *a, struct fetch *fetch);
/* The items of another plan too, each once. False: there are too many. */
bool fetch_add_items(struct fetch *fetch, const struct fetch *more);

/* fetch.c. The messages of fetch->set, until STEP_DONE; then *error_r: with fetch->in_message the response was cut. */
enum step_result fetch_walk(struct imap *imap, struct fetch *fetch, struct step_context *context,
                            enum store_error *error_r);
void fetch_free(struct fetch *fetch);

/* fetch_items.c: everything but sections. */
void fetch_write_item(struct imap *imap, const struct fetch *fetch, enum fetch_kind kind, struct buffer *out);
/* The whole response at once if only rows are needed. */
void fetch_write_row(struct imap *imap, const struct fetch *fetch, uint32_t number, struct buffer *out);

/* ---- sections, also for URLs ---- */

/* Octets [at, at + octets) of the message. */
struct section_place {
    uint64_t at, octets;
};
/* A frame of the store's compression: reading less at once would unpack it more than once. */
enum { SECTION_STRETCH = 262144 };
/* What stands between the brackets of BODY[]: up to "]" or the end. */
bool fetch_take_section_text(struct arguments *a, struct section *s);
/* False: the message has no such section. Of HEADER.FIELDS it is the header's place. */
bool section_find(const struct digest *d, const struct section *s, struct section_place *place_r);
/* What the section's partial leaves of it. */
struct section_place section_clip(struct section_place whole, const struct section *s);
/* HEADER.FIELDS and HEADER.FIELDS.NOT: the fields of the header at `place`, and the blank line. */
enum store_error section_choose_fields(const struct reader *reader, const struct email *email, const struct section *s,
                                       struct section_place place, struct buffer *out);

/*
 * fetch_body.c. Writes the section's beginning, or all of it; what is long goes on with fetch_body_more while
 * sending.active. STORE_WOULD_BLOCK: nothing was written.
 */
enum store_error fetch_body_begin(struct imap *imap, struct fetch *fetch, const struct section *section,
                                  const struct reader *reader, struct buffer *out);
enum store_error fetch_body_more(struct fetch *fetch, const struct reader *reader, struct buffer *out);
/* fetch_binary.c: the same for BINARY[] and BINARY.SIZE[]. */
enum store_error fetch_binary_begin(struct fetch *fetch, const struct section *section, const struct reader *reader,
                                    struct buffer *out);
enum store_error fetch_binary_more(struct fetch *fetch, const struct reader *reader, struct buffer *out);

#endif
