/*
 * net/tls_private.h: what net/stream.c needs of net/tls.c; nobody else includes it.
 */
#ifndef NET_TLS_PRIVATE_H
#define NET_TLS_PRIVATE_H

#include "base/buffer.h"
#include "net/tls.h"
#include <openssl/ssl.h>

/*
 * A connection in accept state. It reads from fd, which it does not own; what it has for the peer it appends to
 * `sealed`, which stays where it is until SSL_free: records go out together, and writing never waits. Null if out of
 * memory.
 */
SSL *tls_server_accept(struct tls_server *tls, int fd, struct buffer *sealed);

#endif
