/* string_options.h - NX, EX and the other options of commands that store strings or give them a time.
 *
 * Threads    The holder of the keys' batons.  */
#ifndef CMD_STRING_OPTIONS_H
#define CMD_STRING_OPTIONS_H

#include "cmd/core/option.h"
#include "data/keyspace.h"
#include "exec/exec.h"

#include <stdbool.h>
#include <stdint.h>

enum set_flag {
    SET_NX = 1 << 0,
    SET_XX = 1 << 1,
    SET_GET = 1 << 2,
    SET_KEEPTTL = 1 << 3,
    SET_PERSIST = 1 << 4,
    SET_EX = 1 << 5,
    SET_PX = 1 << 6,
    SET_EXAT = 1 << 7,
    SET_PXAT = 1 << 8,
    SET_IFEQ = 1 << 9,
    SET_IFNE = 1 << 10,
    SET_IFDEQ = 1 << 11,
    SET_IFDNE = 1 << 12,
    SET_SECONDS = SET_EX | SET_EXAT,
    SET_ABSOLUTE = SET_EXAT | SET_PXAT,
    SET_TIME = SET_EX | SET_PX | SET_EXAT | SET_PXAT,
    SET_TTL = SET_TIME | SET_KEEPTTL | SET_PERSIST,
    SET_COMPARES = SET_IFEQ | SET_IFNE | SET_IFDEQ | SET_IFDNE,
    SET_WHEN = SET_NX | SET_XX | SET_COMPARES,
};

/* The times, as rows of a table of options (one that is repeated is taken, as by Redis; the last value counts), and in a syntax. */
#define STRING_TIME_OPTIONS                                                                                                    \
    {"EX", .sets = SET_EX, .excludes = SET_TTL & ~SET_EX, .has_value = true},                                                  \
    {"PX", .sets = SET_PX, .excludes = SET_TTL & ~SET_PX, .has_value = true},                                                  \
    {"EXAT", .sets = SET_EXAT, .excludes = SET_TTL & ~SET_EXAT, .has_value = true},                                            \
    {"PXAT", .sets = SET_PXAT, .excludes = SET_TTL & ~SET_PXAT, .has_value = true}
#define STRING_TIME_SYNTAX "EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds"

/* What is to be done with a string: options, where they stand in argv, and the time that they name. */
struct set_request {
    uint32_t flags;
    uint32_t time_index; /* of the word that holds the time, when SET_TIME */
    uint32_t compare_index; /* of the value of IFEQ and its kin, when SET_COMPARES */
    int64_t expiry_ms;   /* absolute, when SET_TIME */
};

/* Reads all words from argv[first] on by `rows`; false: one is wrong, which was replied. string_read_time reads the time itself later. */
bool string_read_options(struct exec *exec, uint32_t first, const struct option *rows, struct set_request *request);
/* Makes an absolute time of the one that the options name; false: it is wrong, which was replied. Without a time it does nothing. */
bool string_read_time(struct exec *exec, struct set_request *request);

static inline enum expiry_mode string_expiry_mode(const struct set_request *request)
{
    return (request->flags & SET_TIME) != 0 ? EXPIRY_SET : (request->flags & SET_KEEPTTL) != 0 ? EXPIRY_KEEP : EXPIRY_CLEAR;
}

/* Do NX or XX forbid to replace `existing`? NULL: there is no key. */
static inline bool string_is_refused(const struct set_request *request, const struct entry *existing)
{
    return (request->flags & (existing != NULL ? SET_NX : SET_XX)) != 0;
}

#endif
