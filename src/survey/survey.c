/* survey.c - the pass: items are counted as they come, the checksum follows behind while their bytes are still at hand.  */
#include "survey/survey.h"

#include "data/value.h"
#include "mem/heap.h"
#include "persist/crc64.h"
#include "persist/rdb_format.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { SUM_BYTES = 1 << 20 }; /* at once */

/* Those of redis.conf: what a value becomes here does not matter, only whether it can. */
static const struct encoding_limits limits = {
    .hash_max_listpack_entries = 128,
    .hash_max_listpack_value = 64,
    .set_max_intset_entries = 512,
    .zset_max_listpack_entries = 128,
    .zset_max_listpack_value = 64,
    .list_max_listpack_size = -2,
    .stream_node_max_bytes = 4096,
    .stream_node_max_entries = 100,
};

struct pass {
    struct survey *survey;
    const struct survey_options *options;
    struct rdb_scan scan;
    size_t database;     /* its row */
    uint64_t summed, crc;
    struct heap *heap;
    struct rdb_reader *reader;
};

static void add_fault(struct survey *survey, uint64_t at, const char *format, ...) PRINTF_LIKE(3, 4);

static void add_fault(struct survey *survey, uint64_t at, const char *format, ...)
{
    if (survey->fault_count < SURVEY_FAULTS_MAX) {
        struct rdb_fault *fault = &survey->faults[survey->fault_count];
        va_list arguments;
        va_start(arguments, format);
        fault->at = at;
        (void)vsnprintf(fault->sentence, sizeof fault->sentence, format, arguments);
        va_end(arguments);
    }
    survey->fault_count++;
}

/* --- rows --- */

static struct survey_aux *aux_row(struct survey *survey, struct bytes name)
{
    const struct shown shown = show_bytes(name);
    size_t i = 0;
    while (i < survey->aux_count && i < SURVEY_ROWS_MAX && strcmp(survey->aux[i].name.text, shown.text) != 0) {
        i++;
    }
    if (i == survey->aux_count) {
        survey->aux[survey->aux_count++].name = shown;
    }
    return &survey->aux[i];
}

static size_t database_row(struct survey *survey, uint64_t number)
{
    size_t i = 0;
    while (i < survey->database_count && i < SURVEY_ROWS_MAX && survey->databases[i].number != number) {
        i++;
    }
    if (i == survey->database_count) {
        survey->databases[survey->database_count++].number = number;
    }
    return i;
}

static struct survey_module *module_row(struct survey *survey, const struct rdb_module *module)
{
    size_t i = 0;
    while (i < survey->module_count && i < SURVEY_ROWS_MAX && strcmp(survey->modules[i].module.name, module->name) != 0) {
        i++;
    }
    if (i == survey->module_count) {
        survey->modules[survey->module_count++].module = *module;
    }
    return &survey->modules[i];
}

/* --- items --- */

static void count_aux(struct survey *survey, const struct rdb_item *item)
{
    struct survey_aux *row = aux_row(survey, item->aux.name);
    if (row->count == 0) {
        row->value = show_bytes(item->aux.value);
        row->is_plain = shown_is_plain(item->aux.value);
    }
    row->count++;
    row->value_bytes += item->aux.value.len;
}

static void count_library(struct survey *survey, struct bytes code)
{
    if (survey->libraries < SURVEY_ROWS_MAX) {
        const char *line_end = memchr(code.data, '\n', code.len);
        const size_t len = line_end != NULL ? (size_t)(line_end - code.data) : code.len;
        survey->heads[survey->libraries] = show_bytes((struct bytes){code.data, len});
    }
    survey->libraries++;
    survey->library_bytes += code.len;
}

static void count_sizes(struct pass *pass, const struct rdb_item *item)
{
    struct survey_database *row = &pass->survey->databases[pass->database];
    row->has_said = true;
    row->said_keys = item->counts.keys;
    row->said_expiring = item->counts.expiring;
}

static void rank(struct survey *survey, const struct rdb_item *item, uint64_t database)
{
    size_t place = SURVEY_TOP_MAX;
    while (place > 0 && survey->top[place - 1].bytes < item->key.value.len) {
        place--;
    }
    if (place == SURVEY_TOP_MAX) {
        return;
    }
    memmove(&survey->top[place + 1], &survey->top[place], (SURVEY_TOP_MAX - 1 - place) * sizeof survey->top[0]);
    survey->top[place] = (struct survey_top){show_bytes(item->key.name), item->key.value.len, database, item->key.type};
}

/* Builds the value, and frees it. */
static enum survey_status read_value(struct pass *pass, const struct rdb_item *item)
{
    struct survey *survey = pass->survey;
    const struct rdb_key *key = &item->key;
    enum rdb_status status;
    rdb_reader_begin(pass->reader, key->type);
    do {
        status = rdb_reader_step_value(pass->reader, key->value, SIZE_MAX);
    } while (status == RDB_MORE);
    if (status == RDB_DONE) {
        return SURVEY_DONE;
    }
    if (status == RDB_NO_MEMORY) {
        return SURVEY_NO_MEMORY;
    }
    const enum rdb_refusal refusal = rdb_reader_refusal(pass->reader);
    const struct shown name = show_bytes(key->name);
    if (refusal == RDB_REFUSAL_DAMAGED) {
        add_fault(survey, (uint64_t)(key->value.data - pass->scan.file.data), "the value of key \"%.64s\" (%s, type %u) is damaged",
                  name.text, rdb_type_name(key->type), key->type);
    } else if (survey->refused[refusal].count++ == 0) {
        survey->refused[refusal].first = name;
    }
    return SURVEY_DONE;
}

