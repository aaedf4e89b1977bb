/* geohash.c - encoding by interleaved bits, haversine distances, and the choice of cells around a shape.  */
#include "base/geohash.h"

#include <math.h>

/* As Redis: quadratic mean radius of the Earth, and half of the equator in the Mercator projection. */
#define EARTH_RADIUS_M 6372797.560856
#define MERCATOR_HALF_M 20037726.37
#define RADIANS_PER_DEGREE (M_PI / 180.0)

/* A cell by its place in a grid of 2^step x 2^step. At the upper edge of the globe x or y may be 2^step. */
struct grid_cell {
    uint32_t x, y;
    unsigned step;
};

struct geo_area {
    struct geo_point min, max;
};

static double radians(double degrees)
{
    return degrees * RADIANS_PER_DEGREE;
}

static double degrees(double angle)
{
    return angle / RADIANS_PER_DEGREE;
}

bool geo_point_is_valid(struct geo_point point)
{
    return point.longitude >= -GEO_LONGITUDE_MAX && point.longitude <= GEO_LONGITUDE_MAX &&
           point.latitude >= -GEO_LATITUDE_MAX && point.latitude <= GEO_LATITUDE_MAX;
}

/* --- numbers --- */

/* Puts a zero before each bit. */
static uint64_t spread(uint32_t bits)
{
    uint64_t x = bits;
    x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
    x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    x = (x | x << 2) & UINT64_C(0x3333333333333333);
    return (x | x << 1) & UINT64_C(0x5555555555555555);
}

