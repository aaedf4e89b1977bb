/* plan_query.h - a SELECT in rounds: queries in its expressions are run before it, the innermost first, and then itself, with what they have given.
 *
 * Each round plans one of these SELECTs anew, so that what is known already serves as literals do: in conditions, and so for indexes. A query cannot
 * name what is around it: its names are looked for in its own tables.
 *
 * Threads    plan_sources: any. plan_round: under all batons.
 * Read on    query/join_job.h, which runs the rounds.  */
#ifndef PLAN_PLAN_QUERY_H
#define PLAN_PLAN_QUERY_H

#include "plan/plan_join.h"
#include "query/join_job.h"

struct plan_sources {
    const struct sql_source **sources;
    uint32_t count;
};
/* All tables of FROM and JOIN that a SELECT names, its queries included. TABLE_NO_MEMORY. */
MUST_USE enum table_result plan_sources_of(const struct plan *plan, struct plan_sources *out);

/* The round that comes next. `known`: what earlier rounds have given, lent as long as the plan. TABLE_FAULT, TABLE_NO_MEMORY: *out has no meaning. */
MUST_USE enum table_result plan_round(struct plan *plan, const struct exec *exec, const struct query_values *known, struct join_round *out);

#endif
