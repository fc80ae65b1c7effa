/*
 * language/language.c: see language/language.h.
 */
#include "language/language.h"
#include "language/say.h"

#include <stdatomic.h>

/* In the order in which they are listed. Each name is in the language itself (RFC 6856 3.2). */
static const struct {
    uint8_t language;
    const char *tag, *name;
} languages[] = {
    {LANGUAGE_GERMAN, "de", "Deutsch"},
    {LANGUAGE_ENGLISH, "en", "English"},
    {LANGUAGE_DEFAULT, "i-default", "English, unless something else is chosen"},
};
_Static_assert(sizeof languages / sizeof *languages == LANGUAGE_COUNT, "each language has its row");

static _Atomic uint8_t preferred = LANGUAGE_ENGLISH;

const char *language_tag(uint8_t language)
{
    const char *tag = "i-default";
    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        if (languages[i].language == language)
            tag = languages[i].tag;
    return tag;
}

uint8_t language_of_number(uint8_t number)
{
    return number < LANGUAGE_COUNT ? number : (uint8_t)LANGUAGE_DEFAULT;
}

void language_set_preferred(struct view tag)
{
    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        if (view_equal_string_nocase(tag, languages[i].tag))
            atomic_store(&preferred, languages[i].language);
}

/* ---- ranges ---- */

enum { SUBTAG_OCTETS = 8 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 4647 2.1: letters first, then letters and digits, one to eight of them; or "*". */
static bool is_range(struct view range)
{
    size_t octets = 0;
    bool first = true;
    if (view_equal_string(range, "*"))
        return true;
    for (size_t i = 0; i < range.size; i++) {
        char c = range.data[i];
        if (c == '-' && octets) {
            first = false;
            octets = 0;
        } else if (!is_letter(c) && (first || c < '0' || c > '9')) {
            return false;
        } else if (++octets > SUBTAG_OCTETS) {
            return false;
        }
    }
    return octets > 0;
}

/* RFC 4647 3.3.1: the tag is the range, or begins with it and a hyphen. */
static bool filters(struct view range, struct view tag)
{
    return view_starts_with_nocase(tag, range) && (tag.size == range.size || tag.data[range.size] == '-');
}

/* Without its last subtag (RFC 4647 3.4); what then ends with a subtag of one octet loses that one too. */
static struct view shortened(struct view range)
{
    do {
        while (range.size && range.data[range.size - 1] != '-')
            range.size--;
        range.size -= range.size > 0;
    } while (range.size == 1 || (range.size >= 2 && range.data[range.size - 2] == '-'));
    return range;
}

/* A range that names more than there is means what it begins with: "EN-CA" is English (RFC 5255 3.2, the last
 * example). */
static bool find(struct view range, uint8_t *language_r)
{
    for (struct view rest = range; rest.size; rest = shortened(rest))
        for (size_t i = 0; i < LANGUAGE_COUNT; i++) {
            struct view tag = view_of_string(languages[i].tag);
            if (!(rest.size == range.size ? filters(rest, tag) : view_equal_nocase(rest, tag)))
                continue;
            *language_r = languages[i].language;
            return true;
        }
    return false;
}

bool language_wish_add(struct language_wish *wish, struct view range)
{
    if (!is_range(range))
        return false;
    wish->asked = true;
    if (wish->fits)
        return true;
    /* IMAP writes the one, POP3 the other; neither is a tag. */
    wish->fits = view_equal_string(range, "*") || view_equal_string_nocase(range, "default");
    if (wish->fits)
        wish->language = atomic_load(&preferred);
    else
        wish->fits = find(range, &wish->language);
    return true;
}

/* ---- answers ---- */

void language_write_all(struct buffer *out)
{
    buffer_append_string(out, "* LANGUAGE (");
    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        buffer_printf(out, i ? " \"%s\"" : "\"%s\"", languages[i].tag);
    buffer_append_string(out, ")\r\n");
}

void language_write_chosen(struct buffer *out, uint8_t language)
{
    buffer_printf(out, "* LANGUAGE (\"%s\")\r\n", language_tag(language));
}

static void list_languages(struct buffer *out, uint8_t language)
{
    language_say(out, language, "+OK Language listing follows\r\n");
    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        buffer_printf(out, "%s %s\r\n", languages[i].tag, languages[i].name);
    buffer_append_string(out, ".\r\n");
}

void language_answer_lang(struct buffer *out, struct view argument, uint8_t *language)
{
    struct language_wish wish = {.asked = false};
    if (argument.size == 0) {
        list_languages(out, *language);
        return;
    }
    if (!language_wish_add(&wish, argument) || !wish.fits) {
        language_say(out, *language, "-ERR That language isn't spoken here\r\n");
        return;
    }
    *language = wish.language;
    buffer_printf(out, "+OK %s ", language_tag(*language));
    language_say(out, *language, "The language is changed\r\n");
}
