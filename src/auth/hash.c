/*
 * auth/hash.c: one table of password schemes. Names and encodings are the ones Dovecot's users know.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "auth/hash.h"
#include "base/limits.h"
#include "base/memory.h"

#include <crypt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/md5.h>
#include <sodium.h>

enum { ARGON2_OPERATIONS = 2, ARGON2_OCTETS = 19456 * 1024, DIGEST_MAX = 64, DECODED_MAX = 384 };

struct scheme;
/* What a scheme's function sees: text without prefix, zero-terminated; password zero-terminated and free of NULs. */
struct question {
    const struct scheme *scheme;
    const char *text;
    size_t text_size;
    const char *password;
    size_t password_size;
    struct view name;
    const char *encoding; /* "b64", "hex", or "" */
};
struct scheme {
    const char *name;
    enum hash_result (*verify)(const struct question *q);
    const char *digest; /* OpenSSL's name */
    size_t digest_size;
    bool salted;
};

/* Base64 or hexadecimal, as the suffix says; without a suffix, as the length says. False if it is neither. */
static bool decode(const struct question *q, size_t raw_size, unsigned char *out, size_t *size_r)
{
    const char *end = NULL;
    bool hex =
        strcmp(q->encoding, "hex") == 0 || (q->encoding[0] == 0 && raw_size > 0 && q->text_size == 2 * raw_size &&
                                            strspn(q->text, "0123456789abcdefABCDEF") == q->text_size);
    int bad = hex ? sodium_hex2bin(out, DECODED_MAX, q->text, q->text_size, NULL, size_r, &end)
                  : sodium_base642bin(out, DECODED_MAX, q->text, q->text_size, NULL, size_r, &end,
                                      sodium_base64_VARIANT_ORIGINAL);
    return bad == 0 && end == q->text + q->text_size;
}

static enum hash_result same(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0 ? HASH_GOOD : HASH_WRONG;
}

static enum hash_result verify_plain(const struct question *q)
{
    unsigned char raw[DECODED_MAX];
    size_t size = q->text_size;
    const void *want = q->text;
    if (q->encoding[0] != 0) {
        if (!decode(q, 0, raw, &size))
            return HASH_UNKNOWN;
        want = raw;
    }
    if (size != q->password_size)
        return HASH_WRONG;
    return same(want, q->password, size);
}

static enum hash_result verify_crypt(const struct question *q)
{
    struct crypt_data *data = NEW(struct crypt_data);
    const char *made = crypt_rn(q->password, q->text, data, sizeof(*data));
    enum hash_result result = HASH_UNKNOWN;
    if (made != NULL && made[0] != '*')
        result = strlen(made) == q->text_size ? same(made, q->text, q->text_size) : HASH_WRONG;
    sodium_memzero(data, sizeof(*data));
    free(data);
    return result;
}

static enum hash_result verify_argon2(const struct question *q)
{
    if (q->text_size >= crypto_pwhash_STRBYTES)
        return HASH_UNKNOWN;
    char text[crypto_pwhash_STRBYTES] = {0};
    memcpy(text, q->text, q->text_size);
    return crypto_pwhash_str_verify(text, q->password, q->password_size) == 0 ? HASH_GOOD : HASH_WRONG;
}

