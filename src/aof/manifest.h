/* manifest.h - the list of the files that hold the data: bases, generations, logs.
 *
 *     tessera-log 1
 *     base base.7.rdb 1234                             its bytes; none, or several that belong together
 *     generation 7 shards 2
 *     log 0 log.7.0 1f00c0ffee000001 first 1 end 120 8832
 *     log 1 log.7.1 1f00c0ffee000002 first 1 end 64 4711
 *     generation 8 shards 4
 *     log 0 log.8.0 1f00c0ffee000003 first 1
 *     ...
 *     generation 9 shards 4
 *     log 0 log.9.0 1f00c0ffee000007 follows
 *     ...
 *     crc32c 1a2b3c4d                                  of all lines before
 *
 * A *generation* has one log a shard; the base has all that was before the first one. A log line has the file, its id, the
 * sequence of its first frame, and where it is *sealed*: the last frame that counts, and the offset of its end. Recovery seals
 * all that it has read, and the server goes on with a new generation: so a cut is decided once. The generations that one process
 * has begun are a *run*: the first says where its logs begin, those that a rewrite adds *follow*, with the sequence that comes
 * next; none of them is sealed as long as that process writes them.
 *
 * The next base is made while a run writes the generation that begins at its cut; when it is on disk, the manifest names it and
 * drops the generations before.
 *
 * Threads    One at a time. Memory: fixed-size lists in thread memory, class MEM_SERVER.
 * Invariant  Generations ascend. All logs of one are sealed or none, and the sealed ones come first. Only the last run is not
 *            sealed. Logs are named as aof_log_name says. Names of bases are [A-Za-z0-9._-], none twice, and begin with
 *            `base.`.  */
#ifndef AOF_MANIFEST_H
#define AOF_MANIFEST_H

#include "aof/format.h"
#include "mem/buffer.h"

#define AOF_MANIFEST_NAME "tessera.manifest"
#define AOF_MANIFEST_TEMPORARY "tessera.manifest.new"

enum {
    AOF_NAME_MAX = 63,
    AOF_BASES_MAX = 8,
    AOF_GENERATIONS_MAX = 1000,
    AOF_GENERATIONS_FOLLOW_MAX = 500, /* rewrites whose bases fail stop there, so that a server can still start */
    AOF_MANIFEST_BYTES_MAX = 16 << 20,
};

struct aof_base {
    char name[AOF_NAME_MAX + 1];
    uint64_t bytes;
};

struct aof_log {
    char name[AOF_NAME_MAX + 1];
    uint64_t file_id;
    uint64_t first;      /* 0: follows the log of the same shard in the generation before */
    uint64_t end;        /* if sealed: the last frame that counts; less than the first one: none */
    uint64_t end_offset; /* 0: not sealed */
};

struct aof_generation {
    uint64_t number;
    uint32_t shard_count;
    struct aof_log *logs;
};

struct aof_manifest {
    struct aof_base bases[AOF_BASES_MAX];
    uint32_t base_count;
    struct aof_generation *generations; /* room for AOF_GENERATIONS_MAX */
    uint32_t generation_count;
};

/* An empty one. False: no memory. */
MUST_USE bool aof_manifest_create(struct aof_manifest *manifest);
void aof_manifest_destroy(struct aof_manifest *manifest);
/* A generation behind the last one, its logs named by aof_log_name, without ids. NULL: no memory, or too many. */
struct aof_generation *aof_manifest_add(struct aof_manifest *manifest, uint64_t number, uint32_t shard_count) MUST_USE;
/* The same with the logs of another manifest's generation. */
struct aof_generation *aof_manifest_add_copy(struct aof_manifest *manifest, const struct aof_generation *from) MUST_USE;
/* The first `count` generations go. */
void aof_manifest_drop(struct aof_manifest *manifest, uint32_t count);
/* Those at the end that are sealed, and of which nothing counts, go. */
void aof_manifest_drop_empty(struct aof_manifest *manifest);
/* The first generation of the run that generation `at` belongs to, and of the last run. */
uint32_t aof_manifest_run_of(const struct aof_manifest *manifest, uint32_t at);
uint32_t aof_manifest_last_run(const struct aof_manifest *manifest);
MUST_USE bool aof_manifest_copy(const struct aof_manifest *from, struct aof_manifest *to);

/* "log.7.0", "base.7.rdb" */
void aof_log_name(uint64_t generation, uint32_t shard, char out[AOF_NAME_MAX + 1]);
void aof_base_name(uint64_t generation, char out[AOF_NAME_MAX + 1]);

/* The name is exactly what one of both gives, for whatever shard; *generation has its number. */
MUST_USE bool aof_own_name(const char *name, uint64_t *generation);
/* A base or a log of the manifest has that name. */
MUST_USE bool aof_manifest_names(const struct aof_manifest *manifest, const char *name);

/* False: no memory. */
MUST_USE bool aof_manifest_write(const struct aof_manifest *manifest, struct buffer *out);
/* NULL: `out` has been created. Else what is wrong, and *line says where (0: nowhere in particular). */
const char *aof_manifest_read(struct bytes text, struct aof_manifest *out, uint32_t *line) MUST_USE;

#endif
