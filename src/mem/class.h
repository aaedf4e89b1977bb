/* class.h - what a byte is for: every allocation names one of these classes, and each heap counts them apart.  */
#ifndef MEM_CLASS_H
#define MEM_CLASS_H

#include <stdbool.h>

enum mem_class {
    MEM_KEY_TABLE,     /* hash tables from key to entry: segments and directories */
    MEM_EXPIRY_INDEX,  /* which key expires when */
    MEM_STRING,        /* entries of type string: key, header and value */
    MEM_LIST,
    MEM_SET,
    MEM_HASH,
    MEM_ZSET,
    MEM_STREAM,
    MEM_TABLE_ROW,     /* pages of table rows and the long strings that they point to */
    MEM_TABLE_INDEX,   /* hash and ordered indexes of tables */
    MEM_CATALOGUE,     /* namespaces, schemas, what describes tables */
    MEM_QUERY_BUFFER,  /* what clients sent and was not executed yet */
    MEM_OUTPUT_BUFFER, /* replies that were not sent yet */
    MEM_CLIENT,        /* connections themselves */
    MEM_SCRIPT,
    MEM_LOG_BUFFER,
    MEM_SNAPSHOT,
    MEM_REPLICATION,
    MEM_SERVER,        /* configuration, slow log, statistics, what the server needs to run */
    MEM_CLASS_COUNT
};

/* "key_table", "string" ...: the name in MEMORY STATS and INFO. */
const char *mem_class_name(enum mem_class which);
/* True for what belongs to keys and tables (used_memory_dataset); false for overhead. */
bool mem_class_is_dataset(enum mem_class which);

#endif
