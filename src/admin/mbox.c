/*
 * admin/mbox.c: see mbox.h.
 */
#include "admin/mbox.h"
#include "base/clock.h"

/* One past the end of the line that begins at `at`. */
static size_t line_end(struct view text, size_t at)
{
    size_t end = view_find(text, '\n', at);
    return end == SIZE_MAX ? text.size : end + 1;
}

static struct view line_of(struct view text, size_t at)
{
    struct view line = view_slice(text, at, line_end(text, at) - at);
    while (line.size > 0 && (line.data[line.size - 1] == '\n' || line.data[line.size - 1] == '\r'))
        line.size--;
    return line;
}

static struct view word(struct view *rest)
{
    size_t from = 0;
    while (from < rest->size && (rest->data[from] == ' ' || rest->data[from] == '\t' || rest->data[from] == '\n' ||
                                 rest->data[from] == '\r'))
        from++;
    size_t to = from;
    while (to < rest->size && rest->data[to] != ' ' && rest->data[to] != '\t' && rest->data[to] != '\n' &&
           rest->data[to] != '\r')
        to++;
    struct view found = view_slice(*rest, from, to - from);
    *rest = view_skip(*rest, to);
    return found;
}

static bool parse_clock(struct view text, struct civil_time *civil)
{
    uint64_t parts[3] = {0, 0, 0};
    size_t count = 0;
    for (size_t at = 0; count < 3 && at <= text.size; count++) {
        size_t end = view_find(text, ':', at);
        end = end == SIZE_MAX ? text.size : end;
        if (!view_parse_u64(view_slice(text, at, end - at), 60, &parts[count]))
            return false;
        at = end + 1;
    }
    civil->hour = (uint8_t)parts[0];
    civil->minute = (uint8_t)parts[1];
    civil->second = (uint8_t)parts[2];
    return count >= 2;
}

/*
 * "From sender Tue Nov 24 10:00:00 2026", with an optional zone before or behind the year. The sender may hold blanks:
 * the date is looked for from the month's name on. UTC is assumed, as nothing better is known.
 */
static bool from_line_date(struct view line, int64_t *utc_s_r)
{
    struct view rest = view_skip(line, 5);
    struct civil_time civil = {0};
    bool has_month = false, has_day = false, has_clock = false;
    uint64_t number;
    for (struct view w = word(&rest); w.size > 0; w = word(&rest)) {
        char three[4] = {0};
        if (w.size == 3)
            memcpy(three, w.data, 3);
        if (w.size == 3 && civil_month_number(three) > 0) {
            civil = (struct civil_time){.month = (uint8_t)civil_month_number(three)};
            has_month = true;
            has_day = has_clock = false;
        } else if (has_month && !has_day && view_parse_u64(w, 31, &number)) {
            civil.day = (uint8_t)number;
            has_day = true;
        } else if (has_day && !has_clock && parse_clock(w, &civil)) {
            has_clock = true;
        } else if (has_clock && w.size == 4 && view_parse_u64(w, 9999, &number)) {
            civil.year = (int32_t)number;
            return civil_to_seconds(&civil, utc_s_r);
        }
    }
    return false;
}

static bool is_from_line(struct view line)
{
    int64_t date;
    return view_starts_with(line, VIEW_LITERAL("From ")) && from_line_date(line, &date);
}

bool mbox_next(struct view file, size_t *at, struct mbox_message *message_r)
{
    while (*at < file.size && !view_starts_with(view_skip(file, *at), VIEW_LITERAL("From ")))
        *at = line_end(file, *at); /* what stands before the first From_ line is no message */
    if (*at >= file.size)
        return false;
    message_r->date_utc_s = 0;
    from_line_date(line_of(file, *at), &message_r->date_utc_s);
    size_t begin = line_end(file, *at), here = begin, end = file.size;
    bool empty_before = false;
    *at = file.size;
    while (here < file.size) {
        struct view line = line_of(file, here);
        if (empty_before && is_from_line(line)) {
            *at = end = here;
            break;
        }
        empty_before = line.size == 0;
        here = line_end(file, here);
    }
    /* The empty line belongs to the format, not to the message. */
    if (end > begin && file.data[end - 1] == '\n' && (end - begin == 1 || file.data[end - 2] == '\n'))
        end--;
    else if (end - begin >= 2 && file.data[end - 1] == '\n' && file.data[end - 2] == '\r' &&
             (end - begin == 2 || file.data[end - 3] == '\n'))
        end -= 2;
    message_r->octets = view_slice(file, begin, end - begin);
    return true;
}

/* ---- header fields about flags ---- */

static void take_status(struct view value, struct mbox_facts *facts)
{
    if (view_find(value, 'R', 0) != SIZE_MAX)
        facts->flags |= FLAG_SEEN;
}

static void take_x_status(struct view value, struct mbox_facts *facts)
{
    static const struct {
        char letter;
        uint8_t flag;
    } letters[] = {{'A', FLAG_ANSWERED}, {'F', FLAG_FLAGGED}, {'T', FLAG_DRAFT}, {'D', FLAG_DELETED}};
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (view_find(value, letters[i].letter, 0) != SIZE_MAX)
            facts->flags |= letters[i].flag;
}

