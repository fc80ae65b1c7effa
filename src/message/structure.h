/*
 * message/structure.h: the MIME tree of a message, in one pass, with exact octets and lines.
 *
 * Does     reads headers and delimiter lines of a message that lies in memory as it is stored (CRLF; a bare LF ends a
 *          line too). Keeps the fields that a digest tells, as views into the message.
 * Owns     the parts, and the parameters of their content (an arena).
 * Called   by summary.c and matcher.c, in parse. Bounded: depth LIMIT_MIME_DEPTH, parts LIMIT_MIME_PARTS (what is
 *          deeper or more is one leaf); no recursion.
 * Fails    never.
 * Tested   tests/unit/message_structure.c, fuzz/mime.c
 */
#ifndef MESSAGE_STRUCTURE_H
#define MESSAGE_STRUCTURE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/limits.h"
#include "digest/digest.h"
#include "message/content.h"

/* Fields that are kept, folded, as they came. */
enum kept_field {
    KEPT_CONTENT_TYPE,
    KEPT_ENCODING,
    KEPT_DISPOSITION,
    KEPT_ID,
    KEPT_DESCRIPTION,
    KEPT_LANGUAGE,
    KEPT_LOCATION,
    KEPT_MD5,
    KEPT_PART_COUNT, /* those above belong to every part, those below to messages alone */
    KEPT_DATE = KEPT_PART_COUNT,
    KEPT_SUBJECT,
    KEPT_FROM,
    KEPT_SENDER,
    KEPT_REPLY_TO,
    KEPT_TO,
    KEPT_CC,
    KEPT_BCC,
    KEPT_IN_REPLY_TO,
    KEPT_MESSAGE_ID,
    KEPT_REFERENCES,
    KEPT_COUNT
};

/* Address fields may stand more than once: then all pieces count. */
struct kept {
    struct view *pieces;
    uint32_t count, room;
    size_t octets;
};

struct mime_part {
    struct digest_part place; /* is_text, is_attachment and decoded_size: summary.c */
    uint32_t depth;
    uint32_t children;
    uint64_t lines_before; /* line ends before the body */
    bool in_digest;        /* child of multipart/digest: a message by default (RFC 2046 5.1.5) */
    bool is_message;       /* its header is a message's header */
    bool forced;           /* a leaf by limit, whatever its type says */
    bool defaulted;        /* no usable Content-Type */
    bool has[KEPT_PART_COUNT];
    struct view fields[KEPT_PART_COUNT];
    struct kept *message; /* KEPT_COUNT - KEPT_PART_COUNT of them, for messages */
    struct content content;
};

struct mime_boundary {
    uint32_t part;
    struct view text;
};

struct mime {
    struct view octets;
    struct arena arena;
    struct mime_part *parts;
    uint32_t count, room;
    struct mime_boundary boundaries[LIMIT_MIME_DEPTH + 1];
    uint32_t boundary_count;
    uint32_t current;
    struct buffer fields; /* of the top header, packed: digest/fields.h */
    bool fields_too_long;
    bool cut, has_nul, has_8bit_header;
    uint64_t counted_to, line_ends; /* line ends before counted_to */
};

/* The octets must outlive the tree. */
void mime_read(struct mime *mime, struct view octets);
/* Ready for the next mime_read; keeps some memory. */
void mime_reset(struct mime *mime);
void mime_free(struct mime *mime);

static inline struct view mime_body(const struct mime *mime, const struct mime_part *part)
{
    return view_slice(mime->octets, (size_t)part->place.body_offset, (size_t)part->place.body_size);
}
static inline struct view mime_header(const struct mime *mime, const struct mime_part *part)
{
    return view_slice(mime->octets, (size_t)part->place.header_offset, (size_t)part->place.header_size);
}
/* Is its type "type" (and "subtype", if that isn't null)? A part without a usable type is text/plain. */
bool mime_is(const struct mime_part *part, const char *type, const char *subtype);

#endif
