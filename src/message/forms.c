/* message/forms.c: see message/forms.h. */
#include "message/forms.h"
#include "digest/text.h"
#include "message/charset.h"
#include "message/header.h"

void form_free(struct form *form)
{
    buffer_free(&form->unfolded);
    buffer_free(&form->text);
}

void form_string(struct form *form, struct view utf8, struct buffer *out)
{
    if (text_is_ascii(utf8)) {
        imap_string(utf8, out);
        return;
    }
    form->differs = true;
    if (form->utf8) {
        imap_string(utf8, out);
        return;
    }
    struct buffer words = {0};
    words_encode(utf8, &words);
    imap_string(buffer_view(&words), out);
    buffer_free(&words);
}

void form_nstring(struct form *form, bool present, struct view value, struct buffer *out)
{
    if (!present) {
        buffer_append_string(out, "NIL");
        return;
    }
    buffer_clear(&form->unfolded);
    header_unfold(value, &form->unfolded);
    struct view v = buffer_view(&form->unfolded);
    if (text_is_ascii(v)) {
        imap_string(v, out);
        return;
    }
    buffer_clear(&form->text);
    charset_to_utf8(VIEW_LITERAL("us-ascii"), v, &form->text); /* guessed, as the header says nothing of it */
    form_string(form, buffer_view(&form->text), out);
}
