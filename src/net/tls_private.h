/*
 * net/tls_private.h: what net/stream.c needs of net/tls.c; nobody else includes it.
 */
#ifndef NET_TLS_PRIVATE_H
#define NET_TLS_PRIVATE_H

#include "net/tls.h"
#include <openssl/ssl.h>

/* A connection in accept state on fd, which it does not own. Null if out of memory. */
SSL *tls_server_accept(struct tls_server *tls, int fd);

#endif
