/*
 * net/tls.h: the server's side of TLS: certificate, key, protocol versions. OpenSSL 3 on the socket.
 *
 * Does     holds one SSL_CTX; streams make connections from it. Buffers of idle connections are freed.
 * Owns     key and certificate. Replaced whole at a reload; running connections keep theirs (reference counted).
 * Called   by gate's loop; created from PEM text handed over by the supervisor, never from a path.
 * Tested   tests/unit/net_tls.c, tests/e2e/test_hostile_login.py, tests/e2e/test_story.py
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/view.h"

struct tls_server;
/* Null on error, with a sentence in error (error_size octets). */
struct tls_server *tls_server_new(struct view certificate_pem, struct view key_pem, char *error, size_t error_size);
struct tls_server *tls_server_ref(struct tls_server *tls);
void tls_server_unref(struct tls_server **tls);
/* Before the walls: providers, digests and error texts are loaded. */
void tls_warm_up(void);

#endif
