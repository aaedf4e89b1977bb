/* print.c - a paragraph a subject; what is not in the file is not mentioned.  */
#include "check/print.h"

#include "persist/rdb_format.h"

#include <inttypes.h>
#include <stdio.h>

/* How a type keeps its value; a type that has one way only has no name. */
static const char *form_name(unsigned type)
{
    static const char *const names[SURVEY_TYPES] = {
        [RDB_LIST] = "items",
        [RDB_SET] = "members",
        [RDB_ZSET_TEXT] = "scores as text",
        [RDB_HASH] = "fields",
        [RDB_ZSET] = "scores",
        [RDB_HASH_ZIPMAP] = "zipmap",
        [RDB_LIST_ZIPLIST] = "ziplist",
        [RDB_SET_INTSET] = "intset",
        [RDB_ZSET_ZIPLIST] = "ziplist",
        [RDB_HASH_ZIPLIST] = "ziplist",
        [RDB_LIST_QUICKLIST] = "ziplists",
        [RDB_STREAM] = "Redis 5",
        [RDB_HASH_LISTPACK] = "listpack",
        [RDB_ZSET_LISTPACK] = "listpack",
        [RDB_LIST_QUICKLIST_2] = "listpacks",
        [RDB_STREAM_2] = "Redis 7.0",
        [RDB_SET_LISTPACK] = "listpack",
        [RDB_STREAM_3] = "Redis 7.2",
        [RDB_HASH_EXPIRING_OLD] = "fields that may expire",
        [RDB_HASH_EXPIRING_LISTPACK_OLD] = "listpack of fields that may expire",
        [RDB_HASH_EXPIRING] = "fields that may expire",
        [RDB_HASH_EXPIRING_LISTPACK] = "listpack of fields that may expire",
    };
    return names[type];
}

static void print_aux(const struct survey *survey)
{
    if (survey->aux_count == 0) {
        return;
    }
    printf("\nAUX fields\n");
    for (size_t i = 0; i < survey->aux_count; i++) {
        const struct survey_aux *aux = &survey->aux[i];
        const char *name = i == SURVEY_ROWS_MAX ? "(others)" : aux->name.text;
        if (aux->count > 1) {
            printf("  %-24s %" PRIu64 " fields, %" PRIu64 " bytes\n", name, aux->count, aux->value_bytes);
        } else if (aux->is_plain) {
            printf("  %-24s %s\n", name, aux->value.text);
        } else {
            printf("  %-24s (%" PRIu64 " bytes)\n", name, aux->value_bytes);
        }
    }
}

static void print_libraries(const struct survey *survey)
{
    if (survey->libraries == 0) {
        return;
    }
    printf("\nlibraries of functions: %" PRIu64 ", %" PRIu64 " bytes\n", survey->libraries, survey->library_bytes);
    for (size_t i = 0; i < survey->libraries && i < SURVEY_ROWS_MAX; i++) {
        printf("  %s\n", survey->heads[i].text);
    }
}

static void print_databases(const struct survey *survey)
{
    printf("\nkeys: %" PRIu64 "\n", survey->keys);
    for (size_t i = 0; i < survey->database_count; i++) {
        const struct survey_database *row = &survey->databases[i];
        if (row->keys == 0 && !row->has_said) {
            continue;
        }
        if (i == SURVEY_ROWS_MAX) {
            printf("  other databases");
        } else {
            printf("  database %" PRIu64, row->number);
        }
        printf(": %" PRIu64 ", expiring: %" PRIu64, row->keys, row->expiring);
        if (row->has_said && i < SURVEY_ROWS_MAX && (row->said_keys != row->keys || row->said_expiring != row->expiring)) {
            printf(" (the file says %" PRIu64 " and %" PRIu64 ")", row->said_keys, row->said_expiring);
        }
        printf("\n");
    }
}

static void print_attributes(const struct survey *survey)
{
    if (survey->expiring > 0) {
        printf("  expiring: %" PRIu64 ", over by now: %" PRIu64 "\n", survey->expiring, survey->over);
    }
    if (survey->with_idle > 0) {
        printf("  with an idle time: %" PRIu64 "\n", survey->with_idle);
    }
    if (survey->with_frequency > 0) {
        printf("  with a frequency: %" PRIu64 "\n", survey->with_frequency);
    }
    if (survey->slots > 0) {
        printf("  sizes of slots: %" PRIu64 "\n", survey->slots);
    }
}

