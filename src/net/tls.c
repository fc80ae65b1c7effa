/* net/tls.c: see net/tls.h. */
#include "net/tls.h"
#include "base/memory.h"
#include "net/tls_private.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>

struct tls_server {
    SSL_CTX *context;
    atomic_uint references;
};

void tls_warm_up(void)
{
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
    /* Digests and ciphers are fetched from their provider at first use, which reads files: do it now. */
    static const char *const digests[] = {"SHA1", "SHA256", "SHA384", "SHA512"}, *const ciphers[] = {
                                                                                     "AES-128-GCM", "AES-256-GCM",
                                                                                     "ChaCha20-Poly1305"};
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
        EVP_MD_free(EVP_MD_fetch(NULL, digests[i], NULL));
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
        EVP_CIPHER_free(EVP_CIPHER_fetch(NULL, ciphers[i], NULL));
    SSL_CTX_free(SSL_CTX_new(TLS_server_method()));
}

/* A sentence, with the library's reason behind it where it has one. */
static void explain(char *error, size_t size, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (reason)
        snprintf(error, size, "%s: %s", what, reason);
    else
        snprintf(error, size, "%s", what);
    ERR_clear_error();
}

/* A key with a passphrase: nobody is there to be asked. */
static int no_passphrase(char *to, int size, int writing, void *ctx)
{
    (void)to, (void)size, (void)writing, (void)ctx;
    return -1;
}

static BIO *bio_of(struct view pem)
{
    return pem.size && pem.size < INT32_MAX ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
}

/* The first certificate is ours, the others are its chain. Null, or what is wrong. */
static const char *use_certificates(SSL_CTX *context, struct view pem)
{
    BIO *bio = bio_of(pem);
    X509 *certificate = bio ? PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL) : NULL;
    const char *what = NULL;
    if (!certificate)
        what = "the certificate can't be read";
    else if (SSL_CTX_use_certificate(context, certificate) != 1)
        what = "the certificate can't be used";
    X509_free(certificate);
    while (!what && (certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
        if (SSL_CTX_add0_chain_cert(context, certificate) != 1) {
            X509_free(certificate);
            what = "a certificate of the chain can't be used";
        }
    }
    if (!what && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        what = "a certificate of the chain can't be read";
    if (!what)
        ERR_clear_error(); /* the end of the text */
    BIO_free(bio);
    return what;
}

static const char *use_key(SSL_CTX *context, struct view pem)
{
    BIO *bio = bio_of(pem);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    const char *what = NULL;
    if (!key)
        what = "the private key can't be read (a passphrase is not supported)";
    else if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
        what = "the private key does not belong to the certificate";
    EVP_PKEY_free(key);
    BIO_free(bio);
    return what;
}

struct tls_server *tls_server_new(struct view certificate_pem, struct view key_pem, char *error, size_t error_size)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    const char *what = context ? use_certificates(context, certificate_pem) : "TLS can't be set up";
    if (!what)
        what = use_key(context, key_pem);
    if (what) {
        explain(error, error_size, what);
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION); /* RFC 8996, RFC 8314 4.1 */
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets only: nothing to fill */
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM");
    struct tls_server *tls = NEW(struct tls_server);
    tls->context = context;
    atomic_init(&tls->references, 1);
    return tls;
}

struct tls_server *tls_server_ref(struct tls_server *tls)
{
    atomic_fetch_add(&tls->references, 1);
    return tls;
}

void tls_server_unref(struct tls_server **tls)
{
    struct tls_server *old = *tls;
    *tls = NULL;
    if (old && atomic_fetch_sub(&old->references, 1) == 1) {
        SSL_CTX_free(old->context);
        free(old);
    }
}

/* ---- where sealed octets go ---- */

static BIO_METHOD *sealing;
static pthread_once_t sealing_once = PTHREAD_ONCE_INIT;

static int sealing_write(BIO *bio, const char *data, int size)
{
    struct buffer *sealed = BIO_get_data(bio);
    buffer_append(sealed, data, (size_t)size);
    return sealed->overflow ? -1 : size;
}

static long sealing_control(BIO *bio, int what, long number, void *ctx)
{
    (void)bio, (void)number, (void)ctx;
    return what == BIO_CTRL_FLUSH;
}

static int sealing_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static void sealing_setup(void)
{
    sealing = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sealed octets");
    BUG_IF(!sealing);
    BIO_meth_set_write(sealing, sealing_write);
    BIO_meth_set_ctrl(sealing, sealing_control);
    BIO_meth_set_create(sealing, sealing_create);
}

SSL *tls_server_accept(struct tls_server *tls, int fd, struct buffer *sealed)
{
    pthread_once(&sealing_once, sealing_setup);
    SSL *ssl = SSL_new(tls->context);
    BIO *in = BIO_new_socket(fd, BIO_NOCLOSE), *out = BIO_new(sealing);
    if (!ssl || !in || !out) {
        SSL_free(ssl);
        BIO_free(in);
        BIO_free(out);
        return NULL;
    }
    BIO_set_data(out, sealed);
    SSL_set_bio(ssl, in, out);
    SSL_set_accept_state(ssl);
    return ssl;
}
