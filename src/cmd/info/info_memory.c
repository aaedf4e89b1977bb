/* info_memory.c - INFO memory.  */
#include "cmd/info/info_sections.h"

#include "mem/heap.h"
#include "script/engine.h"
#include "script/functions.h"
#include "shard/server.h"

#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(struct figures, field)

struct figures {
    struct memory_figures memory;
    const char *policy_text, *allocator;
    int64_t defrag_percent;
    uint64_t states, texts, script_count; /* of scripts: Lua states, and what the registry has */
    uint64_t function_states, all_states, library_bytes, all_texts, function_count, library_count;
};

static const struct info_field fields[] = {
    {"used_memory", INFO_INTEGER, AT(memory.used), .metric = "memory_used_bytes", .help = "Memory in use: all blocks of all classes."},
    {"used_memory_human", INFO_HUMAN, .offset = AT(memory.used)},
    {"used_memory_rss", INFO_INTEGER, AT(memory.rss), .metric = "memory_rss_bytes", .help = "Memory of the process that is resident."},
    {"used_memory_rss_human", INFO_HUMAN, .offset = AT(memory.rss)},
    {"used_memory_peak", INFO_INTEGER, AT(memory.peak), .metric = "memory_used_peak_bytes", .help = "The most memory that was in use."},
    {"used_memory_peak_human", INFO_HUMAN, .offset = AT(memory.peak)},
    {"used_memory_peak_perc", INFO_PERCENT, .offset = AT(memory.peak_percent)},
    {"used_memory_overhead", INFO_INTEGER, AT(memory.overhead), .metric = "memory_overhead_bytes", .help = "Memory in use that is not data."},
    {"used_memory_startup", INFO_INTEGER, AT(memory.startup), .metric = "memory_startup_bytes", .help = "Memory in use when the start was done."},
    {"used_memory_dataset", INFO_INTEGER, AT(memory.dataset), .metric = "memory_dataset_bytes", .help = "Memory in use by keys and tables."},
    {"used_memory_dataset_perc", INFO_PERCENT, .offset = AT(memory.dataset_percent)},
    {"allocator_allocated", INFO_INTEGER, AT(memory.allocated), .metric = "allocator_allocated_bytes",
     .help = "Blocks in use, as the allocator counts them."},
    {"allocator_active", INFO_INTEGER, AT(memory.active), .metric = "allocator_active_bytes", .help = "Pages in which blocks are in use."},
    {"allocator_resident", INFO_INTEGER, AT(memory.resident), .metric = "allocator_resident_bytes",
     .help = "Pages of the allocator that are resident."},
    {"total_system_memory", INFO_INTEGER, AT(memory.system), .metric = "system_memory_bytes", .help = "Memory of the machine."},
    {"total_system_memory_human", INFO_HUMAN, .offset = AT(memory.system)},
    {"used_memory_lua", INFO_INTEGER, .offset = AT(states)},
    {"used_memory_vm_eval", INFO_INTEGER, AT(states), .metric = "script_vm_bytes", .help = "Memory of the Lua states of EVAL."},
    {"used_memory_lua_human", INFO_HUMAN, .offset = AT(states)},
    {"used_memory_scripts_eval", INFO_INTEGER, AT(texts), .metric = "script_cache_bytes", .help = "Memory of cached scripts."},
    {"number_of_cached_scripts", INFO_INTEGER, AT(script_count), .metric = "script_cache_scripts", .help = "Scripts that are cached."},
    {"number_of_functions", INFO_INTEGER, AT(function_count), .metric = "functions", .help = "Functions that are loaded."},
    {"number_of_libraries", INFO_INTEGER, AT(library_count), .metric = "function_libraries", .help = "Libraries of functions that are loaded."},
    {"used_memory_vm_functions", INFO_INTEGER, AT(function_states), .metric = "function_vm_bytes", .help = "Memory of the Lua states of functions."},
    {"used_memory_vm_total", INFO_INTEGER, .offset = AT(all_states)},
    {"used_memory_vm_total_human", INFO_HUMAN, .offset = AT(all_states)},
    {"used_memory_functions", INFO_INTEGER, AT(library_bytes), .metric = "function_library_bytes", .help = "Memory of the libraries of functions."},
    {"used_memory_scripts", INFO_INTEGER, .offset = AT(all_texts)},
    {"used_memory_scripts_human", INFO_HUMAN, .offset = AT(all_texts)},
    {"maxmemory", INFO_INTEGER, AT(memory.maxmemory), .metric = "memory_max_bytes", .help = "What maxmemory allows; 0: no limit."},
    {"maxmemory_human", INFO_HUMAN, .offset = AT(memory.maxmemory)},
    {"maxmemory_policy", INFO_TEXT, AT(policy_text), .metric = "maxmemory_policy"},
    {"allocator_frag_ratio", INFO_RATIO, AT(memory.frag_ratio), .metric = "allocator_fragmentation_ratio", .help = "Active by allocated bytes."},
    {"allocator_frag_bytes", INFO_INTEGER, AT(memory.frag_bytes), .metric = "allocator_fragmentation_bytes",
     .help = "Active bytes that are not allocated."},
    {"allocator_rss_ratio", INFO_RATIO, AT(memory.rss_gap_ratio), .metric = "allocator_rss_ratio",
     .help = "Resident by active bytes of the allocator."},
    {"allocator_rss_bytes", INFO_INTEGER, AT(memory.rss_gap_bytes), .metric = "allocator_rss_gap_bytes",
     .help = "Resident bytes of the allocator that are not active."},
    {"rss_overhead_ratio", INFO_RATIO, AT(memory.rss_overhead_ratio), .metric = "rss_overhead_ratio",
     .help = "Resident bytes of the process by those of the allocator."},
    {"rss_overhead_bytes", INFO_INTEGER, AT(memory.rss_overhead_bytes), .metric = "rss_overhead_bytes",
     .help = "Resident bytes of the process that are not the allocator's."},
    {"mem_fragmentation_ratio", INFO_RATIO, AT(memory.fragmentation_ratio), .metric = "memory_fragmentation_ratio",
     .help = "Resident bytes of the process by bytes in use."},
    {"mem_fragmentation_bytes", INFO_INTEGER, AT(memory.fragmentation_bytes), .metric = "memory_fragmentation_bytes",
     .help = "Resident bytes of the process that are not in use."},
    {"mem_not_counted_for_evict", INFO_CONSTANT, .constant = "0"},
    {"mem_replication_backlog", INFO_INTEGER, AT(memory.replication), .metric = "memory_replication_bytes", .help = "Memory of replication."},
    {"mem_total_replication_buffers", INFO_INTEGER, .offset = AT(memory.replication)},
    {"mem_clients_slaves", INFO_CONSTANT, .constant = "0"},
    {"mem_clients_normal", INFO_INTEGER, AT(memory.clients), .metric = "memory_clients_bytes", .help = "Memory of connections with their buffers."},
    {"mem_cluster_links", INFO_CONSTANT, .constant = "0"},
    {"mem_aof_buffer", INFO_INTEGER, AT(memory.log_buffers), .metric = "memory_log_buffer_bytes",
     .help = "Memory of the log of changes that is not written yet."},
    {"mem_allocator", INFO_TEXT, AT(allocator), .metric = "allocator"},
    {"active_defrag_running", INFO_INTEGER, AT(defrag_percent), .metric = "defrag_cpu_percent",
     .help = "CPU that defragmentation takes now; 0: none runs."},
    {"lazyfree_pending_objects", INFO_INTEGER, AT(memory.lazyfree_pending), .metric = "lazyfree_pending_objects",
     .help = "Things that wait to be freed."},
    {"lazyfreed_objects", INFO_INTEGER, AT(memory.lazyfreed), .metric = "lazyfreed_objects_total", .help = "Things that were freed lazily."},
};

