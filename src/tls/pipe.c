/* pipe.c - see pipe.h.  */
#include "tls/pipe.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <string.h>

enum { METHOD_TYPE = BIO_TYPE_SOURCE_SINK | 127 }; /* below those that OpenSSL numbers itself */

/* Its head is in front of a chunk's bytes: 128 are enough for it. */
_Static_assert((int)TLS_SEND_RECORD_BYTES + (int)SSL3_RT_SEND_MAX_ENCRYPTED_OVERHEAD + 128 <= (int)CHUNK_BYTES, "a record fits a chunk");

static int read_fed(BIO *bio, char *out, size_t capacity, size_t *len)
{
    struct tls_pipe *pipe = BIO_get_data(bio);
    *len = pipe->fed.len < capacity ? pipe->fed.len : capacity;
    BIO_clear_retry_flags(bio);
    if (*len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(out, pipe->fed.data, *len);
    pipe->fed.data += *len;
    pipe->fed.len -= *len;
    return 1;
}

static int write_cipher(BIO *bio, const char *data, size_t len, size_t *written)
{
    struct tls_pipe *pipe = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *written = output_append(&pipe->cipher, pipe->pool, (struct bytes){data, len}) ? len : 0;
    return *written == len;
}

static long control(BIO *bio, int what, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_pipe_method_create(void)
{
    BIO_METHOD *method = BIO_meth_new(METHOD_TYPE, "tessera");
    if (method != NULL && BIO_meth_set_read_ex(method, read_fed) == 1 && BIO_meth_set_write_ex(method, write_cipher) == 1 &&
        BIO_meth_set_ctrl(method, control) == 1) {
        return method;
    }
    BIO_meth_free(method);
    return NULL;
}