static void take_keywords(struct view value, struct mbox_facts *facts)
{
    for (struct view w = word(&value); w.size > 0; w = word(&value)) {
        if (w.data[w.size - 1] == ',')
            w.size--;
        if (w.size > 0 && facts->keyword_count < MBOX_KEYWORDS)
            facts->keywords[facts->keyword_count++] = w;
    }
}

static void take_uid(struct view value, struct mbox_facts *facts)
{
    uint64_t uid;
    if (view_parse_u64(view_trim(value), UINT32_MAX, &uid))
        facts->uid = (uint32_t)uid;
}

static void take_base(struct view value, struct mbox_facts *facts)
{
    uint64_t validity;
    if (view_parse_u64(word(&value), UINT32_MAX, &validity))
        facts->uidvalidity = (uint32_t)validity;
}

static void take_internal(struct view value, struct mbox_facts *facts)
{
    take_base(value, facts);
    facts->is_internal = true;
}

static void take_nothing(struct view value, struct mbox_facts *facts)
{
}

static const struct {
    struct view name;
    void (*take)(struct view value, struct mbox_facts *facts);
} fields[] = {
    {VIEW_LITERAL("Status:"), take_status},          {VIEW_LITERAL("X-Status:"), take_x_status},
    {VIEW_LITERAL("X-Keywords:"), take_keywords},    {VIEW_LITERAL("X-UID:"), take_uid},
    {VIEW_LITERAL("X-IMAPbase:"), take_base},        {VIEW_LITERAL("X-IMAP:"), take_internal},
    {VIEW_LITERAL("Content-Length:"), take_nothing},
};

/* One past the field that begins at `at`, continuation lines included. */
static size_t field_end(struct view text, size_t at)
{
    at = line_end(text, at);
    while (at < text.size && (text.data[at] == ' ' || text.data[at] == '\t'))
        at = line_end(text, at);
    return at;
}

static bool take_field(struct view field, struct mbox_facts *facts)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (view_starts_with_nocase(field, fields[i].name)) {
            fields[i].take(view_trim(view_skip(field, fields[i].name.size)), facts);
            return true;
        }
    return false;
}

static bool is_quoted_from(struct view line)
{
    size_t arrows = 0;
    while (arrows < line.size && line.data[arrows] == '>')
        arrows++;
    return arrows > 0 && view_starts_with(view_skip(line, arrows), VIEW_LITERAL("From "));
}

void mbox_unpack(const struct mbox_message *message, struct buffer *out, struct mbox_facts *facts_r)
{
    struct view text = message->octets;
    size_t at = 0;
    memset(facts_r, 0, sizeof(*facts_r));
    while (at < text.size && line_of(text, at).size > 0) {
        size_t end = field_end(text, at);
        struct view field = view_slice(text, at, end - at);
        if (!take_field(field, facts_r))
            buffer_append_view(out, field);
        at = end;
    }
    while (at < text.size) {
        size_t end = line_end(text, at);
        size_t skip = is_quoted_from(view_slice(text, at, end - at)) ? 1 : 0;
        buffer_append_view(out, view_slice(text, at + skip, end - at - skip));
        at = end;
    }
}

/* ---- writing ---- */

static void write_status(const struct mbox_facts *facts, struct buffer *out)
{
    static const struct {
        char letter;
        uint8_t flag;
    } letters[] = {{'A', FLAG_ANSWERED}, {'F', FLAG_FLAGGED}, {'T', FLAG_DRAFT}, {'D', FLAG_DELETED}};
    if (facts->uidvalidity != 0)
        buffer_printf(out, "X-IMAPbase: %u %010u\n", facts->uidvalidity, facts->uid);
    buffer_printf(out, "Status: %sO\n", (facts->flags & FLAG_SEEN) != 0 ? "R" : "");
    buffer_append_string(out, "X-Status: ");
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if ((facts->flags & letters[i].flag) != 0)
            buffer_append_char(out, letters[i].letter);
    buffer_append_string(out, "\nX-Keywords:");
    for (size_t i = 0; i < facts->keyword_count; i++) {
        buffer_append_char(out, ' ');
        buffer_append_view(out, facts->keywords[i]);
    }
    buffer_printf(out, "\nX-UID: %u\n", facts->uid);
}

static void write_from_line(int64_t date_utc_s, struct buffer *out)
{
    static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    struct civil_time civil;
    int64_t day = date_utc_s / 86400 - (date_utc_s % 86400 < 0 ? 1 : 0);
    civil_from_seconds(date_utc_s, 0, &civil);
    buffer_printf(out, "From MAILER-DAEMON %s %s %2d %02d:%02d:%02d %d\n", days[((day % 7) + 7) % 7],
                  civil_month_name(civil.month), civil.day, civil.hour, civil.minute, civil.second, civil.year);
}

void mbox_pack(struct view message, int64_t date_utc_s, const struct mbox_facts *facts, struct buffer *out)
{
    bool in_header = true;
    write_from_line(date_utc_s, out);
    for (size_t at = 0; at < message.size; at = line_end(message, at)) {
        struct view line = line_of(message, at);
        if (in_header && line.size == 0) {
            write_status(facts, out);
            in_header = false;
        }
        if (!in_header && (is_quoted_from(line) || view_starts_with(line, VIEW_LITERAL("From "))))
            buffer_append_char(out, '>');
        buffer_append_view(out, line);
        buffer_append_char(out, '\n');
    }
    if (in_header)
        write_status(facts, out);
    buffer_append_char(out, '\n');
}
