/* client_filter.h - the connections that CLIENT LIST and CLIENT KILL are about: those for which all of some conditions hold.
 *
 * Threads    Any, one at a time.
 * Memory     Filters keep copies of what they look for: the command's words may be gone when its connection has died.  */
#ifndef CMD_CLIENT_FILTER_H
#define CMD_CLIENT_FILTER_H

#include "exec/exec.h"

struct session;
struct client_filters;

/* Reads argv[first ...], names and values. `skips_self`: the asking connection is left out unless SKIPME says something else. NULL: replied why not.
 * Gives the filters.  */
MUST_USE struct client_filters *client_filters_read(struct exec *exec, uint32_t first, bool skips_self);
/* The one condition that its address is argv[index]. NULL: no memory, replied. */
MUST_USE struct client_filters *client_filters_of_address(struct exec *exec, uint32_t index);
void client_filters_destroy(struct client_filters *filters);

/* On the session's thread. O(conditions, ids). */
bool client_filters_want(const struct client_filters *filters, const struct session *session);

#endif