static bool digest_two(const char *digest, const void *a, size_t a_size, const void *b, size_t b_size,
                       unsigned char out[DIGEST_MAX])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *kind = EVP_get_digestbyname(digest);
    bool good = context != NULL && kind != NULL && EVP_DigestInit_ex(context, kind, NULL) == 1 &&
                EVP_DigestUpdate(context, a, a_size) == 1 && EVP_DigestUpdate(context, b, b_size) == 1 &&
                EVP_DigestFinal_ex(context, out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

/* SHA, SSHA, SMD5 and their like: digest(password, salt), then the salt. */
static enum hash_result verify_digest(const struct question *q)
{
    unsigned char raw[DECODED_MAX], made[DIGEST_MAX];
    size_t size = 0;
    if (!decode(q, q->scheme->salted ? 0 : q->scheme->digest_size, raw, &size) || size < q->scheme->digest_size)
        return HASH_UNKNOWN;
    size_t salt = size - q->scheme->digest_size;
    if (!q->scheme->salted && salt > 0)
        return HASH_UNKNOWN;
    if (!digest_two(q->scheme->digest, q->password, q->password_size, raw + q->scheme->digest_size, salt, made))
        return HASH_UNKNOWN;
    return same(raw, made, q->scheme->digest_size);
}

/* md5(user:realm:password); the realm is what stands behind '@' in the name. */
static enum hash_result verify_digest_md5(const struct question *q)
{
    unsigned char raw[DECODED_MAX], made[DIGEST_MAX];
    size_t size = 0, at = view_find(q->name, '@', 0);
    if (!decode(q, 16, raw, &size) || size != 16)
        return HASH_UNKNOWN;
    struct view user = at == SIZE_MAX ? q->name : view_slice(q->name, 0, at);
    struct view realm = at == SIZE_MAX ? VIEW_EMPTY : view_skip(q->name, at + 1);
    char bound[600];
    int n = snprintf(bound, sizeof(bound), "%.*s:%.*s:", VIEW_PRINTF(user), VIEW_PRINTF(realm));
    if (n < 0 || (size_t)n >= sizeof(bound) ||
        !digest_two("MD5", bound, (size_t)n, q->password, q->password_size, made))
        return HASH_UNKNOWN;
    return same(raw, made, 16);
}

/* The MD5 state after one block of the padded key: what a CRAM-MD5 server keeps in the place of the password. */
static void md5_state(const unsigned char key[64], unsigned char pad, unsigned char out[16])
{
    unsigned char block[64];
    MD5_CTX context;
    for (size_t i = 0; i < 64; i++)
        block[i] = (unsigned char)(key[i] ^ pad);
    MD5_Init(&context);
    MD5_Transform(&context, block);
    const MD5_LONG words[4] = {context.A, context.B, context.C, context.D};
    for (size_t i = 0; i < 16; i++)
        out[i] = (unsigned char)(words[i / 4] >> (8 * (i % 4)));
}

static enum hash_result verify_cram_md5(const struct question *q)
{
    unsigned char raw[DECODED_MAX], made[32], key[64] = {0};
    size_t size = 0;
    if (!decode(q, 32, raw, &size) || size != 32)
        return HASH_UNKNOWN;
    if (q->password_size <= sizeof(key))
        memcpy(key, q->password, q->password_size);
    else if (!digest_two("MD5", q->password, q->password_size, "", 0, key))
        return HASH_UNKNOWN;
    md5_state(key, 0x5c, made);
    md5_state(key, 0x36, made + 16);
    return same(raw, made, 32);
}

/* Splits "a<separator>b..." in place; false unless there are exactly `count` fields. */
static bool split(char *text, char separator, char **fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fields[i] = text;
        char *end = strchr(text, separator);
        if ((end == NULL) != (i + 1 == count))
            return false;
        if (end != NULL) {
            *end = 0;
            text = end + 1;
        }
    }
    return true;
}

enum { ROUNDS_MAX = 5000000 };

/* "$1$salt$rounds$hash": PBKDF2 with HMAC-SHA-1, 20 octets in hexadecimal. */
static enum hash_result verify_pbkdf2(const struct question *q)
{
    char copy[HASH_TEXT_MAX], *fields[5];
    memcpy(copy, q->text, q->text_size + 1);
    unsigned char raw[DECODED_MAX], made[20];
    uint64_t rounds = 0;
    size_t size = 0;
    if (!split(copy, '$', fields, 5) || strcmp(fields[1], "1") != 0 ||
        !view_parse_u64(view_of_string(fields[3]), ROUNDS_MAX, &rounds) || rounds == 0)
        return HASH_UNKNOWN;
    if (sodium_hex2bin(raw, sizeof(raw), fields[4], strlen(fields[4]), NULL, &size, NULL) != 0 || size != sizeof(made))
        return HASH_UNKNOWN;
    if (PKCS5_PBKDF2_HMAC(q->password, (int)q->password_size, (const unsigned char *)fields[2], (int)strlen(fields[2]),
                          (int)rounds, EVP_sha1(), sizeof(made), made) != 1)
        return HASH_UNKNOWN;
    return same(raw, made, sizeof(made));
}

