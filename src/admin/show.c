/*
 * admin/show.c: a verb's records as a table for people or as JSON for programs.
 *
 * A record is a line of values separated by TAB; the first line begins with '#' and names the columns, "name:type".
 * Tested   tests/e2e/test_cli.py
 */
#include "admin/cli.h"
#include "base/clock.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdio.h>

enum { COLUMNS = 40 };

struct column {
    struct view name;
    char type; /* 'n' number, 'o' octets, 't' time, 'b' yes or no, else text */
    size_t width;
};
struct table_text {
    struct column columns[COLUMNS];
    size_t count;
    struct view rows; /* behind the header */
};

static struct view next_line(struct view *rest)
{
    size_t end = view_find(*rest, '\n', 0);
    struct view line = view_slice(*rest, 0, end);
    *rest = end == SIZE_MAX ? VIEW_EMPTY : view_skip(*rest, end + 1);
    return line;
}

static struct view next_field(struct view *rest)
{
    size_t end = view_find(*rest, '\t', 0);
    struct view field = view_slice(*rest, 0, end);
    *rest = end == SIZE_MAX ? VIEW_EMPTY : view_skip(*rest, end + 1);
    return field;
}

static void unescape(struct view field, struct buffer *out)
{
    for (size_t i = 0; i < field.size; i++) {
        char c = field.data[i];
        if (c == '\\' && i + 1 < field.size) {
            c = field.data[++i];
            c = (char)(c == 't' ? '\t' : c == 'n' ? '\n' : c);
        }
        buffer_append_char(out, c);
    }
}

static bool read_header(struct view records, struct table_text *table)
{
    *table = (struct table_text){.rows = records};
    struct view line = next_line(&table->rows);
    if (!line.size || line.data[0] != '#')
        return false;
    line = view_skip(line, 1);
    while (line.size && table->count < COLUMNS) {
        struct view field = next_field(&line);
        size_t colon = view_find(field, ':', 0);
        table->columns[table->count++] =
            (struct column){.name = view_slice(field, 0, colon),
                            .type = colon + 1 < field.size && colon != SIZE_MAX ? field.data[colon + 1] : 's'};
    }
    return true;
}

/* ---- for people ---- */

