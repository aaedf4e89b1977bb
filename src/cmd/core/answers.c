/* answers.c - what handlers of all families share: texts of errors, arguments that are numbers, HELP.  */
#include "cmd/core/answers.h"

#include "base/number.h"
#include "cmd/core/command_name.h"
#include "exec/exec.h"
#include "shard/server.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>

#include <math.h>

static const char *const result_texts[] = {
    [RESULT_NO_MEMORY] = ERROR_NO_MEMORY,   [RESULT_NOT_FOUND] = ERROR_NO_KEY,
    [RESULT_EXISTS] = "BUSYKEY Target key name already exists.",
    [RESULT_WRONG_TYPE] = ERROR_WRONG_TYPE, [RESULT_BAD_NUMBER] = ERROR_NOT_INTEGER,
    [RESULT_BAD_FLOAT] = ERROR_NOT_FLOAT,   [RESULT_OVERFLOW] = ERROR_OVERFLOW,
    [RESULT_NAN] = ERROR_NAN,               [RESULT_TOO_LONG] = ERROR_TOO_LONG,
    [RESULT_SYNTAX] = ERROR_SYNTAX,         [RESULT_SYSTEM] = "ERR the operating system refused",
};

const char *result_error_text(enum result result)
{
    assert(result != RESULT_OK);
    assert((size_t)result < sizeof result_texts / sizeof result_texts[0]);
    return result_texts[result];
}

void reply_result_error(struct reply *reply, enum result result)
{
    reply_error(reply, result_error_text(result));
}

void reply_arity_error(struct reply *reply, const struct command_spec *spec)
{
    char name[COMMAND_NAME_MAX];
    command_full_name(spec, name);
    reply_errorf(reply, "ERR wrong number of arguments for '%s' command", name);
}

bool exec_int64_argument(struct exec *exec, uint32_t index, int64_t *out)
{
    assert(index < exec->argc);
    if (int64_parse(exec->argv[index], out)) {
        return true;
    }
    reply_error(exec->reply, ERROR_NOT_INTEGER);
    return false;
}

/* In so many milliseconds from now the clock has not run over. */
static bool check_timeout(struct exec *exec, int64_t timeout_ms)
{
    int64_t end_ms;
    if (timeout_ms < 0) {
        reply_error(exec->reply, "ERR timeout is negative");
        return false;
    }
    if (__builtin_add_overflow(timeout_ms, exec->now_ms, &end_ms)) {
        reply_error(exec->reply, "ERR timeout is out of range");
        return false;
    }
    return true;
}

bool exec_timeout_argument(struct exec *exec, uint32_t index, int64_t *out_ms)
{
    long double seconds;
    if (!long_double_parse(exec->argv[index], &seconds)) {
        reply_error(exec->reply, "ERR timeout is not a float or out of range");
        return false;
    }
    const long double ms = ceill(seconds * 1000);
    const bool fits = ms >= -0x1p63L && ms < 0x1p63L;
    *out_ms = fits ? (int64_t)ms : INT64_MIN; /* Redis says of a number that is too large that it is negative */
    return check_timeout(exec, *out_ms);
}

bool exec_timeout_ms_argument(struct exec *exec, uint32_t index, int64_t *out_ms)
{
    if (!int64_parse(exec->argv[index], out_ms)) {
        reply_error(exec->reply, "ERR timeout is not an integer or out of range");
        return false;
    }
    return check_timeout(exec, *out_ms);
}

bool exec_database_argument(struct exec *exec, uint32_t index, const char *not_a_number, uint32_t *out)
{
    assert(index < exec->argc);
    int64_t number;
    bool is_number = int64_parse(exec->argv[index], &number);
    bool is_in_range = is_number && number >= INT32_MIN && number <= INT32_MAX;
    if (!is_in_range) {
        const char *error = is_number ? ERROR_NOT_INT32 : ERROR_NOT_INTEGER;
        reply_error(exec->reply, not_a_number == NULL ? error : not_a_number);
        return false;
    }
    if (number < 0 || number >= atomic_load_explicit(&exec->server->config->databases, memory_order_relaxed)) {
        reply_error(exec->reply, "ERR DB index is out of range");
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

static void upper_case(const char *name, char out[COMMAND_NAME_MAX])
{
    size_t len = 0;
    for (; name[len] != '\0' && len < COMMAND_NAME_MAX - 1; len++) {
        out[len] = (char)toupper((unsigned char)name[len]);
    }
    out[len] = '\0';
}

static void reply_line(struct reply *reply, const char *format, const char *first, const char *second)
{
    char line[512];
    snprintf(line, sizeof line, format, first, second);
    reply_simple(reply, bytes_of_string(line));
}

void command_help(struct exec *exec)
{
    const struct command_spec *container = exec->spec->parent;
    assert(container != NULL);
    size_t count = 0;
    while (container->subcommands[count].name != NULL) {
        count++;
    }
    char name[COMMAND_NAME_MAX];
    upper_case(container->name, name);
    reply_array(exec->reply, 2 * count + 1);
    reply_line(exec->reply, "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:%s", name, "");
    for (const struct command_spec *row = container->subcommands; row->name != NULL; row++) {
        upper_case(row->name, name);
        if (row->syntax == NULL || row->syntax[0] == '\0') {
            reply_simple(exec->reply, bytes_of_string(name));
        } else {
            reply_line(exec->reply, "%s %s", name, row->syntax);
        }
        reply_line(exec->reply, "    %s%s", row->summary, "");
    }
}
