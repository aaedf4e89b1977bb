/* info_memory.c - INFO memory.  */
#include "cmd/info/info_sections.h"

#include "mem/heap.h"
#include "script/engine.h"
#include "script/functions.h"
#include "shard/server.h"

#define AT(field) offsetof(struct figures, field)

struct figures {
    struct memory_figures memory;
    const char *policy_text, *allocator;
    int64_t defrag_percent;
    uint64_t states, texts, script_count; /* of scripts: Lua states, and what the registry has */
    uint64_t function_states, all_states, library_bytes, all_texts, function_count, library_count;
};

static const struct info_field fields[] = {
    {"used_memory", INFO_INTEGER, AT(memory.used), NULL},
    {"used_memory_human", INFO_HUMAN, AT(memory.used), NULL},
    {"used_memory_rss", INFO_INTEGER, AT(memory.rss), NULL},
    {"used_memory_rss_human", INFO_HUMAN, AT(memory.rss), NULL},
    {"used_memory_peak", INFO_INTEGER, AT(memory.peak), NULL},
    {"used_memory_peak_human", INFO_HUMAN, AT(memory.peak), NULL},
    {"used_memory_peak_perc", INFO_PERCENT, AT(memory.peak_percent), NULL},
    {"used_memory_overhead", INFO_INTEGER, AT(memory.overhead), NULL},
    {"used_memory_startup", INFO_INTEGER, AT(memory.startup), NULL},
    {"used_memory_dataset", INFO_INTEGER, AT(memory.dataset), NULL},
    {"used_memory_dataset_perc", INFO_PERCENT, AT(memory.dataset_percent), NULL},
    {"allocator_allocated", INFO_INTEGER, AT(memory.allocated), NULL},
    {"allocator_active", INFO_INTEGER, AT(memory.active), NULL},
    {"allocator_resident", INFO_INTEGER, AT(memory.resident), NULL},
    {"total_system_memory", INFO_INTEGER, AT(memory.system), NULL},
    {"total_system_memory_human", INFO_HUMAN, AT(memory.system), NULL},
    {"used_memory_lua", INFO_INTEGER, AT(states), NULL},
    {"used_memory_vm_eval", INFO_INTEGER, AT(states), NULL},
    {"used_memory_lua_human", INFO_HUMAN, AT(states), NULL},
    {"used_memory_scripts_eval", INFO_INTEGER, AT(texts), NULL},
    {"number_of_cached_scripts", INFO_INTEGER, AT(script_count), NULL},
    {"number_of_functions", INFO_INTEGER, AT(function_count), NULL},
    {"number_of_libraries", INFO_INTEGER, AT(library_count), NULL},
    {"used_memory_vm_functions", INFO_INTEGER, AT(function_states), NULL},
    {"used_memory_vm_total", INFO_INTEGER, AT(all_states), NULL},
    {"used_memory_vm_total_human", INFO_HUMAN, AT(all_states), NULL},
    {"used_memory_functions", INFO_INTEGER, AT(library_bytes), NULL},
    {"used_memory_scripts", INFO_INTEGER, AT(all_texts), NULL},
    {"used_memory_scripts_human", INFO_HUMAN, AT(all_texts), NULL},
    {"maxmemory", INFO_INTEGER, AT(memory.maxmemory), NULL},
    {"maxmemory_human", INFO_HUMAN, AT(memory.maxmemory), NULL},
    {"maxmemory_policy", INFO_TEXT, AT(policy_text), NULL},
    {"allocator_frag_ratio", INFO_RATIO, AT(memory.frag_ratio), NULL},
    {"allocator_frag_bytes", INFO_INTEGER, AT(memory.frag_bytes), NULL},
    {"allocator_rss_ratio", INFO_RATIO, AT(memory.rss_gap_ratio), NULL},
    {"allocator_rss_bytes", INFO_INTEGER, AT(memory.rss_gap_bytes), NULL},
    {"rss_overhead_ratio", INFO_RATIO, AT(memory.rss_overhead_ratio), NULL},
    {"rss_overhead_bytes", INFO_INTEGER, AT(memory.rss_overhead_bytes), NULL},
    {"mem_fragmentation_ratio", INFO_RATIO, AT(memory.fragmentation_ratio), NULL},
    {"mem_fragmentation_bytes", INFO_INTEGER, AT(memory.fragmentation_bytes), NULL},
    {"mem_not_counted_for_evict", INFO_CONSTANT, 0, "0"},
    {"mem_replication_backlog", INFO_INTEGER, AT(memory.replication), NULL},
    {"mem_total_replication_buffers", INFO_INTEGER, AT(memory.replication), NULL},
    {"mem_clients_slaves", INFO_CONSTANT, 0, "0"},
    {"mem_clients_normal", INFO_INTEGER, AT(memory.clients), NULL},
    {"mem_cluster_links", INFO_CONSTANT, 0, "0"},
    {"mem_aof_buffer", INFO_INTEGER, AT(memory.log_buffers), NULL},
    {"mem_allocator", INFO_TEXT, AT(allocator), NULL},
    {"active_defrag_running", INFO_INTEGER, AT(defrag_percent), NULL},
    {"lazyfree_pending_objects", INFO_INTEGER, AT(memory.lazyfree_pending), NULL},
    {"lazyfreed_objects", INFO_INTEGER, AT(memory.lazyfreed), NULL},
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

void info_write_memory(struct info *info)
{
    struct figures figures = {.memory = *info->memory, .allocator = mem_allocator_name()};
    figures.policy_text = config_policy_name(info->server->config);
    figures.defrag_percent = defrag_percent(info->server);
    figures.states = script_engine_state_bytes(info->server->scripts);
    scripts_count(info->server->scripts->scripts, &figures.script_count, &figures.texts);
    count_functions(info->server, &figures);
    info_write_fields(info, fields, INFO_FIELD_COUNT(fields), &figures);
}
