/* category.h - the categories of commands, as rules (+@read), COMMAND INFO and ACL CAT name them.
 *
 * Threads    Any.  */
#ifndef ACL_CATEGORY_H
#define ACL_CATEGORY_H

#include "exec/exec.h"

/* A bit each. */
enum { ACL_CATEGORY_COUNT = 22 };
extern const char *const acl_category_names[ACL_CATEGORY_COUNT]; /* by bit, without "@" */
/* What follows from the row's flags and group, and what it names itself. */
uint32_t command_categories(const struct command_spec *spec);
/* The bit of a category, case ignored; 0: there is none of that name. */
uint32_t acl_category_find(struct bytes name);

#endif
