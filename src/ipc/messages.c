/*
 * ipc/messages.c: the permit table: who may send what to whom, how large, with which fields.
 *
 * One row a message and one list of fields a row; encoding, decoding, permission and the documentation of the wire come
 * from them. Numbers are little-endian in their own width; a view is u32 length and octets.
 */
#include "base/limits.h"
#include "ipc/channel.h"
#include <stddef.h>

enum field_kind { FIELD_END = 0, FIELD_U8, FIELD_U16, FIELD_U32, FIELD_U64, FIELD_VIEW };

struct field {
    uint8_t kind;
    uint16_t offset;
    uint32_t max; /* of a view, in octets */
};

#define U8(type, name)                                                                                                 \
    {                                                                                                                  \
        FIELD_U8, offsetof(struct type, name), 0                                                                       \
    }
#define U16(type, name)                                                                                                \
    {                                                                                                                  \
        FIELD_U16, offsetof(struct type, name), 0                                                                      \
    }
#define U32(type, name)                                                                                                \
    {                                                                                                                  \
        FIELD_U32, offsetof(struct type, name), 0                                                                      \
    }
#define U64(type, name)                                                                                                \
    {                                                                                                                  \
        FIELD_U64, offsetof(struct type, name), 0                                                                      \
    }
#define VIEW(type, name, max)                                                                                          \
    {                                                                                                                  \
        FIELD_VIEW, offsetof(struct type, name), (max)                                                                 \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        FIELD_END, 0, 0                                                                                                \
    }

enum {
    TEXT = 512,  /* an answer's sentence */
    NAME = 1024, /* a user, address, tag */
    KIB_64 = 65536,
    KIB_256 = 262144,
    MIB_1 = 1048576,
    DIGEST_MAX = LIMIT_DIGEST_OCTETS + 4096,
};

static const struct field no_fields[] = {END};
static const struct field settings_fields[] = {U32(ipc_settings, version), VIEW(ipc_settings, text, KIB_256), END};
static const struct field peer_fields[] = {U8(ipc_peer, role), U32(ipc_peer, instance), END};
static const struct field listen_fields[] = {
    U8(ipc_listen, protocol), U8(ipc_listen, tls_from_start), U8(ipc_listen, plain_login_allowed),
    U8(ipc_listen, control),  VIEW(ipc_listen, name, NAME),   END};
static const struct field certificate_fields[] = {VIEW(ipc_certificate, certificate_pem, KIB_256),
                                                  VIEW(ipc_certificate, key_pem, KIB_64), END};
static const struct field quarantine_fields[] = {U64(ipc_quarantine, account), U32(ipc_quarantine, seconds), END};
static const struct field ready_fields[] = {U32(ipc_ready, version), VIEW(ipc_ready, walls, TEXT), END};
static const struct field fatal_fields[] = {VIEW(ipc_fatal, reason, TEXT), END};
static const struct field kill_parse_fields[] = {U32(ipc_kill_parse, instance), END};
static const struct field auth_begin_fields[] = {U64(ipc_auth_begin, session),
                                                 U8(ipc_auth_begin, protocol),
                                                 U8(ipc_auth_begin, tls),
                                                 U8(ipc_auth_begin, has_initial),
                                                 VIEW(ipc_auth_begin, mechanism, 64),
                                                 VIEW(ipc_auth_begin, peer, 64),
                                                 VIEW(ipc_auth_begin, initial, LIMIT_SASL_OCTETS),
                                                 END};
static const struct field auth_step_fields[] = {VIEW(ipc_auth_step, octets, LIMIT_SASL_OCTETS), END};
static const struct field auth_more_fields[] = {VIEW(ipc_auth_more, octets, LIMIT_SASL_OCTETS), END};
static const struct field auth_ok_fields[] = {U64(ipc_auth_ok, ticket_high), U64(ipc_auth_ok, ticket_low),
                                              U32(ipc_auth_ok, mail_instance), VIEW(ipc_auth_ok, user, NAME), END};
