/*
 * digest/digest.h: the flat, versioned summary of one message that parse makes and mail trusts only after checking.
 *
 * Does     declares the digest, writes it (parse), validates and reads it (mail). Deterministic: same bytes, same
 *          version, same octets. Final once a UID that carries it was shown (RFC 9051 2.3.1.1).
 * Owns     nothing: digest_open gives views into the octets.
 * Called   by message/ (writer), delivery, store, imap (reader), on any thread.
 * Fails    digest_open returns false for anything that is short, out of range, overlapping or left over. After it
 *          returned true no field needs another check: offsets lie inside the message, parents come before children,
 *          texts are what they say.
 * Tested   tests/unit/digest.c, fuzz/digest.c
 */
#ifndef DIGEST_DIGEST_H
#define DIGEST_DIGEST_H

#include "base/buffer.h"

#define DIGEST_VERSION 2

enum digest_flag {
    DIGEST_OPAQUE = 1,          /* parse could not read it: one text/plain part */
    DIGEST_HEADER_8BIT = 2,     /* envelope_utf8 and bodystructure_utf8 differ from the 7-bit form */
    DIGEST_CUT = 4,             /* structure was capped (depth, parts): the rest is one opaque leaf */
    DIGEST_HAS_DATE = 8,        /* sent_utc_s is set */
    DIGEST_HAS_ATTACHMENT = 16, /* RFC 8621 4.1.4 hasAttachment */
    DIGEST_HAS_NUL = 32,        /* a NUL octet somewhere */
    DIGEST_ENDS_OPEN = 64,      /* not empty, and its last two octets are not CRLF */
    DIGEST_HEADER_RAW = 128,    /* an octet above 127 stands in its header, or in that of a part */
};

enum part_kind { PART_LEAF = 0, PART_MULTIPART, PART_MESSAGE };
enum part_encoding {
    ENCODING_7BIT = 0,
    ENCODING_8BIT,
    ENCODING_BINARY,
    ENCODING_BASE64,
    ENCODING_QUOTED_PRINTABLE,
    ENCODING_OTHER
};

#define PART_NONE UINT32_MAX

/* The most of a Message-ID that is kept: a line of RFC 5322 2.1.1. */
enum { DIGEST_MESSAGE_ID_OCTETS = 998 };

/*
 * parts[0] is the message itself (its header is the top header). A multipart's children follow it in order; a
 * PART_MESSAGE's only child is the message inside, whose header is that message's header and whose kind says what its
 * body is.
 */
struct digest_part {
    uint32_t parent; /* index, PART_NONE for parts[0] */
    uint8_t kind, encoding;
    uint8_t is_text, is_attachment;
    uint64_t header_offset; /* from the message's first octet; the header includes the blank line */
    uint64_t header_size;
    uint64_t body_offset;
    uint64_t body_size;
    uint32_t lines;        /* of the body */
    uint64_t decoded_size; /* of the body after its transfer encoding is undone (BINARY.SIZE) */
};

struct digest {
    uint16_t flags;       /* enum digest_flag */
    uint64_t size_octets; /* RFC822.SIZE */
    uint32_t lines;       /* of the whole message's body */
    int64_t sent_utc_s;   /* Date:, in UTC */
    int16_t sent_zone_minutes;
    /* As IMAP sends them (RFC 9051 7.5.2): "(...)" octets, 7-bit; and the UTF-8 forms where DIGEST_HEADER_8BIT. */
    struct view envelope, bodystructure;
    struct view envelope_utf8, bodystructure_utf8;
    /* BODY is BODYSTRUCTURE without these stretches: pairs of u32 offset, u32 size, ascending. */
    struct view body_cuts, body_cuts_utf8;
    /* UTF-8, unfolded, decoded, i;unicode-casemap folded: what SEARCH FROM, TO, CC, BCC, SUBJECT look into (all
     * addresses with display names). */
    struct view search_from, search_to, search_cc, search_bcc, search_subject;
    /* RFC 5256 2.1 base subject, RFC 5957 display names, first mailbox: all folded by i;unicode-casemap. */
    struct view sort_subject, sort_from, sort_to, sort_cc, sort_display_from, sort_display_to;
    bool subject_is_reply; /* RFC 5256 2.1: it was a reply or forward */
    /* Decoded, as written, UTF-8, at most 255 octets. */
    struct view subject, preview;
    struct view message_id; /* without <>, may be empty */
    /* Fields of the top header as they stand there, see digest/fields.h. Empty: not kept; the message tells them. */
    struct view fields;
    /* XXH3 64 of the Message-ID without <>, 0 if there is none; and of the ids in In-Reply-To, then References. */
    uint64_t message_id_hash;
    uint32_t reference_count;
    uint32_t reply_count;   /* so many of them, the first, are In-Reply-To's */
    const char *references; /* reference_count little-endian u64 */
    uint32_t part_count;
    const char *parts; /* packed; read with digest_part_at */
};

bool digest_open(struct view octets, struct digest *digest_r);
/*
 * The same for octets that digest_open accepted before and that a checksum guards since: checks the layout alone, not
 * the texts and the tree. For reading stored records. Where DIGEST_HEADER_8BIT isn't set, the *_utf8 views are the
 * 7-bit ones.
 */
bool digest_open_checked(struct view octets, struct digest *digest_r);
void digest_part_at(const struct digest *d, uint32_t index, struct digest_part *part_r);
uint64_t digest_reference_at(const struct digest *d, uint32_t index);
/* Appends BODY (the non-extensible form) cut out of BODYSTRUCTURE. */
void digest_write_body(const struct digest *d, bool utf8, struct buffer *out);
/*
 * The part that a section path names (RFC 9051 6.4.5.1): numbers from 1, none for the message itself. PART_NONE if
 * there is none. Part 1 of a message that isn't multipart is its body.
 */
uint32_t digest_find_part(const struct digest *d, const uint32_t *numbers, size_t count);

/*
 * structure.c: BODYSTRUCTURE of the part with that index (of 0: of the whole message), a view into the digest's. False:
 * the list and the parts don't agree, as only a broken parse would leave them.
 */
bool digest_part_structure(const struct digest *d, bool utf8, uint32_t index, struct view *structure_r);
/* Is it of a part that says how many lines it has? */
bool structure_is_text(struct view structure);
/* That of a leaf, as it is without its transfer encoding: "BINARY", with so many octets, and lines if it is text. */
bool structure_write_decoded(struct view structure, uint64_t octets, uint32_t lines, struct buffer *out);

/* Appends one stretch to what becomes body_cuts. */
void digest_cuts_add(struct buffer *cuts, size_t offset, size_t size);
/* Writes the octets that digest_open reads. parts is an array; views may be empty. False beyond LIMIT_DIGEST_OCTETS. */
bool digest_write(const struct digest *fields, const struct digest_part *parts, const uint64_t *references,
                  struct buffer *out);
/*
 * The digest of a message that nobody could parse: one text/plain part, true size and line count, border by plain
 * search for the first blank line, Subject "[message could not be read: ID]".
 */
void digest_write_opaque(struct view message, const char *id, struct buffer *out);

#endif
