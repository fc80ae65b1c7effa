/* store/rows.c: see store/rows.h. */
#include "store/rows.h"

enum {
    ACCOUNT_VERSION = 1,
    MAILBOX_VERSION = 1,
    CHUNK_VERSION = 1,
    CHANGE_VERSION = 1,
    RETAINED_WITHOUT_HOW = 1,
    RETAINED_VERSION = 2,
    RETAINED_TOTAL_VERSION = 1,
    LOST_MAILBOX_VERSION = 1,
    HISTORY_VERSION = 1,
    EMAIL_VERSION = 1
};

/* ---- varints ---- */

enum { NUMBER_MOST = 10 };

/* Behind what it wrote, at most NUMBER_MOST octets. */
static char *put_u64(char *p, uint64_t value)
{
    while (value >= 0x80) {
        *p++ = (char)(value | 0x80);
        value >>= 7;
    }
    *p++ = (char)value;
    return p;
}

static char *put_i64(char *p, int64_t value)
{
    return put_u64(p, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void row_u64(struct buffer *out, uint64_t value)
{
    char octets[NUMBER_MOST];
    buffer_append(out, octets, (size_t)(put_u64(octets, value) - octets));
}

void row_i64(struct buffer *out, int64_t value)
{
    char octets[NUMBER_MOST];
    buffer_append(out, octets, (size_t)(put_i64(octets, value) - octets));
}

void row_view(struct buffer *out, struct view v)
{
    row_u64(out, v.size);
    buffer_append_view(out, v);
}

uint64_t row_read_u64(struct view *rest, bool *good)
{
    uint64_t value = 0;
    if (rest->size && !(rest->data[0] & 0x80)) { /* most are small */
        value = (unsigned char)*rest->data++;
        rest->size--;
        return value;
    }
    for (unsigned i = 0; i < rest->size && i < NUMBER_MOST; i++) {
        unsigned char c = (unsigned char)rest->data[i];
        value |= (uint64_t)(c & 0x7f) << (7 * i);
        if (!(c & 0x80)) {
            *rest = view_skip(*rest, i + 1);
            return value;
        }
    }
    *good = false;
    rest->size = 0;
    return 0;
}

uint32_t row_read_u32(struct view *rest, bool *good)
{
    uint64_t value = row_read_u64(rest, good);
    if (value > UINT32_MAX) {
        *good = false;
        return 0;
    }
    return (uint32_t)value;
}

int64_t row_read_i64(struct view *rest, bool *good)
{
    uint64_t value = row_read_u64(rest, good);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

struct view row_read_view(struct view *rest, bool *good)
{
    uint64_t size = row_read_u64(rest, good);
    if (size > rest->size) {
        *good = false;
        rest->size = 0;
        return VIEW_EMPTY;
    }
    struct view v = view_slice(*rest, 0, (size_t)size);
    *rest = view_skip(*rest, (size_t)size);
    return v;
}

static bool row_version(struct view *rest, unsigned version)
{
    if (!rest->size || (unsigned char)rest->data[0] != version)
        return false;
    *rest = view_skip(*rest, 1);
    return true;
}

/* ---- A ---- */

void account_row_write(const struct account_row *row, struct buffer *out)
{
    const uint64_t fields[] = {row->modseq,           row->next_email,   row->octets,         row->messages,
                               row->emails,           row->quota_octets, row->quota_messages, row->next_mailbox,
                               row->last_uidvalidity, row->epoch,        row->mailboxes,      row->mailbox_list_modseq};
    buffer_append_char(out, ACCOUNT_VERSION);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        row_u64(out, fields[i]);
    row_i64(out, row->created_utc_s);
}

bool account_row_read(struct view rest, struct account_row *r)
{
    bool good = row_version(&rest, ACCOUNT_VERSION);
    *r = (struct account_row){0};
    if (!good)
        return false;
    r->modseq = row_read_u64(&rest, &good);
    r->next_email = row_read_u64(&rest, &good);
    r->octets = row_read_u64(&rest, &good);
    r->messages = row_read_u64(&rest, &good);
    r->emails = row_read_u64(&rest, &good);
    r->quota_octets = row_read_u64(&rest, &good);
    r->quota_messages = row_read_u64(&rest, &good);
    r->next_mailbox = row_read_u32(&rest, &good);
    r->last_uidvalidity = row_read_u32(&rest, &good);
    r->epoch = row_read_u32(&rest, &good);
    r->mailboxes = row_read_u32(&rest, &good);
    r->mailbox_list_modseq = row_read_u64(&rest, &good);
    r->created_utc_s = row_read_i64(&rest, &good);
    return good && rest.size == 0;
}

/* ---- M ---- */

void mailbox_row_write(const struct mailbox_row *row, struct buffer *out)
{
    const uint64_t fields[] = {row->parent,        row->uidvalidity, row->uidnext,      row->messages,
                               row->unseen,        row->deleted,     row->special_use,  row->flags,
                               row->highestmodseq, row->octets,      row->floor_modseq, row->epoch};
    buffer_append_char(out, MAILBOX_VERSION);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        row_u64(out, fields[i]);
    row_view(out, row->name);
}

bool mailbox_row_read(struct view rest, struct mailbox_row *r)
{
    bool good = row_version(&rest, MAILBOX_VERSION);
    *r = (struct mailbox_row){0};
    if (!good)
        return false;
    r->parent = row_read_u32(&rest, &good);
    r->uidvalidity = row_read_u32(&rest, &good);
    r->uidnext = row_read_u32(&rest, &good);
    r->messages = row_read_u32(&rest, &good);
    r->unseen = row_read_u32(&rest, &good);
    r->deleted = row_read_u32(&rest, &good);
    r->special_use = row_read_u32(&rest, &good);
    r->flags = row_read_u32(&rest, &good);
    r->highestmodseq = row_read_u64(&rest, &good);
    r->octets = row_read_u64(&rest, &good);
    r->floor_modseq = row_read_u64(&rest, &good);
    r->epoch = row_read_u32(&rest, &good);
    r->name = row_read_view(&rest, &good);
    return good && rest.size == 0;
}

/* ---- C ----
 * version, present (8 octets, little-endian), modseq_max, then columns over the present messages in order:
 *   flags:    one octet saying which system flags occur, then 8 octets of bits for each
 *   keywords: count, then for each: number, 8 octets of bits
 *   modseq:   modseq_max - modseq;   size;   email: zigzag from the previous + 1;   date: zigzag from the previous;
 *   saved:    zigzag from the date;  zone: zigzag
 */

static void put_bits(struct buffer *out, uint64_t bits)
{
    char octets[8];
    for (unsigned i = 0; i < 8; i++)
        octets[i] = (char)(bits >> (8 * i));
    buffer_append(out, octets, 8);
}

static uint64_t get_bits(struct view *rest, bool *good)
{
    uint64_t bits = 0;
    if (rest->size < 8) {
        *good = false;
        rest->size = 0;
        return 0;
    }
    for (unsigned i = 0; i < 8; i++)
        bits |= (uint64_t)(unsigned char)rest->data[i] << (8 * i);
    *rest = view_skip(*rest, 8);
    return bits;
}

/* for (each present bit i in c) */
/* NOLINTBEGIN(bugprone-macro-parentheses): i is a name */
#define EACH_PRESENT(bits, i)                                                                                          \
    for (uint64_t left_##i = (bits), one_##i = 1; one_##i && left_##i; left_##i &= left_##i - 1)                       \
        for (unsigned i = (unsigned)__builtin_ctzll(left_##i), once_##i = 1; once_##i; once_##i = 0)
/* NOLINTEND(bugprone-macro-parentheses) */

/* The system flags, FLAG_ENDS_OPEN, FLAG_HEADER_RAW. */
enum { ROW_FLAGS = 7 };

static void write_flags(const struct chunk *c, struct buffer *out)
{
    uint64_t bits[ROW_FLAGS] = {0}, keywords[CHUNK_KEYWORDS / 64] = {0};
    unsigned which = 0, count = 0;
    EACH_PRESENT(c->present, i)
    {
        for (unsigned f = 0; f < ROW_FLAGS; f++)
            if (c->rows[i].flags & (1u << f))
                bits[f] |= 1ull << i;
        for (unsigned w = 0; w < CHUNK_KEYWORDS / 64; w++)
            keywords[w] |= c->rows[i].keywords.bits[w];
    }
    for (unsigned f = 0; f < ROW_FLAGS; f++)
        which |= bits[f] ? 1u << f : 0;
    buffer_append_char(out, (char)which);
    for (unsigned f = 0; f < ROW_FLAGS; f++)
        if (bits[f])
            put_bits(out, bits[f]);
    for (unsigned w = 0; w < CHUNK_KEYWORDS / 64; w++)
        count += (unsigned)__builtin_popcountll(keywords[w]);
    row_u64(out, count);
    for (unsigned k = 0; k < CHUNK_KEYWORDS && count; k++) {
        if (!(keywords[k / 64] & (1ull << (k % 64))))
            continue;
        uint64_t who = 0;
        EACH_PRESENT(c->present, i)
        {
            if (c->rows[i].keywords.bits[k / 64] & (1ull << (k % 64)))
                who |= 1ull << i;
        }
        row_u64(out, k);
        put_bits(out, who);
    }
}

enum { CHUNK_COLUMNS = 6 };

static char *put_columns(const struct chunk *c, uint64_t modseq_max, char *p)
{
    uint64_t email = 0;
    int64_t date = 0;
    EACH_PRESENT(c->present, i)
    {
        p = put_u64(p, modseq_max - c->rows[i].modseq);
    }
    EACH_PRESENT(c->present, i)
    {
        p = put_u64(p, c->rows[i].size_octets);
    }
    EACH_PRESENT(c->present, i)
    {
        p = put_i64(p, (int64_t)(c->rows[i].email - email - 1));
        email = c->rows[i].email;
    }
    EACH_PRESENT(c->present, i)
    {
        p = put_i64(p, c->rows[i].internal_utc_s - date);
        date = c->rows[i].internal_utc_s;
    }
    EACH_PRESENT(c->present, i)
    {
        p = put_i64(p, c->rows[i].saved_utc_s - c->rows[i].internal_utc_s);
    }
    EACH_PRESENT(c->present, i)
    {
        p = put_i64(p, c->rows[i].internal_zone_minutes);
    }
    return p;
}

void chunk_write(const struct chunk *c, struct buffer *out)
{
    uint64_t modseq_max = 0;
    EACH_PRESENT(c->present, i)
    {
        if (c->rows[i].modseq > modseq_max)
            modseq_max = c->rows[i].modseq;
    }
    buffer_append_char(out, CHUNK_VERSION);
    put_bits(out, c->present);
    row_u64(out, modseq_max);
    write_flags(c, out);
    char columns[CHUNK_ROWS * CHUNK_COLUMNS * NUMBER_MOST];
    buffer_append(out, columns, (size_t)(put_columns(c, modseq_max, columns) - columns));
}

bool chunk_read_head(struct view rest, uint64_t *present_r, uint64_t *modseq_max_r)
{
    bool good = row_version(&rest, CHUNK_VERSION);
    if (!good)
        return false;
    *present_r = get_bits(&rest, &good);
    *modseq_max_r = row_read_u64(&rest, &good);
    return good;
}

static bool read_flags(struct view *rest, struct chunk *c)
{
    bool good = rest->size > 0;
    unsigned which = good ? (unsigned char)rest->data[0] : 0;
    *rest = view_skip(*rest, 1);
    if (which >> ROW_FLAGS)
        return false;
    for (unsigned f = 0; f < ROW_FLAGS; f++) {
        if (!(which & (1u << f)))
            continue;
        uint64_t bits = get_bits(rest, &good) & c->present;
        EACH_PRESENT(bits, i)
        {
            c->rows[i].flags |= (uint8_t)(1u << f);
        }
    }
    uint64_t count = row_read_u64(rest, &good);
    if (count > CHUNK_KEYWORDS)
        return false;
    for (uint64_t n = 0; n < count && good; n++) {
        uint64_t k = row_read_u64(rest, &good);
        uint64_t bits = get_bits(rest, &good) & c->present;
        if (k >= CHUNK_KEYWORDS)
            return false;
        EACH_PRESENT(bits, i)
        {
            c->rows[i].keywords.bits[k / 64] |= 1ull << (k % 64);
        }
    }
    return good;
}

bool chunk_read(uint32_t block, struct view rest, struct chunk *c)
{
    bool good = row_version(&rest, CHUNK_VERSION);
    if (!good || block > (UINT32_MAX - 1) / CHUNK_ROWS)
        return false;
    c->block = block;
    c->present = get_bits(&rest, &good);
    c->modseq_max = row_read_u64(&rest, &good);
    uint64_t email = 0;
    int64_t date = 0;
    EACH_PRESENT(c->present, i)
    {
        c->rows[i] = (struct message_row){.uid = block * CHUNK_ROWS + 1 + i};
    }
    if (!good || !read_flags(&rest, c))
        return false;
    EACH_PRESENT(c->present, i)
    {
        c->rows[i].modseq = c->modseq_max - row_read_u64(&rest, &good);
    }
    EACH_PRESENT(c->present, i)
    {
        c->rows[i].size_octets = row_read_u64(&rest, &good);
    }
    EACH_PRESENT(c->present, i)
    {
        email += (uint64_t)row_read_i64(&rest, &good) + 1;
        c->rows[i].email = email;
    }
    EACH_PRESENT(c->present, i)
    {
        date = (int64_t)((uint64_t)date + (uint64_t)row_read_i64(&rest, &good));
        c->rows[i].internal_utc_s = date;
    }
    EACH_PRESENT(c->present, i)
    {
        c->rows[i].saved_utc_s = (int64_t)((uint64_t)c->rows[i].internal_utc_s + (uint64_t)row_read_i64(&rest, &good));
    }
    EACH_PRESENT(c->present, i)
    {
        int64_t zone = row_read_i64(&rest, &good);
        good = good && zone >= -1440 && zone <= 1440;
        c->rows[i].internal_zone_minutes = (int16_t)zone;
    }
    return good && rest.size == 0;
}

/* ---- L: version, kind, count of runs, then for each: first - end of the one before, length - 1 ---- */

void change_write(enum change_kind kind, const struct uidset *uids, struct buffer *out)
{
    uint32_t first, last, from = 1, before = 0;
    buffer_append_char(out, CHANGE_VERSION);
    buffer_append_char(out, (char)kind);
    while (uidset_run(uids, from, &first, &last)) {
        row_u64(out, first - before);
        row_u64(out, last - first);
        before = last;
        if (last == UINT32_MAX)
            break;
        from = last + 1;
    }
}

bool change_read(struct view rest, struct uidset *flags, struct uidset *vanished)
{
    bool good = row_version(&rest, CHANGE_VERSION) && rest.size;
    if (!good || (rest.data[0] != CHANGE_FLAGS && rest.data[0] != CHANGE_VANISHED))
        return false;
    struct uidset *set = rest.data[0] == CHANGE_FLAGS ? flags : vanished;
    rest = view_skip(rest, 1);
    uint64_t before = 0;
    while (rest.size && good) {
        uint64_t first = before + row_read_u64(&rest, &good), last = first + row_read_u64(&rest, &good);
        if (!good || first <= before || last < first || last > UINT32_MAX)
            return false;
        if (set)
            uidset_add_range(set, (uint32_t)first, (uint32_t)last);
        before = last;
    }
    return good;
}

/* ---- R ---- */

static struct view text_of(const char *text, size_t size)
{
    return view_of(text, strnlen(text, size));
}

static void copy_text(char *to, size_t size, struct view from)
{
    size_t length = from.size < size - 1 ? from.size : size - 1;
    memset(to, 0, size);
    if (length)
        memcpy(to, from.data, length);
}

void retained_write(const struct retained_row *r, struct buffer *out)
{
    const struct message_row *m = &r->message;
    buffer_append_char(out, RETAINED_VERSION);
    buffer_append_char(out, (char)m->flags);
    for (unsigned w = 0; w < 4; w++)
        row_u64(out, m->keywords.bits[w]);
    row_u64(out, m->modseq);
    row_u64(out, m->email);
    row_u64(out, m->size_octets);
    row_i64(out, m->internal_utc_s);
    row_i64(out, m->internal_zone_minutes);
    row_i64(out, m->saved_utc_s);
    row_i64(out, r->at_utc_s);
    row_u64(out, r->until_day);
    row_u64(out, r->how);
    row_u64(out, r->why.by);
    row_u64(out, r->why.session);
    row_view(out, text_of(r->why.peer, sizeof r->why.peer));
    row_view(out, text_of(r->why.client, sizeof r->why.client));
}

bool retained_read(struct view rest, uint32_t mailbox, uint32_t uid, struct retained_row *r)
{
    bool no_how = rest.size && rest.data[0] == RETAINED_WITHOUT_HOW;
    bool good = row_version(&rest, no_how ? RETAINED_WITHOUT_HOW : RETAINED_VERSION) && rest.size;
    *r = (struct retained_row){.mailbox = mailbox, .message.uid = uid, .undated = no_how};
    if (!good)
        return false;
    struct message_row *m = &r->message;
    m->flags = (uint8_t)((unsigned char)rest.data[0] & ((1u << ROW_FLAGS) - 1));
    rest = view_skip(rest, 1);
    for (unsigned w = 0; w < 4; w++)
        m->keywords.bits[w] = row_read_u64(&rest, &good);
    m->modseq = row_read_u64(&rest, &good);
    m->email = row_read_u64(&rest, &good);
    m->size_octets = row_read_u64(&rest, &good);
    m->internal_utc_s = row_read_i64(&rest, &good);
    m->internal_zone_minutes = (int16_t)row_read_i64(&rest, &good);
    m->saved_utc_s = row_read_i64(&rest, &good);
    r->at_utc_s = row_read_i64(&rest, &good);
    r->until_day = row_read_u32(&rest, &good);
    r->how = no_how ? REMOVED_ALONE : (uint8_t)row_read_u64(&rest, &good);
    r->why.by = (uint8_t)row_read_u64(&rest, &good);
    r->why.session = row_read_u64(&rest, &good);
    copy_text(r->why.peer, sizeof r->why.peer, row_read_view(&rest, &good));
    copy_text(r->why.client, sizeof r->why.client, row_read_view(&rest, &good));
    return good && rest.size == 0;
}

/* ---- I, Q ---- */

void retained_total_write(const struct retained_total *total, struct buffer *out)
{
    buffer_append_char(out, RETAINED_TOTAL_VERSION);
    row_u64(out, total->messages);
    row_u64(out, total->octets);
}

bool retained_total_read(struct view rest, struct retained_total *total)
{
    bool good = row_version(&rest, RETAINED_TOTAL_VERSION);
    *total = (struct retained_total){0};
    if (!good)
        return false;
    total->messages = row_read_u64(&rest, &good);
    total->octets = row_read_u64(&rest, &good);
    return good && rest.size == 0;
}

void lost_mailbox_write(const struct lost_mailbox *row, struct buffer *out)
{
    buffer_append_char(out, LOST_MAILBOX_VERSION);
    row_view(out, row->path);
    row_u64(out, row->special_use);
    row_u64(out, row->flags);
}

bool lost_mailbox_read(struct view rest, struct lost_mailbox *row)
{
    bool good = row_version(&rest, LOST_MAILBOX_VERSION);
    *row = (struct lost_mailbox){0};
    if (!good)
        return false;
    row->path = row_read_view(&rest, &good);
    row->special_use = row_read_u32(&rest, &good);
    row->flags = row_read_u32(&rest, &good);
    return good && rest.size == 0;
}

/* ---- Y ---- */

void history_write(const struct history_entry *e, struct buffer *out)
{
    buffer_append_char(out, HISTORY_VERSION);
    row_u64(out, e->who.by);
    row_u64(out, e->who.session);
    row_view(out, text_of(e->who.peer, sizeof e->who.peer));
    row_view(out, text_of(e->who.client, sizeof e->who.client));
    row_u64(out, e->mailbox);
    row_u64(out, e->to_mailbox);
    row_view(out, e->path);
    row_view(out, e->to_path);
    row_u64(out, e->to_uid);
    row_view(out, e->messages);
}

bool history_read(struct view rest, struct history_entry *e)
{
    bool good = row_version(&rest, HISTORY_VERSION);
    if (!good)
        return false;
    e->who.by = (uint8_t)row_read_u64(&rest, &good);
    e->who.session = row_read_u64(&rest, &good);
    copy_text(e->who.peer, sizeof e->who.peer, row_read_view(&rest, &good));
    copy_text(e->who.client, sizeof e->who.client, row_read_view(&rest, &good));
    e->mailbox = row_read_u32(&rest, &good);
    e->to_mailbox = row_read_u32(&rest, &good);
    e->path = row_read_view(&rest, &good);
    e->to_path = row_read_view(&rest, &good);
    e->to_uid = row_read_u32(&rest, &good);
    e->messages = row_read_view(&rest, &good);
    return good && rest.size == 0;
}

/* ---- E ---- */

void email_row_write(const struct email_row *r, struct buffer *out)
{
    buffer_append_char(out, EMAIL_VERSION);
    row_u64(out, r->thread);
    row_u64(out, r->blob.volume);
    row_u64(out, r->blob.offset);
    row_u64(out, r->blob.stored_octets);
    row_u64(out, r->blob.octets);
    buffer_append(out, r->blob.id, sizeof r->blob.id);
    row_i64(out, r->received_utc_s);
    row_view(out, r->digest);
}

bool email_row_read(struct view rest, struct email_row *r)
{
    bool good = row_version(&rest, EMAIL_VERSION);
    *r = (struct email_row){0};
    if (!good)
        return false;
    r->thread = row_read_u64(&rest, &good);
    r->blob.volume = row_read_u32(&rest, &good);
    r->blob.offset = row_read_u64(&rest, &good);
    r->blob.stored_octets = row_read_u32(&rest, &good);
    r->blob.octets = row_read_u64(&rest, &good);
    if (rest.size < sizeof r->blob.id)
        return false;
    memcpy(r->blob.id, rest.data, sizeof r->blob.id);
    rest = view_skip(rest, sizeof r->blob.id);
    r->received_utc_s = row_read_i64(&rest, &good);
    r->digest = row_read_view(&rest, &good);
    return good && rest.size == 0;
}
