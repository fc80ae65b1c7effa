/*
 * imap/compress.c: COMPRESS DEFLATE (RFC 4978): the stream is deflated both ways behind the tagged OK.
 *
 * Tested   tests/e2e/test_cap_compress.py
 */
#include "imap/private.h"

bool compress_parse(struct imap *imap, struct arguments *a)
{
    struct view mechanism;
    if (!arguments_space(a) || !arguments_atom(a, &mechanism) || !arguments_end(a))
        return false;
    if (!view_equal_string_nocase(mechanism, "DEFLATE"))
        a->problem = "DEFLATE is the only mechanism";
    return !a->problem;
}

enum step_result compress_step(struct imap *imap, struct step_context *context)
{
    if (stream_is_deflated(imap->session->stream)) {
        imap_finish(imap, "BAD", "COMPRESSIONACTIVE", "DEFLATE is active"); /* RFC 4978 3 */
        return STEP_DONE;
    }
    /* A client waits for the answer (RFC 4978 3): what it has sent already can't be told from what it will deflate. */
    if (session_input(imap->session).size) {
        imap_finish(imap, "BAD", NULL, "Nothing may follow COMPRESS before its answer");
        return STEP_DONE;
    }
    imap->starts_deflate = true;
    imap_finish(imap, "OK", NULL, "DEFLATE active");
    return STEP_DONE;
}