static const struct field auth_fail_fields[] = {U8(ipc_auth_fail, reason), VIEW(ipc_auth_fail, text, TEXT), END};
static const struct field ticket_fields[] = {U64(ipc_ticket, ticket_high),
                                             U64(ipc_ticket, ticket_low),
                                             U64(ipc_ticket, session),
                                             U64(ipc_ticket, account),
                                             U64(ipc_ticket, credential),
                                             U8(ipc_ticket, protocol),
                                             U32(ipc_ticket, valid_ms),
                                             VIEW(ipc_ticket, user, NAME),
                                             VIEW(ipc_ticket, peer, 64),
                                             VIEW(ipc_ticket, maildrop, NAME),
                                             END};
static const struct field ticket_no_fields[] = {U8(ipc_ticket_no, reason), END};
static const struct field ticket_drop_fields[] = {U64(ipc_ticket_drop, ticket_high), U64(ipc_ticket_drop, ticket_low),
                                                  END};
static const struct field account_new_fields[] = {VIEW(ipc_account_new, user, NAME), U64(ipc_account_new, quota_octets),
                                                  END};
static const struct field account_is_fields[] = {U64(ipc_account_is, account), U8(ipc_account_is, failed), END};
static const struct field account_gone_fields[] = {U64(ipc_account_gone, account), END};
static const struct field revoke_fields[] = {U64(ipc_revoke, account), U64(ipc_revoke, credential), END};
static const struct field adopt_fields[] = {U64(ipc_adopt, ticket_high),
                                            U64(ipc_adopt, ticket_low),
                                            U64(ipc_adopt, session),
                                            U8(ipc_adopt, protocol),
                                            U8(ipc_adopt, tls),
                                            U8(ipc_adopt, language),
                                            VIEW(ipc_adopt, tag, NAME),
                                            VIEW(ipc_adopt, peer, 64),
                                            VIEW(ipc_adopt, local, 64),
                                            VIEW(ipc_adopt, tls_version, 32),
                                            VIEW(ipc_adopt, pending, KIB_64),
                                            END};
static const struct field accepted_fields[] = {U64(ipc_accepted, session), END};
static const struct field refused_fields[] = {U64(ipc_refused, session), U8(ipc_refused, reason),
                                              VIEW(ipc_refused, text, TEXT), END};
static const struct field end_fields[] = {U64(ipc_end, session), U8(ipc_end, clean), END};
static const struct field return_fields[] = {U64(ipc_return, session), U8(ipc_return, protocol), U8(ipc_return, tls),
                                             VIEW(ipc_return, pending, LIMIT_RETURN_OCTETS), END};
static const struct field session_gone_fields[] = {U64(ipc_session_gone, session), END};
static const struct field rcpt_fields[] = {U64(ipc_rcpt, session), U64(ipc_rcpt, size_octets),
                                           VIEW(ipc_rcpt, address, NAME), END};
static const struct field rcpt_ok_fields[] = {U64(ipc_rcpt_ok, account),       U64(ipc_rcpt_ok, ticket_high),
                                              U64(ipc_rcpt_ok, ticket_low),    VIEW(ipc_rcpt_ok, user, NAME),
                                              VIEW(ipc_rcpt_ok, detail, NAME), END};
static const struct field rcpt_no_fields[] = {U16(ipc_rcpt_no, code), VIEW(ipc_rcpt_no, enhanced, 16),
                                              VIEW(ipc_rcpt_no, text, TEXT), END};
static const struct field takes_fields[] = {
    U64(ipc_takes, account),       U64(ipc_takes, ticket_high),    U64(ipc_takes, ticket_low),
    U64(ipc_takes, session),       U64(ipc_takes, size_octets),    VIEW(ipc_takes, user, NAME),
    VIEW(ipc_takes, detail, NAME), VIEW(ipc_takes, address, NAME), END};
static const struct field takes_no_fields[] = {U16(ipc_takes_no, code), VIEW(ipc_takes_no, enhanced, 16),
                                               VIEW(ipc_takes_no, text, TEXT), END};
static const struct field mail_begin_fields[] = {U64(ipc_mail_begin, session),       U64(ipc_mail_begin, size_octets),
                                                 U8(ipc_mail_begin, body_8bit),      U8(ipc_mail_begin, smtputf8),
                                                 VIEW(ipc_mail_begin, sender, NAME), VIEW(ipc_mail_begin, peer, 64),
                                                 VIEW(ipc_mail_begin, helo, NAME),   END};