/* Keeps every second bit. */
static uint32_t gather(uint64_t x)
{
    x &= UINT64_C(0x5555555555555555);
    x = (x | x >> 1) & UINT64_C(0x3333333333333333);
    x = (x | x >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    x = (x | x >> 4) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(x | x >> 16);
}

static uint64_t cell_bits(const struct grid_cell *cell)
{
    return spread(cell->y) | spread(cell->x) << 1;
}

static struct grid_cell cell_of(struct geo_point point, double latitude_max, unsigned step)
{
    double y = (point.latitude + latitude_max) / (latitude_max - -latitude_max);
    double x = (point.longitude + GEO_LONGITUDE_MAX) / (GEO_LONGITUDE_MAX - -GEO_LONGITUDE_MAX);
    double scale = (double)(UINT64_C(1) << step);
    return (struct grid_cell){(uint32_t)(x * scale), (uint32_t)(y * scale), step};
}

static double grid_line(uint32_t number, unsigned step, double max)
{
    double scale = (double)(UINT64_C(1) << step);
    return -max + (number * 1.0 / scale) * (max - -max);
}

static struct geo_area cell_area(const struct grid_cell *cell)
{
    return (struct geo_area){
        .min = {grid_line(cell->x, cell->step, GEO_LONGITUDE_MAX), grid_line(cell->y, cell->step, GEO_LATITUDE_MAX)},
        .max = {grid_line(cell->x + 1, cell->step, GEO_LONGITUDE_MAX), grid_line(cell->y + 1, cell->step, GEO_LATITUDE_MAX)},
    };
}

uint64_t geohash_encode(struct geo_point point)
{
    struct grid_cell cell = cell_of(point, GEO_LATITUDE_MAX, GEOHASH_STEPS);
    return cell_bits(&cell);
}

static double clamp(double value, double max)
{
    return value > max ? max : value < -max ? -max : value;
}

struct geo_point geohash_decode(uint64_t hash)
{
    struct grid_cell cell = {gather(hash >> 1), gather(hash), GEOHASH_STEPS};
    struct geo_area area = cell_area(&cell);
    return (struct geo_point){clamp((area.min.longitude + area.max.longitude) / 2, GEO_LONGITUDE_MAX),
                              clamp((area.min.latitude + area.max.latitude) / 2, GEO_LATITUDE_MAX)};
}

void geohash_text(struct geo_point point, char out[GEOHASH_TEXT])
{
    static const char letters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    struct grid_cell cell = cell_of(point, 90, GEOHASH_STEPS);
    uint64_t bits = cell_bits(&cell);
    for (unsigned i = 0; i < GEOHASH_TEXT - 1; i++) {
        out[i] = letters[bits >> (2 * GEOHASH_STEPS - 5 * (i + 1)) & 31];
    }
    out[GEOHASH_TEXT - 1] = letters[0];
}

/* --- distances --- */

static double latitude_distance_m(double a, double b)
{
    return EARTH_RADIUS_M * fabs(radians(b) - radians(a));
}

double geo_distance_m(struct geo_point a, struct geo_point b)
{
    double v = sin((radians(b.longitude) - radians(a.longitude)) / 2);
    if (v == 0.0) {
        return latitude_distance_m(a.latitude, b.latitude);
    }
    double latitude_a = radians(a.latitude);
    double latitude_b = radians(b.latitude);
    double u = sin((latitude_b - latitude_a) / 2);
    double h = u * u + cos(latitude_a) * cos(latitude_b) * v * v;
    return 2.0 * EARTH_RADIUS_M * asin(sqrt(h));
}

bool geo_shape_contains(const struct geo_shape *shape, struct geo_point point, double *distance_m)
{
    if (shape->is_box) {
        if (latitude_distance_m(point.latitude, shape->centre.latitude) > shape->height * shape->unit_m / 2) {
            return false;
        }
        struct geo_point beside = {shape->centre.longitude, point.latitude};
        if (geo_distance_m(point, beside) > shape->width * shape->unit_m / 2) {
            return false;
        }
        *distance_m = geo_distance_m(shape->centre, point);
        return true;
    }
    double distance = geo_distance_m(shape->centre, point);
    if (distance > shape->radius * shape->unit_m) {
        return false;
    }
    *distance_m = distance;
    return true;
}

/* --- cells --- */

/* How fine the grid may be for the nine cells around the centre to cover the radius. */
static unsigned estimate_step(double radius_m, double latitude)
{
    if (radius_m == 0) {
        return GEOHASH_STEPS;
    }
    int step = -1;
    for (; radius_m < MERCATOR_HALF_M; radius_m *= 2) {
        step++;
    }
    /* Towards the poles the meridians close up. */
    step -= fabs(latitude) > 66;
    step -= fabs(latitude) > 80;
    return step < 1 ? 1 : step > GEOHASH_STEPS ? GEOHASH_STEPS : (unsigned)step;
}

/* The box around the shape, as wide as it is at the side that is nearer to the pole. */
static struct geo_area bounding_box(const struct geo_shape *shape)
{
    double half_height = shape->unit_m * (shape->is_box ? shape->height / 2 : shape->radius);
    double half_width = shape->unit_m * (shape->is_box ? shape->width / 2 : shape->radius);
    struct geo_point centre = shape->centre;
    double up = degrees(half_height / EARTH_RADIUS_M);
    double edge = centre.latitude < 0 ? centre.latitude - up : centre.latitude + up;
    double aside = degrees(half_width / EARTH_RADIUS_M / cos(radians(edge)));
    return (struct geo_area){{centre.longitude - aside, centre.latitude - up}, {centre.longitude + aside, centre.latitude + up}};
}

static const struct direction {
    int x, y;
} directions[GEO_CELLS_MAX] = {{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};

enum { NORTH = 1, SOUTH, EAST, WEST };

/* The next cell in a direction, around the globe. */
static struct grid_cell cell_beside(const struct grid_cell *cell, struct direction direction)
{
    uint32_t mask = (uint32_t)(UINT64_C(1) << cell->step) - 1;
    struct grid_cell beside = *cell;
    if (direction.x != 0) {
        beside.x = (cell->x + (uint32_t)direction.x) & mask;
    }
    if (direction.y != 0) {
        beside.y = (cell->y + (uint32_t)direction.y) & mask;
    }
    return beside;
}

/* True when the cells around the centre reach over the box on all sides. */
static bool cells_cover(const struct grid_cell *centre, const struct geo_area *box)
{
    struct geo_area sides[WEST + 1];
    for (unsigned i = NORTH; i <= WEST; i++) {
        struct grid_cell beside = cell_beside(centre, directions[i]);
        sides[i] = cell_area(&beside);
    }
    return !(sides[NORTH].max.latitude < box->max.latitude) && !(sides[SOUTH].min.latitude > box->min.latitude) &&
           !(sides[EAST].max.longitude < box->max.longitude) && !(sides[WEST].min.longitude > box->min.longitude);
}

/* True when nothing of the box lies in that direction from the centre's cell. */
static bool is_useless(struct direction direction, const struct geo_area *centre, const struct geo_area *box)
{
    return (direction.y < 0 && centre->min.latitude < box->min.latitude) ||
           (direction.y > 0 && centre->max.latitude > box->max.latitude) ||
           (direction.x < 0 && centre->min.longitude < box->min.longitude) ||
           (direction.x > 0 && centre->max.longitude > box->max.longitude);
}

unsigned geo_shape_cells(const struct geo_shape *shape, struct geo_cell out[GEO_CELLS_MAX])
{
    struct geo_area box = bounding_box(shape);
    double half_width = shape->width / 2;
    double half_height = shape->height / 2;
    double radius = shape->is_box ? sqrt(half_width * half_width + half_height * half_height) : shape->radius;
    unsigned step = estimate_step(radius * shape->unit_m, shape->centre.latitude);
    struct grid_cell centre = cell_of(shape->centre, GEO_LATITUDE_MAX, step);
    if (step > 1 && !cells_cover(&centre, &box)) {
        step--;
        centre = cell_of(shape->centre, GEO_LATITUDE_MAX, step);
    }
    struct geo_area area = cell_area(&centre);
    unsigned shift = 2 * (GEOHASH_STEPS - step);
    unsigned count = 0;
    for (unsigned i = 0; i < GEO_CELLS_MAX; i++) {
        if (step >= 2 && is_useless(directions[i], &area, &box)) {
            continue;
        }
        struct grid_cell cell = cell_beside(&centre, directions[i]);
        uint64_t bits = cell_bits(&cell);
        if (count > 1 && out[count - 1].min == bits << shift) {
            continue; /* on a coarse grid east and west are the same cell */
        }
        out[count++] = (struct geo_cell){bits << shift, (bits + 1) << shift};
    }
    return count;
}
