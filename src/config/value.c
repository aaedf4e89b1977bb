/* value.c - a parameter's value: from words, into the configuration, and back to text. One function per kind of value.
 *
 * Threads    Numbers are stored and loaded relaxed; texts change under config->lock.
 * Memory     A text is one block of its length and a NUL, of class MEM_SERVER.  */
#include "base/number.h"
#include "config/config_private.h"
#include "config/event_classes.h"
#include "mem/heap.h"

#include <assert.h>
#include <stdio.h>

static const char *const output_class_names[OUTPUT_CLASS_COUNT] = {"normal", "slave", "pubsub"};

static const uint64_t initial_limits[OUTPUT_CLASS_COUNT][3] = {
    {0, 0, 0}, {256 << 20, 64 << 20, 60}, {32 << 20, 8 << 20, 60}};

static _Atomic int64_t *number_field(struct config *config, const struct param *param)
{
    return (_Atomic int64_t *)((char *)config + param->offset);
}

static char **text_field(struct config *config, const struct param *param)
{
    return (char **)((char *)config + param->offset);
}

static _Atomic uint64_t *limit_field(struct config *config, int class_of_it, int which)
{
    struct config_output_limit *limit = &config->output_limits[class_of_it];
    _Atomic uint64_t *const fields[] = {&limit->hard_bytes, &limit->soft_bytes, &limit->soft_seconds};
    return fields[which];
}

static bool refuse(char reason[CONFIG_REASON_MAX], const char *text)
{
    snprintf(reason, CONFIG_REASON_MAX, "%s", text);
    return false;
}

/* --- from words --- */

static bool check_range(const struct param *param, struct param_value *out, char reason[CONFIG_REASON_MAX])
{
    if (out->number >= param->min && out->number <= param->max) {
        return true;
    }
    if (param->flags & PARAM_CLAMPED) {
        out->number = out->number < param->min ? param->min : param->max;
        return true;
    }
    const char *format = param->kind == PARAM_OCTAL ? "argument must be between %llo and %llo inclusive"
                                                    : "argument must be between %lld and %lld inclusive";
    snprintf(reason, CONFIG_REASON_MAX, format, (long long)param->min, (long long)param->max);
    return false;
}

static bool parse_integer(const struct param *param, struct bytes word, struct param_value *out,
                          char reason[CONFIG_REASON_MAX])
{
    if (!int64_parse(word, &out->number)) {
        return refuse(reason, "argument couldn't be parsed into an integer");
    }
    return check_range(param, out, reason);
}

/* "5%": kept as -5. */
static bool parse_percent(struct bytes word, struct param_value *out, char reason[CONFIG_REASON_MAX])
{
    const struct bytes digits = {word.data, word.len - 1};
    int64_t percent;
    if (!int64_parse(digits, &percent) || percent < 0) {
        return refuse(reason, "argument must be a memory or percent value");
    }
    out->number = -percent;
    return percent <= 100 || refuse(reason, "percentage argument must be less or equal to 100");
}

static bool parse_memory(const struct param *param, struct bytes word, struct param_value *out,
                         char reason[CONFIG_REASON_MAX])
{
    const bool may_be_percent = (param->flags & PARAM_PERCENT) != 0;
    if (may_be_percent && word.len > 1 && word.data[word.len - 1] == '%') {
        return parse_percent(word, out, reason);
    }
    uint64_t size = 0; /* Redis takes no text for nothing */
    if ((word.len > 0 && !memory_size_parse(word, &size)) || (may_be_percent && size > INT64_MAX)) {
        return refuse(reason, may_be_percent ? "argument must be a memory or percent value" : "argument must be a memory value");
    }
    out->number = (int64_t)size; /* above INT64_MAX: negative, and so out of range */
    return check_range(param, out, reason);
}

static bool parse_octal(const struct param *param, struct bytes word, struct param_value *out, char reason[CONFIG_REASON_MAX])
{
    int64_t number = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] < '0' || word.data[i] > '7' || number > INT32_MAX) {
            return refuse(reason, "argument couldn't be parsed as an octal number");
        }
        number = number * 8 + (word.data[i] - '0');
    }
    if (word.len == 0) {
        return refuse(reason, "argument couldn't be parsed as an octal number");
    }
    out->number = number;
    return check_range(param, out, reason);
}

