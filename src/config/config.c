/* config.c - the configuration in a running server: made, asked, changed, thrown away.
 *
 * Threads    Any, except create and destroy. Two CONFIG SET at once: each one's values are all taken; which comes last wins.
 * Read on    params.c (the rows), value.c (how a value is read and printed), load.c (files), rewrite.c.  */
#include "config/config_private.h"
#include "base/glob.h"
#include "mem/heap.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct config *config_create(void)
{
    struct config *config = thread_alloc_zeroed(MEM_SERVER, sizeof *config);
    if (config == NULL) {
        return NULL;
    }
    pthread_mutex_init(&config->lock, NULL);
    config->user_lines = BUFFER_EMPTY(MEM_SERVER);
    config->config_file = thread_alloc_zeroed(MEM_SERVER, 1);
    bool is_done = config->config_file != NULL;
    for (size_t i = 0; is_done && i < config_param_count; i++) {
        is_done = param_commit_initial(config, &config_params[i]);
    }
    if (!is_done) {
        config_destroy(config);
        return NULL;
    }
    return config;
}

void config_destroy(struct config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config_param_count; i++) {
        param_clear(config, &config_params[i]);
    }
    if (config->config_file != NULL) {
        thread_free(MEM_SERVER, config->config_file, strlen(config->config_file) + 1);
    }
    buffer_release(&config->user_lines);
    rename_destroy(config);
    pthread_mutex_destroy(&config->lock);
    thread_free(MEM_SERVER, config, sizeof *config);
}

void config_text_copy(struct config *config, char *const *field, char *out, size_t size)
{
    assert(size > 0);
    pthread_mutex_lock(&config->lock);
    snprintf(out, size, "%s", *field);
    pthread_mutex_unlock(&config->lock);
}

void config_take_user_lines(struct config *config, struct buffer *lines)
{
    pthread_mutex_lock(&config->lock);
    struct buffer old = config->user_lines;
    config->user_lines = *lines;
    pthread_mutex_unlock(&config->lock);
    *lines = BUFFER_EMPTY(MEM_SERVER);
    buffer_release(&old);
}

/* --- CONFIG SET --- */

/* All names are looked at before any value is. */
static enum result find_params(const struct config_change *change, const struct param **params, struct bytes *culprit,
                               char reason[CONFIG_REASON_MAX])
{
    for (size_t i = 0; i < change->count; i++) {
        *culprit = change->pairs[2 * i];
        const struct param *param = param_find(*culprit);
        if (param == NULL) {
            const char *foreign = config_foreign_reason(*culprit);
            snprintf(reason, CONFIG_REASON_MAX, "it has no effect here: %s", foreign == NULL ? "" : foreign);
            return foreign == NULL ? RESULT_NOT_FOUND : RESULT_SYNTAX;
        }
        const bool is_refused = (param->flags & PARAM_PROTECTED) && !change->may_set_protected;
        const char *refusal = param->flags & PARAM_IMMUTABLE ? "can't set immutable config"
                              : is_refused                   ? "can't set protected config"
                                                             : NULL;
        for (size_t k = 0; k < i && refusal == NULL; k++) {
            refusal = params[k] == param ? "duplicate parameter" : NULL;
        }
        if (refusal != NULL) {
            snprintf(reason, CONFIG_REASON_MAX, "%s", refusal);
            return RESULT_SYNTAX;
        }
        assert(i < CONFIG_PAIRS_MAX); /* no name comes twice, and there are no more names */
        params[i] = param;
    }
    return RESULT_OK;
}

bool param_parse_argument(struct config *config, const struct param *param, struct bytes argument, struct param_value *out,
                          char reason[CONFIG_REASON_MAX])
{
    if (param->kind != PARAM_OUTPUT_LIMITS) {
        return param_parse(config, param, &argument, 1, out, reason);
    }
    struct words words;
    if (words_split(argument, &words) != RESULT_OK) {
        snprintf(reason, CONFIG_REASON_MAX, "Wrong number of arguments in buffer limit configuration.");
        return false;
    }
    bool is_good = words.count > 0 && param_parse(config, param, words.items, words.count, out, reason);
    if (words.count == 0) {
        snprintf(reason, CONFIG_REASON_MAX, "Wrong number of arguments in buffer limit configuration.");
    }
    words_release(&words);
    return is_good;
}

static bool parse_running(struct config *config, const struct param *param, struct bytes argument, struct param_value *out,
                          char reason[CONFIG_REASON_MAX])
{
    bool is_parsed = param_parse_argument(config, param, argument, out, reason);
    if (is_parsed && param->adjust_running != NULL && !param->adjust_running(out, reason)) {
        param_value_release(out);
        return false;
    }
    return is_parsed;
}

