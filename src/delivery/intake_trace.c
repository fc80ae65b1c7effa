/*
 * delivery/intake_trace.c: the lines that a final delivery puts above a message (RFC 5321 4.4).
 *
 * Does     writes what lmtp was told; whatever could start a line or a comment of its own is replaced, since lmtp is
 *          not believed.
 * Tested   tests/e2e/test_lmtp.py
 */
#include "base/clock.h"
#include "delivery/intake_private.h"

/* Without control characters. */
static void put_clean(struct buffer *out, struct view text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c >= 0x20 && c != 0x7F)
            buffer_append_char(out, (char)c);
    }
}

/* A name or an address literal: anything else becomes "?". */
static void put_name(struct buffer *out, struct view text)
{
    if (text.size == 0)
        buffer_append_string(out, "unknown");
    for (size_t i = 0; i < text.size && i < 255; i++) {
        char c = text.data[i];
        bool good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    (c != '\0' && strchr("-._:[]", c));
        buffer_append_char(out, good ? c : '?');
    }
}

static void put_date(struct buffer *out, int64_t now_utc_s)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    struct civil_time civil;
    civil_from_seconds(now_utc_s, 0, &civil);
    buffer_printf(out, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[(now_utc_s / 86400) % 7], civil.day,
                  civil_month_name(civil.month), (int)civil.year, civil.hour, civil.minute, civil.second);
}

void trace_write(const struct trace *trace, struct buffer *out)
{
    buffer_append_string(out, "Return-Path: <");
    put_clean(out, trace->sender);
    buffer_append_string(out, ">\r\n");
    if (trace->address.size > 0) {
        buffer_append_string(out, "Delivered-To: ");
        put_clean(out, trace->address);
        buffer_append_string(out, "\r\n");
    }
    buffer_append_string(out, "Received: from ");
    put_name(out, trace->helo);
    buffer_append_string(out, " ([");
    put_name(out, trace->peer);
    buffer_append_string(out, "])\r\n\tby ");
    put_name(out, view_of_string(trace->host_name));
    buffer_printf(out, " (Waxwing) with %s id %016llx", trace->smtputf8 ? "UTF8LMTP" : "LMTP",
                  (unsigned long long)trace->session);
    if (trace->address.size > 0) {
        buffer_append_string(out, "\r\n\tfor <");
        put_clean(out, trace->address);
        buffer_append_string(out, ">");
    }
    buffer_append_string(out, ";\r\n\t");
    put_date(out, trace->now_utc_s);
    buffer_append_string(out, "\r\n");
}
