/* geo.c - GEOADD GEODIST GEOHASH GEOPOS: sorted sets whose scores are places.
 *
 * Threads    The holder of the key's baton.
 * Read on    geo_search.c.  */
#include "cmd/core/effects.h"
#include "cmd/core/find.h"
#include "cmd/core/limits.h"
#include "cmd/core/option.h"
#include "cmd/core/words.h"
#include "cmd/geo/geo_private.h"
#include "cmd/geo/geo_rows.h"
#include "data/zset.h"

#include <math.h>
#include <stdio.h>

bool geo_read_point(struct exec *exec, uint32_t index, struct geo_point *out)
{
    if (!double_parse(exec->argv[index], &out->longitude) || !double_parse(exec->argv[index + 1], &out->latitude)) {
        reply_error(exec->reply, ERROR_NOT_FLOAT);
        return false;
    }
    if (!geo_point_is_valid(*out)) {
        reply_errorf(exec->reply, "ERR invalid longitude,latitude pair %f,%f", out->longitude, out->latitude);
        return false;
    }
    return true;
}

bool geo_read_unit(struct exec *exec, uint32_t index, double *unit_m)
{
    static const struct {
        const char *name;
        double metres;
    } units[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (bytes_equal_ignore_case(exec->argv[index], bytes_of_string(units[i].name))) {
            *unit_m = units[i].metres;
            return true;
        }
    }
    reply_error(exec->reply, "ERR unsupported unit provided. please use M, KM, FT, MI");
    return false;
}

/* Scores that are no geohash become what the processor makes of them when redis-server converts them. */
struct geo_point geo_point_of_score(double score)
{
    const double half = 9223372036854775808.0;
    uint64_t hash = 0;
    if (score < half) {
        hash = score >= -half ? (uint64_t)(int64_t)score : UINT64_C(1) << 63;
    } else if (score < 2 * half) {
        hash = (uint64_t)score;
    }
    return geohash_decode(hash);
}

enum { DISTANCE_PARTS = 10000 };

void geo_reply_distance(struct reply *reply, double distance)
{
    char text[DOUBLE_TEXT_MAX];
    const long long parts = llrint(distance * DISTANCE_PARTS); /* not "%.4f", which rounds some to another last digit than Redis */
    const int len = snprintf(text, sizeof text, "%lld.%04lld", parts / DISTANCE_PARTS, parts % DISTANCE_PARTS);
    reply_bulk(reply, (struct bytes){text, (size_t)len});
}

/* RESP2 a bulk string, RESP3 a double; with as many digits as it has, up to 17 behind the point. */
static void reply_coordinate(struct reply *reply, double value)
{
    char text[LONG_DOUBLE_TEXT_MAX];
    const struct bytes digits = {text, long_double_format_human(value, text)};
    if (reply->protocol == 2) {
        reply_bulk(reply, digits);
        return;
    }
    reply_raw(reply, BYTES(","));
    reply_raw(reply, digits);
    reply_raw(reply, BYTES("\r\n"));
}

void geo_reply_point(struct reply *reply, struct geo_point point)
{
    reply_array(reply, 2);
    reply_coordinate(reply, point.longitude);
    reply_coordinate(reply, point.latitude);
}

/* --- GEOADD --- */

enum geoadd_flag { GEOADD_NX = 1 << 0, GEOADD_XX = 1 << 1, GEOADD_CH = 1 << 2 };
enum { GEOADD_WORDS = 3 }; /* longitude latitude member */

static const struct option geoadd_options[] = {
    {"NX", .sets = GEOADD_NX},
    {"XX", .sets = GEOADD_XX},
    {"CH", .sets = GEOADD_CH},
    {0},
};

struct geoadd_counts {
    int64_t added, moved;
};

