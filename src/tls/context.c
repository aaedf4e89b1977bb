/* context.c - see context.h.  */
#include "tls/context.h"

#include "config/config.h"
#include "mem/heap.h"
#include "tls/pipe.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct tls {
    pthread_mutex_t lock;
    struct tls_context *context; /* under the lock */
    _Atomic bool is_changing;
};

/* Sessions are resumed by contexts of this name only; every context has another key for tickets. */
static const unsigned char session_name[] = "tessera";

/* The parameters of a context, as texts and numbers. */
struct settings {
    char cert_file[PATH_MAX], key_file[PATH_MAX], ca_cert_file[PATH_MAX], ca_cert_dir[PATH_MAX];
    char key_pass[CONFIG_TLS_KEY_PASS_SIZE];
    char protocols[CONFIG_TLS_PROTOCOLS_SIZE], ciphers[CONFIG_TLS_CIPHERS_SIZE], ciphersuites[CONFIG_TLS_CIPHERS_SIZE];
    int64_t clients; /* enum config_tls_clients */
    bool has_named_users, prefers_own_ciphers, caches_sessions;
    int64_t cache_size, cache_seconds;
};

static bool refuse(char error[TLS_ERROR_MAX], const char *text)
{
    snprintf(error, TLS_ERROR_MAX, "%s", text);
    return false;
}

/* With the reason that the library gives. */
static bool refuse_file(char error[TLS_ERROR_MAX], const char *what, const char *path)
{
    char reason[TLS_ERROR_MAX];
    tls_error_take(reason);
    snprintf(error, TLS_ERROR_MAX, "Failed to load %s: %.120s: %.80s", what, path, reason);
    return false;
}

static void read_settings(const struct config *config, const struct config_proposal *proposal, struct settings *out)
{
    const struct {
        char *const *field;
        char *text;
        size_t size;
    } texts[] = {
        {&config->tls_cert_file, out->cert_file, sizeof out->cert_file},
        {&config->tls_key_file, out->key_file, sizeof out->key_file},
        {&config->tls_key_file_pass, out->key_pass, sizeof out->key_pass},
        {&config->tls_ca_cert_file, out->ca_cert_file, sizeof out->ca_cert_file},
        {&config->tls_ca_cert_dir, out->ca_cert_dir, sizeof out->ca_cert_dir},
        {&config->tls_protocols, out->protocols, sizeof out->protocols},
        {&config->tls_ciphers, out->ciphers, sizeof out->ciphers},
        {&config->tls_ciphersuites, out->ciphersuites, sizeof out->ciphersuites},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        config_proposed_text(proposal, texts[i].field, texts[i].text, texts[i].size);
    }
    out->clients = config_proposed_number(proposal, &config->tls_auth_clients);
    out->has_named_users = config_proposed_number(proposal, &config->tls_auth_clients_user) == TLS_USER_COMMON_NAME;
    out->prefers_own_ciphers = config_proposed_number(proposal, &config->tls_prefer_server_ciphers) != 0;
    out->caches_sessions = config_proposed_number(proposal, &config->tls_session_caching) != 0;
    out->cache_size = config_proposed_number(proposal, &config->tls_session_cache_size);
    out->cache_seconds = config_proposed_number(proposal, &config->tls_session_cache_timeout);
}

static bool are_complete(const struct settings *settings, char error[TLS_ERROR_MAX])
{
    if (settings->cert_file[0] == '\0') {
        return refuse(error, "No tls-cert-file configured!");
    }
    if (settings->key_file[0] == '\0') {
        return refuse(error, "No tls-key-file configured!");
    }
    if (settings->clients != TLS_CLIENTS_NEED_NONE && settings->ca_cert_file[0] == '\0' && settings->ca_cert_dir[0] == '\0') {
        return refuse(error, "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-auth-clients is enabled!");
    }
    return true;
}

/* --- protocols and ciphers --- */

static const struct {
    const char *name;
    uint64_t without; /* the option that turns it off */
} protocols[] = {{"TLSv1", SSL_OP_NO_TLSv1}, {"TLSv1.1", SSL_OP_NO_TLSv1_1}, {"TLSv1.2", SSL_OP_NO_TLSv1_2}, {"TLSv1.3", SSL_OP_NO_TLSv1_3}};

