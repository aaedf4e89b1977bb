/* command_log.c - the lists of costly commands.
 *
 * Layout of an entry's block
 *   struct entry | struct bytes words[word_count] | text: address, name, words
 * Invariant  In each list count is the number of blocks; ids fall from newest to oldest by one each.  */
#include "cmd/slow/command_log.h"

#include "client/session.h"
#include "client/sessions.h"
#include "cmd/slow/secret.h"
#include "mem/heap.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>

struct entry_block {
    struct entry_block *newer, *older;
    size_t size; /* of this block */
    struct command_log_entry entry;
    struct bytes words[];
};

struct list {
    struct entry_block *newest, *oldest;
    uint64_t count;
    uint64_t next_id;
};

struct command_log {
    pthread_mutex_t lock;
    struct list lists[COMMAND_LOG_LISTS];
};

struct command_log *command_log_create(void)
{
    struct command_log *log = thread_alloc_zeroed(MEM_SERVER, sizeof *log);
    if (log != NULL) {
        pthread_mutex_init(&log->lock, NULL);
    }
    return log;
}

void command_log_destroy(struct command_log *log)
{
    if (log == NULL) {
        return;
    }
    for (int which = 0; which < COMMAND_LOG_LISTS; which++) {
        command_log_clear(log, (enum command_log_list)which);
    }
    pthread_mutex_destroy(&log->lock);
    thread_free(MEM_SERVER, log, sizeof *log);
}

/* --- making an entry --- */

/* What word `index` of the entry shows; may be written into `scratch`. */
static struct bytes shown_word(const struct costly_command *command, uint32_t index, char scratch[COMMAND_LOG_WORD_BYTES_MAX + 64])
{
    struct bytes word = command->argv[index];
    if (index == COMMAND_LOG_WORDS_MAX - 1 && command->argc > COMMAND_LOG_WORDS_MAX) {
        int len = snprintf(scratch, COMMAND_LOG_WORD_BYTES_MAX + 64, "... (%u more arguments)", command->argc - index);
        return (struct bytes){scratch, (size_t)len};
    }
    if (argument_is_secret(command->spec, command->argv, command->argc, index)) {
        return BYTES("(redacted)");
    }
    if (word.len > COMMAND_LOG_WORD_BYTES_MAX) {
        memcpy(scratch, word.data, COMMAND_LOG_WORD_BYTES_MAX);
        int len = snprintf(scratch + COMMAND_LOG_WORD_BYTES_MAX, 64, "... (%zu more bytes)", word.len - COMMAND_LOG_WORD_BYTES_MAX);
        return (struct bytes){scratch, COMMAND_LOG_WORD_BYTES_MAX + (size_t)len};
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

static struct entry_block *entry_create(const struct costly_command *command, uint64_t cost)
{
    char scratch[COMMAND_LOG_WORD_BYTES_MAX + 64];
    char address[SESSION_ADDRESS_MAX] = "";
    struct bytes name = BYTES("");
    if (command->session != NULL) {
        session_peer_address(command->session, address);
        name = buffer_bytes(&command->session->name);
    }
    uint32_t word_count = command->argc < COMMAND_LOG_WORDS_MAX ? command->argc : COMMAND_LOG_WORDS_MAX;
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
    block->entry = (struct command_log_entry){
        .ended_seconds = command->now_ms / 1000, .cost = cost, .word_count = word_count};
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
static struct entry_block *cut_tail(struct list *list, uint64_t keep)
{
    struct entry_block *tail = NULL;
    while (list->count > keep) {
        struct entry_block *block = list->oldest;
        list->oldest = block->newer;
        if (list->oldest != NULL) {
            list->oldest->older = NULL;
        } else {
            list->newest = NULL;
        }
        block->older = tail;
        tail = block;
        list->count--;
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

uint64_t command_log_cost(const struct costly_command *command, enum command_log_list which)
{
    const uint64_t costs[COMMAND_LOG_LISTS] = {command->duration_us, command->request_bytes, command->reply_bytes};
    return costs[which];
}

void command_log_add(struct command_log *log, enum command_log_list which, const struct costly_command *command, uint64_t limit)
{
    struct entry_block *block = entry_create(command, command_log_cost(command, which));
    if (block == NULL) {
        return;
    }
    struct list *list = &log->lists[which];
    pthread_mutex_lock(&log->lock);
    block->entry.id = list->next_id++;
    block->newer = NULL;
    block->older = list->newest;
    if (list->newest != NULL) {
        list->newest->newer = block;
    } else {
        list->oldest = block;
    }
    list->newest = block;
    list->count++;
    struct entry_block *tail = cut_tail(list, limit);
    pthread_mutex_unlock(&log->lock);
    free_tail(tail);
}

void command_log_clear(struct command_log *log, enum command_log_list which)
{
    pthread_mutex_lock(&log->lock);
    struct entry_block *tail = cut_tail(&log->lists[which], 0);
    pthread_mutex_unlock(&log->lock);
    free_tail(tail);
}

uint64_t command_log_count(struct command_log *log, enum command_log_list which)
{
    pthread_mutex_lock(&log->lock);
    uint64_t count = log->lists[which].count;
    pthread_mutex_unlock(&log->lock);
    return count;
}

void command_log_visit(struct command_log *log, enum command_log_list which, uint64_t limit, command_log_visit_fn *visit, void *arg)
{
    pthread_mutex_lock(&log->lock);
    uint64_t visited = 0;
    for (const struct entry_block *block = log->lists[which].newest; block != NULL && visited < limit; block = block->older) {
        visit(&block->entry, arg);
        visited++;
    }
    pthread_mutex_unlock(&log->lock);
}
