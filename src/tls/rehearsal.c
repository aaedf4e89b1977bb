/* rehearsal.c - see rehearsal.h.  */
#include "tls/rehearsal.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

enum { STEPS_MAX = 10 }; /* of each side; a handshake has three at most */

/* Takes turns until both are done, or cannot go on. */
static bool shake_hands(SSL *client, SSL *server)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        const bool is_client_done = SSL_do_handshake(client) == 1;
        const bool is_server_done = SSL_do_handshake(server) == 1;
        if (is_client_done && is_server_done) {
            return true;
        }
    }
    return false;
}

static bool connect_both(SSL *client, SSL *server)
{
    BIO *of_client = NULL, *of_server = NULL;
    if (BIO_new_bio_pair(&of_client, 0, &of_server, 0) != 1) {
        return false;
    }
    SSL_set_bio(client, of_client, of_client);
    SSL_set_bio(server, of_server, of_server);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    SSL_set_verify(server, SSL_VERIFY_NONE, NULL);
    return true;
}

bool tls_rehearse(const struct tls_context *context)
{
    SSL_CTX *clients = SSL_CTX_new(TLS_client_method());
    SSL *client = clients == NULL ? NULL : SSL_new(clients);
    SSL *server = SSL_new(context->ssl);
    const bool is_done = client != NULL && server != NULL && connect_both(client, server) && shake_hands(client, server);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(clients);
    ERR_clear_error();
    return is_done;
}
