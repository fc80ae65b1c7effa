/* tests/unit/net_tls.c: a stream behind TLS, with OpenSSL's client at the other end of a pair. */
#include "base/limits.h"
#include "base/memory.h"
#include "net/stream.h"
#include "net/tls.h"
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
/* after stdarg and setjmp */
#include <cmocka.h>

enum { LINE = 64 };

static struct loop *loop;
static struct stream *stream;
static struct tls_server *server;
static SSL_CTX *client_context;
static SSL *client;
static int peer;
static struct buffer heard; /* by the server */
static uint32_t seen;       /* lines, by the client */
static unsigned told[STREAM_CLOSED + 1];

static void on_event(void *ctx, struct stream *s, enum stream_event event)
{
    told[event]++;
    if (event != STREAM_INPUT)
        return;
    buffer_append_view(&heard, stream_input(s));
    stream_consume(s, stream_input(s).size);
}

static struct view pem_of(BIO *bio)
{
    char *data;
    long size = BIO_get_mem_data(bio, &data);
    return view_of(data, (size_t)size);
}

static struct tls_server *make_server(void)
{
    char error[256];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *key_pem = BIO_new(BIO_s_mem()), *certificate_pem = BIO_new(BIO_s_mem());
    assert_non_null(key);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(PEM_write_bio_X509(certificate_pem, certificate), 1);
    struct tls_server *made = tls_server_new(pem_of(certificate_pem), pem_of(key_pem), error, sizeof error);
    assert_non_null(made);
    BIO_free(key_pem);
    BIO_free(certificate_pem);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made;
}

static int begin(void **state)
{
    int ends[2];
    loop = loop_new();
    server = make_server();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    stream = stream_new(loop, ends[0], on_event, NULL);
    peer = ends[1];
    fcntl(peer, F_SETFL, O_NONBLOCK);
    client_context = SSL_CTX_new(TLS_client_method());
    client = SSL_new(client_context);
    SSL_set_fd(client, peer);
    SSL_set_connect_state(client);
    buffer_init(&heard, 0);
    seen = 0;
    memset(told, 0, sizeof told);
    stream_start_tls(stream, server);
    return 0;
}

static int end(void **state)
{
    SSL_free(client);
    SSL_CTX_free(client_context);
    stream_free(&stream);
    loop_turn(loop, 0);
    loop_free(&loop);
    tls_server_unref(&server);
    buffer_free(&heard);
    close(peer);
    return 0;
}

static void shake_hands(void)
{
    int result = 0;
    for (unsigned turn = 0; turn < 50 && result != 1; turn++) {
        result = SSL_do_handshake(client);
        loop_turn(loop, 1);
    }
    assert_int_equal(result, 1);
    for (unsigned turn = 0; turn < 50 && !told[STREAM_SECURED]; turn++)
        loop_turn(loop, 1);
    assert_int_equal(told[STREAM_SECURED], 1);
    assert_true(stream_is_tls(stream));
}

/* What has come: each line is the next one. Returns the error that ended it. */
static int read_lines(void)
{
    static char line[LINE + 1];
    static int have;
    for (;;) {
        int got = SSL_read(client, line + have, LINE - have);
        if (got <= 0) {
            int error = SSL_get_error(client, got);
            ERR_clear_error();
            return error;
        }
        have += got;
        if (have < LINE)
            continue;
        assert_int_equal(strtoul(line, NULL, 10), seen++);
        have = 0;
    }
}

static uint32_t fill(uint32_t written)
{
    while (!stream_is_full(stream))
        stream_printf(stream, "%0*u\n", LINE - 1, written++);
    return written;
}

static void test_octets_go_both_ways(void **state)
{
    shake_hands();
    assert_int_equal(SSL_write(client, "hello", 5), 5);
    for (unsigned turn = 0; turn < 50 && buffer_size(&heard) < 5; turn++)
        loop_turn(loop, 1);
    assert_true(view_equal_string(buffer_view(&heard), "hello"));
    stream_printf(stream, "%0*u\n", LINE - 1, 0);
    for (unsigned turn = 0; turn < 50 && !seen; turn++) {
        loop_turn(loop, 1);
        read_lines();
    }
    assert_int_equal(seen, 1);
}

static void test_a_handshake_may_come_octet_by_octet(void **state)
{
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    char *hello, octets[16384];
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(client, in, out);
    assert_int_equal(SSL_do_handshake(client), -1);
    long size = BIO_get_mem_data(out, &hello);
    for (long i = 0; i < size; i++) {
        assert_int_equal(send(peer, hello + i, 1, 0), 1);
        loop_turn(loop, 1);
        assert_int_equal(told[STREAM_BROKEN], 0);
    }
    (void)BIO_reset(out);
    ssize_t got = recv(peer, octets, sizeof octets, 0);
    assert_true(got > 0);
    assert_int_equal(BIO_write(in, octets, (int)got), got);
    assert_int_equal(SSL_do_handshake(client), 1);
    size = BIO_get_mem_data(out, &hello);
    assert_int_equal(send(peer, hello, (size_t)size, 0), size);
    loop_turn(loop, 10);
    assert_int_equal(told[STREAM_SECURED], 1);
}