enum { PROTOCOLS = sizeof protocols / sizeof protocols[0] };

/* 0: no such protocol. */
static uint64_t option_without(const char *name)
{
    for (size_t i = 0; i < PROTOCOLS; i++) {
        if (strcasecmp(protocols[i].name, name) == 0) {
            return protocols[i].without;
        }
    }
    return 0;
}

static bool set_protocols(SSL_CTX *ssl, const struct settings *settings, char error[TLS_ERROR_MAX])
{
    char names[CONFIG_TLS_PROTOCOLS_SIZE];
    snprintf(names, sizeof names, "%s", settings->protocols[0] == '\0' ? "TLSv1.2 TLSv1.3" : settings->protocols);
    uint64_t off = SSL_OP_NO_SSLv3;
    for (size_t i = 0; i < PROTOCOLS; i++) {
        off |= protocols[i].without;
    }
    const uint64_t all_off = off;
    char *rest = NULL;
    for (char *name = strtok_r(names, " ,", &rest); name != NULL; name = strtok_r(NULL, " ,", &rest)) {
        const uint64_t option = option_without(name);
        if (option == 0) {
            return refuse(error, "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.");
        }
        off &= ~option;
    }
    if (off == all_off) {
        return refuse(error, "tls-protocols names no protocol");
    }
    SSL_CTX_set_min_proto_version(ssl, 0);
    SSL_CTX_set_options(ssl, off);
    return true;
}

static bool set_ciphers(SSL_CTX *ssl, const struct settings *settings, char error[TLS_ERROR_MAX])
{
    if (settings->ciphers[0] != '\0' && SSL_CTX_set_cipher_list(ssl, settings->ciphers) != 1) {
        return refuse_file(error, "tls-ciphers", settings->ciphers);
    }
    if (settings->ciphersuites[0] != '\0' && SSL_CTX_set_ciphersuites(ssl, settings->ciphersuites) != 1) {
        return refuse_file(error, "tls-ciphersuites", settings->ciphersuites);
    }
    if (settings->prefers_own_ciphers) {
        SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    }
    return true;
}

/* --- files --- */

/* Without a password a key that wants one is refused: the library would ask the terminal for it. */
static int give_key_pass(char *out, int size, int is_for_writing, void *key_pass)
{
    (void)is_for_writing;
    const size_t len = strlen(key_pass);
    if (len == 0 || len > (size_t)size) {
        return -1;
    }
    memcpy(out, key_pass, len);
    return (int)len;
}

static bool load_certificate(SSL_CTX *ssl, struct settings *settings, char error[TLS_ERROR_MAX])
{
    if (SSL_CTX_use_certificate_chain_file(ssl, settings->cert_file) != 1) {
        return refuse_file(error, "certificate", settings->cert_file);
    }
    SSL_CTX_set_default_passwd_cb(ssl, give_key_pass);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, settings->key_pass);
    const int is_loaded = SSL_CTX_use_PrivateKey_file(ssl, settings->key_file, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, NULL);
    SSL_CTX_set_default_passwd_cb(ssl, NULL);
    if (is_loaded != 1 || SSL_CTX_check_private_key(ssl) != 1) {
        return refuse_file(error, "private key", settings->key_file);
    }
    return true;
}

/* What OpenSSL keeps of a certificate's extensions, it makes when it uses the certificate for the first time; without memory for that, the
 * certificate would be wrong for ever.  */
static void read_extensions(const SSL_CTX *ssl)
{
    const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ssl));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (certificate != NULL) {
            (void)X509_check_purpose(certificate, -1, 0);
        }
    }
    (void)X509_check_purpose(SSL_CTX_get0_certificate(ssl), -1, 0);
    ERR_clear_error();
}

static bool load_authorities(SSL_CTX *ssl, const struct settings *settings, char error[TLS_ERROR_MAX])
{
    const char *file = settings->ca_cert_file[0] == '\0' ? NULL : settings->ca_cert_file;
    const char *folder = settings->ca_cert_dir[0] == '\0' ? NULL : settings->ca_cert_dir;
    if ((file != NULL || folder != NULL) && SSL_CTX_load_verify_locations(ssl, file, folder) != 1) {
        return refuse_file(error, "CA certificate(s)", file != NULL ? file : folder);
    }
    const int needs_one = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ssl,
                       settings->clients == TLS_CLIENTS_NEED_NONE  ? SSL_VERIFY_NONE
                       : settings->clients == TLS_CLIENTS_NEED_ONE ? needs_one
                                                                   : SSL_VERIFY_PEER,
                       NULL);
    read_extensions(ssl);
    return true;
}

