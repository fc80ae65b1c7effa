/*
 * store/name.c: mailbox names in one canonical form: UTF-8, NFC, '/' between levels, INBOX in capitals.
 *
 * Called   by the protocols before any look-up, and by mailbox.c; on any thread.
 * Tested   tests/unit/store_name.c
 */
#include "base/limits.h"
#include "store/store.h"
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

/* ICU's NFC through UTF-16; the input is at most a few KiB. */
static enum store_error to_nfc(struct arena *arena, struct view name, struct view *nfc_r)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t units = 0, normal = 0, octets = 0;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
    int32_t room = (int32_t)name.size + 1;
    UChar *from = arena_try(arena, (size_t)room * sizeof *from), *to = arena_try(arena, (size_t)room * 3 * sizeof *to);
    char *text = arena_try(arena, (size_t)room * 9);
    if (U_FAILURE(status) || !from || !to || !text)
        return STORE_BAD_NAME;
    u_strFromUTF8(from, room, &units, name.data, (int32_t)name.size, &status);
    if (U_SUCCESS(status))
        normal = unorm2_normalize(nfc, from, units, to, room * 3, &status);
    if (U_SUCCESS(status))
        u_strToUTF8(text, room * 9, &octets, to, normal, &status);
    if (U_FAILURE(status))
        return STORE_BAD_NAME;
    *nfc_r = view_of(text, (size_t)octets);
    return STORE_OK;
}

static bool good_level(struct view level)
{
    if (!level.size || level.size > (size_t)LIMIT_MAILBOX_NAME || view_equal_string(level, ".") ||
        view_equal_string(level, ".."))
        return false;
    for (size_t i = 0; i < level.size; i++) {
        unsigned char c = (unsigned char)level.data[i];
        /* Control characters, C1 ones too (RFC 9051 5.1, RFC 5198 2). */
        if (c < ' ' || c == 127 || (c == 0xc2 && i + 1 < level.size && (unsigned char)level.data[i + 1] < 0xa0))
            return false;
        struct view rest = view_skip(level, i); /* the separators of lines and paragraphs (RFC 6855 3) */
        if (view_starts_with(rest, VIEW_LITERAL("\xe2\x80\xa8")) ||
            view_starts_with(rest, VIEW_LITERAL("\xe2\x80\xa9")))
            return false;
    }
    return true;
}

enum store_error mailbox_name_canonical(struct arena *arena, struct view name, struct view *canonical_r)
{
    struct view nfc;
    if (name.size && name.data[name.size - 1] == '/')
        name.size--; /* clients write "name/" for a mailbox that shall have children */
    if (!name.size || name.size > (size_t)LIMIT_MAILBOX_DEPTH * (LIMIT_MAILBOX_NAME + 1))
        return STORE_BAD_NAME;
    enum store_error err = to_nfc(arena, name, &nfc);
    if (err)
        return err;
    unsigned levels = 0;
    for (size_t at = 0; at <= nfc.size;) {
        size_t end = view_find(nfc, '/', at);
        if (end == SIZE_MAX)
            end = nfc.size;
        if (!good_level(view_slice(nfc, at, end - at)) || ++levels > LIMIT_MAILBOX_DEPTH)
            return STORE_BAD_NAME;
        at = end + 1;
    }
    struct view inbox = VIEW_LITERAL("INBOX");
    if (view_starts_with_nocase(nfc, inbox) && (nfc.size == inbox.size || nfc.data[inbox.size] == '/')) {
        char *copy = arena_string(arena, nfc);
        view_copy(copy, inbox);
        nfc = view_of(copy, nfc.size);
    }
    *canonical_r = nfc;
    return STORE_OK;
}
