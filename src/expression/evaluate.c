/* evaluate.c - see evaluate.h. Three-valued logic: a comparison with null is null; false AND null is false, true OR null is true.  */
#include "expression/evaluate.h"

#include "expression/arithmetic.h"
#include "expression/cast.h"
#include "expression/compare.h"
#include "base/json.h"
#include "expression/scalar_text.h"
#include "expression/value_set.h"

#include <assert.h>

struct machine {
    const struct program *program;
    struct program_run_state *run;
    const struct scalar *banks[BANK_COUNT];
};

static inline const struct scalar *operand_at(const struct machine *machine, uint32_t operand)
{
    return machine->banks[operand >> 30] + (operand & OPERAND_INDEX_MAX);
}

static inline bool is_null(const struct scalar *scalar)
{
    return scalar->type == SCALAR_NULL;
}

/* A boolean that is neither null nor the other one. */
static inline bool is_boolean(const struct scalar *scalar, bool wanted)
{
    return scalar->type == SCALAR_BOOLEAN && (scalar->integer != 0) == wanted;
}

/* Conditions are written, and read again by the next step, field by field: a copy of the whole value right behind that would wait for the
 * processor's store buffer (`a > 5 AND b LIKE 'x%'` took 0.47 of SQLite's scan so, and takes 0.26: bench/sql.c).  */
static inline void set_boolean(struct scalar *to, bool is_true)
{
    to->type = SCALAR_BOOLEAN;
    to->integer = is_true;
}

static inline void set_null(struct scalar *to)
{
    to->type = SCALAR_NULL;
}

static inline void set_compared(struct scalar *to, unsigned flags, int order)
{
    set_boolean(to, flags >> ((order > 0) - (order < 0) + 1) & 1);
}

/* --- steps that are more than a line --- */

static struct scalar between(const struct program_step *step, const struct scalar *value, const struct scalar *low, const struct scalar *high)
{
    if (is_null(value)) {
        return scalar_null();
    }
    const bool is_below = !is_null(low) && scalar_compare(value, low) < 0;
    const bool is_above = !is_null(high) && scalar_compare(value, high) > 0;
    if (is_below || is_above) {
        return scalar_boolean(step->flags != 0);
    }
    return is_null(low) || is_null(high) ? scalar_null() : scalar_boolean(step->flags == 0);
}