static bool parse_boolean(struct bytes word, struct param_value *out, char reason[CONFIG_REASON_MAX])
{
    out->number = bytes_equal_ignore_case(word, BYTES("yes"));
    return out->number || bytes_equal_ignore_case(word, BYTES("no")) || refuse(reason, "argument must be 'yes' or 'no'");
}

static bool parse_enum(const struct param *param, struct bytes word, struct param_value *out, char reason[CONFIG_REASON_MAX])
{
    int len = snprintf(reason, CONFIG_REASON_MAX, "argument(s) must be one of the following: ");
    for (const struct param_word *row = param->words; row->word != NULL; row++) {
        if (bytes_equal_ignore_case(word, bytes_of_string(row->word))) {
            out->number = row->number;
            return true;
        }
        len += snprintf(reason + len, (size_t)(CONFIG_REASON_MAX - len), "%s%s", row == param->words ? "" : ", ", row->word);
        assert(len < CONFIG_REASON_MAX);
    }
    return false;
}

static bool parse_event_classes(struct bytes word, struct param_value *out, char reason[CONFIG_REASON_MAX])
{
    return event_classes_parse(word, &out->number) ||
           refuse(reason, "Invalid event class character. Use 'Ag$lshzxeKEtmdnT'.");
}

static bool parse_text(const struct bytes *words, size_t count, struct param_value *out, char reason[CONFIG_REASON_MAX])
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].len > 0 && memchr(words[i].data, '\0', words[i].len) != NULL) {
            buffer_release(&out->text);
            return refuse(reason, "argument must not contain a zero byte");
        }
        if ((i > 0 && !buffer_append(&out->text, BYTES(" "))) || !buffer_append(&out->text, words[i])) {
            buffer_release(&out->text);
            return refuse(reason, "out of memory");
        }
    }
    return true;
}

static int output_class_of(struct bytes word)
{
    if (bytes_equal_ignore_case(word, BYTES("replica"))) {
        return OUTPUT_REPLICA;
    }
    for (int i = 0; i < OUTPUT_CLASS_COUNT; i++) {
        if (bytes_equal_ignore_case(word, bytes_of_string(output_class_names[i]))) {
            return i;
        }
    }
    return -1;
}