static const struct field mail_no_fields[] = {U16(ipc_mail_no, code), VIEW(ipc_mail_no, enhanced, 16),
                                              VIEW(ipc_mail_no, text, TEXT), END};
static const struct field mail_data_fields[] = {VIEW(ipc_mail_data, octets, KIB_64), END};
static const struct field mail_credit_fields[] = {U32(ipc_mail_credit, octets), END};
static const struct field mail_end_fields[] = {VIEW(ipc_mail_end, recipients, 16 * LIMIT_LMTP_RECIPIENTS), END};
static const struct field mail_done_fields[] = {VIEW(ipc_mail_done, replies, MIB_1 - 64), END};
static const struct field reply_lost_fields[] = {U64(ipc_reply_lost, session), END};
static const struct field digest_fields[] = {U8(ipc_digest, more), VIEW(ipc_digest, octets, MIB_1), END};
static const struct field digest_piece_fields[] = {U8(ipc_digest_piece, more), VIEW(ipc_digest_piece, octets, MIB_1),
                                                   END};
static const struct field digested_fields[] = {VIEW(ipc_digested, digest, DIGEST_MAX), END};
static const struct field match_fields[] = {U8(ipc_match, more), VIEW(ipc_match, keys, KIB_256),
                                            VIEW(ipc_match, octets, MIB_1), END};
static const struct field matched_fields[] = {VIEW(ipc_matched, bits, 4096), END};
static const struct field convert_fields[] = {VIEW(ipc_convert, charset, 64), VIEW(ipc_convert, octets, KIB_256), END};
static const struct field converted_fields[] = {U8(ipc_converted, known), VIEW(ipc_converted, utf8, MIB_1), END};
static const struct field control_run_fields[] = {U32(ipc_control_run, version),
                                                  U8(ipc_control_run, json),
                                                  U8(ipc_control_run, terminal),
                                                  VIEW(ipc_control_run, who, LIMIT_ADMIN_WHO),
                                                  VIEW(ipc_control_run, arguments, KIB_256),
                                                  END};
static const struct field control_input_fields[] = {VIEW(ipc_control_input, octets, LIMIT_CONTROL_FRAME), END};
static const struct field control_credit_fields[] = {U32(ipc_control_credit, octets), END};
static const struct field control_output_fields[] = {U8(ipc_control_output, stream),
                                                     VIEW(ipc_control_output, octets, LIMIT_CONTROL_FRAME), END};
static const struct field facts_fields[] = {U64(ipc_facts, account), VIEW(ipc_facts, name, NAME), END};
static const struct field facts_are_fields[] = {U64(ipc_facts_are, account), VIEW(ipc_facts_are, name, NAME),
                                                VIEW(ipc_facts_are, groups, LIMIT_GROUPS *(LIMIT_GROUP_OCTETS + 1)),
                                                END};
static const struct field control_exit_fields[] = {U32(ipc_control_exit, code), END};

#define FROM(role) (1u << ROLE_##role)
enum {
    GATES = FROM(GATE) | FROM(LMTP),
    CHILDREN = GATES | FROM(AUTH) | FROM(MAIL) | FROM(PARSE) | FROM(WEB) | FROM(RELAY),
    CONTROLLED = FROM(MAIL) | FROM(AUTH),
};

struct permit {
    const char *name;
    const struct field *fields;
    uint16_t from, to;
    uint16_t size; /* of the struct */
    bool fd;
    uint32_t max; /* payload octets */
    bool both_ways;
};