static enum result geoadd_one(struct exec *exec, struct value *value, uint32_t index, uint32_t flags,
                              struct geoadd_counts *counts)
{
    const struct encoding_limits limits = exec_limits(exec);
    struct geo_point point;
    const bool is_valid = geo_read_point(exec, index, &point);
    struct zset_place place;
    const double score = is_valid ? (double)geohash_encode(point) : 0;
    enum result result = RESULT_OK;
    if (!zset_find(value, exec->argv[index + 2], &place)) {
        if ((flags & GEOADD_XX) == 0) {
            result = zset_add(value, &limits, &place, score);
            counts->added += result == RESULT_OK;
        }
    } else if ((flags & GEOADD_NX) == 0 && place.score != score) {
        result = zset_move(value, &place, score);
        counts->moved += result == RESULT_OK;
    }
    return result;
}

/* Puts all points from argv[first] on, which are valid, into the sorted set. */
static void geoadd_all(struct exec *exec, uint32_t first, uint32_t flags)
{
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_write(exec, key);
    if (!check_type(exec, entry, VALUE_ZSET)) {
        return;
    }
    struct geoadd_counts counts = {0};
    enum result result = RESULT_OK;
    struct value value;
    value_open(&value, exec_keyspace(exec, key), key, entry);
    uint32_t at = first;
    for (; at < exec->argc && result == RESULT_OK; at += GEOADD_WORDS) {
        result = geoadd_one(exec, &value, at, flags, &counts);
    }
    const enum result closed = value_close(&value);
    if (closed == RESULT_OK && counts.added + counts.moved > 0) {
        exec_changed_by(exec, key, EVENT_ZADD, (uint64_t)(counts.added + counts.moved));
        if (UNLIKELY(result != RESULT_OK)) {
            exec_effect_begun(exec, key, at - GEOADD_WORDS);
        }
    }
    if (result != RESULT_OK || closed != RESULT_OK) {
        reply_result_error(exec->reply, result != RESULT_OK ? result : closed);
        return;
    }
    reply_integer(exec->reply, counts.added + ((flags & GEOADD_CH) != 0 ? counts.moved : 0));
}

/* --- the same for very many words --- */

struct geoadd_words {
    struct words words;
    uint32_t flags;
    struct geoadd_counts counts;
};

static bool check_point_words(struct words *words, struct exec *exec, uint32_t at)
{
    struct geo_point point;
    (void)words;
    return geo_read_point(exec, at, &point);
}

static bool begin_geoadd(struct words *words, struct exec *exec)
{
    (void)words;
    return check_type(exec, exec_find_write(exec, exec_key(exec, 1)), VALUE_ZSET);
}

static bool geoadd_some(struct words *words, struct exec *exec, uint32_t end)
{
    struct geoadd_words *work = (struct geoadd_words *)words;
    const struct key key = exec_key(exec, 1);
    enum result result = RESULT_OK;
    struct value value;
    value_open(&value, exec_keyspace(exec, key), key, exec_find_write(exec, key));
    for (; words->at < end && result == RESULT_OK; words->at += GEOADD_WORDS) {
        words->tally.end = words->at;
        result = geoadd_one(exec, &value, words->at, work->flags, &work->counts);
    }
    const enum result closed = value_close(&value);
    words->tally.result = result == RESULT_OK ? closed : result;
    return words->tally.result == RESULT_OK;
}

static void finish_geoadd(struct words *words, struct exec *exec)
{
    const struct geoadd_words *work = (struct geoadd_words *)words;
    report_tally(exec, &words->tally, EVENT_ZADD, (uint64_t)(work->counts.added + work->counts.moved));
    words->tally.count = work->counts.added + ((work->flags & GEOADD_CH) != 0 ? work->counts.moved : 0);
    reply_tally(exec, &words->tally);
}

static const struct words_kind geoadd_kind = {.size = sizeof(struct geoadd_words), .mode = KEY_LOCK_EXCLUSIVE,
                                              .check = check_point_words, .begin = begin_geoadd, .run = geoadd_some,
                                              .finish = finish_geoadd};

