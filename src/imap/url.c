/*
 * imap/url.c: see imap/url.h. RFC 5092 5 and 6.1; RFC 4469 3 for what is relative to what; RFC 5550 6.1 for ;PARTIAL=;
 * RFC 4467 3 for ;URLAUTH=.
 *
 * Fails    false for anything that names no message: a list, a search, another scheme.
 * Tested   tests/e2e/test_cap_catenate.py, test_cap_urlauth.py
 */
#include "imap/url.h"
#include "base/clock.h"

/* ---- octets of a URL ---- */

/* "%20" into a space. False: a "%" that begins no octet, or NUL. */
static bool decode_percent(struct arena *arena, struct view text, struct view *decoded_r)
{
    char *out = arena_new(arena, text.size + 1);
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '%') {
            int octet = view_hex_octet(text, i + 1);
            if (octet < 0)
                return false;
            c = (char)octet;
            i += 2;
        }
        if (!c)
            return false;
        out[size++] = c;
    }
    *decoded_r = view_of(out, size);
    return true;
}

/* ";NAME=" at the beginning, in any case, perhaps behind one "/": its value, up to the next ";" or "/;". */
static bool take_parameter(struct view *rest, const char *name, struct view *value_r)
{
    struct view at = *rest, wanted = view_of_string(name);
    if (at.size && at.data[0] == '/')
        at = view_skip(at, 1);
    if (!view_starts_with_nocase(at, wanted))
        return false;
    at = view_skip(at, wanted.size);
    size_t end = 0;
    while (end < at.size && at.data[end] != ';' &&
           !(at.data[end] == '/' && end + 1 < at.size && at.data[end + 1] == ';'))
        end++;
    *value_r = view_slice(at, 0, end);
    *rest = view_skip(at, end);
    return true;
}

static bool take_number(struct view *rest, const char *name, uint32_t *number_r)
{
    struct view value;
    uint64_t number;
    if (!take_parameter(rest, name, &value))
        return true;
    if (!view_parse_u64(value, UINT32_MAX, &number) || !number)
        return false;
    *number_r = (uint32_t)number;
    return true;
}

/* ---- its pieces ---- */

/* "imap://user;AUTH=*@host:143/" in front. A relative URL has none. */
static bool take_server(struct arena *arena, struct view *rest, struct imap_url *url)
{
    static const struct view scheme = VIEW_LITERAL("imap://");
    if (!view_starts_with_nocase(*rest, scheme))
        return true;
    struct view server = view_skip(*rest, scheme.size);
    size_t slash = view_find(server, '/', 0);
    if (slash == SIZE_MAX)
        return false;
    *rest = view_skip(server, slash);
    server = view_slice(server, 0, slash);
    size_t at = view_find(server, '@', 0);
    struct view user = at == SIZE_MAX ? VIEW_EMPTY : view_slice(server, 0, at);
    user = view_slice(user, 0, view_find(user, ';', 0));
    url->absolute = true;
    return decode_percent(arena, user, &url->user);
}

/* Up to ";UIDVALIDITY=" or "/;UID=". */
static bool take_mailbox(struct arena *arena, struct view *rest, struct imap_url *url)
{
    struct view decoded;
    if (rest->size && rest->data[0] == '/' && !(rest->size > 1 && rest->data[1] == ';'))
        *rest = view_skip(*rest, 1);
    size_t end = 0;
    while (end < rest->size && rest->data[end] != ';')
        end++;
    struct view name = view_slice(*rest, 0, end);
    *rest = view_skip(*rest, end);
    if (name.size && name.data[name.size - 1] == '/')
        name.size--;
    if (!name.size)
        return !url->absolute;
    return decode_percent(arena, name, &decoded) && mailbox_name_canonical(arena, decoded, &url->mailbox) == STORE_OK;
}

