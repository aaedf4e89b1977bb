/* keys.h - KEYS: one of the rows of scan.c.
 *
 * Threads    The connection's; exec/part.h.  */
#ifndef CMD_KEY_KEYS_H
#define CMD_KEY_KEYS_H

struct exec;

void command_keys(struct exec *exec);

#endif
