/* limits.h - the limits of small encodings, as the configuration has them at this moment.
 *
 * Threads    Any: relaxed loads. Two commands may see different limits; one command asks once.  */
#ifndef CMD_LIMITS_H
#define CMD_LIMITS_H

#include "config/config.h"
#include "encoding/collection.h"
#include "exec/exec.h"
#include "shard/limits.h"

static inline struct encoding_limits exec_limits(const struct exec *exec)
{
    return server_limits(exec->server);
}

/* hll-sparse-max-bytes: longer HyperLogLogs are dense. */
static inline int64_t exec_hll_sparse_max(const struct exec *exec)
{
    return limit_load(&exec->server->config->hll_sparse_max_bytes);
}

#endif
