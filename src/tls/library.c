/* library.c - see library.h.  */
#include "tls/library.h"

#include "mem/heap.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <stdio.h>

/* What stands in front of each block that OpenSSL has: it frees without saying how long a block is. */
struct block_head {
    _Alignas(16) size_t bytes; /* of the whole */
};

/* style: OpenSSL calls the functions below without anything of ours. Any thread. */
static _Atomic uint64_t refusals;

uint64_t tls_library_refusals(void)
{
    return atomic_load_explicit(&refusals, memory_order_relaxed);
}

static void *note_refusal(void)
{
    atomic_fetch_add_explicit(&refusals, 1, memory_order_relaxed);
    return NULL;
}

static void *alloc_counted(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    if (bytes == 0) {
        return NULL;
    }
    struct block_head *head = bytes > SIZE_MAX / 2 ? NULL : thread_alloc(MEM_CLIENT, sizeof *head + bytes);
    if (head == NULL) {
        return note_refusal();
    }
    head->bytes = sizeof *head + bytes;
    return head + 1;
}

static void free_counted(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    if (block != NULL) {
        struct block_head *head = (struct block_head *)block - 1;
        thread_free(MEM_CLIENT, head, head->bytes);
    }
}

static void *realloc_counted(void *block, size_t bytes, const char *file, int line)
{
    if (block == NULL) {
        return alloc_counted(bytes, file, line);
    }
    if (bytes == 0) {
        free_counted(block, file, line);
        return NULL;
    }
    struct block_head *head = (struct block_head *)block - 1;
    head = bytes > SIZE_MAX / 2 ? NULL : thread_realloc(MEM_CLIENT, head, head->bytes, sizeof *head + bytes);
    if (head == NULL) {
        return note_refusal();
    }
    head->bytes = sizeof *head + bytes;
    return head + 1;
}

void tls_library_count_memory(void)
{
    const int is_done = CRYPTO_set_mem_functions(alloc_counted, realloc_counted, free_counted);
    assert(is_done == 1); /* OpenSSL has no memory yet */
}

void tls_library_thread_begin(void)
{
    ERR_clear_error();
}

void tls_error_take(char out[TLS_ERROR_MAX])
{
    const unsigned long error = ERR_get_error();
    const char *reason = error == 0 ? NULL : ERR_reason_error_string(error);
    if (reason != NULL) {
        snprintf(out, TLS_ERROR_MAX, "%s", reason);
    } else if (error != 0) {
        ERR_error_string_n(error, out, TLS_ERROR_MAX);
    } else {
        snprintf(out, TLS_ERROR_MAX, "unknown error");
    }
    ERR_clear_error();
}