/* `dir` is the working directory as soon as it is parsed: so it is what it was when a pair behind it is refused. */
static size_t parse_all(struct config *config, const struct config_change *change, const struct param **params, struct param_value *values,
                        char reason[CONFIG_REASON_MAX])
{
    const int folder = change->may_set_protected ? open(".", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    size_t parsed = 0;
    while (parsed < change->count && parse_running(config, params[parsed], change->pairs[2 * parsed + 1], &values[parsed], reason)) {
        parsed++;
    }
    if (folder >= 0) {
        (void)!(parsed < change->count && fchdir(folder) != 0);
        close(folder);
    }
    return parsed;
}

struct config_proposal {
    struct config *config;
    const struct param **params; /* `count` that have these values; the others stay as they are */
    const struct param_value *values;
    size_t count;
};

/* NULL: the field stays as it is. */
static const struct param_value *proposed_value(const struct config_proposal *proposal, const void *field)
{
    const size_t offset = (size_t)((const char *)field - (const char *)proposal->config);
    assert(offset < sizeof *proposal->config);
    for (size_t i = 0; i < proposal->count; i++) {
        if (proposal->params[i]->offset == offset) {
            return &proposal->values[i];
        }
    }
    return NULL;
}

void config_proposed_text(const struct config_proposal *proposal, char *const *field, char *out, size_t size)
{
    const struct param_value *value = proposed_value(proposal, field);
    if (value == NULL) {
        config_text_copy(proposal->config, field, out, size);
    } else {
        snprintf(out, size, "%s", value->block);
    }
}

int64_t config_proposed_number(const struct config_proposal *proposal, const _Atomic int64_t *field)
{
    const struct param_value *value = proposed_value(proposal, field);
    return value == NULL ? atomic_load_explicit(field, memory_order_relaxed) : value->number;
}

bool config_prepare(struct config *config, struct config_preparation *preparation, char reason[256])
{
    const struct config_proposal proposal = {.config = config};
    return preparation->prepare(preparation, &proposal, reason);
}

/* The first of the parameters that have to be prepared; `count`: there is none. */
static size_t first_prepared(const struct config_change *change, const struct param **params)
{
    size_t i = change->preparation == NULL ? change->count : 0;
    while (i < change->count && strncmp(params[i]->name, change->preparation->prefix, strlen(change->preparation->prefix)) != 0) {
        i++;
    }
    return i;
}

/* All values, or none of the `parsed` that are there. */
static void take_values(struct config *config, const struct param **params, struct param_value *values, size_t parsed, bool are_taken)
{
    for (size_t i = 0; i < parsed; i++) {
        if (are_taken) {
            param_commit(config, params[i], &values[i]);
        } else {
            param_value_release(&values[i]);
        }
    }
}

enum result config_set(struct config *config, const struct config_change *change, struct bytes *culprit, char reason[256])
{
    const struct param *params[CONFIG_PAIRS_MAX];
    struct param_value values[CONFIG_PAIRS_MAX];
    enum result result = find_params(change, params, culprit, reason);
    if (result != RESULT_OK) {
        return result;
    }
    const size_t parsed = parse_all(config, change, params, values, reason);
    size_t wrong = parsed;
    if (parsed == change->count) {
        const struct config_proposal proposal = {config, params, values, change->count};
        const size_t first = first_prepared(change, params);
        const bool is_good = first == change->count || change->preparation->prepare(change->preparation, &proposal, reason);
        wrong = is_good ? change->count : first;
    }
    take_values(config, params, values, parsed, wrong == change->count);
    if (wrong < change->count) {
        *culprit = change->pairs[2 * wrong];
        return RESULT_SYNTAX;
    }
    return RESULT_OK;
}

/* --- CONFIG GET --- */

static bool is_glob(struct bytes pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.data[i] == '*' || pattern.data[i] == '?' || pattern.data[i] == '[') {
            return true;
        }
    }
    return false;
}

/* How the first pattern that fits calls the parameter: a name in full as it is written there. False: none fits. */
static bool match_name(struct bytes name, const struct bytes *patterns, size_t pattern_count, struct bytes *out)
{
    for (size_t i = 0; i < pattern_count; i++) {
        bool is_open = is_glob(patterns[i]);
        if (is_open ? glob_match(patterns[i], name, true) : bytes_equal_ignore_case(patterns[i], name)) {
            *out = is_open ? name : patterns[i];
            return true;
        }
    }
    return false;
}

bool config_visit(struct config *config, const struct bytes *patterns, size_t pattern_count, config_visit_fn *visit, void *arg)
{
    struct buffer value = BUFFER_EMPTY(MEM_SERVER);
    bool is_done = true;
    for (size_t i = 0; i < config_param_count && is_done; i++) {
        const struct param *param = &config_params[i];
        struct bytes name;
        value.len = 0;
        if (!match_name(bytes_of_string(param->name), patterns, pattern_count, &name)) {
            continue;
        }
        is_done = param_format(config, param, PARAM_FOR_GET, &value);
        if (is_done) {
            visit(name, buffer_bytes(&value), arg);
        }
    }
    buffer_release(&value);
    return is_done;
}