/* --- sessions --- */

static void set_sessions(SSL_CTX *ssl, const struct settings *settings)
{
    SSL_CTX_set_session_id_context(ssl, session_name, sizeof session_name - 1);
    if (!settings->caches_sessions) {
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ssl, 0);
        return;
    }
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(ssl, settings->cache_size);
    SSL_CTX_set_timeout(ssl, settings->cache_seconds);
}

/* --- one context --- */

static bool fill(struct tls_context *context, struct settings *settings, char error[TLS_ERROR_MAX])
{
    context->ssl = SSL_CTX_new(TLS_server_method());
    context->method = tls_pipe_method_create();
    if (context->ssl == NULL || context->method == NULL) {
        ERR_clear_error();
        return refuse(error, "out of memory");
    }
    context->has_named_users = settings->has_named_users;
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_dh_auto(context->ssl, 1);
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_max_send_fragment(context->ssl, TLS_SEND_RECORD_BYTES);
    set_sessions(context->ssl, settings);
    return set_protocols(context->ssl, settings, error) && set_ciphers(context->ssl, settings, error) &&
           load_certificate(context->ssl, settings, error) && load_authorities(context->ssl, settings, error);
}

struct tls_context *tls_context_create(const struct config *config, const struct config_proposal *proposal, char error[TLS_ERROR_MAX])
{
    const uint64_t refusals = tls_library_refusals();
    struct settings *settings = thread_alloc_zeroed(MEM_SERVER, sizeof *settings);
    struct tls_context *context = thread_alloc_zeroed(MEM_SERVER, sizeof *context);
    bool is_good = settings != NULL && context != NULL;
    if (!is_good) {
        (void)refuse(error, "out of memory");
    } else {
        context->holders = 1;
        read_settings(config, proposal, settings);
        is_good = are_complete(settings, error) && fill(context, settings, error) &&
                  (tls_library_refusals() == refusals || refuse(error, "out of memory"));
    }
    if (settings != NULL) {
        explicit_bzero(settings->key_pass, sizeof settings->key_pass);
        thread_free(MEM_SERVER, settings, sizeof *settings);
    }
    if (!is_good) {
        tls_context_drop(context);
        return NULL;
    }
    return context;
}

struct tls_context *tls_context_hold(struct tls_context *context)
{
    const uint32_t before = atomic_fetch_add_explicit(&context->holders, 1, memory_order_relaxed);
    assert(before > 0);
    return context;
}

void tls_context_drop(struct tls_context *context)
{
    if (context == NULL || atomic_fetch_sub_explicit(&context->holders, 1, memory_order_acq_rel) > 1) {
        return;
    }
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->method);
    thread_free(MEM_SERVER, context, sizeof *context);
}

/* --- the server's --- */

struct tls *tls_create(void)
{
    struct tls *tls = thread_alloc_zeroed(MEM_SERVER, sizeof *tls);
    if (tls != NULL) {
        pthread_mutex_init(&tls->lock, NULL);
    }
    return tls;
}

void tls_destroy(struct tls *tls)
{
    if (tls != NULL) {
        tls_context_drop(tls->context);
        pthread_mutex_destroy(&tls->lock);
        thread_free(MEM_SERVER, tls, sizeof *tls);
    }
}

struct tls_context *tls_hold_context(struct tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    struct tls_context *context = tls->context == NULL ? NULL : tls_context_hold(tls->context);
    pthread_mutex_unlock(&tls->lock);
    return context;
}

void tls_set_context(struct tls *tls, struct tls_context *context)
{
    pthread_mutex_lock(&tls->lock);
    struct tls_context *old = tls->context;
    tls->context = context;
    pthread_mutex_unlock(&tls->lock);
    tls_context_drop(old);
}

bool tls_begin_change(struct tls *tls)
{
    return !atomic_exchange_explicit(&tls->is_changing, true, memory_order_acquire);
}

void tls_end_change(struct tls *tls)
{
    assert(tls->is_changing);
    atomic_store_explicit(&tls->is_changing, false, memory_order_release);
}
