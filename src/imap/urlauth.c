/*
 * imap/urlauth.c: URLs that let somebody else read one message: GENURLAUTH and RESETKEY (RFC 4467), and what makes one
 * valid for URLFETCH, which is urlfetch.c.
 *
 * Does     signs the URL, up to whom it is for, with this user's secret of the mailbox (HMAC-SHA-256). The user in the
 *          URL is who signs it, and the mailbox's name is the one that this user knows it by (RFC 4467 1): "Other
 *          Users/..." for one of somebody else's, which the user must still be able to read when the URL is used. The
 *          token begins with the number of the user's account, so that whoever reads the URL needs no list of users.
 * Fails    a URL that isn't valid, for whatever reason, is NIL: nothing is told about what is there.
 * Limits   LIMIT_IMAP_URLS of one command.
 * Tested   tests/e2e/test_cap_urlauth.py
 */
#include "imap/urlauth.h"
#include "base/clock.h"
#include "base/random.h"
#include "imap/place.h"
#include <sodium.h>

enum { TOKEN_VERSION = 1, TOKEN_OCTETS = 1 + 8 + crypto_auth_hmacsha256_BYTES };
_Static_assert(MAILBOX_KEY_OCTETS == crypto_auth_hmacsha256_KEYBYTES, "a mailbox's secret is a key of HMAC");

struct urlauth {
    struct view texts[LIMIT_IMAP_URLS];
    size_t count, at;
    struct imap_url url; /* the one at hand */
    struct place place;
    bool found;
    unsigned char fresh[MAILBOX_KEY_OCTETS], key[MAILBOX_KEY_OCTETS];
    struct buffer made; /* the response of GENURLAUTH so far */
    /* RESETKEY */
    struct view name;
    bool valid, all;
};

static struct urlauth *begin(struct imap *imap, struct arguments *a)
{
    struct urlauth *u = ARENA_NEW(a->arena, struct urlauth);
    imap->state = u;
    return u;
}

void urlauth_drop(struct imap *imap)
{
    struct urlauth *u = imap->state;
    if (!u)
        return;
    buffer_free(&u->made);
    explicit_bzero(u->key, sizeof u->key);
    explicit_bzero(u->fresh, sizeof u->fresh);
}

/* ---- tokens ---- */

/* Version, account of who signs, and the signature over all three. */
static void sign(struct view rump, uint64_t account, const unsigned char *key, unsigned char *token_r)
{
    crypto_auth_hmacsha256_state state;
    token_r[0] = TOKEN_VERSION;
    for (unsigned i = 0; i < 8; i++)
        token_r[1 + i] = (unsigned char)(account >> (56 - 8 * i));
    crypto_auth_hmacsha256_init(&state, key, MAILBOX_KEY_OCTETS);
    crypto_auth_hmacsha256_update(&state, token_r, 9);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)rump.data, rump.size);
    crypto_auth_hmacsha256_final(&state, token_r + 9);
}

static bool read_token(struct view text, unsigned char *token_r, uint64_t *account_r)
{
    size_t size;
    if (sodium_hex2bin(token_r, TOKEN_OCTETS, text.data, text.size, NULL, &size, NULL) || size != TOKEN_OCTETS ||
        text.size != 2 * (size_t)TOKEN_OCTETS || token_r[0] != TOKEN_VERSION)
        return false;
    *account_r = 0;
    for (unsigned i = 0; i < 8; i++)
        *account_r = *account_r << 8 | token_r[1 + i];
    return *account_r != 0;
}

/* ---- GENURLAUTH ---- */

static bool add_text(struct arguments *a, struct urlauth *u)
{
    if (u->count == LIMIT_IMAP_URLS) {
        a->problem = "Too many URLs";
        return false;
    }
    return arguments_astring(a, &u->texts[u->count++]);
}

bool genurlauth_parse(struct imap *imap, struct arguments *a)
{
    struct urlauth *u = begin(imap, a);
    struct view mechanism;
    do {
        if (!arguments_space(a) || !add_text(a, u) || !arguments_space(a) || !arguments_atom(a, &mechanism))
            return false;
        struct imap_url *url = &u->url;
        if (!view_equal_string_nocase(mechanism, "INTERNAL") ||
            !imap_url_parse(a->arena, u->texts[u->count - 1], url) || !url->absolute || !url->access.size ||
            url->token.size) {
            a->problem = "A whole URL with ;URLAUTH= and the mechanism INTERNAL are expected";
            return false;
        }
    } while (arguments_peek(a) == ' ');
    random_octets(u->fresh, sizeof u->fresh);
    return arguments_end(a);
}

static enum store_error run_make(struct txn *txn, struct mutation *mutation)
{
    struct urlauth *u = imap_of_mutation(mutation)->state;
    return mailbox_key_make(txn, u->place.account, u->place.mailbox.id, u->fresh, u->key);
}

/* The mailbox of the URL at hand, which the user may read. The URL's user is who logged in (RFC 4467 7). */
static enum step_result find_mailbox(struct imap *imap, struct urlauth *u, struct step_context *context,
                                     enum store_error *error_r)
{
    struct arena *arena = &imap->session->command_arena;
    *error_r = STORE_FORBIDDEN;
    if (!imap_url_parse(arena, u->texts[u->at], &u->url) || !view_equal_string_nocase(u->url.user, imap->session->user))
        return STEP_DONE;
    enum step_result result = place_find_mailbox(imap, context, u->url.mailbox, true, RIGHT_READ, &u->place, error_r);
    if (!*error_r && u->url.uidvalidity && u->url.uidvalidity != u->place.mailbox.uidvalidity)
        *error_r = STORE_NOT_FOUND;
    return result;
}