/* Redis: the percentage of CPU that is spent, 0 when nothing runs. The greatest of the shards. */
static int64_t defrag_percent(const struct server *server)
{
    int64_t percent = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct defrag *defrag = &server->shards[i].defrag;
        const bool is_running = __atomic_load_n(&defrag->is_running, __ATOMIC_RELAXED);
        const int64_t own = is_running ? (int64_t)__atomic_load_n(&defrag->cpu_percent, __ATOMIC_RELAXED) : 0;
        percent = own > percent ? own : percent;
    }
    return percent;
}

/* And the sums of scripts and functions. */
static void count_functions(const struct server *server, struct figures *figures)
{
    struct function_counts counts;
    functions_count(server->functions, &counts);
    figures->function_count = counts.functions;
    figures->library_count = counts.libraries;
    figures->function_states = counts.state_bytes;
    figures->library_bytes = counts.bytes;
    figures->all_states = figures->states + counts.state_bytes;
    figures->all_texts = figures->texts + counts.bytes;
}

static const struct info_field class_fields[] = {
    {"bytes", INFO_INTEGER, 0, .metric = "memory_class_bytes", .help = "Memory in use by purpose; string to stream are the types of keys."},
    {"blocks", INFO_INTEGER, sizeof(int64_t), .metric = "memory_class_blocks", .help = "Blocks in use by purpose."},
};

static bool look_at_class(const struct info *info, const void *context, uint32_t index, char name[INFO_NAME_MAX], void *out)
{
    (void)context;
    const struct mem_counters *classes = &info->memory->classes;
    const int64_t figures[] = {classes->class_bytes[index], classes->class_blocks[index]};
    memcpy(out, figures, sizeof figures);
    (void)snprintf(name, INFO_NAME_MAX, "%s", mem_class_name((enum mem_class)index));
    return true;
}

void info_write_memory(struct info *info)
{
    struct figures figures = {.memory = *info->memory, .allocator = mem_allocator_name()};
    figures.policy_text = config_policy_name(info->server->config);
    figures.defrag_percent = defrag_percent(info->server);
    figures.states = script_engine_state_bytes(info->server->scripts);
    scripts_count(info->server->scripts->scripts, &figures.script_count, &figures.texts);
    count_functions(info->server, &figures);
    info_write_fields(info, fields, INFO_FIELD_COUNT(fields), &figures);
    if (info->is_metrics) { /* INFO leaves them to MEMORY STATS */
        const struct info_group classes = {.label = "class", .fields = class_fields, .field_count = INFO_FIELD_COUNT(class_fields),
                                           .figures_size = 2 * sizeof(int64_t), .fill = look_at_class};
        info_write_group(info, &classes, MEM_CLASS_COUNT);
    }
}
