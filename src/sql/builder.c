/* builder.c - see builder.h. Faults, blocks and texts are here, parts of statements in builder_parts.c, nodes in builder_nodes.c.  */
#include "sql/builder.h"

/* --- faults --- */

void sql_build_fail(struct sql_builder *builder, enum sql_fault_kind kind, uint32_t position, const char *message)
{
    if (!builder->is_failed) {
        sql_fault_set(builder->fault, kind, builder->text, position, "%s", message);
        builder->is_failed = true;
    }
}

void sql_build_reject(struct sql_builder *builder)
{
    if (!builder->is_failed) {
        builder->is_syntax_wrong = true;
        builder->is_failed = true;
    }
}

void sql_build_too_deep(struct sql_builder *builder)
{
    sql_build_fail(builder, SQL_FAULT_LIMIT, builder->position, "nested too deeply");
}

void *sql_build_block(struct sql_builder *builder, size_t size)
{
    if (builder->is_failed) {
        return NULL;
    }
    void *block = arena_alloc_zeroed(builder->arena, size);
    if (block == NULL) {
        sql_build_fail(builder, SQL_FAULT_NO_MEMORY, 0, "no memory for the statement");
    }
    return block;
}

/* --- texts --- */

struct bytes sql_build_unquote(struct sql_builder *builder, struct bytes quoted)
{
    const char quote = quoted.data[0];
    struct bytes inner = {quoted.data + 1, quoted.len - 2};
    if (memchr(inner.data, quote, inner.len) == NULL) {
        return inner;
    }
    char *copy = sql_build_block(builder, inner.len);
    if (copy == NULL) {
        return (struct bytes){NULL, 0};
    }
    size_t len = 0;
    for (size_t i = 0; i < inner.len; i++) {
        copy[len++] = inner.data[i];
        i += inner.data[i] == quote;
    }
    return (struct bytes){copy, len};
}

struct bytes sql_build_text(const struct sql_builder *builder, struct sql_token token)
{
    return (struct bytes){builder->text.data + token.position, token.len};
}

struct bytes sql_build_name(struct sql_builder *builder, struct sql_token token)
{
    struct bytes text = sql_build_text(builder, token);
    return text.len > 0 && text.data[0] == '"' ? sql_build_unquote(builder, text) : text;
}
