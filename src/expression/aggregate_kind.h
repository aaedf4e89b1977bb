/* aggregate_kind.h - which aggregates there are, and of which type their results are.
 *
 * Threads    Any.  */
#ifndef EXPRESSION_AGGREGATE_KIND_H
#define EXPRESSION_AGGREGATE_KIND_H

#include "expression/scalar.h"

enum aggregate_kind { AGGREGATE_COUNT, AGGREGATE_SUM, AGGREGATE_AVG, AGGREGATE_MIN, AGGREGATE_MAX };

/* By its name, case ignored. count(*) and count(x) have one name. */
bool aggregate_kind_find(struct bytes name, enum aggregate_kind *out);
/* count: integer. sum: of its argument's type. avg: decimal of decimals, else float. min, max: the argument's.
 * SCALAR_UNKNOWN: it is not for values of that type.  */
enum scalar_type aggregate_result_type(enum aggregate_kind kind, enum scalar_type argument);

#endif
