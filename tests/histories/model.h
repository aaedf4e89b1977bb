/* model.h - what clients have done and were told, and whether what recovery finds fits to it.
 *
 * Every change is an operation with a number; it has a part in one shard, in several (a unit), or in all (a barrier). What a
 * life of the server has logged in a shard comes back as a beginning of it; a unit comes back in all of its shards or in none;
 * what was acknowledged comes back; what an earlier life has found does not change any more.  */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

enum { OPERATIONS_MAX = 4096, MODEL_SHARDS_MAX = 4 };

struct operation {
    uint8_t shards;  /* a bit each: it has a part there */
    uint8_t found;   /* by the last recovery */
    bool is_acknowledged, is_settled;
    bool is_there;   /* if settled: found, for good */
    uint64_t frames[MODEL_SHARDS_MAX];
};

struct model {
    struct operation operations[OPERATIONS_MAX];
    uint32_t count;
    uint32_t settled;  /* of the first so many it is known whether they are there */
    uint32_t last_found[MODEL_SHARDS_MAX];
    const char *violation;
    uint32_t violation_at;
};

void model_violated(struct model *model, const char *what, uint32_t at);
/* The number of a new operation. */
uint32_t model_add(struct model *model, uint8_t shards);
/* Recovery begins; finds a part of an operation, from a base or from a log; has ended. */
void model_recovery_begins(struct model *model);
void model_find(struct model *model, uint32_t operation, uint32_t shard, bool is_of_base);
void model_recovery_ends(struct model *model, uint32_t shard_count);
/* The new run has begun: what was found stays. */
void model_settle(struct model *model);

#endif
