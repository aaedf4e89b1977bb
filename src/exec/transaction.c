/* transaction.c - see transaction.h.  */
#include "exec/transaction.h"

#include "exec/exec.h"
#include "mem/heap.h"

#include <assert.h>
#include <string.h>

enum { FIRST_CAPACITY = 8 };

/* --- queueing --- */

struct transaction *transaction_create(void)
{
    return thread_alloc_zeroed(MEM_CLIENT, sizeof(struct transaction));
}

void transaction_destroy(struct transaction *transaction)
{
    if (transaction == NULL) {
        return;
    }
    watcher_clear(&transaction->watcher);
    for (uint32_t i = 0; i < transaction->count; i++) {
        thread_free(MEM_CLIENT, transaction->commands[i].words, transaction->commands[i].block_bytes);
    }
    thread_free(MEM_CLIENT, transaction->commands, transaction->capacity * sizeof *transaction->commands);
    thread_free(MEM_CLIENT, transaction, sizeof *transaction);
}

static bool make_room(struct transaction *transaction)
{
    if (transaction->count < transaction->capacity) {
        return true;
    }
    const uint32_t capacity = transaction->capacity == 0 ? FIRST_CAPACITY : 2 * transaction->capacity;
    struct queued_command *commands = thread_alloc(MEM_CLIENT, capacity * sizeof *commands);
    if (commands == NULL) {
        return false;
    }
    if (transaction->count > 0) {
        memcpy(commands, transaction->commands, transaction->count * sizeof *commands);
    }
    thread_free(MEM_CLIENT, transaction->commands, transaction->capacity * sizeof *commands);
    transaction->commands = commands;
    transaction->capacity = capacity;
    return true;
}

static size_t block_bytes(const struct bytes *words, uint32_t word_count)
{
    size_t bytes = word_count * sizeof *words;
    for (uint32_t i = 0; i < word_count; i++) {
        bytes += words[i].len;
    }
    return bytes;
}

static void copy_words(const struct bytes *words, uint32_t word_count, struct bytes *block)
{
    char *text = (char *)(block + word_count);
    for (uint32_t i = 0; i < word_count; i++) {
        memcpy(text, words[i].data, words[i].len);
        block[i] = (struct bytes){text, words[i].len};
        text += words[i].len;
    }
}

bool transaction_queue(struct transaction *transaction, const struct command_spec *spec, const struct bytes *words,
                       uint32_t word_count)
{
    assert(transaction->is_open);
    const size_t bytes = block_bytes(words, word_count);
    struct bytes *block = make_room(transaction) ? thread_alloc(MEM_CLIENT, bytes) : NULL;
    if (block == NULL) {
        transaction->is_aborted = true;
        return false;
    }
    copy_words(words, word_count, block);
    transaction->commands[transaction->count++] = (struct queued_command){.spec = spec, .words = block, .word_count = word_count, .block_bytes = bytes};
    transaction->bytes += bytes;
    transaction->flags |= spec->flags;
    return true;
}

size_t transaction_memory_bytes(const struct transaction *transaction)
{
    if (transaction == NULL) {
        return 0;
    }
    return sizeof *transaction + transaction->capacity * sizeof *transaction->commands + transaction->bytes +
           transaction->watcher.bytes;
}
