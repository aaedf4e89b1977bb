/* geohash.h - points on the globe as 52-bit numbers whose neighbours are mostly near, distances, and what cells cover a shape.
 *
 * A number interleaves 26 bits of latitude (even bits) and of longitude (odd bits). Latitudes end at the Web Mercator limit.
 * Doubles are computed in Redis's order of operations, so that numbers and distances are the same to the last bit.
 *
 * Threads    Any; pure functions.
 * Read on    https://en.wikipedia.org/wiki/Geohash, https://en.wikipedia.org/wiki/Haversine_formula  */
#ifndef BASE_GEOHASH_H
#define BASE_GEOHASH_H

#include <stdbool.h>
#include <stdint.h>

#define GEO_LONGITUDE_MAX 180.0
#define GEO_LATITUDE_MAX 85.05112878

enum { GEOHASH_STEPS = 26, GEOHASH_TEXT = 11, GEO_CELLS_MAX = 9 };

/* Degrees. */
struct geo_point {
    double longitude, latitude;
};

/* Within the limits; NaN is not. */
bool geo_point_is_valid(struct geo_point point);
/* The number of a valid point. */
uint64_t geohash_encode(struct geo_point point);
/* The middle of the cell that a number names. */
struct geo_point geohash_decode(uint64_t hash);
/* The geohash of the web: 11 letters, no NUL. The last is always '0', since 52 bits fill ten of them. */
void geohash_text(struct geo_point point, char out[GEOHASH_TEXT]);

/* Metres between two points on a sphere. */
double geo_distance_m(struct geo_point a, struct geo_point b);

/* What is searched: a circle, or a box with sides along the meridians and parallels. Sizes in units of `unit_m` metres. */
struct geo_shape {
    struct geo_point centre;
    double unit_m;
    double radius;
    double width, height;
    bool is_box; /* width and height, else radius */
};

/* True when the point is in the shape; then *distance_m is its distance from the centre. */
bool geo_shape_contains(const struct geo_shape *shape, struct geo_point point, double *distance_m);

/* Numbers from `min` up to and without `end`. */
struct geo_cell {
    uint64_t min, end;
};

/* The cells that cover the shape: the centre's, then those around it that are needed, in Redis's order (N S E W NE NW SE SW),
 * which is the order of unsorted results. For shapes as big as the globe a cell may come twice, as there. Returns how many.  */
unsigned geo_shape_cells(const struct geo_shape *shape, struct geo_cell out[GEO_CELLS_MAX]);

#endif