/* The client must be able to tell its user why. A handshake does not begin with a finished message. */
static void test_who_begins_wrongly_is_sent_an_alert(void **state)
{
    static const char finished[] = "\x16\x03\x01\x00\x05\x14\x00\x00\x01\x00";
    char octets[64];
    assert_int_equal(send(peer, finished, 10, 0), 10);
    for (unsigned turn = 0; turn < 50 && !told[STREAM_BROKEN]; turn++)
        loop_turn(loop, 1);
    assert_int_equal(told[STREAM_BROKEN], 1);
    ssize_t got = recv(peer, octets, sizeof octets, 0);
    assert_int_equal(got, 7);
    assert_int_equal(octets[0], 21); /* RFC 8446 B.1: alert */
    assert_int_equal(octets[5], 2);  /* fatal */
}

static void test_a_peer_that_does_not_read_stops_it_and_loses_nothing(void **state)
{
    uint32_t written = 0;
    unsigned rounds = 0;
    shake_hands();
    for (written = fill(0); stream_make_room(stream); written = fill(written))
        assert_true(++rounds < 1000);
    assert_true(rounds > 0);
    while (seen < written) {
        assert_int_equal(read_lines(), SSL_ERROR_WANT_READ);
        loop_turn(loop, 1);
    }
    assert_true(told[STREAM_DRAINED] > 0);
    assert_int_equal(told[STREAM_BROKEN], 0);
    assert_int_equal(stream_octets_out(stream), (uint64_t)written * LINE);
}

/* RFC 8446 6.1: without a close_notify the end could be somebody else's doing. */
static void test_the_end_is_told(void **state)
{
    shake_hands();
    stream_printf(stream, "%0*u\n", LINE - 1, 0);
    stream_finish(stream);
    int error = SSL_ERROR_WANT_READ;
    for (unsigned turn = 0; turn < 50 && error == SSL_ERROR_WANT_READ; turn++) {
        loop_turn(loop, 1);
        error = read_lines();
    }
    assert_int_equal(error, SSL_ERROR_ZERO_RETURN);
    assert_int_equal(seen, 1);
    assert_int_equal(told[STREAM_CLOSED], 1);
}

/* Likewise where the socket was full when all was said: of some of these lengths it is. */
static void test_the_end_is_told_to_who_reads_late(void **state)
{
    for (uint32_t lines = 8; lines < 800; lines += 8) {
        int error = SSL_ERROR_WANT_READ, few = 1;
        assert_int_equal(setsockopt(stream_fd(stream), SOL_SOCKET, SO_SNDBUF, &few, sizeof few), 0);
        shake_hands();
        for (uint32_t i = 0; i < lines; i++)
            stream_printf(stream, "%0*u\n", LINE - 1, i);
        stream_finish(stream);
        loop_turn(loop, 1);
        loop_turn(loop, 1);
        for (unsigned turn = 0; turn < 500 && error == SSL_ERROR_WANT_READ; turn++) {
            error = read_lines();
            loop_turn(loop, 1);
        }
        assert_int_equal(error, SSL_ERROR_ZERO_RETURN);
        assert_int_equal(seen, lines);
        end(state);
        begin(state);
    }
}

/* RFC 8446 4.6.3: asked for a new key, the server answers with its own, though it has nothing else to say. */
static void test_a_new_key_is_answered(void **state)
{
    shake_hands();
    uint64_t before = BIO_number_read(SSL_get_rbio(client));
    assert_int_equal(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_write(client, "hello", 5), 5);
    for (unsigned turn = 0; turn < 50 && BIO_number_read(SSL_get_rbio(client)) == before; turn++) {
        loop_turn(loop, 1);
        assert_int_equal(read_lines(), SSL_ERROR_WANT_READ);
    }
    assert_true(BIO_number_read(SSL_get_rbio(client)) > before);
    assert_true(view_equal_string(buffer_view(&heard), "hello"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_octets_go_both_ways, begin, end),
        cmocka_unit_test_setup_teardown(test_a_handshake_may_come_octet_by_octet, begin, end),
        cmocka_unit_test_setup_teardown(test_who_begins_wrongly_is_sent_an_alert, begin, end),
        cmocka_unit_test_setup_teardown(test_a_peer_that_does_not_read_stops_it_and_loses_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_the_end_is_told, begin, end),
        cmocka_unit_test_setup_teardown(test_the_end_is_told_to_who_reads_late, begin, end),
        cmocka_unit_test_setup_teardown(test_a_new_key_is_answered, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
