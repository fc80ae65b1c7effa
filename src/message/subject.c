/* message/subject.c: see message/subject.h. The numbers are the steps of RFC 5256 2.1. */
#include "message/subject.h"

struct base {
    struct view text;
    const char *run_end; /* where the last looked-at run of blobs ends */
    bool run_has_refwd;  /* and whether a subj-refwd stands there */
    bool is_reply;
};

/* (1): tabs and continuations to blanks, several blanks to one. */
static void normalise(struct view utf8, struct buffer *out)
{
    bool blank = false;
    for (size_t i = 0; i < utf8.size; i++) {
        char c = utf8.data[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            if (!blank)
                buffer_append_char(out, ' ');
            blank = true;
            continue;
        }
        buffer_append_char(out, c);
        blank = false;
    }
}

/* (2): subj-trailer. */
static void remove_trailers(struct base *b)
{
    for (;;) {
        struct view *t = &b->text;
        if (t->size && t->data[t->size - 1] == ' ') {
            t->size--;
        } else if (t->size >= 5 && view_equal_string_nocase(view_skip(*t, t->size - 5), "(fwd)")) {
            t->size -= 5;
            b->is_reply = true;
        } else {
            return;
        }
    }
}

/* The size of a subj-blob at `at`, 0 if there is none. */
static size_t blob_size(struct view text, size_t at)
{
    size_t i = at;
    if (i >= text.size || text.data[i] != '[')
        return 0;
    for (i++; i < text.size && text.data[i] != '[' && text.data[i] != ']'; i++)
        ;
    if (i >= text.size || text.data[i] != ']')
        return 0;
    for (i++; i < text.size && text.data[i] == ' '; i++)
        ;
    return i - at;
}

/* The size of subj-refwd at `at`, 0 if there is none. */
static size_t refwd_size(struct view text, size_t at)
{
    struct view rest = view_skip(text, at);
    size_t size =
        view_starts_with_nocase(rest, VIEW_LITERAL("fwd"))                                                       ? 3
        : view_starts_with_nocase(rest, VIEW_LITERAL("re")) || view_starts_with_nocase(rest, VIEW_LITERAL("fw")) ? 2
                                                                                                                 : 0;
    if (!size)
        return 0;
    while (size < rest.size && rest.data[size] == ' ')
        size++;
    size += blob_size(rest, size);
    return size < rest.size && rest.data[size] == ':' ? size + 1 : 0;
}

/* (3): subj-leader, *subj-blob subj-refwd / WSP. True if something went. */
static bool remove_leader(struct base *b)
{
    if (b->text.size && b->text.data[0] == ' ') {
        b->text = view_skip(b->text, 1);
        return true;
    }
    size_t at = 0;
    if (b->run_end && b->run_end > b->text.data) { /* inside a run that was looked through already */
        if (!b->run_has_refwd)
            return false;
        at = (size_t)(b->run_end - b->text.data);
    } else {
        for (size_t size = blob_size(b->text, 0); size; size = blob_size(b->text, at))
            at += size;
    }
    size_t refwd = refwd_size(b->text, at);
    b->run_end = b->text.data + at;
    b->run_has_refwd = refwd > 0;
    if (!refwd)
        return false;
    b->text = view_skip(b->text, at + refwd);
    b->is_reply = true;
    return true;
}

/* (4): one subj-blob, if something is left without it. */
static bool remove_blob(struct base *b)
{
    size_t size = blob_size(b->text, 0);
    if (!size || size == b->text.size)
        return false;
    b->text = view_skip(b->text, size);
    return true;
}

/* (6): "[fwd:" ... "]". */
static bool remove_forward(struct base *b)
{
    if (b->text.size < 6 || !view_starts_with_nocase(b->text, VIEW_LITERAL("[fwd:")) ||
        b->text.data[b->text.size - 1] != ']')
        return false;
    b->text = view_slice(b->text, 5, b->text.size - 6);
    b->is_reply = true;
    b->run_end = NULL;
    return true;
}

bool subject_base(struct view utf8, struct buffer *out)
{
    struct buffer normal = {0};
    normalise(utf8, &normal);
    struct base b = {.text = buffer_view(&normal)};
    do {
        remove_trailers(&b);
        bool again;
        do {
            again = false;
            while (remove_leader(&b))
                ;
            if (remove_blob(&b))
                again = true;
        } while (again);
    } while (remove_forward(&b));
    buffer_append_view(out, b.text);
    buffer_free(&normal);
    return b.is_reply;
}
