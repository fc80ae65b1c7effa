/*
 * tests/support/summarize.h: a message written with LF, its digest made from the CRLF form; and from the LF form, which
 * must say the same.
 */
#ifndef SUMMARIZE_H
#define SUMMARIZE_H

#include "digest/digest.h"
#include "message/summary.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct summary *summary;
static struct buffer octets, message;

static inline void line_ends_to(const char *lf, const char *line_end)
{
    buffer_clear(&message);
    for (const char *c = lf; *c; c++) {
        if (*c == '\n')
            buffer_append_string(&message, line_end);
        else
            buffer_append_char(&message, *c);
    }
}

static inline struct digest summarize_octets(struct view v)
{
    struct digest digest;
    if (!summary)
        summary = summary_new();
    buffer_clear(&octets);
    assert_true(summary_write(summary, v, &octets));
    assert_true(digest_open(buffer_view(&octets), &digest));
    return digest;
}

/* Sizes differ between the forms; texts don't. */
static inline struct digest summarize(const char *lf)
{
    struct buffer kept = {0};
    line_ends_to(lf, "\n");
    struct digest digest = summarize_octets(buffer_view(&message));
    buffer_append_view(&kept, digest.envelope);
    buffer_append_view(&kept, digest.preview);
    line_ends_to(lf, "\r\n");
    digest = summarize_octets(buffer_view(&message));
    struct view envelope = view_slice(buffer_view(&kept), 0, digest.envelope.size);
    assert_true(view_equal(envelope, digest.envelope));
    assert_true(view_equal(view_skip(buffer_view(&kept), digest.envelope.size), digest.preview));
    buffer_free(&kept);
    return digest;
}

static inline void view_is(struct view v, const char *expected)
{
    struct buffer text = {0};
    buffer_append_view(&text, v);
    buffer_append_char(&text, '\0');
    assert_string_equal(buffer_view(&text).data, expected);
    buffer_free(&text);
}

static inline int summarize_end(void **state)
{
    summary_free(&summary);
    buffer_free(&octets);
    buffer_free(&message);
    return 0;
}

#endif