static enum survey_status count_key(struct pass *pass, const struct rdb_item *item)
{
    struct survey *survey = pass->survey;
    const struct rdb_key *key = &item->key;
    struct survey_database *database = &survey->databases[pass->database];
    assert(key->type < SURVEY_TYPES);
    survey->keys++;
    survey->expiring += key->has_expiry;
    survey->over += key->has_expiry && key->expiry_ms <= pass->options->now_ms;
    survey->with_idle += key->has_idle;
    survey->with_frequency += key->has_frequency;
    survey->types[key->type]++;
    survey->type_bytes[key->type] += key->value.len;
    database->keys++;
    database->expiring += key->has_expiry;
    rank(survey, item, database->number);
    if (key->type == RDB_MODULE) {
        struct survey_module *row = module_row(survey, &key->module);
        row->keys++;
        row->bytes += key->value.len;
    }
    return pass->options->reads_values ? read_value(pass, item) : SURVEY_DONE;
}

static void count_module_part(struct survey *survey, const struct rdb_item *item)
{
    struct survey_module *row = module_row(survey, &item->module_aux.module);
    row->parts++;
    row->bytes += item->module_aux.value.len;
}

static void sum_to(struct pass *pass, uint64_t end)
{
    pass->crc = crc64(pass->crc, (struct bytes){pass->scan.file.data + pass->summed, end - pass->summed});
    pass->summed = end;
}

static void check_sum(struct pass *pass, const struct rdb_item *item)
{
    struct survey *survey = pass->survey;
    survey->end = item->end;
    if (!item->last.has_crc) {
        survey->crc = SURVEY_CRC_NONE;
        return;
    }
    sum_to(pass, item->last.summed);
    survey->crc = pass->crc == item->last.crc ? SURVEY_CRC_RIGHT : SURVEY_CRC_WRONG;
    if (survey->crc == SURVEY_CRC_WRONG) {
        add_fault(survey, item->last.summed, "the checksum is wrong: %016llx is stored, the bytes before it give %016llx",
                  (unsigned long long)item->last.crc, (unsigned long long)pass->crc);
    }
}

static enum survey_status count_item(struct pass *pass, const struct rdb_item *item)
{
    struct survey *survey = pass->survey;
    switch (item->kind) {
    case RDB_ITEM_AUX:
        count_aux(survey, item);
        break;
    case RDB_ITEM_SELECT_DB:
        pass->database = database_row(survey, item->database);
        break;
    case RDB_ITEM_RESIZE_DB:
        count_sizes(pass, item);
        break;
    case RDB_ITEM_SLOT_INFO:
        survey->slots++;
        break;
    case RDB_ITEM_FUNCTION:
        count_library(survey, item->code);
        break;
    case RDB_ITEM_MODULE_AUX:
        count_module_part(survey, item);
        break;
    case RDB_ITEM_KEY:
        return count_key(pass, item);
    case RDB_ITEM_END:
        check_sum(pass, item);
        break;
    }
    return SURVEY_DONE;
}

static enum survey_status run(struct pass *pass)
{
    struct rdb_item item;
    enum rdb_scan_status status;
    while ((status = rdb_scan_next(&pass->scan, &item)) == RDB_SCAN_ITEM) {
        if (count_item(pass, &item) == SURVEY_NO_MEMORY) {
            return SURVEY_NO_MEMORY;
        }
        if (item.kind != RDB_ITEM_END && item.end - pass->summed >= SUM_BYTES) {
            sum_to(pass, item.end);
        }
    }
    if (status == RDB_SCAN_BAD) {
        add_fault(pass->survey, pass->scan.fault.at, "%s", pass->scan.fault.sentence);
    }
    return status == RDB_SCAN_NO_MEMORY ? SURVEY_NO_MEMORY : SURVEY_DONE;
}

enum survey_status survey_run(struct survey *survey, struct bytes file, const struct survey_options *options)
{
    static const struct hash_secret secret;
    struct pass pass = {.survey = survey, .options = options};
    enum survey_status status = SURVEY_NO_MEMORY;
    survey->file_bytes = file.len;
    pass.database = database_row(survey, 0);
    pass.heap = heap_create();
    pass.reader = pass.heap != NULL ? rdb_reader_create(pass.heap, &secret, &limits) : NULL;
    const bool is_begun = rdb_scan_begin(&pass.scan, file);
    survey->version = pass.scan.version;
    if (!is_begun) {
        add_fault(survey, pass.scan.fault.at, "%s", pass.scan.fault.sentence);
        status = SURVEY_DONE;
    } else if (pass.reader != NULL) {
        status = run(&pass);
    }
    rdb_scan_release(&pass.scan);
    rdb_reader_destroy(pass.reader);
    heap_destroy(pass.heap);
    return status;
}