static bool parse_output_limits(struct config *config, const struct bytes *words, size_t count, struct param_value *out,
                                char reason[CONFIG_REASON_MAX])
{
    if (count == 0 || count % 4 != 0) {
        return refuse(reason, "Wrong number of arguments in buffer limit configuration.");
    }
    for (int i = 0; i < OUTPUT_CLASS_COUNT; i++) {
        for (int k = 0; k < 3; k++) {
            out->limits[i][k] = atomic_load_explicit(limit_field(config, i, k), memory_order_relaxed);
        }
    }
    for (size_t i = 0; i < count; i += 4) {
        int class_of_it = output_class_of(words[i]);
        if (class_of_it < 0) {
            return refuse(reason, "Invalid client class specified in buffer limit configuration.");
        }
        uint64_t *limits = out->limits[class_of_it];
        int64_t seconds;
        if (!memory_size_parse(words[i + 1], &limits[0]) || !memory_size_parse(words[i + 2], &limits[1]) ||
            !int64_parse(words[i + 3], &seconds) || seconds < 0) {
            return refuse(reason, "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
        }
        limits[2] = (uint64_t)seconds;
    }
    return true;
}

/* Moves the text into a block of just its size. */
static bool seal_text(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    size_t len = value->text.len;
    value->block = thread_alloc(MEM_SERVER, len + 1);
    if (value->block == NULL) {
        return refuse(reason, "out of memory");
    }
    if (len > 0) {
        memcpy(value->block, value->text.data, len);
    }
    value->block[len] = '\0';
    buffer_release(&value->text);
    return true;
}

static bool parse_words(struct config *config, const struct param *param, const struct bytes *words, size_t count,
                        struct param_value *out, char reason[CONFIG_REASON_MAX])
{
    switch ((enum param_kind)param->kind) {
    case PARAM_INTEGER: return parse_integer(param, words[0], out, reason);
    case PARAM_MEMORY: return parse_memory(param, words[0], out, reason);
    case PARAM_OCTAL: return parse_octal(param, words[0], out, reason);
    case PARAM_BOOLEAN: return parse_boolean(words[0], out, reason);
    case PARAM_ENUM: return parse_enum(param, words[0], out, reason);
    case PARAM_EVENT_CLASSES: return parse_event_classes(words[0], out, reason);
    case PARAM_TEXT: return parse_text(words, count, out, reason);
    case PARAM_OUTPUT_LIMITS: return parse_output_limits(config, words, count, out, reason);
    }
    return false;
}

bool param_parse(struct config *config, const struct param *param, const struct bytes *words, size_t count,
                 struct param_value *out, char reason[CONFIG_REASON_MAX])
{
    *out = (struct param_value){.text = BUFFER_EMPTY(MEM_SERVER)};
    if (count == 0 || (count > 1 && !(param->flags & PARAM_MANY_WORDS))) {
        return refuse(reason, "wrong number of arguments");
    }
    bool is_good = parse_words(config, param, words, count, out, reason) &&
                   (param->adjust == NULL || param->adjust(out, reason)) &&
                   (param->kind != PARAM_TEXT || seal_text(out, reason));
    if (!is_good) {
        param_value_release(out);
    }
    return is_good;
}

static void free_block(char *block)
{
    if (block != NULL) {
        thread_free(MEM_SERVER, block, strlen(block) + 1);
    }
}

void param_value_release(struct param_value *value)
{
    buffer_release(&value->text);
    free_block(value->block);
    value->block = NULL;
}

/* --- into the configuration --- */

static void commit_text(struct config *config, const struct param *param, struct param_value *value)
{
    char **field = text_field(config, param);
    pthread_mutex_lock(&config->lock);
    char *old = *field;
    *field = value->block;
    pthread_mutex_unlock(&config->lock);
    value->block = NULL;
    free_block(old);
}

void param_commit(struct config *config, const struct param *param, struct param_value *value)
{
    if (param->kind == PARAM_TEXT) {
        commit_text(config, param, value);
        return;
    }
    if (param->kind != PARAM_OUTPUT_LIMITS) {
        atomic_store_explicit(number_field(config, param), value->number, memory_order_relaxed);
        return;
    }
    for (int i = 0; i < OUTPUT_CLASS_COUNT; i++) {
        for (int k = 0; k < 3; k++) {
            atomic_store_explicit(limit_field(config, i, k), value->limits[i][k], memory_order_relaxed);
        }
    }
}

bool param_commit_initial(struct config *config, const struct param *param)
{
    struct param_value value = {.number = param->initial, .text = BUFFER_EMPTY(MEM_SERVER)};
    memcpy(value.limits, initial_limits, sizeof value.limits);
    if (param->kind == PARAM_TEXT) {
        struct bytes text = bytes_of_string(param->initial_text);
        char reason[CONFIG_REASON_MAX];
        if (!param_parse(config, param, &text, 1, &value, reason)) {
            return false;
        }
    }
    param_commit(config, param, &value);
    return true;
}

void param_clear(struct config *config, const struct param *param)
{
    if (param->kind == PARAM_TEXT) {
        free_block(*text_field(config, param));
        *text_field(config, param) = NULL;
    }
}

bool param_is_initial(struct config *config, const struct param *param)
{
    if (param->kind == PARAM_TEXT) {
        pthread_mutex_lock(&config->lock);
        bool is_same = strcmp(*text_field(config, param), param->initial_text) == 0;
        pthread_mutex_unlock(&config->lock);
        return is_same;
    }
    if (param->kind != PARAM_OUTPUT_LIMITS) {
        return atomic_load_explicit(number_field(config, param), memory_order_relaxed) == param->initial;
    }
    bool is_same = true;
    for (int i = 0; i < OUTPUT_CLASS_COUNT; i++) {
        for (int k = 0; k < 3; k++) {
            is_same &= atomic_load_explicit(limit_field(config, i, k), memory_order_relaxed) == initial_limits[i][k];
        }
    }
    return is_same;
}

/* --- to text --- */

/* A file gets the biggest unit that divides the number. */
static bool format_memory(int64_t number, enum param_style style, struct buffer *out)
{
    static const char *const units[] = {"gb", "mb", "kb"};
    if (number < 0) {
        return buffer_append_format(out, "%lld%%", -(long long)number);
    }
    for (int i = 0; style == PARAM_FOR_FILE && i < 3; i++) {
        int64_t unit = INT64_C(1) << (30 - 10 * i);
        if (number != 0 && number % unit == 0) {
            return buffer_append_format(out, "%lld%s", (long long)(number / unit), units[i]);
        }
    }
    return buffer_append_format(out, "%lld", (long long)number);
}

static bool format_enum(const struct param *param, int64_t number, struct buffer *out)
{
    const struct param_word *row = param->words;
    while (row->number != number) {
        row++;
        assert(row->word != NULL); /* every number has a word */
    }
    return buffer_append(out, bytes_of_string(row->word));
}

static bool format_event_classes(int64_t number, enum param_style style, struct buffer *out)
{
    char letters[EVENT_CLASSES_TEXT_MAX];
    const struct bytes text = {letters, event_classes_format(number, style == PARAM_FOR_FILE, letters)};
    return style == PARAM_FOR_FILE ? words_append_quoted(out, text) : buffer_append(out, text);
}

/* Each word quoted for itself, so that they are words again when they are read. */
static bool append_words(struct buffer *out, struct bytes text)
{
    bool is_done = true;
    for (;;) {
        const char *space = text.len == 0 ? NULL : memchr(text.data, ' ', text.len);
        size_t len = space == NULL ? text.len : (size_t)(space - text.data);
        is_done = is_done && words_append_quoted(out, (struct bytes){text.data, len});
        if (space == NULL) {
            return is_done;
        }
        is_done = is_done && buffer_append(out, BYTES(" "));
        text = (struct bytes){space + 1, text.len - len - 1};
    }
}

static bool format_text(struct config *config, const struct param *param, enum param_style style, struct buffer *out)
{
    pthread_mutex_lock(&config->lock);
    struct bytes text = bytes_of_string(*text_field(config, param));
    bool is_done = style == PARAM_FOR_GET               ? buffer_append(out, text)
                   : param->flags & PARAM_MANY_WORDS    ? append_words(out, text)
                                                        : words_append_quoted(out, text);
    pthread_mutex_unlock(&config->lock);
    return is_done;
}

static bool format_output_limits(struct config *config, struct buffer *out)
{
    bool is_done = true;
    for (int i = 0; is_done && i < OUTPUT_CLASS_COUNT; i++) {
        is_done = buffer_append_format(out, "%s%s", i == 0 ? "" : " ", output_class_names[i]);
        for (int k = 0; is_done && k < 3; k++) {
            uint64_t number = atomic_load_explicit(limit_field(config, i, k), memory_order_relaxed);
            is_done = buffer_append_format(out, " %llu", (unsigned long long)number);
        }
    }
    return is_done;
}

bool param_format(struct config *config, const struct param *param, enum param_style style, struct buffer *out)
{
    if (param->kind == PARAM_TEXT) {
        return format_text(config, param, style, out);
    }
    if (param->kind == PARAM_OUTPUT_LIMITS) {
        return format_output_limits(config, out);
    }
    int64_t number = atomic_load_explicit(number_field(config, param), memory_order_relaxed);
    switch ((enum param_kind)param->kind) {
    case PARAM_MEMORY: return format_memory(number, style, out);
    case PARAM_BOOLEAN: return buffer_append(out, number ? BYTES("yes") : BYTES("no"));
    case PARAM_ENUM: return format_enum(param, number, out);
    case PARAM_EVENT_CLASSES: return format_event_classes(number, style, out);
    case PARAM_OCTAL: return buffer_append_format(out, "%llo", (unsigned long long)number);
    default: return buffer_append_format(out, "%lld", (long long)number);
    }
}