static void human_octets(uint64_t octets, struct buffer *out)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)octets;
    size_t unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    buffer_printf(out, unit && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* Senders write subjects, and clients their names: what would steer the terminal is shown as '?'. */
static void printable(struct view field, struct buffer *out)
{
    struct buffer text = {0};
    unescape(field, &text);
    struct view v = buffer_view(&text);
    for (size_t i = 0; i < v.size; i++) {
        unsigned char c = (unsigned char)v.data[i];
        bool c1 = c == 0xc2 && i + 1 < v.size && ((unsigned char)v.data[i + 1] & 0xe0) == 0x80; /* U+0080 to U+009F */
        i += c1;
        buffer_append_char(out, c1 || c < ' ' || c == 0x7f ? '?' : (char)c);
    }
    buffer_free(&text);
}

static void human(const struct column *column, struct view field, struct buffer *out)
{
    uint64_t number;
    struct civil_time c;
    if (column->type == 's' || !view_parse_u64(field, UINT64_MAX, &number)) {
        printable(field, out);
        return;
    }
    switch (column->type) {
    case 'o':
        human_octets(number, out);
        break;
    case 'b':
        buffer_append_string(out, number ? "yes" : "no");
        break;
    case 't':
        civil_from_seconds((int64_t)number, 0, &c);
        buffer_printf(out, "%04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour, c.minute);
        break;
    default:
        buffer_append_u64(out, number);
    }
}

static size_t characters(struct view v)
{
    size_t count = 0;
    for (size_t i = 0; i < v.size; i++)
        count += ((unsigned char)v.data[i] & 0xc0) != 0x80;
    return count;
}

static void measure(struct table_text *table)
{
    struct view rows = table->rows;
    struct buffer cell = {0};
    for (size_t i = 0; i < table->count; i++)
        table->columns[i].width = table->columns[i].name.size;
    while (rows.size) {
        struct view line = next_line(&rows);
        for (size_t i = 0; i < table->count; i++) {
            buffer_clear(&cell);
            human(&table->columns[i], next_field(&line), &cell);
            size_t width = characters(buffer_view(&cell));
            table->columns[i].width = width > table->columns[i].width ? width : table->columns[i].width;
        }
    }
    buffer_free(&cell);
}

static void print_cell(const struct column *column, struct view text, bool last, FILE *out)
{
    size_t pad = column->width > characters(text) ? column->width - characters(text) : 0;
    bool right = column->type == 'n' || column->type == 'o';
    if (right)
        fprintf(out, "%*s", (int)pad, "");
    fwrite(text.data, 1, text.size, out);
    if (!last)
        fprintf(out, "%*s", right ? 2 : (int)pad + 2, "");
}

static void print_table(struct table_text *table, FILE *out)
{
    struct view rows = table->rows;
    struct buffer cell = {0};
    measure(table);
    for (size_t i = 0; i < table->count; i++)
        print_cell(&table->columns[i], table->columns[i].name, i + 1 == table->count, out);
    fputc('\n', out);
    while (rows.size) {
        struct view line = next_line(&rows);
        for (size_t i = 0; i < table->count; i++) {
            buffer_clear(&cell);
            human(&table->columns[i], next_field(&line), &cell);
            print_cell(&table->columns[i], buffer_view(&cell), i + 1 == table->count, out);
        }
        fputc('\n', out);
    }
    buffer_free(&cell);
}

/* One row of many facts is read better downwards. */
static void print_facts(const struct table_text *table, FILE *out)
{
    struct view rows = table->rows, line = next_line(&rows);
    struct buffer cell = {0};
    for (size_t i = 0; i < table->count; i++) {
        buffer_clear(&cell);
        human(&table->columns[i], next_field(&line), &cell);
        fprintf(out, "%-16.*s %.*s\n", VIEW_PRINTF(table->columns[i].name), VIEW_PRINTF(buffer_view(&cell)));
    }
    buffer_free(&cell);
}

/* ---- for programs ---- */

static json_t *json_cell(const struct column *column, struct view field)
{
    uint64_t number;
    if (column->type == 'b' && view_parse_u64(field, 1, &number))
        return json_boolean(number != 0);
    if (column->type != 's' && view_parse_u64(field, INT64_MAX, &number))
        return json_integer((json_int_t)number);
    struct buffer text = {0}, ascii = {0};
    unescape(field, &text);
    struct view v = buffer_view(&text);
    json_t *made = json_stringn(v.data, v.size);
    if (!made) { /* no UTF-8: a client's own word for itself may be cut, or anything */
        for (size_t i = 0; i < v.size; i++)
            buffer_append_char(&ascii, (char)((unsigned char)v.data[i] < 0x80 ? v.data[i] : '?'));
        made = json_stringn(buffer_view(&ascii).data, buffer_size(&ascii));
    }
    buffer_free(&text);
    buffer_free(&ascii);
    return made ? made : json_null();
}

static void print_json(const struct table_text *table, FILE *out)
{
    struct view rows = table->rows;
    json_t *list = json_array();
    while (rows.size) {
        struct view line = next_line(&rows);
        json_t *row = json_object();
        for (size_t i = 0; i < table->count; i++)
            json_object_setn_new(row, table->columns[i].name.data, table->columns[i].name.size,
                                 json_cell(&table->columns[i], next_field(&line)));
        json_array_append_new(list, row);
    }
    json_dumpf(list, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(list);
}

void show_records(const struct cli *cli, struct view records, FILE *out)
{
    struct table_text table;
    if (!read_header(records, &table))
        return;
    size_t first = view_find(table.rows, '\n', 0);
    bool one = first != SIZE_MAX && first + 1 == table.rows.size;
    if (cli->json)
        print_json(&table, out);
    else if (one && table.count > 6)
        print_facts(&table, out);
    else if (table.rows.size)
        print_table(&table, out);
}

bool record_value(struct view records, const char *column, struct buffer *value)
{
    struct table_text table;
    if (!read_header(records, &table) || !table.rows.size)
        return false;
    struct view line = next_line(&table.rows);
    for (size_t i = 0; i < table.count; i++) {
        struct view field = next_field(&line);
        if (!view_equal_string(table.columns[i].name, column))
            continue;
        unescape(field, value);
        return true;
    }
    return false;
}
