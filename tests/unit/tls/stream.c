/* Unit tests of tls: a stream beside a client of OpenSSL's, and contexts of good and bad parameters.  */
#include "tls/stream.h"

#include "config/config.h"
#include "mem/heap.h"
#include "tls/rehearsal.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_SIZE = 128, SEED = 20261202 };

/* --- certificates and parameters --- */

static char folder[] = "/tmp/tessera-tls-XXXXXX", cert_path[PATH_SIZE], key_path[PATH_SIZE], other_key_path[PATH_SIZE];

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    cr_assert_eq(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

/* Before Criterion uses OpenSSL itself. */
__attribute__((constructor)) static void count_memory(void)
{
    tls_library_count_memory();
}

/* A certificate for "Anna", signed by its own key, which is for clients as well. */
static void write_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"Anna", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    cr_assert_gt(X509_sign(certificate, key, EVP_sha256()), 0);
    FILE *file = fopen(cert_path, "w");
    cr_assert_eq(PEM_write_X509(file, certificate), 1);
    fclose(file);
    X509_free(certificate);
}

static void make_files(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(cert_path, sizeof cert_path, "%s/cert.pem", folder);
    snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
    snprintf(other_key_path, sizeof other_key_path, "%s/other.pem", folder);
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    write_key(key_path, key);
    write_key(other_key_path, other);
    write_certificate(key);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void remove_files(void)
{
    unlink(cert_path);
    unlink(key_path);
    unlink(other_key_path);
    rmdir(folder);
}

static void set(struct config *config, const char *name, const char *value)
{
    const struct bytes pair[] = {bytes_of_string(name), bytes_of_string(value)};
    const struct config_change change = {.pairs = pair, .count = 1};
    struct bytes culprit;
    char reason[256];
    cr_assert_eq(config_set(config, &change, &culprit, reason), RESULT_OK, "%s", name);
}

struct making {
    struct config_preparation preparation; /* first */
    const struct config *config;
    struct tls_context *context;
};

static bool make(struct config_preparation *preparation, const struct config_proposal *proposal, char reason[256])
{
    struct making *making = (struct making *)preparation;
    making->context = tls_context_create(making->config, proposal, reason);
    return making->context != NULL;
}

/* Clients show the same certificate. */
static struct config *good_config(void)
{
    struct config *config = config_create();
    set(config, "tls-cert-file", cert_path);
    set(config, "tls-key-file", key_path);
    set(config, "tls-ca-cert-file", cert_path);
    return config;
}

/* Of good parameters, but for one. NULL: `error` says why. */
static struct tls_context *make_context(const char *name, const char *value, char error[TLS_ERROR_MAX])
{
    struct config *config = good_config();
    if (name != NULL) {
        set(config, name, value);
    }
    struct making making = {.preparation = {.prepare = make}, .config = config};
    const bool is_made = config_prepare(config, &making.preparation, error);
    cr_assert_eq(is_made, making.context != NULL);
    config_destroy(config);
    return making.context;
}

Test(context, refuses_parameters_that_cannot_be, .init = make_files, .fini = remove_files)
{
    const struct {
        const char *name, *value, *error;
    } rows[] = {
        {"tls-cert-file", "", "No tls-cert-file"},
        {"tls-cert-file", "/none", "Failed to load certificate: /none: "},
        {"tls-key-file", "", "No tls-key-file"},
        {"tls-key-file", other_key_path, "Failed to load private key"},
        {"tls-ca-cert-file", "", "Either tls-ca-cert-file or tls-ca-cert-dir"},
        {"tls-ca-cert-file", key_path, "Failed to load CA certificate(s)"},
        {"tls-protocols", "TLSv1.2 SSLv3", "Invalid tls-protocols"},
        {"tls-protocols", " ", "tls-protocols names no protocol"},
        {"tls-ciphers", "none", "Failed to load tls-ciphers"},
        {"tls-ciphersuites", "none", "Failed to load tls-ciphersuites"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char error[TLS_ERROR_MAX] = "";
        cr_assert_null(make_context(rows[i].name, rows[i].value, error), "%s %s", rows[i].name, rows[i].value);
        cr_assert_eq(strncmp(error, rows[i].error, strlen(rows[i].error)), 0, "%s %s: %s", rows[i].name, rows[i].value, error);
    }
}

Test(context, takes_ways_to_say_the_same, .init = make_files, .fini = remove_files)
{
    static const char *const rows[][2] = {{"tls-protocols", "tlsv1.2,TLSv1.3"}, {"tls-ciphers", "HIGH"}, {"tls-auth-clients", "no"},
                                          {"tls-prefer-server-ciphers", "yes"}, {"tls-session-caching", "no"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char error[TLS_ERROR_MAX] = "";
        struct tls_context *context = make_context(rows[i][0], rows[i][1], error);
        cr_assert_not_null(context, "%s: %s", rows[i][0], error);
        cr_assert(tls_rehearse(context), "%s", rows[i][0]);
        tls_context_drop(context);
    }
}

/* --- a stream and its peer --- */

struct pair {
    SSL_CTX *clients;
    SSL *client;
    BIO *to_client, *from_client; /* what the peer reads and has written */
    struct chunk_pool pool;
    struct tls_stream *stream;
};

static void pair_open(struct pair *pair, struct tls_context *context, int version)
{
    cr_assert(chunk_pool_open(&pair->pool));
    pair->stream = tls_stream_create(tls_context_hold(context), &pair->pool);
    pair->clients = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(pair->clients, version);
    SSL_CTX_set_max_proto_version(pair->clients, version);
    cr_assert_eq(SSL_CTX_use_certificate_chain_file(pair->clients, cert_path), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey_file(pair->clients, key_path, SSL_FILETYPE_PEM), 1);
    pair->client = SSL_new(pair->clients);
    pair->to_client = BIO_new(BIO_s_mem());
    pair->from_client = BIO_new(BIO_s_mem());
    SSL_set_bio(pair->client, pair->to_client, pair->from_client);
    SSL_set_connect_state(pair->client);
}

static void pair_close(struct pair *pair)
{
    tls_stream_destroy(pair->stream);
    SSL_free(pair->client);
    SSL_CTX_free(pair->clients);
    chunk_pool_close(&pair->pool);
}

/* What the stream wants to send arrives. Returns how much text was under way. */
static size_t deliver(struct pair *pair)
{
    struct iovec pieces[OUTPUT_GATHER_MAX];
    size_t text = 0;
    while (pair->stream->pipe.cipher.bytes > 0) {
        const int count = output_gather(&pair->stream->pipe.cipher, 1 + (size_t)random() % 40000, pieces);
        size_t sent = 0;
        for (int i = 0; i < count; i++) {
            cr_assert_eq(BIO_write(pair->to_client, pieces[i].iov_base, (int)pieces[i].iov_len), (int)pieces[i].iov_len);
            sent += pieces[i].iov_len;
        }
        text += tls_stream_sent(pair->stream, sent);
    }
    return text;
}

static void shake_hands(struct pair *pair)
{
    enum tls_outcome outcome = TLS_WANTS_MORE;
    for (int i = 0; i < 10 && outcome == TLS_WANTS_MORE; i++) {
        (void)SSL_do_handshake(pair->client);
        char *data;
        const long len = BIO_get_mem_data(pair->from_client, &data);
        for (long at = 0; at < len && outcome == TLS_WANTS_MORE; at++) { /* byte by byte */
            tls_stream_feed(pair->stream, (struct bytes){data + at, 1});
            outcome = tls_stream_step(pair->stream);
        }
        (void)BIO_reset(pair->from_client);
        (void)deliver(pair);
    }
    cr_assert_eq(outcome, TLS_DONE);
    cr_assert_eq(pair->stream->phase, TLS_OPEN);
    cr_assert_eq(SSL_do_handshake(pair->client), 1);
}

/* Reads `received` as src/client does: in place if that may be. Returns how much text it was; it is appended to `out`. */
static size_t read_text(struct pair *pair, char *received, size_t len, char *out)
{
    struct tls_stream *stream = pair->stream;
    char apart[TLS_RECORD_BYTES];
    const bool is_in_place = tls_stream_is_between_records(stream);
    enum tls_outcome outcome = TLS_DONE;
    size_t done = 0, read;
    tls_stream_feed(stream, (struct bytes){received, len});
    while (outcome == TLS_DONE && tls_stream_has_more(stream)) {
        char *to = is_in_place ? received + done : apart;
        outcome = tls_stream_read(stream, to, is_in_place ? len - done : sizeof apart, &read);
        if (outcome == TLS_DONE) {
            memcpy(out + done, to, read);
            done += read;
            cr_assert(!is_in_place || done + stream->pipe.fed.len <= len);
        }
    }
    cr_assert(outcome == TLS_DONE || outcome == TLS_WANTS_MORE);
    return done;
}

/* Random text from the peer, whose records are cut anywhere. */
static void check_receiving(struct pair *pair, size_t total)
{
    char *model = malloc(total), *got = malloc(total + TLS_RECORD_BYTES), piece[TLS_RECORD_BYTES];
    size_t written = 0, read = 0;
    for (size_t i = 0; i < total; i++) {
        model[i] = (char)random();
    }
    while (written < total) {
        size_t some = 1 + (size_t)random() % (random() % 4 == 0 ? 60000 : 100);
        some = some < total - written ? some : total - written;
        cr_assert_eq(SSL_write(pair->client, model + written, (int)some), (int)some);
        written += some;
        while (random() % 8 != 0 && BIO_ctrl_pending(pair->from_client) > 0) {
            const int most = random() % 2 == 0 ? TLS_RECORD_BYTES : 1 + (int)(random() % 300);
            read += read_text(pair, piece, (size_t)BIO_read(pair->from_client, piece, most), got + read);
        }
    }
    while (BIO_ctrl_pending(pair->from_client) > 0) {
        read += read_text(pair, piece, (size_t)BIO_read(pair->from_client, piece, sizeof piece), got + read);
    }
    cr_assert_eq(read, total);
    cr_assert_eq(memcmp(got, model, total), 0);
    free(model);
    free(got);
}

/* Random text to the peer; what is said to be under way is all of it. */
static void check_sending(struct pair *pair, size_t total)
{
    char *model = malloc(total), *got = malloc(total);
    size_t written = 0, sent = 0, read = 0;
    for (size_t i = 0; i < total; i++) {
        model[i] = (char)random();
    }
    while (written < total) {
        size_t some = 1 + (size_t)random() % (random() % 4 == 0 ? 60000 : 100);
        some = some < total - written ? some : total - written;
        cr_assert(tls_stream_write(pair->stream, (struct bytes){model + written, some}));
        written += some;
        if (random() % 3 == 0 || written == total) {
            sent += deliver(pair);
            cr_assert_eq(pair->stream->under_way, 0);
        }
        int some_read;
        while (read < total && (some_read = SSL_read(pair->client, got + read, (int)(total - read))) > 0) {
            read += (size_t)some_read;
        }
    }
    cr_assert_eq(sent, total);
    cr_assert_eq(read, total);
    cr_assert_eq(memcmp(got, model, total), 0);
    free(model);
    free(got);
}

static int64_t used_bytes(void)
{
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    return mem_counters_total(&total);
}

static void run_connection(struct tls_context *context, int version, size_t total)
{
    struct pair pair;
    char name[64];
    pair_open(&pair, context, version);
    shake_hands(&pair);
    cr_assert_not(tls_stream_is_resumed(pair.stream));
    cr_assert(tls_stream_common_name(pair.stream, name, sizeof name));
    cr_assert_str_eq(name, "Anna");
    cr_assert_not(tls_stream_common_name(pair.stream, name, 4)); /* "Anna" does not fit */
    check_receiving(&pair, total);
    check_sending(&pair, total);
    cr_assert(tls_stream_end(pair.stream));
    cr_assert_not(tls_stream_end(pair.stream));
    (void)deliver(&pair);
    char byte;
    cr_assert_eq(SSL_get_error(pair.client, SSL_read(pair.client, &byte, 1)), SSL_ERROR_ZERO_RETURN);
    cr_assert_not(tls_stream_write(pair.stream, BYTES("x")));
    pair_close(&pair);
}

Test(stream, carries_text_both_ways_however_it_is_cut, .init = make_files, .fini = remove_files)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    char error[TLS_ERROR_MAX];
    srandom(SEED);
    struct tls_context *context = make_context("tls-session-caching", "no", error);
    cr_assert_not_null(context, "%s", error);
    for (size_t i = 0; i < 2; i++) {
        run_connection(context, versions[i], 1000); /* OpenSSL makes what it keeps */
        const int64_t before = used_bytes();
        run_connection(context, versions[i], 2000000);
        cr_assert_eq(used_bytes(), before);
    }
    tls_context_drop(context);
}

Test(stream, fails_once_and_says_why, .init = make_files, .fini = remove_files)
{
    char error[TLS_ERROR_MAX], reason[TLS_ERROR_MAX];
    struct tls_context *context = make_context(NULL, NULL, error);
    for (int after_handshake = 0; after_handshake < 2; after_handshake++) {
        struct pair pair;
        pair_open(&pair, context, TLS1_3_VERSION);
        if (after_handshake) {
            shake_hands(&pair);
        }
        char garbage[] = "\x17\x03\x03\x00\x14 this is no record's text";
        tls_stream_feed(pair.stream, (struct bytes){garbage, sizeof garbage - 1});
        size_t len;
        const enum tls_outcome outcome = after_handshake ? tls_stream_read(pair.stream, reason, sizeof reason, &len) : tls_stream_step(pair.stream);
        cr_assert_eq(outcome, TLS_IS_WRONG);
        cr_assert_eq(pair.stream->phase, TLS_FAILED);
        tls_error_take(reason);
        cr_assert_str_neq(reason, "unknown error");
        tls_error_take(reason);
        cr_assert_str_eq(reason, "unknown error");
        cr_assert_gt(pair.stream->pipe.cipher.bytes, 0); /* the alert */
        cr_assert_not(tls_stream_end(pair.stream));
        cr_assert_not(tls_stream_write(pair.stream, BYTES("x")));
        pair_close(&pair);
    }
    tls_context_drop(context);
}