static void add_made(struct imap *imap, struct urlauth *u)
{
    unsigned char token[TOKEN_OCTETS];
    char hex[2 * TOKEN_OCTETS + 1];
    struct buffer url = {0};
    struct view text = u->texts[u->at];
    sign(text, imap->session->account, u->key, token);
    sodium_bin2hex(hex, sizeof hex, token, sizeof token);
    buffer_append_view(&url, text);
    buffer_append_string(&url, ":internal:");
    buffer_append_string(&url, hex);
    buffer_append_char(&u->made, ' ');
    imap_write_string(&u->made, buffer_view(&url));
    buffer_free(&url);
}

enum step_result genurlauth_step(struct imap *imap, struct step_context *context)
{
    struct urlauth *u = imap->state;
    while (u->at < u->count) {
        enum store_error error = STORE_OK;
        enum step_result result = u->found ? STEP_DONE : find_mailbox(imap, u, context, &error);
        if (result != STEP_DONE)
            return result;
        u->found = !error;
        if (!error) {
            imap->mutation.run = run_make;
            result = imap_mutate(imap, context);
            if (result != STEP_DONE)
                return result;
            error = imap->mutation.result;
        }
        if (error) {
            imap_finish_error(imap, error);
            return STEP_DONE;
        }
        add_made(imap, u);
        imap_mutate_reset(imap);
        u->found = false;
        u->at++;
    }
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* GENURLAUTH");
    buffer_append_view(out, buffer_view(&u->made));
    buffer_append_string(out, "\r\n");
    imap_finish(imap, "OK", NULL, "Signed");
    return STEP_DONE;
}

/* ---- RESETKEY ---- */

bool resetkey_parse(struct imap *imap, struct arguments *a)
{
    struct urlauth *u = begin(imap, a);
    struct view mechanism;
    u->all = a->at == a->end;
    if (u->all)
        return true;
    if (!arguments_space(a) || !arguments_mailbox(a, &u->name, &u->valid))
        return false;
    while (arguments_take(a, ' '))
        if (!arguments_atom(a, &mechanism))
            return false;
    return arguments_end(a);
}

static enum store_error run_forget(struct txn *txn, struct mutation *mutation)
{
    const struct urlauth *u = imap_of_mutation(mutation)->state;
    return u->all ? mailbox_key_forget_all(txn) : mailbox_key_forget(txn, u->place.account, u->place.mailbox.id);
}

enum step_result resetkey_step(struct imap *imap, struct step_context *context)
{
    struct urlauth *u = imap->state;
    enum store_error error = STORE_OK;
    enum step_result result = STEP_DONE;
    /* Who may no longer read it ends the URLs all the same, lest they come back with the right. */
    if (!u->all && !u->found)
        result = place_find(imap, context, u->name, u->valid, RIGHT_LOOKUP, &u->place, &error);
    if (result != STEP_DONE)
        return result;
    u->found = !error;
    if (!error) {
        imap->mutation.run = run_forget;
        result = imap_mutate(imap, context);
        if (result != STEP_DONE)
            return result;
        error = imap->mutation.result;
    }
    if (error)
        imap_finish_error(imap, error);
    else
        imap_finish(imap, "OK", u->all ? NULL : "URLMECH INTERNAL", "URLs signed before are no longer valid");
    return STEP_DONE;
}

/* ---- is it valid? ---- */

/* RFC 4467 3: whom it is for. "submit+" is for submission servers, which log in otherwise. */
static bool is_for(const struct imap *imap, struct view access)
{
    if (view_equal_string_nocase(access, "anonymous") || view_equal_string_nocase(access, "authuser"))
        return true;
    return view_starts_with_nocase(access, VIEW_LITERAL("user+")) &&
           view_equal_string_nocase(view_skip(access, 5), imap->session->user);
}

static bool may_be_valid(struct imap *imap, struct view text, struct imap_url *url_r, unsigned char *token_r,
                         uint64_t *signer_r)
{
    return imap_url_parse(&imap->session->command_arena, text, url_r) && url_r->absolute &&
           is_for(imap, url_r->access) && view_equal_string_nocase(url_r->mechanism, "internal") &&
           read_token(url_r->token, token_r, signer_r) && (!url_r->expires || clock_wall_s() < url_r->expires_utc_s);
}

enum step_result urlauth_check(struct imap *imap, struct view text, struct step_context *context,
                               struct urlauth_grant *grant_r, enum store_error *error_r)
{
    struct imap_url *url = &grant_r->url;
    struct place place;
    struct place_user who;
    unsigned char token[TOKEN_OCTETS], wanted[TOKEN_OCTETS], key[MAILBOX_KEY_OCTETS];
    *error_r = STORE_FORBIDDEN;
    if (!may_be_valid(imap, text, url, token, &who.account))
        return STEP_DONE;
    who.name = url->user;
    enum step_result result = place_find_mailbox_of(imap, context, &who, url->mailbox, RIGHT_READ, &place, error_r);
    if (result != STEP_DONE || *error_r)
        return result;
    struct reader signer = {imap->session->env->store, who.account, context->mode};
    *error_r = mailbox_key_read(&signer, place.account, place.mailbox.id, key);
    if (*error_r == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (*error_r)
        return STEP_DONE;
    grant_r->account = place.account;
    grant_r->mailbox = place.mailbox.id;
    sign(view_slice(text, 0, url->rump_octets), who.account, key, wanted);
    explicit_bzero(key, sizeof key);
    if (sodium_memcmp(token, wanted, sizeof token))
        *error_r = STORE_FORBIDDEN;
    return STEP_DONE;
}