#define ROW(type, from, to, fd, body, fields, max)                                                                     \
    [IPC_##type] = {#type, fields, (from), (to), sizeof(struct body), fd, (max)}

static const struct permit permits[IPC_TYPE_COUNT] = {
    ROW(SETTINGS, FROM(SUPERVISOR), CHILDREN, false, ipc_settings, settings_fields, KIB_256 + 64),
    ROW(PEER, FROM(SUPERVISOR), CHILDREN, true, ipc_peer, peer_fields, 64),
    ROW(LISTEN, FROM(SUPERVISOR), GATES | CONTROLLED, true, ipc_listen, listen_fields, 2048),
    ROW(CERTIFICATE, FROM(SUPERVISOR), GATES, false, ipc_certificate, certificate_fields, KIB_256 + KIB_64 + 64),
    ROW(NOWSLOT, FROM(SUPERVISOR), FROM(MAIL), true, ipc_empty, no_fields, 0),
    ROW(QUARANTINE, FROM(SUPERVISOR), FROM(MAIL), false, ipc_quarantine, quarantine_fields, 64),
    ROW(START, FROM(SUPERVISOR), CHILDREN, false, ipc_empty, no_fields, 0),
    ROW(DRAIN, FROM(SUPERVISOR), CHILDREN, false, ipc_empty, no_fields, 0),
    ROW(READY, CHILDREN, FROM(SUPERVISOR), false, ipc_ready, ready_fields, 1024),
    ROW(DONE, CHILDREN, FROM(SUPERVISOR), false, ipc_empty, no_fields, 0),
    ROW(FATAL, CHILDREN, FROM(SUPERVISOR), false, ipc_fatal, fatal_fields, 1024),
    ROW(KILL_PARSE, FROM(MAIL), FROM(SUPERVISOR), false, ipc_kill_parse, kill_parse_fields, 64),

    ROW(AUTH_BEGIN, GATES, FROM(AUTH), false, ipc_auth_begin, auth_begin_fields, LIMIT_SASL_OCTETS + 512),
    ROW(AUTH_STEP, GATES, FROM(AUTH), false, ipc_auth_step, auth_step_fields, LIMIT_SASL_OCTETS + 64),
    ROW(AUTH_ABORT, GATES, FROM(AUTH), false, ipc_empty, no_fields, 0),
    ROW(AUTH_MORE, FROM(AUTH), GATES, false, ipc_auth_more, auth_more_fields, LIMIT_SASL_OCTETS + 64),
    ROW(AUTH_OK, FROM(AUTH), GATES, false, ipc_auth_ok, auth_ok_fields, 2048),
    ROW(AUTH_FAIL, FROM(AUTH), GATES, false, ipc_auth_fail, auth_fail_fields, 1024),

    ROW(TICKET, FROM(AUTH), FROM(MAIL), false, ipc_ticket, ticket_fields, 2048),
    ROW(TICKET_OK, FROM(MAIL), FROM(AUTH), false, ipc_empty, no_fields, 0),
    ROW(TICKET_NO, FROM(MAIL), FROM(AUTH), false, ipc_ticket_no, ticket_no_fields, 64),
    ROW(TICKET_DROP, FROM(AUTH), FROM(MAIL), false, ipc_ticket_drop, ticket_drop_fields, 64),
    ROW(ACCOUNT_NEW, FROM(AUTH), FROM(MAIL), false, ipc_account_new, account_new_fields, 2048),
    ROW(ACCOUNT_IS, FROM(MAIL), FROM(AUTH), false, ipc_account_is, account_is_fields, 64),
    ROW(ACCOUNT_GONE, FROM(AUTH), FROM(MAIL), false, ipc_account_gone, account_gone_fields, 64),
    ROW(REVOKE, FROM(AUTH), FROM(MAIL), false, ipc_revoke, revoke_fields, 64),
    ROW(TAKES, FROM(AUTH), FROM(MAIL), false, ipc_takes, takes_fields, 4096),
    ROW(TAKES_YES, FROM(MAIL), FROM(AUTH), false, ipc_empty, no_fields, 0),
    ROW(TAKES_NO, FROM(MAIL), FROM(AUTH), false, ipc_takes_no, takes_no_fields, 1024),

    ROW(ADOPT, FROM(GATE), FROM(MAIL), true, ipc_adopt, adopt_fields, KIB_64 + 4096),
    ROW(ACCEPTED, FROM(MAIL), FROM(GATE), false, ipc_accepted, accepted_fields, 64),
    ROW(REFUSED, FROM(MAIL), FROM(GATE), false, ipc_refused, refused_fields, 1024),
    ROW(END, FROM(MAIL), FROM(GATE), false, ipc_end, end_fields, 64),
    ROW(RETURN, FROM(MAIL), FROM(GATE), true, ipc_return, return_fields, LIMIT_RETURN_OCTETS + 64),
    ROW(SESSION_GONE, FROM(GATE), FROM(MAIL), false, ipc_session_gone, session_gone_fields, 64),

    ROW(RCPT, FROM(LMTP), FROM(AUTH), false, ipc_rcpt, rcpt_fields, 2048),
    ROW(RCPT_OK, FROM(AUTH), FROM(LMTP), false, ipc_rcpt_ok, rcpt_ok_fields, 4096),
    ROW(RCPT_NO, FROM(AUTH), FROM(LMTP), false, ipc_rcpt_no, rcpt_no_fields, 1024),
    ROW(MAIL_BEGIN, FROM(LMTP), FROM(MAIL), false, ipc_mail_begin, mail_begin_fields, 4096),
    ROW(MAIL_GO, FROM(MAIL), FROM(LMTP), false, ipc_empty, no_fields, 0),
    ROW(MAIL_NO, FROM(MAIL), FROM(LMTP), false, ipc_mail_no, mail_no_fields, 1024),
    ROW(MAIL_DATA, FROM(LMTP), FROM(MAIL), false, ipc_mail_data, mail_data_fields, KIB_64 + 64),
    ROW(MAIL_CREDIT, FROM(MAIL), FROM(LMTP), false, ipc_mail_credit, mail_credit_fields, 64),
    ROW(MAIL_END, FROM(LMTP), FROM(MAIL), false, ipc_mail_end, mail_end_fields, 16 * LIMIT_LMTP_RECIPIENTS + 64),
    ROW(MAIL_DONE, FROM(MAIL), FROM(LMTP), false, ipc_mail_done, mail_done_fields, MIB_1),
    ROW(MAIL_ABORT, FROM(LMTP), FROM(MAIL), false, ipc_empty, no_fields, 0),
    ROW(REPLY_LOST, FROM(LMTP), FROM(MAIL), false, ipc_reply_lost, reply_lost_fields, 64),

    ROW(DIGEST, FROM(MAIL), FROM(PARSE), false, ipc_digest, digest_fields, MIB_1 + 64),
    ROW(DIGEST_PIECE, FROM(MAIL), FROM(PARSE), false, ipc_digest_piece, digest_piece_fields, MIB_1 + 64),
    ROW(DIGESTED, FROM(PARSE), FROM(MAIL), false, ipc_digested, digested_fields, DIGEST_MAX + 64),
    ROW(MATCH, FROM(MAIL), FROM(PARSE), false, ipc_match, match_fields, MIB_1 + KIB_256 + 64),
    ROW(MATCHED, FROM(PARSE), FROM(MAIL), false, ipc_matched, matched_fields, 8192),
    ROW(CONVERT, FROM(MAIL), FROM(PARSE), false, ipc_convert, convert_fields, KIB_256 + 1024),
    ROW(CONVERTED, FROM(PARSE), FROM(MAIL), false, ipc_converted, converted_fields, MIB_1 + 64),

    ROW(CONTROL_RUN, FROM(CLI), CONTROLLED, false, ipc_control_run, control_run_fields, KIB_256 + LIMIT_ADMIN_WHO + 64),
    ROW(CONTROL_INPUT, FROM(CLI), CONTROLLED, false, ipc_control_input, control_input_fields, LIMIT_CONTROL_FRAME + 64),
    ROW(CONTROL_INPUT_END, FROM(CLI), CONTROLLED, false, ipc_empty, no_fields, 0),
    [IPC_CONTROL_CREDIT] = {"CONTROL_CREDIT", control_credit_fields, FROM(CLI), CONTROLLED,
                            sizeof(struct ipc_control_credit), false, 64, .both_ways = true},
    ROW(CONTROL_OUTPUT, CONTROLLED, FROM(CLI), false, ipc_control_output, control_output_fields,
        LIMIT_CONTROL_FRAME + 64),
    ROW(CONTROL_EXIT, CONTROLLED, FROM(CLI), false, ipc_control_exit, control_exit_fields, 64),

    ROW(FACTS, FROM(MAIL), FROM(AUTH), false, ipc_facts, facts_fields, 2048),
    ROW(FACTS_ARE, FROM(AUTH), FROM(MAIL), false, ipc_facts_are, facts_are_fields,
        LIMIT_GROUPS *(LIMIT_GROUP_OCTETS + 1) + 2048),
    ROW(FACTS_GONE, FROM(AUTH), FROM(MAIL), false, ipc_empty, no_fields, 0),
};

static const struct permit *permit_of(enum ipc_type type)
{
    return (unsigned)type < IPC_TYPE_COUNT && permits[type].name ? &permits[type] : NULL;
}

bool ipc_permitted(enum ipc_type type, enum role from, enum role to)
{
    const struct permit *permit = permit_of(type);
    if (!permit || (unsigned)from >= ROLE_COUNT || (unsigned)to >= ROLE_COUNT)
        return false;
    unsigned sender = 1u << from, receiver = 1u << to;
    return ((permit->from & sender) && (permit->to & receiver)) ||
           (permit->both_ways && (permit->to & sender) && (permit->from & receiver));
}

size_t ipc_payload_max(enum ipc_type type)
{
    const struct permit *permit = permit_of(type);
    return permit ? permit->max : 0;
}

bool ipc_carries_fd(enum ipc_type type)
{
    const struct permit *permit = permit_of(type);
    return permit && permit->fd;
}

const char *ipc_type_name(enum ipc_type type)
{
    const struct permit *permit = permit_of(type);
    return permit ? permit->name : "unknown";
}

static const uint8_t widths[] = {[FIELD_U8] = 1, [FIELD_U16] = 2, [FIELD_U32] = 4, [FIELD_U64] = 8};

static uint64_t load_number(const char *from, unsigned kind)
{
    switch (kind) {
    case FIELD_U8:
        return *(const uint8_t *)from;
    case FIELD_U16:
        return *(const uint16_t *)(const void *)from;
    case FIELD_U32:
        return *(const uint32_t *)(const void *)from;
    default:
        return *(const uint64_t *)(const void *)from;
    }
}

static void store_number(char *to, unsigned kind, uint64_t value)
{
    switch (kind) {
    case FIELD_U8:
        *(uint8_t *)to = (uint8_t)value;
        break;
    case FIELD_U16:
        *(uint16_t *)(void *)to = (uint16_t)value;
        break;
    case FIELD_U32:
        *(uint32_t *)(void *)to = (uint32_t)value;
        break;
    default:
        *(uint64_t *)(void *)to = value;
        break;
    }
}

static void write_number(struct buffer *out, uint64_t value, unsigned octets)
{
    char bytes[8];
    for (unsigned i = 0; i < octets; i++)
        bytes[i] = (char)(value >> (8 * i));
    buffer_append(out, bytes, octets);
}

/* Moves *rest behind a number. Short input is sticky: *good goes false and all that follows reads as nothing. */
static uint64_t read_number(struct view *rest, unsigned octets, bool *good)
{
    uint64_t value = 0;
    if (rest->size < octets) {
        *good = false;
        return 0;
    }
    for (unsigned i = 0; i < octets; i++)
        value |= (uint64_t)(unsigned char)rest->data[i] << (8 * i);
    *rest = view_skip(*rest, octets);
    return value;
}

bool ipc_encode(enum ipc_type type, const void *body, struct buffer *payload)
{
    const struct permit *permit = permit_of(type);
    if (!permit)
        return false;
    size_t before = buffer_size(payload);
    for (const struct field *field = permit->fields; field->kind; field++) {
        const char *at = (const char *)body + field->offset;
        if (field->kind != FIELD_VIEW) {
            write_number(payload, load_number(at, field->kind), widths[field->kind]);
            continue;
        }
        const struct view *v = (const void *)at;
        if (v->size > field->max)
            return false;
        write_number(payload, v->size, 4);
        buffer_append_view(payload, *v);
    }
    return !payload->overflow && buffer_size(payload) - before <= permit->max;
}

bool ipc_decode(enum ipc_type type, struct view payload, void *body_r)
{
    const struct permit *permit = permit_of(type);
    if (!permit || payload.size > permit->max)
        return false;
    memset(body_r, 0, permit->size);
    bool good = true;
    for (const struct field *field = permit->fields; field->kind; field++) {
        char *at = (char *)body_r + field->offset;
        if (field->kind != FIELD_VIEW) {
            store_number(at, field->kind, read_number(&payload, widths[field->kind], &good));
            continue;
        }
        uint64_t size = read_number(&payload, 4, &good);
        if (size > field->max || size > payload.size) {
            good = false;
            size = 0;
        }
        *(struct view *)(void *)at = view_slice(payload, 0, (size_t)size);
        payload = view_skip(payload, (size_t)size);
    }
    return good && payload.size == 0;
}
