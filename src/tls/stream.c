/* stream.c - see stream.h.  */
#include "tls/stream.h"

#include "mem/heap.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

_Static_assert((int)TLS_RECORD_BYTES == (int)SSL3_RT_MAX_PLAIN_LENGTH, "the protocol's");

/* --- birth and end --- */

struct tls_stream *tls_stream_create(struct tls_context *context, struct chunk_pool *pool)
{
    struct tls_stream *stream = thread_alloc_zeroed(MEM_CLIENT, sizeof *stream);
    if (stream != NULL) {
        stream->context = context;
        stream->pipe.pool = pool;
        stream->early = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    }
    return stream;
}

void tls_stream_destroy(struct tls_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    SSL_free(stream->ssl);
    output_clear(&stream->pipe.cipher, stream->pipe.pool);
    buffer_release(&stream->early);
    tls_context_drop(stream->context);
    thread_free(MEM_CLIENT, stream, sizeof *stream);
}

/* What is not asked of every connection, and takes tens of microseconds: so it is a part of the first step. */
static bool make_library_part(struct tls_stream *stream)
{
    SSL *ssl = SSL_new(stream->context->ssl);
    BIO *bio = ssl == NULL ? NULL : BIO_new(stream->context->method);
    if (bio == NULL) {
        SSL_free(ssl);
        return false;
    }
    BIO_set_data(bio, &stream->pipe);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    stream->ssl = ssl;
    return true;
}

/* --- what the peer sends --- */

void tls_stream_feed(struct tls_stream *stream, struct bytes received)
{
    assert(stream->pipe.fed.len == 0);
    stream->pipe.fed = received;
}

static enum tls_outcome outcome_of_failure(struct tls_stream *stream)
{
    switch (SSL_get_error(stream->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        assert(stream->pipe.fed.len == 0);
        assert(ERR_peek_error() == 0);
        return TLS_WANTS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        ERR_clear_error();
        return TLS_PEER_ENDS;
    default:
        stream->phase = TLS_FAILED;
        return TLS_IS_WRONG;
    }
}

enum tls_outcome tls_stream_step(struct tls_stream *stream)
{
    assert(stream->phase == TLS_HANDSHAKE);
    if (stream->ssl == NULL && !make_library_part(stream)) {
        stream->phase = TLS_FAILED;
        return TLS_IS_WRONG;
    }
    if (SSL_do_handshake(stream->ssl) == 1) {
        stream->phase = TLS_OPEN;
        return TLS_DONE;
    }
    const enum tls_outcome outcome = outcome_of_failure(stream);
    if (outcome == TLS_PEER_ENDS) {
        stream->phase = TLS_FAILED;
        return TLS_IS_WRONG;
    }
    return outcome;
}

bool tls_stream_is_resumed(const struct tls_stream *stream)
{
    assert(stream->phase == TLS_OPEN);
    return SSL_session_reused(stream->ssl) == 1;
}

static bool copy_name(const X509 *certificate, char *out, size_t size)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *text = NULL;
    const int len = at < 0 ? -1 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    const bool is_good = len > 0 && (size_t)len < size && memchr(text, '\0', (size_t)len) == NULL;
    if (is_good) {
        memcpy(out, text, (size_t)len);
        out[len] = '\0';
    }
    OPENSSL_free(text);
    ERR_clear_error();
    return is_good;
}

bool tls_stream_common_name(const struct tls_stream *stream, char *out, size_t size)
{
    assert(stream->phase == TLS_OPEN);
    const X509 *certificate = SSL_get0_peer_certificate(stream->ssl);
    return certificate != NULL && SSL_get_verify_result(stream->ssl) == X509_V_OK && copy_name(certificate, out, size);
}

bool tls_stream_is_between_records(const struct tls_stream *stream)
{
    return SSL_has_pending(stream->ssl) == 0;
}

enum tls_outcome tls_stream_read(struct tls_stream *stream, char *out, size_t capacity, size_t *len)
{
    assert(stream->phase == TLS_OPEN || stream->phase == TLS_ENDED);
    assert(capacity > 0);
    if (LIKELY(SSL_read_ex(stream->ssl, out, capacity, len) == 1)) {
        return TLS_DONE;
    }
    return outcome_of_failure(stream);
}

bool tls_stream_has_more(const struct tls_stream *stream)
{
    return stream->pipe.fed.len > 0 || SSL_pending(stream->ssl) > 0;
}

/* --- what is sent --- */

bool tls_stream_write(struct tls_stream *stream, struct bytes text)
{
    size_t written = 0;
    if (stream->phase != TLS_OPEN || SSL_write_ex(stream->ssl, text.data, text.len, &written) != 1) {
        ERR_clear_error();
        stream->phase = TLS_FAILED;
        return false;
    }
    assert(written == text.len);
    stream->under_way += written;
    return true;
}

size_t tls_stream_sent(struct tls_stream *stream, size_t sent)
{
    output_sent(&stream->pipe.cipher, stream->pipe.pool, sent);
    if (stream->pipe.cipher.bytes > 0) {
        return 0;
    }
    const size_t text = stream->under_way;
    stream->under_way = 0;
    return text;
}

bool tls_stream_end(struct tls_stream *stream)
{
    if (stream->phase != TLS_OPEN) {
        return false;
    }
    stream->phase = TLS_ENDED;
    (void)SSL_shutdown(stream->ssl); /* 0: the peer has not said so, too */
    ERR_clear_error();
    return stream->pipe.cipher.bytes > 0;
}

size_t tls_stream_memory_bytes(const struct tls_stream *stream)
{
    return thread_block_bytes(sizeof *stream) + output_memory_bytes(&stream->pipe.cipher) + stream->early.capacity;
}