static struct scalar in_set(const struct program_step *step, const struct program_set *set, const struct scalar *value)
{
    uint32_t low = 0;
    uint32_t high = set->count;
    if (is_null(value)) {
        return scalar_null();
    }
    if (set->given != NULL && value_set_has(set->given, value)) {
        return scalar_boolean(step->flags == 0);
    }
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = scalar_compare(value, &set->values[middle]);
        if (order == 0) {
            return scalar_boolean(step->flags == 0);
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return set->has_null ? scalar_null() : scalar_boolean(step->flags != 0);
}

static enum expression_result like(struct machine *machine, const struct program_step *step, struct scalar *out)
{
    const struct scalar *text = operand_at(machine, step->a);
    const struct scalar *pattern = operand_at(machine, step->b);
    const struct scalar *escape = (step->flags & 2) != 0 ? operand_at(machine, step->c) : NULL;
    struct like read;
    if (is_null(text) || is_null(pattern) || (escape != NULL && is_null(escape))) {
        *out = scalar_null();
        return EXPRESSION_OK;
    }
    if (escape != NULL && escape->len != 1) {
        return EXPRESSION_BAD_ARGUMENT;
    }
    const enum expression_result result =
        like_read(scalar_text(pattern), escape == NULL ? -1 : (unsigned char)escape->data[0], machine->run->arena, &read);
    if (result == EXPRESSION_OK) {
        *out = scalar_boolean(like_matches(&read, scalar_text(text)) != ((step->flags & 1) != 0));
    }
    return result;
}

static bool begins_with(struct bytes text, struct bytes prefix)
{
    return text.len >= prefix.len && memcmp(text.data, prefix.data, prefix.len) == 0;
}

static enum expression_result concat(struct machine *machine, const struct program_step *step, struct scalar *out)
{
    const struct scalar *a = operand_at(machine, step->a);
    const struct scalar *b = operand_at(machine, step->b);
    char left_scratch[SCALAR_TEXT_MAX];
    char right_scratch[SCALAR_TEXT_MAX];
    if (is_null(a) || is_null(b)) {
        *out = scalar_null();
        return EXPRESSION_OK;
    }
    const struct bytes left = scalar_format(a, left_scratch);
    const struct bytes right = scalar_format(b, right_scratch);
    if (left.len + right.len > SCALAR_TEXT_BYTES_MAX) {
        return EXPRESSION_TOO_LONG;
    }
    char *text = arena_alloc(machine->run->arena, left.len + right.len + 1);
    if (text == NULL) {
        return EXPRESSION_NO_MEMORY;
    }
    memcpy(text, left.data, left.len);
    memcpy(text + left.len, right.data, right.len);
    *out = scalar_bytes(a->type == SCALAR_BLOB ? SCALAR_BLOB : SCALAR_STRING, (struct bytes){text, left.len + right.len});
    return EXPRESSION_OK;
}

/* ->>: strings without quotes, null is null. */
static enum expression_result json_as_text(struct machine *machine, struct bytes found, struct scalar *out)
{
    if (bytes_equal(found, BYTES("null"))) {
        *out = scalar_null();
        return EXPRESSION_OK;
    }
    if (found.data[0] == '"') {
        size_t len;
        char *text = arena_alloc(machine->run->arena, found.len);
        if (text == NULL) {
            return EXPRESSION_NO_MEMORY;
        }
        if (!json_unquote(found, text, &len)) {
            return EXPRESSION_BAD_TEXT;
        }
        found = (struct bytes){text, len};
    }
    *out = scalar_bytes(SCALAR_STRING, found);
    return EXPRESSION_OK;
}

static enum expression_result json(struct machine *machine, const struct program_step *step, struct scalar *out)
{
    const struct scalar *document = operand_at(machine, step->a);
    const struct scalar *path = operand_at(machine, step->b);
    struct bytes found;
    enum json_found what = JSON_ABSENT;
    if (!is_null(document) && !is_null(path)) {
        const struct bytes text = scalar_text(document);
        if (path->type == SCALAR_STRING) {
            what = json_find(text, scalar_text(path), &found);
        } else if (path->integer >= 0) {
            what = json_element(text, (uint64_t)path->integer, &found);
        }
    }
    switch (what) {
    case JSON_ABSENT:
        *out = scalar_null();
        return EXPRESSION_OK;
    case JSON_BAD_PATH:
        return EXPRESSION_BAD_ARGUMENT;
    case JSON_BAD_TEXT:
        return EXPRESSION_BAD_TEXT;
    case JSON_FOUND:
        break;
    }
    if (step->flags != 0) {
        return json_as_text(machine, found, out);
    }
    *out = scalar_bytes(SCALAR_JSON, found);
    return EXPRESSION_OK;
}

static enum expression_result call(struct machine *machine, const struct program_step *step, struct scalar *out)
{
    struct scalar arguments[FUNCTION_ARGUMENTS_MAX];
    const uint32_t operands[FUNCTION_ARGUMENTS_MAX] = {step->a, step->b, step->c};
    for (uint32_t i = 0; i < step->flags; i++) {
        arguments[i] = *operand_at(machine, operands[i]);
        if (is_null(&arguments[i])) {
            *out = scalar_null();
            return EXPRESSION_OK;
        }
    }
    return machine->program->functions[step->jump]->run(arguments, step->flags, machine->run->arena, out);
}

/* Steps that may fail. */
static enum expression_result run_fallible(struct machine *machine, const struct program_step *step, struct scalar *out)
{
    const struct scalar *a = operand_at(machine, step->a);
    const struct scalar *b;
    switch (step->kind) {
    case STEP_LIKE:
        return like(machine, step, out);
    case STEP_CONCAT:
        return concat(machine, step, out);
    case STEP_JSON:
        return json(machine, step, out);
    case STEP_CALL:
        return call(machine, step, out);
    case STEP_CAST:
        return cast_apply(a, (struct cast_target){(enum scalar_type)step->flags, (int)step->b - 1, (int)step->c - 1}, machine->run->arena, out);
    case STEP_NEGATE:
        if (is_null(a)) {
            *out = scalar_null();
            return EXPRESSION_OK;
        }
        return arithmetic_negate(a, out);
    default:
        assert(step->kind >= STEP_ADD && step->kind <= STEP_REMAINDER);
        b = operand_at(machine, step->b);
        if (is_null(a) || is_null(b)) {
            *out = scalar_null();
            return EXPRESSION_OK;
        }
        return arithmetic_apply((enum arithmetic)(step->kind - STEP_ADD), a, b, out);
    }
}

/* --- conditions --- */

/* `to`, which is a condition, becomes to AND a (or, with `decides` true, OR); it does not decide alone. */
static inline void join_logic(struct scalar *to, const struct scalar *a, bool decides)
{
    if (is_boolean(a, decides)) {
        set_boolean(to, decides);
    } else if (is_null(a)) {
        set_null(to);
    } /* else a changes nothing */
}

static inline void in_one(struct scalar *to, const struct scalar *value, const struct scalar *other)
{
    if (is_null(value) || is_null(other)) {
        set_null(to);
    } else if (scalar_compare(value, other) == 0) {
        set_boolean(to, true);
    }
}

static inline void compare(const struct program_step *step, const struct scalar *a, const struct scalar *b, struct scalar *to)
{
    if (is_null(a) || is_null(b)) {
        set_null(to);
        return;
    }
    switch (step->kind) {
    case STEP_COMPARE_INTEGER:
        set_compared(to, step->flags, (a->integer > b->integer) - (a->integer < b->integer));
        break;
    case STEP_COMPARE_STRING:
        set_compared(to, step->flags, bytes_compare(scalar_text(a), scalar_text(b)));
        break;
    default:
        set_compared(to, step->flags, scalar_compare(a, b));
        break;
    }
}

static inline void match(const struct machine *machine, const struct program_step *step, const struct scalar *a, struct scalar *to)
{
    if (is_null(a)) {
        set_null(to);
    } else if (step->kind == STEP_LIKE_PREFIX) {
        set_boolean(to, begins_with(scalar_text(a), scalar_text(operand_at(machine, step->b))));
    } else {
        set_boolean(to, like_matches(&machine->program->likes[step->jump], scalar_text(a)) != (step->flags != 0));
    }
}

/* --- the loop --- */

static enum expression_result run_steps(struct machine *machine)
{
    const struct program *program = machine->program;
    struct scalar *const temporaries = machine->run->temporaries;
    for (uint32_t at = 0; at < program->step_count;) {
        const struct program_step *step = &program->steps[at++];
        struct scalar *to = &temporaries[step->to];
        const struct scalar *a = operand_at(machine, step->a);
        enum expression_result result;
        bool jumps = false;
        switch (step->kind) {
        case STEP_MOVE:
            *to = *a;
            break;
        case STEP_JUMP:
            jumps = true;
            break;
        case STEP_UNLESS_TRUE:
            jumps = !is_boolean(a, true);
            break;
        case STEP_UNLESS_NULL:
            *to = *a;
            jumps = !is_null(a);
            break;
        case STEP_AND_BEGIN:
        case STEP_OR_BEGIN:
            to->type = a->type;
            to->integer = a->integer;
            jumps = is_boolean(to, step->kind == STEP_OR_BEGIN);
            break;
        case STEP_AND:
        case STEP_OR:
            join_logic(to, a, step->kind == STEP_OR);
            jumps = is_boolean(to, step->kind == STEP_OR);
            break;
        case STEP_NOT:
            to->integer = a->integer == 0;
            to->type = a->type;
            break;
        case STEP_COMPARE:
        case STEP_COMPARE_INTEGER:
        case STEP_COMPARE_STRING:
            compare(step, a, operand_at(machine, step->b), to);
            break;
        case STEP_IS_NULL:
            set_boolean(to, is_null(a) != (step->flags != 0));
            break;
        case STEP_BETWEEN:
            *to = between(step, a, operand_at(machine, step->b), operand_at(machine, step->c));
            break;
        case STEP_LIKE_READ:
        case STEP_LIKE_PREFIX:
            match(machine, step, a, to);
            break;
        case STEP_IN_SET:
            *to = in_set(step, &program->sets[step->jump], a);
            break;
        case STEP_IN_ONE:
            in_one(to, a, operand_at(machine, step->b));
            jumps = is_boolean(to, true);
            break;
        case STEP_NULLIF:
            *to = !is_null(a) && !is_null(operand_at(machine, step->b)) && scalar_compare(a, operand_at(machine, step->b)) == 0 ? scalar_null()
                                                                                                                               : *a;
            break;
        case STEP_NOW:
            *to = (struct scalar){.type = SCALAR_DATETIME, .integer = machine->run->now_us};
            break;
        default:
            result = run_fallible(machine, step, to);
            if (result != EXPRESSION_OK) {
                machine->run->position = step->position;
                return result;
            }
            break;
        }
        at = jumps ? step->jump : at;
    }
    return EXPRESSION_OK;
}

/* *result: where it is, until the next run. */
static inline enum expression_result run_program(const struct program *program, struct program_run_state *run, const struct scalar **result)
{
    static const struct scalar nothing = {.type = SCALAR_NULL}; /* a step looks at its first operand even if it has none */
    struct machine machine = {.program = program,
                              .run = run,
                              .banks = {[BANK_SLOT] = run->slots == NULL ? &nothing : run->slots,
                                        [BANK_CONSTANT] = program->constants == NULL ? &nothing : program->constants,
                                        [BANK_PARAMETER] = run->parameters == NULL ? &nothing : run->parameters,
                                        [BANK_TEMPORARY] = run->temporaries}};
    const enum expression_result code = run_steps(&machine);
    *result = operand_at(&machine, program->result);
    return code;
}

enum expression_result program_run(const struct program *program, struct program_run_state *run, struct scalar *out)
{
    const struct scalar *result;
    const enum expression_result code = run_program(program, run, &result);
    if (code == EXPRESSION_OK) {
        *out = *result;
    }
    return code;
}

enum expression_result program_is_true(const struct program *program, struct program_run_state *run, bool *is_true)
{
    const struct scalar *result;
    const enum expression_result code = run_program(program, run, &result);
    if (code == EXPRESSION_OK) {
        *is_true = is_boolean(result, true);
    }
    return code;
}
