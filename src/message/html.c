/* message/html.c: see message/html.h. */
#include "message/html.h"
#include "base/memory.h"
#include <libxml/HTMLparser.h>

enum { CHUNK = 2048 };

struct page {
    struct buffer *out;
    size_t enough;
    unsigned hidden; /* elements open whose text nobody sees */
};

static bool is_one_of(const xmlChar *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp((const char *)name, *names) == 0)
            return true;
    }
    return false;
}

static bool is_hidden(const xmlChar *name)
{
    static const char *const names[] = {"script", "style", "title", "head", "noscript", "template", NULL};
    return is_one_of(name, names);
}

static bool is_inline(const xmlChar *name)
{
    static const char *const names[] = {"a",    "b",    "i",   "u",   "em",  "strong", "span", "font", "small", "big",
                                        "code", "abbr", "sub", "sup", "img", "tt",     "s",    "del",  "ins",   NULL};
    return is_one_of(name, names);
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar **attributes)
{
    struct page *page = ctx;
    if (is_hidden(name))
        page->hidden++;
    /* libxml2 opens body itself where a page closes no head */
    if (strcmp((const char *)name, "body") == 0)
        page->hidden = 0;
    if (!is_inline(name))
        buffer_append_char(page->out, '\n');
}

static void on_end(void *ctx, const xmlChar *name)
{
    struct page *page = ctx;
    if (is_hidden(name) && page->hidden)
        page->hidden--;
    if (!is_inline(name))
        buffer_append_char(page->out, '\n');
}

static void on_text(void *ctx, const xmlChar *text, int size)
{
    struct page *page = ctx;
    if (!page->hidden && size > 0 && buffer_size(page->out) < page->enough * 2)
        buffer_append(page->out, text, (size_t)size);
}

static bool has_enough(const struct page *page)
{
    size_t seen = 0;
    struct view v = buffer_view(page->out);
    for (size_t i = 0; i < v.size && seen < page->enough; i++)
        seen += v.data[i] != '\n' && v.data[i] != ' ';
    return seen >= page->enough;
}

static void ignore(void *ctx, const char *format, ...)
{
}

void html_to_text(struct view utf8, size_t max_octets, struct buffer *out)
{
    htmlSAXHandler sax = {.startElement = on_start,
                          .endElement = on_end,
                          .characters = on_text,
                          .ignorableWhitespace = on_text,
                          .warning = ignore,
                          .error = ignore};
    struct page page = {.out = out, .enough = max_octets};
    htmlParserCtxtPtr parser = htmlCreatePushParserCtxt(&sax, &page, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
    if (!parser)
        return;
    htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
                                   HTML_PARSE_IGNORE_ENC | HTML_PARSE_COMPACT);
    size_t at = 0;
    while (at < utf8.size && !has_enough(&page)) {
        struct view piece = view_slice(utf8, at, CHUNK);
        if (htmlParseChunk(parser, piece.data, (int)piece.size, 0) != 0 && parser->disableSAX)
            break;
        at += piece.size;
    }
    if (at >= utf8.size)
        htmlParseChunk(parser, NULL, 0, 1);
    if (parser->myDoc)
        xmlFreeDoc(parser->myDoc);
    htmlFreeParserCtxt(parser);
}
