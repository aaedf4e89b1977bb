/* graveyard.h - what was taken out of a shard at once and is freed in slices: emptied databases, dropped tables.
 *
 * Threads    All under the shard's baton; the shard's own thread works it off in the background.  */
#ifndef SHARD_GRAVEYARD_H
#define SHARD_GRAVEYARD_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shard;
struct graveyard;

/* Frees about `limit` items of `thing`; true when all of it is gone, the thing itself included. */
typedef bool graveyard_free_fn(void *thing, size_t limit);

struct graveyard *graveyard_create(void);
void graveyard_destroy(struct graveyard *graveyard);

/* Takes `thing`; when no memory is left for the note it is freed on the spot. `bytes` of the shard's heap are to become free;
 * 0: unknown.  */
void graveyard_bury(struct shard *shard, graveyard_free_fn *free_slice, void *thing, uint64_t bytes);
bool graveyard_is_empty(const struct shard *shard);
/* The same without the baton: true may be outdated a moment later. Any thread. */
bool graveyard_is_empty_hint(const struct shard *shard);
/* One call of one thing's free_slice. True when something is left. */
bool graveyard_work(struct shard *shard, size_t limit);

#endif
