/* geo_private.h - what geo.c and geo_search.c share: points and units as words, distances and coordinates as replies.
 *
 * A member's score is its 52-bit geohash (base/geohash.h).  */
#ifndef CMD_GEO_PRIVATE_H
#define CMD_GEO_PRIVATE_H

#include "base/geohash.h"
#include "exec/exec.h"

/* The point in argv[index] (longitude) and the word behind it; replies the error. */
bool geo_read_point(struct exec *exec, uint32_t index, struct geo_point *out);
/* How many metres the unit in argv[index] has; replies the error. */
bool geo_read_unit(struct exec *exec, uint32_t index, double *unit_m);

/* The point that a score stands for: any number is one, as in Redis. */
struct geo_point geo_point_of_score(double score);

/* With four digits behind the point. */
void geo_reply_distance(struct reply *reply, double distance);
/* Longitude and latitude. */
void geo_reply_point(struct reply *reply, struct geo_point point);

#endif
