/* info_sections.h - the sections of INFO, as info.c lists them.  */
#ifndef CMD_INFO_SECTIONS_H
#define CMD_INFO_SECTIONS_H

#include "cmd/info/info_text.h"

typedef void info_section_fn(struct info *info);
info_section_fn info_write_server, info_write_clients, info_write_cpu, info_write_replication, info_write_persistence,
    info_write_cluster, info_write_keyspace; /* info_server.c */
/* What info_write_keyspace adds: info->keyspace. Under all batons, for figures of one moment. */
info_section_fn info_look_at_keyspace;
info_section_fn info_write_memory;           /* info_memory.c */
info_section_fn info_write_stats, info_write_commandstats, info_write_errorstats, info_write_latencystats; /* info_stats.c */
info_section_fn info_write_shards;           /* info_shards.c */
info_section_fn info_write_tables;           /* info_tables.c; of info->tables */

#endif
