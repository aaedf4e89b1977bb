/* table_join.c - see table_join.h.  */
#include "cmd/table/table_join.h"

#include "cmd/table/table.h"
#include "cmd/table/table_error.h"
#include "cmd/table/table_explain.h"
#include "plan/plan_join.h"
#include "query/join_job.h"

bool table_join_waits(struct exec *exec, const struct plan *plan)
{
    bool must_wait = false;
    for (const struct sql_source *source = plan->tree->query->selects->sources; source != NULL && !must_wait; source = source->next) {
        const struct plan one = plan_of_source(plan, source);
        must_wait = table_waits(exec, plan_look_up(&one, exec));
    }
    return must_wait;
}

/* A join_read_fn. */
static enum table_result read_join(struct join **out, const struct exec *exec, struct arena *arena, struct sql_fault *fault)
{
    struct plan plan;
    const struct plan_source source = plan_source_of(exec);
    const enum table_result result = plan_read(&plan, &source, arena, fault);
    return result == TABLE_OK ? plan_join(&plan, exec, out) : result;
}

void table_join(struct exec *exec, struct plan *plan)
{
    struct join *join;
    if (!plan->tree->is_explain) {
        join_job_start(exec, read_join, table_statement_replies());
        return;
    }
    const enum table_result result = plan_join(plan, exec, &join);
    if (result == TABLE_OK) {
        table_explain_join(exec, plan, join);
    } else if (result == TABLE_FAULT) {
        table_reply_fault(exec, plan->fault);
    } else {
        reply_table_error(exec->reply, result, 0);
    }
}