static void command_geoadd(struct exec *exec)
{
    struct option_walk walk = {.at = 2};
    while (option_next(exec, geoadd_options, &walk)) {
    }
    const uint32_t left = exec->argc - walk.at;
    const uint32_t both = GEOADD_NX | GEOADD_XX;
    if (left == 0 || left % GEOADD_WORDS != 0 || (walk.flags & both) == both) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    if (words_are_many(exec)) {
        const struct geoadd_words work = {.words = {.first = walk.at, .step = GEOADD_WORDS}, .flags = walk.flags};
        words_start(exec, &geoadd_kind, &work.words);
        return;
    }
    for (uint32_t i = walk.at; i < exec->argc; i += GEOADD_WORDS) {
        struct geo_point point;
        if (!geo_read_point(exec, i, &point)) {
            return;
        }
    }
    geoadd_all(exec, walk.at, walk.flags);
}

/* --- reading --- */

static void command_geodist(struct exec *exec)
{
    double unit_m = 1;
    double scores[2];
    if (exec->argc == 5 && !geo_read_unit(exec, 4, &unit_m)) {
        return;
    }
    if (exec->argc > 5) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (!check_type(exec, entry, VALUE_ZSET)) {
        return;
    }
    if (entry == NULL || !zset_score(entry, exec->argv[2], &scores[0]) || !zset_score(entry, exec->argv[3], &scores[1])) {
        reply_null(exec->reply);
        return;
    }
    const double distance_m = geo_distance_m(geo_point_of_score(scores[0]), geo_point_of_score(scores[1]));
    geo_reply_distance(exec->reply, distance_m / unit_m);
}

static void reply_hash(struct reply *reply, const struct geo_point *point)
{
    char text[GEOHASH_TEXT];
    if (point == NULL) {
        reply_null(reply);
        return;
    }
    geohash_text(*point, text);
    reply_bulk(reply, (struct bytes){text, sizeof text});
}

static void reply_position(struct reply *reply, const struct geo_point *point)
{
    if (point == NULL) {
        reply_null_array(reply);
    } else {
        geo_reply_point(reply, *point);
    }
}

/* Replies something for each of argv[2...]; `reply_one` gets NULL where there is no such member. */
static void reply_members(struct exec *exec, void (*reply_one)(struct reply *reply, const struct geo_point *point))
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (!check_type(exec, entry, VALUE_ZSET)) {
        return;
    }
    reply_array(exec->reply, exec->argc - 2);
    for (uint32_t i = 2; i < exec->argc; i++) {
        double score;
        const bool is_found = entry != NULL && zset_score(entry, exec->argv[i], &score);
        const struct geo_point point = is_found ? geo_point_of_score(score) : (struct geo_point){0};
        reply_one(exec->reply, is_found ? &point : NULL);
    }
}

static void command_geohash(struct exec *exec)
{
    reply_members(exec, reply_hash);
}

static void command_geopos(struct exec *exec)
{
    reply_members(exec, reply_position);
}

const struct command_spec geo_commands[] = {
    {.name = "geoadd", .run = command_geoadd, .arity = -5, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 1, 1}, .since = "3.2.0", .group = "geo", .complexity = "O(log(N)) for each member, N the members there are",
     .summary = "Adds members with places to a sorted set, or moves them.",
     .syntax = "key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]", .locks_when_long = true},
    {.name = "geodist", .run = command_geodist, .arity = -4, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "3.2.0", .group = "geo", .complexity = "O(1)", .summary = "Returns the distance between two members.",
     .syntax = "key member1 member2 [M|KM|FT|MI]"},
    {.name = "geohash", .run = command_geohash, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "3.2.0", .group = "geo", .complexity = "O(1) for each member", .summary = "Returns the geohash texts of members.",
     .syntax = "key member [member ...]"},
    {.name = "geopos", .run = command_geopos, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "3.2.0", .group = "geo", .complexity = "O(1) for each member",
     .summary = "Returns the longitudes and latitudes of members.", .syntax = "key member [member ...]"},
    {0},
};
