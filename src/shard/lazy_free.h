/* lazy_free.h - what was taken out of a shard at once and is freed in steps: emptied databases, dropped tables.
 *
 * Threads    All under the shard's baton; the shard's own thread works it off in the background.  */
#ifndef SHARD_LAZY_FREE_H
#define SHARD_LAZY_FREE_H

#include "base/attributes.h"
#include "shard/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lazy_free;

/* Frees about `limit` items of `thing`; true when all of it is gone, the thing itself included. */
typedef bool lazy_free_fn(void *thing, size_t limit);

struct lazy_free *lazy_free_create(void);
void lazy_free_destroy(struct lazy_free *lazy_free);

/* Takes `thing`; when there is no memory for the record of it, it is freed on the spot. `bytes` of the shard's heap are to become free;
 * 0: unknown.  */
void lazy_free_add(struct shard *shard, lazy_free_fn *free_step, void *thing, uint64_t bytes) REQUIRES(shard->baton);
bool lazy_free_is_empty(const struct shard *shard) REQUIRES(shard->baton);
/* The same without the baton: true may be outdated a moment later. Any thread. */
bool lazy_free_is_empty_hint(const struct shard *shard);
/* One call of one thing's free_step. True when something is left. */
bool lazy_free_step(struct shard *shard, size_t limit) REQUIRES(shard->baton);

#endif
