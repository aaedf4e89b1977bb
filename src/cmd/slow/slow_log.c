/* slow_log.c - the list of slow commands.
 *
 * Layout of an entry's block
 *   struct entry | struct bytes words[word_count] | text: address, name, words
 * Invariant  count is the number of blocks in the list; ids fall from newest to oldest by one each.  */
#include "client/session.h"
#include "client/sessions.h"
#include "cmd/slow/secret.h"
#include "cmd/slow/slow_log.h"
#include "mem/heap.h"
#include "shard/observer.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>

struct entry_block {
    struct entry_block *newer, *older;
    size_t size; /* of this block */
    struct slow_log_entry entry;
    struct bytes words[];
};

struct slow_log {
    pthread_mutex_t lock;
    struct entry_block *newest, *oldest;
    uint64_t count;
    uint64_t next_id;
};

struct slow_log *slow_log_create(void)
{
    struct slow_log *log = thread_alloc_zeroed(MEM_SERVER, sizeof *log);
    if (log != NULL) {
        pthread_mutex_init(&log->lock, NULL);
    }
    return log;
}

void slow_log_destroy(struct slow_log *log)
{
    if (log == NULL) {
        return;
    }
    slow_log_clear(log);
    pthread_mutex_destroy(&log->lock);
    thread_free(MEM_SERVER, log, sizeof *log);
}

/* --- making an entry --- */

/* What word `index` of the entry shows; may be written into `scratch`. */
static struct bytes shown_word(const struct slow_command *command, uint32_t index, char scratch[SLOW_LOG_WORD_BYTES_MAX + 64])
{
    struct bytes word = command->argv[index];
    if (index == SLOW_LOG_WORDS_MAX - 1 && command->argc > SLOW_LOG_WORDS_MAX) {
        int len = snprintf(scratch, SLOW_LOG_WORD_BYTES_MAX + 64, "... (%u more arguments)", command->argc - index);
        return (struct bytes){scratch, (size_t)len};
    }
    if (argument_is_secret(command->spec, command->argv, command->argc, index)) {
        return BYTES("(redacted)");
    }
    if (word.len > SLOW_LOG_WORD_BYTES_MAX) {
        memcpy(scratch, word.data, SLOW_LOG_WORD_BYTES_MAX);
        int len = snprintf(scratch + SLOW_LOG_WORD_BYTES_MAX, 64, "... (%zu more bytes)", word.len - SLOW_LOG_WORD_BYTES_MAX);
        return (struct bytes){scratch, SLOW_LOG_WORD_BYTES_MAX + (size_t)len};
    }
    return word;
}

static struct bytes copy_text(char **end, struct bytes text)
{
    struct bytes copy = {*end, text.len};
    if (text.len > 0) {
        memcpy(*end, text.data, text.len);
    }
    *end += text.len;
    return copy;
}

static struct entry_block *entry_create(const struct slow_command *command)
{
    char scratch[SLOW_LOG_WORD_BYTES_MAX + 64];
    char address[SESSION_ADDRESS_MAX] = "";
    struct bytes name = BYTES("");
    if (command->session != NULL) {
        session_peer_address(command->session, address);
        name = buffer_bytes(&command->session->name);
    }
    uint32_t word_count = command->argc < SLOW_LOG_WORDS_MAX ? command->argc : SLOW_LOG_WORDS_MAX;
    size_t size = sizeof(struct entry_block) + word_count * sizeof(struct bytes) + strlen(address) + name.len;
    for (uint32_t i = 0; i < word_count; i++) {
        size += shown_word(command, i, scratch).len;
    }
    struct entry_block *block = thread_alloc(MEM_SERVER, size);
    if (block == NULL) {
        return NULL;
    }
    char *end = (char *)(block->words + word_count);
    block->size = size;
    block->entry = (struct slow_log_entry){
        .ended_seconds = command->now_ms / 1000, .duration_us = command->duration_us, .word_count = word_count};
    block->entry.address = copy_text(&end, bytes_of_string(address));
    block->entry.name = copy_text(&end, name);
    block->entry.words = block->words;
    for (uint32_t i = 0; i < word_count; i++) {
        block->words[i] = copy_text(&end, shown_word(command, i, scratch));
    }
    assert(end == (char *)block + size);
    return block;
}

/* --- the list --- */

/* Cuts everything behind the newest `keep` entries off; the caller frees it outside of the lock. */
static struct entry_block *cut_tail(struct slow_log *log, uint64_t keep)
{
    struct entry_block *tail = NULL;
    while (log->count > keep) {
        struct entry_block *block = log->oldest;
        log->oldest = block->newer;
        if (log->oldest != NULL) {
            log->oldest->older = NULL;
        } else {
            log->newest = NULL;
        }
        block->older = tail;
        tail = block;
        log->count--;
    }
    return tail;
}

static void free_tail(struct entry_block *block)
{
    while (block != NULL) {
        struct entry_block *older = block->older;
        thread_free(MEM_SERVER, block, block->size);
        block = older;
    }
}

void slow_log_add(struct slow_log *log, const struct slow_command *command, uint64_t limit)
{
    struct entry_block *block = entry_create(command);
    if (block == NULL) {
        return;
    }
    pthread_mutex_lock(&log->lock);
    block->entry.id = log->next_id++;
    block->newer = NULL;
    block->older = log->newest;
    if (log->newest != NULL) {
        log->newest->newer = block;
    } else {
        log->oldest = block;
    }
    log->newest = block;
    log->count++;
    struct entry_block *tail = cut_tail(log, limit);
    pthread_mutex_unlock(&log->lock);
    free_tail(tail);
}

void slow_log_clear(struct slow_log *log)
{
    pthread_mutex_lock(&log->lock);
    struct entry_block *tail = cut_tail(log, 0);
    pthread_mutex_unlock(&log->lock);
    free_tail(tail);
}

uint64_t slow_log_count(struct slow_log *log)
{
    pthread_mutex_lock(&log->lock);
    uint64_t count = log->count;
    pthread_mutex_unlock(&log->lock);
    return count;
}

void slow_log_visit(struct slow_log *log, uint64_t limit, slow_log_visit_fn *visit, void *arg)
{
    pthread_mutex_lock(&log->lock);
    uint64_t visited = 0;
    for (const struct entry_block *block = log->newest; block != NULL && visited < limit; block = block->older) {
        visit(&block->entry, arg);
        visited++;
    }
    pthread_mutex_unlock(&log->lock);
}
