/* plan.c - see plan.h.  */
#include "plan/plan.h"

#include "exec/prepared.h"
#include "expression/compile.h"
#include "expression/scalar_text.h"
#include "query/statement.h"
#include "shard/server.h"
#include "sql/parse.h"
#include "table/definition.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 70 }; /* bytes of an argument or a name, in a fault: more than a name can have */

/* --- faults --- */

enum table_result plan_fail(const struct plan *plan, uint32_t position, const char *format, ...)
{
    char message[SQL_FAULT_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    sql_fault_set(plan->fault, SQL_FAULT_MEANING, plan->source.text, position, "%s", message);
    return TABLE_FAULT;
}

enum table_result plan_no_memory(const struct plan *plan)
{
    sql_fault_set(plan->fault, SQL_FAULT_NO_MEMORY, BYTES(""), 0, "no memory for the statement");
    return TABLE_NO_MEMORY;
}

/* Of the whole statement: no place in the text is wrong. */
static enum table_result fail_whole(const struct plan *plan, const char *message)
{
    struct sql_fault *fault = plan->fault;
    *fault = (struct sql_fault){.kind = SQL_FAULT_MEANING, .line = 1, .column = 1};
    for (size_t i = 0; message[i] != '\0' && i + 1 < sizeof fault->text; i++) { /* it may repeat bytes of the user's, and is to be one line */
        fault->text[i] = (unsigned char)message[i] < 0x20 || message[i] == 0x7f ? ' ' : message[i];
    }
    return TABLE_FAULT;
}

/* --- what may stand in a statement --- */

static enum table_result check_query(struct plan *plan)
{
    const struct sql_query *query = plan->tree->query;
    const struct sql_select *select = query->selects;
    if (select->next != NULL) {
        return plan_fail(plan, select->next->position, "UNION is not supported yet");
    }
    if (select->sources == NULL) {
        return plan_fail(plan, select->position, "SELECT without FROM is not supported yet");
    }
    plan->table = select->sources->table;
    plan->alias = select->sources->alias;
    return TABLE_OK;
}

static enum table_result check_change(struct plan *plan)
{
    const struct sql_change *change = plan->tree->change;
    plan->table = change->table;
    return TABLE_OK;
}

static enum table_result check_statement(struct plan *plan)
{
    const struct sql_statement *tree = plan->tree;
    if (tree->is_explain && tree->kind != SQL_STATEMENT_SELECT) {
        return fail_whole(plan, "EXPLAIN is for SELECT");
    }
    switch ((enum sql_statement_kind)tree->kind) {
    case SQL_STATEMENT_SELECT:
        return check_query(plan);
    case SQL_STATEMENT_INSERT:
    case SQL_STATEMENT_UPDATE:
    case SQL_STATEMENT_DELETE:
        return check_change(plan);
    default:
        plan->table = tree->definition->table;
        return TABLE_OK;
    }
}

static enum table_result check_arguments(const struct plan *plan)
{
    char message[SQL_FAULT_TEXT_MAX];
    const uint32_t expected = plan->tree->parameter_count;
    const uint32_t given = plan->source.argument_count;
    if (given == expected) {
        return TABLE_OK;
    }
    snprintf(message, sizeof message, "the statement has %u parameter%s, but %u argument%s given", expected, expected == 1 ? "" : "s", given,
             given == 1 ? " was" : "s were");
    return fail_whole(plan, message);
}

struct plan_source plan_source_of(const struct exec *exec)
{
    const struct prepared *prepared = exec_prepared(exec);
    return (struct plan_source){.text = exec->argv[1],
                                .arguments = exec->argv + 2,
                                .argument_count = exec->argc - 2,
                                .tree = prepared != NULL ? prepared->tree : NULL};
}

/* The tree of the source's text, and whether it can be done. */
static enum table_result read_tree(struct plan *plan)
{
    plan->tree = plan->source.tree;
    const enum sql_fault_kind kind = plan->tree != NULL ? SQL_FAULT_NONE : sql_parse(plan->source.text, plan->arena, &plan->tree, plan->fault);
    return kind == SQL_FAULT_NONE ? check_statement(plan) : statement_result_of(kind);
}

enum table_result plan_read_text(struct bytes text, struct arena *arena, const struct sql_statement **tree, struct sql_fault *fault)
{
    struct plan plan = {.source.text = text, .arena = arena, .fault = fault};
    const enum table_result result = read_tree(&plan);
    *tree = plan.tree;
    return result;
}

enum table_result plan_read(struct plan *plan, const struct plan_source *source, struct arena *arena, struct sql_fault *fault)
{
    *plan = (struct plan){.source = *source, .arena = arena, .fault = fault};
    const enum table_result result = read_tree(plan);
    if (result != TABLE_OK) {
        return result;
    }
    plan->parameter_types = arena_alloc(arena, plan->tree->parameter_count + 1u);
    if (plan->parameter_types == NULL) {
        return plan_no_memory(plan);
    }
    memset(plan->parameter_types, SCALAR_UNKNOWN, plan->tree->parameter_count + 1u);
    return check_arguments(plan);
}

bool plan_is_join(const struct plan *plan)
{
    return plan->tree->kind == SQL_STATEMENT_SELECT && (plan->tree->has_queries || plan->tree->query->selects->sources->next != NULL);
}

enum table_result plan_of_query(const struct plan *plan, struct sql_query *query, struct plan *out)
{
    struct sql_statement *tree = arena_alloc_zeroed(plan->arena, sizeof *tree);
    if (tree == NULL) {
        return plan_no_memory(plan);
    }
    tree->kind = SQL_STATEMENT_SELECT;
    tree->parameter_count = plan->tree->parameter_count;
    tree->query = query;
    *out = *plan;
    out->tree = tree;
    return check_query(out);
}

struct plan plan_of_source(const struct plan *plan, const struct sql_source *source)
{
    struct plan one = *plan;
    one.table = source->table;
    one.alias = source->alias;
    one.taken = NULL;
    return one;
}

static size_t append_cut(char *text, size_t at, struct bytes name)
{
    const size_t len = name.len > SHOWN_MAX ? SHOWN_MAX : name.len;
    memcpy(text + at, name.data, len);
    return at + len;
}

struct bytes plan_table_name(const struct plan *plan, char scratch[PLAN_TABLE_NAME_MAX])
{
    size_t len = append_cut(scratch, 0, plan->table->space);
    scratch[len++] = '.';
    len = append_cut(scratch, len, plan->table->name);
    scratch[len] = '\0';
    return (struct bytes){scratch, len};
}

struct table *plan_look_up(const struct plan *plan, const struct exec *exec)
{
    char scratch[PLAN_TABLE_NAME_MAX];
    return catalogue_find(atomic_load_explicit(&exec->server->catalogue, memory_order_acquire), exec->db, plan_table_name(plan, scratch));
}

enum table_result plan_find_table(const struct plan *plan, const struct exec *exec, struct table **out)
{
    char scratch[PLAN_TABLE_NAME_MAX];
    *out = plan_look_up(plan, exec);
    return *out != NULL ? TABLE_OK : plan_fail(plan, plan->table->position, "there is no table %s", plan_table_name(plan, scratch).data);
}

/* --- expressions --- */

enum table_result plan_names(const struct plan *plan, const struct schema *schema, struct row_names *out)
{
    const bool has_alias = plan->alias.len > 0;
    const struct bytes space = has_alias ? BYTES("") : plan->table->space;
    return row_names_create(out, schema, space, has_alias ? plan->alias : plan->table->name, plan->arena) ? TABLE_OK : plan_no_memory(plan);
}

static enum table_result compile(const struct plan *plan, const struct expression_resolver *resolver, const struct sql_node *node,
                                 enum scalar_type wanted, const struct program **out)
{
    const struct expression_source source = {.root = node,
                                             .text = plan->source.text,
                                             .resolver = resolver,
                                             .parameter_types = plan->parameter_types,
                                             .parameter_count = plan->tree->parameter_count,
                                             .queries = plan->known,
                                             .wanted = wanted};
    return statement_result_of(expression_compile(&source, plan->arena, out, plan->fault));
}

enum table_result plan_compile(const struct plan *plan, struct row_names *names, const struct sql_node *node, enum scalar_type wanted,
                               const struct program **out)
{
    return compile(plan, &(struct expression_resolver){.find = row_names_find, .context = names}, node, wanted, out);
}

enum table_result plan_compile_upsert(const struct plan *plan, struct row_names_upsert *names, const struct sql_node *node, enum scalar_type wanted,
                                      const struct program **out)
{
    return compile(plan, &(struct expression_resolver){.find = row_names_find_upsert, .context = names}, node, wanted, out);
}

enum table_result plan_compile_joined(const struct plan *plan, struct row_scope *scope, const struct sql_node *node, enum scalar_type wanted,
                                      const struct program **out)
{
    return compile(plan, &(struct expression_resolver){.find = row_scope_find, .context = scope}, node, wanted, out);
}

/* --- arguments --- */

static enum table_result fail_argument(const struct plan *plan, uint32_t at, enum scalar_type type)
{
    char message[SQL_FAULT_TEXT_MAX];
    const struct bytes text = plan->source.arguments[at];
    snprintf(message, sizeof message, "argument %u, '%.*s', is no %s", at + 1, text.len > SHOWN_MAX ? SHOWN_MAX : (int)text.len, text.data,
             scalar_type_name(type));
    return fail_whole(plan, message);
}

enum table_result plan_take_arguments(struct plan *plan)
{
    const uint32_t count = plan->tree->parameter_count;
    plan->parameters = arena_alloc_zeroed(plan->arena, (count + 1u) * sizeof *plan->parameters);
    if (plan->parameters == NULL) {
        return plan_no_memory(plan);
    }
    for (uint32_t i = 0; i < count; i++) {
        const enum scalar_type known = (enum scalar_type)plan->parameter_types[i];
        const enum scalar_type type = known == SCALAR_UNKNOWN || known == SCALAR_NULL ? SCALAR_STRING : known;
        const enum expression_result result = scalar_parse(type, plan->source.arguments[i], plan->arena, &plan->parameters[i]);
        if (result == EXPRESSION_NO_MEMORY) {
            return plan_no_memory(plan);
        }
        if (result != EXPRESSION_OK) {
            return fail_argument(plan, i, type);
        }
    }
    return TABLE_OK;
}