static void print_types(const struct survey *survey)
{
    static const char *const order[] = {"string", "list", "set", "zset", "hash", "stream", "module"};
    if (survey->keys == 0) {
        return;
    }
    printf("\nkeys by type\n");
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        for (unsigned type = 0; type < SURVEY_TYPES; type++) {
            const char *name = rdb_type_name((uint8_t)type);
            if (survey->types[type] == 0 || strcmp(name, order[i]) != 0) {
                continue;
            }
            printf("  %-8s %10" PRIu64 "  %14" PRIu64 " bytes", name, survey->types[type], survey->type_bytes[type]);
            printf(form_name(type) != NULL ? "  type %u: %s\n" : "  type %u\n", type, form_name(type));
        }
    }
}

static void print_top(const struct survey *survey)
{
    if (survey->keys == 0) {
        return;
    }
    printf("\nbiggest keys, by bytes in the file\n");
    for (size_t i = 0; i < SURVEY_TOP_MAX && i < survey->keys; i++) {
        const struct survey_top *top = &survey->top[i];
        if (top->bytes > 0) {
            printf("  %14" PRIu64 "  %-8s database %" PRIu64 "  \"%s\"\n", top->bytes, rdb_type_name(top->type), top->database,
                   top->name.text);
        }
    }
}

static void print_modules(const struct survey *survey)
{
    if (survey->module_count == 0) {
        return;
    }
    printf("\nmodules\n");
    for (size_t i = 0; i < survey->module_count; i++) {
        const struct survey_module *row = &survey->modules[i];
        if (i == SURVEY_ROWS_MAX) {
            printf("  others");
        } else {
            printf("  %s (version %u)", row->module.name, row->module.version);
        }
        printf(": %" PRIu64 " keys, %" PRIu64 " parts beside keys, %" PRIu64 " bytes\n", row->keys, row->parts, row->bytes);
    }
}

static void print_refused(const struct survey *survey)
{
    for (size_t i = 0; i < SURVEY_REFUSALS; i++) {
        const struct survey_refused *row = &survey->refused[i];
        if (row->count > 0) {
            printf("\nkeys that cannot be loaded here: %" PRIu64 ", the first is \"%s\": %s\n", row->count, row->first.text,
                   rdb_refusal_text((enum rdb_refusal)i));
        }
    }
}

static void print_end(const struct survey *survey)
{
    static const char *const crcs[] = {
        [SURVEY_CRC_UNKNOWN] = "the end was not reached",
        [SURVEY_CRC_NONE] = "none",
        [SURVEY_CRC_RIGHT] = "right",
        [SURVEY_CRC_WRONG] = "WRONG",
    };
    printf("\nchecksum: %s\n", crcs[survey->crc]);
    if (survey->end != 0 && survey->end < survey->file_bytes) {
        printf("%" PRIu64 " bytes behind the end are not looked at\n", survey->file_bytes - survey->end);
    }
}

static void print_faults(const struct survey *survey, const char *path)
{
    for (size_t i = 0; i < survey->fault_count && i < SURVEY_FAULTS_MAX; i++) {
        printf("offset %" PRIu64 ": %s\n", survey->faults[i].at, survey->faults[i].sentence);
    }
    if (survey->fault_count > SURVEY_FAULTS_MAX) {
        printf("and %" PRIu64 " more\n", survey->fault_count - SURVEY_FAULTS_MAX);
    }
    printf(survey->fault_count == 0 ? "%s is whole\n" : "%s is DAMAGED\n", path);
}

void print_survey(const struct survey *survey, const char *path)
{
    printf("%s: %" PRIu64 " bytes, RDB version %u\n", path, survey->file_bytes, survey->version);
    print_aux(survey);
    print_libraries(survey);
    print_databases(survey);
    print_attributes(survey);
    print_types(survey);
    print_top(survey);
    print_modules(survey);
    print_refused(survey);
    print_end(survey);
    print_faults(survey, path);
}
