/* load_state.c - see load_state.h.  */
#include "snapshot/load_state.h"

#include "shard/log.h"
#include "shard/start_error.h"

#include <stdlib.h>
#include <unistd.h>

enum { RECORD_BYTES_MIN = 4 }; /* of a key in a file */

void load_expect(const struct loading *loading, struct shard *shard, uint32_t db, uint64_t keys)
{
    baton_assert_held(&shard->baton);
    const uint64_t possible = loading->file.len / RECORD_BYTES_MIN;
    keyspace_expect(&shard->databases[db], (keys < possible ? keys : possible) / loading->server->shard_count);
}

_Noreturn void loading_fail(const struct loading *loading, uint64_t at, const char *sentence)
{
    start_error_be_first();
    log_write(loading->server->config, LOG_LEVEL_WARNING, "The database cannot be loaded: %s, at byte %llu: %s. Nothing was changed; tools/check-rdb "
              "shows what is in the file", loading->name, (unsigned long long)at, sentence);
    _exit(EXIT_FAILURE);
}
