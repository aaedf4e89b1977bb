/* start.c - see start.h.  */
#include "client/start.h"

#include "client/connection.h"
#include "tls/library.h"

bool clients_open(struct thread *thread)
{
    tls_library_thread_begin();
    return chunk_pool_open(&thread->clients->chunks);
}

void clients_close_all(struct thread *thread)
{
    struct clients *clients = thread->clients;
    for (int list = 0; list < CONNECTION_LISTS; list++) {
        while (connection_list_take(thread, (enum connection_list)list) != NULL) {
        }
    }
    for (struct connection *connection = clients->connections; connection != NULL; connection = connection->next) {
        connection_close(connection);
        connection_list_add(connection, LIST_CLOSING);
    }
}

void clients_close(struct thread *thread)
{
    chunk_pool_close(&thread->clients->chunks);
}
