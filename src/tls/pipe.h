/* pipe.h - where OpenSSL reads what was received of a connection, and writes what is to be sent: neither is a socket.
 *
 * Threads    The connection's.  */
#ifndef TLS_PIPE_H
#define TLS_PIPE_H

#include "net/output.h"

struct bio_method_st; /* OpenSSL's */

enum { TLS_SEND_RECORD_BYTES = 15872 }; /* text of one record that is sent: as a whole it fits a chunk of an output */

struct tls_pipe {
    struct bytes fed;         /* received and not read yet; lent */
    struct output cipher;     /* to be sent */
    struct chunk_pool *pool;  /* of `cipher` */
};

/* For BIOs whose data are a struct tls_pipe. Reading more than was fed is to be tried again; writing fails without memory. NULL: no memory. */
struct bio_method_st *tls_pipe_method_create(void) MUST_USE;

#endif
