/* answers.h - what handlers of all families share: texts of errors, arguments that are numbers, HELP.  */
#ifndef CMD_ANSWERS_H
#define CMD_ANSWERS_H

#include "base/result.h"
#include "exec/exec.h"

/* Error texts that several families share. */
#define ERROR_SYNTAX "ERR syntax error"
#define ERROR_WRONG_TYPE "WRONGTYPE Operation against a key holding the wrong kind of value"
#define ERROR_NOT_INTEGER "ERR value is not an integer or out of range"
#define ERROR_NOT_INT32 "ERR value is out of range, value must between -2147483648 and 2147483647"
#define ERROR_NOT_FLOAT "ERR value is not a valid float"
#define ERROR_NO_MEMORY "OOM command not allowed when used memory > 'maxmemory'."
#define ERROR_NO_KEY "ERR no such key"
#define ERROR_OUT_OF_RANGE "ERR index out of range"
#define ERROR_NAN "ERR increment would produce NaN or Infinity"
#define ERROR_OVERFLOW "ERR increment or decrement would overflow"
#define ERROR_TOO_LONG "ERR string exceeds maximum allowed size (proto-max-bulk-len)"

/* The one table from result to text; RESULT_OK must not be asked for. */
const char *result_error_text(enum result result);
/* Replies the text of `result`. */
void reply_result_error(struct reply *reply, enum result result);
/* "ERR wrong number of arguments for 'get' command" / 'config|get'. */
void reply_arity_error(struct reply *reply, const struct command_spec *spec);
/* Integer argument, or replies ERROR_NOT_INTEGER and returns false. */
bool exec_int64_argument(struct exec *exec, uint32_t index, int64_t *out);
/* A time-out in seconds, perhaps with a fraction, as milliseconds rounded up, 0: for ever; or replies the error and returns false. */
bool exec_timeout_argument(struct exec *exec, uint32_t index, int64_t *out_ms);
/* The same, in milliseconds. */
bool exec_timeout_ms_argument(struct exec *exec, uint32_t index, int64_t *out_ms);
/* The number of an existing database, or replies `not_a_number` (NULL: ERROR_NOT_INTEGER, ERROR_NOT_INT32) or that it is out of
 * range.  */
bool exec_database_argument(struct exec *exec, uint32_t index, const char *not_a_number, uint32_t *out);

/* A container's HELP: a line for each of its rows with syntax and summary. */
void command_help(struct exec *exec);
/* The row of it, without what differs from container to container. */
#define COMMAND_HELP_ROW                                                                                                       \
    .name = "help", .run = command_help, .arity = 2, .scope = SCOPE_INSTANT, .flags = COMMAND_LOADING | COMMAND_STALE,         \
    .complexity = "O(1)", .summary = "Lists the subcommands."

#endif
