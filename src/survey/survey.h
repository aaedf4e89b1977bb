/* survey.h - what is in an RDB file, counted in one pass, and what is wrong with it.
 *
 * Threads    One.
 * Memory     The struct, some 200 KiB; the file's bytes are borrowed while the pass runs. Names are copied, shortened.  */
#ifndef SURVEY_SURVEY_H
#define SURVEY_SURVEY_H

#include "base/attributes.h"
#include "survey/shown.h"
#include "persist/rdb_file.h"
#include "persist/rdb_value.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SURVEY_ROWS_MAX = 128,   /* databases, modules, AUX names, libraries: each */
    SURVEY_TYPES = 32,       /* numbers of types are below */
    SURVEY_REFUSALS = RDB_REFUSAL_TYPE + 1,
    SURVEY_TOP_MAX = 10,     /* biggest keys */
    SURVEY_FAULTS_MAX = 10,  /* that are kept; all are counted */
};

struct survey_aux {
    struct shown name, value; /* the value of the first with this name */
    uint64_t count, value_bytes;
    bool is_plain;            /* the value can be shown */
};

struct survey_database {
    uint64_t number, keys, expiring;
    uint64_t said_keys, said_expiring; /* by RESIZE_DB */
    bool has_said;
};

struct survey_module {
    struct rdb_module module;
    uint64_t keys, parts, bytes; /* parts: beside keys */
};

struct survey_top {
    struct shown name;
    uint64_t bytes, database;
    uint8_t type;
};

/* Keys whose values this server does not take. */
struct survey_refused {
    uint64_t count;
    struct shown first;
};

enum survey_crc { SURVEY_CRC_UNKNOWN, SURVEY_CRC_NONE, SURVEY_CRC_RIGHT, SURVEY_CRC_WRONG };

struct survey {
    unsigned version;
    uint64_t file_bytes, end;            /* end: where the file's end mark and checksum end; 0: not reached */
    uint64_t keys, expiring, over;       /* over: their time has come */
    uint64_t with_idle, with_frequency;
    uint64_t slots;                      /* SLOT_INFO */
    uint64_t libraries, library_bytes;
    uint64_t types[SURVEY_TYPES], type_bytes[SURVEY_TYPES];
    struct shown heads[SURVEY_ROWS_MAX]; /* first lines of libraries */
    struct survey_aux aux[SURVEY_ROWS_MAX + 1];
    struct survey_database databases[SURVEY_ROWS_MAX + 1];
    struct survey_module modules[SURVEY_ROWS_MAX + 1];
    size_t aux_count, database_count, module_count; /* rows; the one behind SURVEY_ROWS_MAX has all others together */
    struct survey_top top[SURVEY_TOP_MAX]; /* by bytes in the file, descending */
    struct survey_refused refused[SURVEY_REFUSALS];
    enum survey_crc crc;
    struct rdb_fault faults[SURVEY_FAULTS_MAX];
    uint64_t fault_count;
};

enum survey_status { SURVEY_DONE, SURVEY_NO_MEMORY };

struct survey_options {
    bool reads_values; /* builds each; otherwise it is passed over */
    int64_t now_ms;    /* Unix time */
};

/* Fills a zeroed survey. A damaged file is SURVEY_DONE, with faults. */
MUST_USE enum survey_status survey_run(struct survey *survey, struct bytes file, const struct survey_options *options);

/* Maps a file to be read from its beginning to its end. NULL: *out has it, or nothing if it is empty. Otherwise what is wrong. */
MUST_USE const char *survey_map_file(const char *path, struct bytes *out);
void survey_unmap_file(struct bytes file);

#endif
