/* geo_rows.h - the commands on places: a family, an array of rows, for each file.  */
#ifndef CMD_GEO_ROWS_H
#define CMD_GEO_ROWS_H

#include "exec/exec.h"

extern const struct command_spec geo_commands[];        /* geo.c: GEOADD GEODIST GEOHASH GEOPOS */
extern const struct command_spec geo_search_commands[]; /* geo_search.c: GEOSEARCH GEORADIUS and kin */

#endif
