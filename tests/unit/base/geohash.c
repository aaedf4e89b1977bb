/* geohash.c - points as numbers, distances, cells around a shape. Expected values are redis-server's.  */
#include "base/geohash.h"

#include "base/bytes.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static const struct geo_point palermo = {13.361389, 38.115556};
static const struct geo_point catania = {15.087269, 37.502669};

static double random_between(double min, double max)
{
    return min + (max - min) * ((double)rand() / RAND_MAX);
}

static struct geo_point random_point(void)
{
    return (struct geo_point){random_between(-180, 180), random_between(-GEO_LATITUDE_MAX, GEO_LATITUDE_MAX)};
}

Test(geohash, encodes_as_redis_does)
{
    cr_assert_eq(geohash_encode(palermo), UINT64_C(3479099956230698));
    cr_assert_eq(geohash_encode(catania), UINT64_C(3479447370796909));
    cr_assert_eq(geohash_encode((struct geo_point){-180, -GEO_LATITUDE_MAX}), 0);
}

Test(geohash, has_the_text_of_the_web)
{
    char text[GEOHASH_TEXT];
    geohash_text(geohash_decode(geohash_encode(palermo)), text);
    cr_assert(bytes_equal((struct bytes){text, sizeof text}, BYTES("sqc8b49rny0")));
    geohash_text(geohash_decode(geohash_encode(catania)), text);
    cr_assert(bytes_equal((struct bytes){text, sizeof text}, BYTES("sqdtr74hyu0")));
}

Test(geohash, decodes_to_within_a_metre)
{
    srand(11);
    for (unsigned i = 0; i < 20000; i++) {
        struct geo_point point = random_point();
        struct geo_point back = geohash_decode(geohash_encode(point));
        cr_assert(fabs(point.longitude - back.longitude) <= 360.0 / (1 << GEOHASH_STEPS), "seed 11, round %u", i);
        cr_assert(fabs(point.latitude - back.latitude) <= 2 * GEO_LATITUDE_MAX / (1 << GEOHASH_STEPS), "seed 11, round %u", i);
        cr_assert(geo_point_is_valid(back));
        cr_assert_eq(geohash_encode(back), geohash_encode(point));
    }
}

Test(geohash, knows_what_is_not_on_the_map)
{
    static const struct {
        struct geo_point point;
        bool is_valid;
    } rows[] = {
        {{180, GEO_LATITUDE_MAX}, true},    {{-180, -GEO_LATITUDE_MAX}, true}, {{180.1, 0}, false}, {{-180.1, 0}, false},
        {{0, 85.06}, false},                {{0, -85.06}, false},              {{NAN, 0}, false},   {{0, NAN}, false},
        {{INFINITY, 0}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(geo_point_is_valid(rows[i].point), rows[i].is_valid, "row %zu", i);
    }
}

Test(geohash, measures_as_redis_does)
{
    struct geo_point a = geohash_decode(geohash_encode(palermo));
    struct geo_point b = geohash_decode(geohash_encode(catania));
    cr_assert_float_eq(geo_distance_m(a, b), 166274.1516, 0.0001);
    cr_assert_eq(geo_distance_m(a, a), 0);
}

/* Every point of a shape that is not near the poles or as big as a continent is in one of its cells. */
Test(geohash, cells_cover_the_shape)
{
    srand(13);
    for (unsigned round = 0; round < 3000; round++) {
        struct geo_shape shape = {
            .centre = {random_between(-150, 150), random_between(-60, 60)},
            .unit_m = 1,
            .radius = pow(10, random_between(0, 5.5)),
            .is_box = round % 2 == 1,
        };
        shape.width = shape.radius * 2;
        shape.height = shape.radius;
        struct geo_cell cells[GEO_CELLS_MAX];
        unsigned count = geo_shape_cells(&shape, cells);
        cr_assert(count >= 1 && count <= GEO_CELLS_MAX);
        double reach = shape.radius / 50000;
        for (unsigned i = 0; i < 50; i++) {
            struct geo_point point = {shape.centre.longitude + random_between(-reach, reach),
                                      shape.centre.latitude + random_between(-reach, reach)};
            double distance;
            if (!geo_point_is_valid(point) || !geo_shape_contains(&shape, point, &distance)) {
                continue;
            }
            uint64_t hash = geohash_encode(point);
            bool is_in = false;
            for (unsigned c = 0; c < count; c++) {
                is_in |= hash >= cells[c].min && hash < cells[c].end;
            }
            cr_assert(is_in, "seed 13, round %u", round);
        }
    }
}
