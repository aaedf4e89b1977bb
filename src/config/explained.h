/* explained.h - a configuration file with every parameter: what it does, how it is written, its default. Made from the rows of params.c and the
 * texts of explained.c.
 *
 * Threads    One: it is for the program's options.  */
#ifndef CONFIG_EXPLAINED_H
#define CONFIG_EXPLAINED_H

#include "config/config.h"

/* Appends the file. The line of a parameter is a comment while its value in `config` is that in `defaults`, which is as config_create made it, in the
 * same folder. Aliases are named beside the parameter that they mean. A server takes the file as it is. False: no memory.  */
MUST_USE bool config_append_explained(struct config *config, struct config *defaults, struct buffer *out);
/* Does `config` have what is no parameter, and so is not in that file: users, renamed commands, directives without effect? */
bool config_has_more_than_parameters(const struct config *config);

#endif