static bool take_section(struct arena *arena, struct view *rest, struct imap_url *url)
{
    struct view value, decoded;
    if (!take_parameter(rest, ";SECTION=", &value))
        return true;
    if (!decode_percent(arena, value, &decoded) || !decoded.size)
        return false;
    struct arguments a = {.at = decoded.data, .end = decoded.data + decoded.size, .arena = arena};
    return fetch_take_section_text(&a, &url->section) && arguments_end(&a);
}

/* ";PARTIAL=0.1024" or ";PARTIAL=1024", which is the rest from there (RFC 5092 6.1). */
static bool take_partial(struct view *rest, struct section *section)
{
    struct view value;
    uint64_t count = UINT64_MAX;
    if (!take_parameter(rest, ";PARTIAL=", &value))
        return true;
    size_t point = view_find(value, '.', 0);
    section->partial = true;
    if (point != SIZE_MAX && (!view_parse_u64(view_skip(value, point + 1), UINT32_MAX, &count) || !count))
        return false;
    section->count = count;
    return view_parse_u64(view_slice(value, 0, point), UINT32_MAX, &section->from);
}

/* RFC 3339: "2026-12-31T23:59:59Z", perhaps with a fraction, or with a zone "+01:00". */
static bool parse_time(struct view text, int64_t *utc_s_r)
{
    static const struct {
        uint8_t at, size;
        char behind;
    } fields[] = {{0, 4, '-'}, {5, 2, '-'}, {8, 2, 'T'}, {11, 2, ':'}, {14, 2, ':'}, {17, 2, 0}};
    uint64_t n[6], hours = 0, minutes = 0;
    for (size_t i = 0; i < 6; i++)
        if (!view_parse_u64(view_slice(text, fields[i].at, fields[i].size), 9999, &n[i]) ||
            text.size < (size_t)fields[i].at + fields[i].size ||
            (fields[i].behind &&
             (text.size < 20 || (text.data[fields[i].at + fields[i].size] & ~0x20) != (fields[i].behind & ~0x20))))
            return false;
    struct view zone = view_skip(text, 19);
    if (zone.size && zone.data[0] == '.') {
        size_t end = 1;
        while (end < zone.size && zone.data[end] >= '0' && zone.data[end] <= '9')
            end++;
        zone = view_skip(zone, end);
    }
    struct civil_time civil = {.year = (int32_t)n[0],
                               .month = (uint8_t)n[1],
                               .day = (uint8_t)n[2],
                               .hour = (uint8_t)n[3],
                               .minute = (uint8_t)n[4],
                               .second = (uint8_t)n[5]};
    if (zone.size == 6 && (zone.data[0] == '+' || zone.data[0] == '-') && zone.data[3] == ':' &&
        view_parse_u64(view_slice(zone, 1, 2), 23, &hours) && view_parse_u64(view_slice(zone, 4, 2), 59, &minutes))
        civil.zone_minutes = (int16_t)((zone.data[0] == '-' ? -1 : 1) * (int)(hours * 60 + minutes));
    else if (!view_equal_string_nocase(zone, "Z"))
        return false;
    return civil_to_seconds(&civil, utc_s_r);
}

/* ";EXPIRE=" and ";URLAUTH=" at the end (RFC 4467 3). `text` is all of the URL. */
static bool take_authority(struct arena *arena, struct view text, struct view *rest, struct imap_url *url)
{
    struct view value;
    if (take_parameter(rest, ";EXPIRE=", &value)) {
        url->expires = true;
        if (!parse_time(value, &url->expires_utc_s))
            return false;
    }
    if (!take_parameter(rest, ";URLAUTH=", &value))
        return !url->expires;
    size_t colon = view_find(value, ':', 0);
    struct view access = view_slice(value, 0, colon), signature = view_skip(value, colon);
    url->rump_octets = (size_t)(access.data + access.size - text.data);
    if (colon != SIZE_MAX) {
        signature = view_skip(signature, 1);
        size_t second = view_find(signature, ':', 0);
        url->mechanism = view_slice(signature, 0, second);
        url->token = second == SIZE_MAX ? VIEW_EMPTY : view_skip(signature, second + 1);
        if (!url->token.size)
            return false;
    }
    return access.size && decode_percent(arena, access, &url->access);
}

