/* table_join.c - see table_join.h.  */
#include "cmd/table/table_join.h"

#include "cmd/table/table.h"
#include "cmd/table/table_error.h"
#include "cmd/table/table_explain.h"
#include "cmd/table/table_reply.h"
#include "expression/query_value.h"
#include "plan/plan_query.h"

bool table_join_waits(struct exec *exec, const struct plan *plan)
{
    bool must_wait = false;
    struct plan_sources sources;
    if (plan_sources_of(plan, &sources) != TABLE_OK) {
        return false; /* the handler says so */
    }
    for (uint32_t i = 0; i < sources.count && !must_wait; i++) {
        const struct plan one = plan_of_source(plan, sources.sources[i]);
        must_wait = table_waits(exec, plan_look_up(&one, exec));
    }
    return must_wait;
}

/* A join_read_fn. */
static enum table_result read_join(struct join_round *out, const struct exec *exec, const struct query_values *known, struct arena *arena,
                                   struct sql_fault *fault)
{
    struct plan plan;
    const struct plan_source source = plan_source_of(exec);
    const enum table_result result = plan_read(&plan, &source, arena, fault);
    return result == TABLE_OK ? plan_round(&plan, exec, known, out) : result;
}

void table_join(struct exec *exec, struct plan *plan)
{
    struct join_round round;
    if (!plan->tree->is_explain) {
        join_job_start(exec, read_join, table_statement_replies());
        return;
    }
    const enum table_result result = plan_round(plan, exec, &(struct query_values){.count = 0}, &round);
    if (result == TABLE_OK) {
        table_explain_join(exec, plan, round.join);
    } else if (result == TABLE_FAULT) {
        table_reply_fault(exec, plan->fault);
    } else {
        reply_table_error(exec->reply, result, 0);
    }
}
