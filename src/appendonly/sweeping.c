/* sweeping.c - see sweeping.h.  */
#include "appendonly/sweeping.h"

#include "mem/buffer.h"
#include "shard/log.h"
#include "shard/server.h"

#include <string.h>
#include <unistd.h>

enum { SHOWN_MAX = 20, FOUND_MAX = 4096 }; /* names in the line of the log; files that go at one start */

struct sweep {
    struct appendonly *appendonly;
    bool has_repair;      /* a manifest that was set aside is there */
    uint32_t count;       /* of what is to go */
    struct buffer names;  /* each with a NUL */
    bool is_refused;      /* memory was: the rest stays */
};

/* Without the prefix; NULL: it does not begin with that. */
static const char *behind_prefix(const struct appendonly *appendonly, const char *name)
{
    const size_t len = strlen(appendonly->prefix);
    return strncmp(name, appendonly->prefix, len) == 0 ? name + len : NULL;
}

/* "temp-1234-base.7.rdb": what a base is called until it is whole (snapshot/saver.c). */
static bool is_unfinished_base(const struct appendonly *appendonly, const char *name)
{
    uint64_t generation;
    size_t digits = 0;
    if (strncmp(name, "temp-", 5) != 0) {
        return false;
    }
    digits = strspn(name + 5, "0123456789");
    const char *base = digits > 0 && name[5 + digits] == '-' ? behind_prefix(appendonly, name + 6 + digits) : NULL;
    return base != NULL && strncmp(base, "base.", 5) == 0 && aof_own_name(base, &generation);
}

static bool is_to_go(const struct appendonly *appendonly, const char *name)
{
    uint64_t generation;
    const char *own = behind_prefix(appendonly, name);
    return (own != NULL && aof_own_name(own, &generation) && !aof_manifest_names(&appendonly->manifest, own)) || is_unfinished_base(appendonly, name);
}

static void look(void *context, const char *name)
{
    static const char repair[] = AOF_MANIFEST_NAME ".before-fix";
    struct sweep *sweep = context;
    const char *own = behind_prefix(sweep->appendonly, name);
    sweep->has_repair |= own != NULL && strncmp(own, repair, strlen(repair)) == 0;
    if (is_to_go(sweep->appendonly, name) && sweep->count < FOUND_MAX && !sweep->is_refused) {
        sweep->is_refused = !buffer_append(&sweep->names, (struct bytes){name, strlen(name) + 1});
        sweep->count += !sweep->is_refused;
    }
}

static void remove_all(const struct sweep *sweep)
{
    const struct appendonly *appendonly = sweep->appendonly;
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    const char *name = sweep->names.data;
    uint32_t removed = 0;
    bool is_told = true;
    for (uint32_t i = 0; i < sweep->count; i++, name += strlen(name) + 1) {
        if (unlinkat(appendonly->lock_fd, name, 0) != 0) {
            continue;
        }
        removed++;
        is_told = is_told && (removed > SHOWN_MAX || buffer_append_format(&text, "%s%s", removed > 1 ? ", " : "", name));
    }
    if (removed > 0) {
        log_write(appendonly->server->config, LOG_LEVEL_NOTICE, "Removed from the log's directory, as no manifest names them: %.*s%s (%u files)",
                  is_told ? (int)text.len : 0, text.len > 0 ? text.data : "", removed > SHOWN_MAX ? ", ..." : "", removed);
    }
    buffer_release(&text);
}

void appendonly_sweep(struct appendonly *appendonly)
{
    struct sweep sweep = {.appendonly = appendonly, .names = BUFFER_EMPTY(MEM_SERVER)};
    if (aof_folder_visit(appendonly->folder, look, &sweep) && sweep.count > 0) {
        if (sweep.has_repair) {
            log_write(appendonly->server->config, LOG_LEVEL_NOTICE,
                      "The log's directory has %u files that no manifest names: they stay as long as %s%s.before-fix is there, which may name them", sweep.count,
                      appendonly->prefix, AOF_MANIFEST_NAME);
        } else {
            remove_all(&sweep);
        }
    }
    buffer_release(&sweep.names);
}

static void note_generation(void *context, const char *name)
{
    struct appendonly *appendonly = context;
    const char *own = behind_prefix(appendonly, name);
    uint64_t generation;
    if (own != NULL && aof_own_name(own, &generation) && generation > appendonly->last_generation && generation < UINT64_MAX / 2) {
        appendonly->last_generation = generation;
    }
}

void appendonly_note_files(struct appendonly *appendonly)
{
    (void)!aof_folder_visit(appendonly->folder, note_generation, appendonly);
}
