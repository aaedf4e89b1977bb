/* class.c - the names of the memory classes, and which of them are data rather than overhead.
 *
 * Read on    README.md of this folder.  */
#include "mem/class.h"

#include <assert.h>

static const struct {
    const char *name;
    bool is_dataset;
} classes[] = {
    [MEM_KEY_TABLE] = {"key_table", false},
    [MEM_EXPIRY_INDEX] = {"expiry_index", false},
    [MEM_STRING] = {"string", true},
    [MEM_LIST] = {"list", true},
    [MEM_SET] = {"set", true},
    [MEM_HASH] = {"hash", true},
    [MEM_ZSET] = {"zset", true},
    [MEM_STREAM] = {"stream", true},
    [MEM_TABLE_ROW] = {"table_row", true},
    [MEM_TABLE_INDEX] = {"table_index", true},
    [MEM_CATALOGUE] = {"catalogue", true},
    [MEM_QUERY_BUFFER] = {"query_buffer", false},
    [MEM_OUTPUT_BUFFER] = {"output_buffer", false},
    [MEM_CLIENT] = {"client", false},
    [MEM_SCRIPT] = {"script", false},
    [MEM_LOG_BUFFER] = {"log_buffer", false},
    [MEM_SNAPSHOT] = {"snapshot", false},
    [MEM_REPLICATION] = {"replication", false},
    [MEM_SERVER] = {"server", false},
};

_Static_assert(sizeof(classes) / sizeof(classes[0]) == MEM_CLASS_COUNT, "a row for each class");

const char *mem_class_name(enum mem_class which)
{
    assert(which < MEM_CLASS_COUNT);
    return classes[which].name;
}

bool mem_class_is_dataset(enum mem_class which)
{
    assert(which < MEM_CLASS_COUNT);
    return classes[which].is_dataset;
}