static bool decode_base64(const char *text, unsigned char out[DECODED_MAX], size_t *size_r)
{
    return sodium_base642bin(out, DECODED_MAX, text, strlen(text), NULL, size_r, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0;
}

/* "rounds,salt,StoredKey,ServerKey" (RFC 5802 3): StoredKey = H(HMAC(Hi(password), "Client Key")). */
static enum hash_result verify_scram(const struct question *q)
{
    char copy[HASH_TEXT_MAX], *fields[4];
    memcpy(copy, q->text, q->text_size + 1);
    unsigned char salt[DECODED_MAX], stored[DECODED_MAX], server[DECODED_MAX], salted[DIGEST_MAX], key[DIGEST_MAX],
        made[DIGEST_MAX];
    size_t salt_size = 0, stored_size = 0, server_size = 0;
    unsigned key_size = 0;
    uint64_t rounds = 0;
    const EVP_MD *kind = EVP_get_digestbyname(q->scheme->digest);
    if (kind == NULL || !split(copy, ',', fields, 4) ||
        !view_parse_u64(view_of_string(fields[0]), ROUNDS_MAX, &rounds) || rounds == 0)
        return HASH_UNKNOWN;
    if (!decode_base64(fields[1], salt, &salt_size) || !decode_base64(fields[2], stored, &stored_size) ||
        !decode_base64(fields[3], server, &server_size) || stored_size != q->scheme->digest_size ||
        server_size != q->scheme->digest_size)
        return HASH_UNKNOWN;
    if (PKCS5_PBKDF2_HMAC(q->password, (int)q->password_size, salt, (int)salt_size, (int)rounds, kind,
                          (int)q->scheme->digest_size, salted) != 1 ||
        HMAC(kind, salted, (int)q->scheme->digest_size, (const unsigned char *)"Client Key", 10, key, &key_size) ==
            NULL ||
        !digest_two(q->scheme->digest, key, q->scheme->digest_size, "", 0, made))
        return HASH_UNKNOWN;
    return same(stored, made, stored_size);
}

static const struct scheme schemes[] = {
    {"ARGON2ID", verify_argon2},
    {"ARGON2I", verify_argon2},
    {"ARGON2", verify_argon2},
    {"CRYPT", verify_crypt},
    {"DES-CRYPT", verify_crypt},
    {"MD5-CRYPT", verify_crypt},
    {"MD5", verify_crypt},
    {"BLF-CRYPT", verify_crypt},
    {"SHA256-CRYPT", verify_crypt},
    {"SHA512-CRYPT", verify_crypt},
    {"PBKDF2", verify_pbkdf2},
    {"SHA", verify_digest, "SHA1", 20, false},
    {"SHA1", verify_digest, "SHA1", 20, false},
    {"SHA256", verify_digest, "SHA256", 32, false},
    {"SHA512", verify_digest, "SHA512", 64, false},
    {"LDAP-MD5", verify_digest, "MD5", 16, false},
    {"PLAIN-MD5", verify_digest, "MD5", 16, false},
    {"SSHA", verify_digest, "SHA1", 20, true},
    {"SSHA256", verify_digest, "SHA256", 32, true},
    {"SSHA512", verify_digest, "SHA512", 64, true},
    {"SMD5", verify_digest, "MD5", 16, true},
    {"CRAM-MD5", verify_cram_md5},
    {"HMAC-MD5", verify_cram_md5},
    {"DIGEST-MD5", verify_digest_md5},
    {"SCRAM-SHA-1", verify_scram, "SHA1", 20, false},
    {"SCRAM-SHA-256", verify_scram, "SHA256", 32, false},
    {"PLAIN", verify_plain},
    {"CLEARTEXT", verify_plain},
    {"CLEAR", verify_plain},
};

/* Finds the scheme of "{NAME.enc}text"; without braces "$argon2..." and what crypt(3) makes are known by their looks.
 */
static const struct scheme *scheme_of(struct view text, struct view *rest_r, const char **encoding_r)
{
    struct view name = VIEW_LITERAL("CRYPT");
    *encoding_r = "";
    *rest_r = text;
    if (view_starts_with(text, VIEW_LITERAL("$argon2"))) {
        name = VIEW_LITERAL("ARGON2");
    } else if (text.size > 0 && text.data[0] == '{') {
        size_t end = view_find(text, '}', 1);
        if (end == SIZE_MAX)
            return NULL;
        name = view_slice(text, 1, end - 1);
        *rest_r = view_skip(text, end + 1);
    } else if (text.size == 0 || text.data[0] != '$') {
        return NULL;
    }
    size_t dot = view_find(name, '.', 0);
    if (dot != SIZE_MAX) {
        struct view suffix = view_skip(name, dot + 1);
        if (view_equal_string_nocase(suffix, "hex"))
            *encoding_r = "hex";
        else if (view_equal_string_nocase(suffix, "b64") || view_equal_string_nocase(suffix, "base64"))
            *encoding_r = "b64";
        else
            return NULL;
        name = view_slice(name, 0, dot);
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (view_equal_string_nocase(name, schemes[i].name))
            return &schemes[i];
    return NULL;
}

bool hash_warm_up(void)
{
    if (sodium_init() < 0)
        return false;
    static const char *const digests[] = {"MD5", "SHA1", "SHA256", "SHA512"};
    unsigned char made[DIGEST_MAX];
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
        digest_two(digests[i], "", 0, "", 0, made);
    hash_verify(VIEW_LITERAL("{SHA512-CRYPT}$6$rounds=1000$x$"), VIEW_LITERAL(""), VIEW_EMPTY);
    hash_verify(VIEW_LITERAL("{PBKDF2}$1$x$1$0000000000000000000000000000000000000000"), VIEW_LITERAL("x"), VIEW_EMPTY);
    hash_verify(VIEW_LITERAL("{SCRAM-SHA-256}1,eA==,QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE=,"
                             "QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE="),
                VIEW_LITERAL("x"), VIEW_EMPTY);
    return true;
}

bool hash_make(struct view password, char out[HASH_TEXT_MAX])
{
    static const char prefix[] = "{ARGON2ID}";
    _Static_assert(sizeof(prefix) + crypto_pwhash_STRBYTES <= HASH_TEXT_MAX, "a hash fits");
    memcpy(out, prefix, sizeof(prefix));
    return crypto_pwhash_str_alg(out + sizeof(prefix) - 1, password.data, password.size, ARGON2_OPERATIONS,
                                 ARGON2_OCTETS, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

enum hash_result hash_verify(struct view text, struct view password, struct view name)
{
    struct question q = {.name = name};
    struct view rest;
    q.scheme = scheme_of(text, &rest, &q.encoding);
    if (q.scheme == NULL || rest.size >= HASH_TEXT_MAX || view_find(rest, 0, 0) != SIZE_MAX)
        return HASH_UNKNOWN;
    if (password.size > LIMIT_PASSWORD_OCTETS || view_find(password, 0, 0) != SIZE_MAX)
        return HASH_WRONG;
    char text_copy[HASH_TEXT_MAX], password_copy[LIMIT_PASSWORD_OCTETS + 1];
    view_copy(text_copy, rest);
    text_copy[rest.size] = 0;
    view_copy(password_copy, password);
    password_copy[password.size] = 0;
    q.text = text_copy;
    q.text_size = rest.size;
    q.password = password_copy;
    q.password_size = password.size;
    enum hash_result result = q.scheme->verify(&q);
    sodium_memzero(password_copy, sizeof(password_copy));
    return result;
}

bool hash_is_outdated(struct view text)
{
    static const struct view ours = VIEW_LITERAL("{ARGON2ID}");
    char copy[crypto_pwhash_STRBYTES] = {0};
    if (!view_starts_with(text, ours) || text.size - ours.size >= sizeof(copy))
        return true;
    memcpy(copy, text.data + ours.size, text.size - ours.size);
    return crypto_pwhash_str_needs_rehash(copy, ARGON2_OPERATIONS, ARGON2_OCTETS) != 0;
}

bool hash_is_known(struct view text)
{
    struct view rest;
    const char *encoding;
    return text.size < HASH_TEXT_MAX && scheme_of(text, &rest, &encoding) != NULL && rest.size > 0;
}
