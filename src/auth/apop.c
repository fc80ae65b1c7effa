/*
 * auth/apop.c: see apop.h.
 */
#include "auth/apop.h"
#include "base/limits.h"

#include <openssl/evp.h>
#include <sodium.h>

enum { MD5_OCTETS = 16 };

bool apop_fits(struct view timestamp, struct view secret, struct view digest)
{
    unsigned char text[LIMIT_APOP_TIMESTAMP + LIMIT_PASSWORD_OCTETS], md5[EVP_MAX_MD_SIZE];
    char hex[2 * MD5_OCTETS + 1];
    if (timestamp.size > LIMIT_APOP_TIMESTAMP || secret.size > LIMIT_PASSWORD_OCTETS || secret.size == 0 ||
        digest.size != sizeof(hex) - 1)
        return false;
    view_copy((char *)text, timestamp);
    view_copy((char *)text + timestamp.size, secret);
    bool made = EVP_Digest(text, timestamp.size + secret.size, md5, NULL, EVP_md5(), NULL) == 1;
    sodium_memzero(text, sizeof(text));
    if (!made)
        return false;
    sodium_bin2hex(hex, sizeof(hex), md5, MD5_OCTETS);
    return sodium_memcmp(hex, digest.data, digest.size) == 0;
}