bool imap_url_parse(struct arena *arena, struct view text, struct imap_url *url_r)
{
    struct view rest = text;
    *url_r = (struct imap_url){0};
    return take_server(arena, &rest, url_r) && take_mailbox(arena, &rest, url_r) &&
           take_number(&rest, ";UIDVALIDITY=", &url_r->uidvalidity) && take_number(&rest, ";UID=", &url_r->uid) &&
           url_r->uid && take_section(arena, &rest, url_r) && take_partial(&rest, &url_r->section) &&
           take_authority(arena, text, &rest, url_r) && !rest.size;
}

/* ---- its octets ---- */

enum store_error url_message(const struct imap_url *url, const struct reader *reader, uint32_t id,
                             struct message_row *row_r)
{
    struct mailbox mailbox = {0};
    bool expunged = false;
    enum store_error error = mailbox_read(reader, NULL, id, &mailbox);
    if (!error && (mailbox.flags & MAILBOX_NOSELECT))
        error = STORE_NO_MAILBOX;
    if (!error && url->uidvalidity && url->uidvalidity != mailbox.uidvalidity)
        error = STORE_NOT_FOUND;
    if (!error)
        error = message_row(reader, mailbox.id, url->uid, row_r, &expunged);
    return !error && expunged ? STORE_EXPUNGED : error;
}

static enum store_error find_octets(struct url_reading *r, const struct reader *reader, const struct email *email)
{
    struct section_place place;
    const struct section *section = &r->url.section;
    if (!section_find(&email->digest, section, &place))
        return STORE_NOT_FOUND;
    r->is_chosen = section->kind == SECTION_FIELDS || section->kind == SECTION_FIELDS_NOT;
    if (r->is_chosen) {
        buffer_clear(&r->chosen);
        enum store_error error = section_choose_fields(reader, email, section, place, &r->chosen);
        if (error)
            return error;
        place = (struct section_place){0, buffer_size(&r->chosen)};
    }
    place = section_clip(place, section);
    r->at = place.at;
    r->left = place.octets;
    r->open = true;
    return STORE_OK;
}

static enum store_error read_stretch(struct url_reading *r, const struct reader *reader, const struct email *email,
                                     struct buffer *out)
{
    uint64_t size = r->left < SECTION_STRETCH ? r->left : SECTION_STRETCH;
    size_t before = buffer_size(out);
    enum store_error error = STORE_OK;
    if (r->is_chosen)
        buffer_append_view(out, view_slice(buffer_view(&r->chosen), (size_t)r->at, (size_t)size));
    else if (size)
        error = email_octets(reader, email, r->at, size, out);
    if (!error && buffer_size(out) - before != size)
        error = STORE_CORRUPT;
    if (error)
        return error;
    r->at += size;
    r->left -= size;
    return STORE_OK;
}

enum store_error url_read(struct url_reading *r, const struct reader *reader, uint32_t mailbox, struct buffer *out)
{
    struct message_row row;
    struct email email;
    enum store_error error = STORE_OK;
    if (!r->email) {
        error = url_message(&r->url, reader, mailbox, &row);
        if (error)
            return error;
        r->email = row.email;
    }
    struct email_cursor *cursor = email_cursor_new(reader);
    error = email_cursor_read(cursor, r->email, &email);
    if (!error && !r->open)
        error = find_octets(r, reader, &email);
    if (!error)
        error = read_stretch(r, reader, &email, out);
    email_cursor_free(&cursor);
    return error;
}

void url_reading_free(struct url_reading *r)
{
    buffer_free(&r->chosen);
}
