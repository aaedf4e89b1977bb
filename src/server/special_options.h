/* special_options.h - what the program does instead of starting: --help, --version, --check-config.
 *
 * Threads    The main thread, before any other is made.  */
#ifndef SERVER_SPECIAL_OPTIONS_H
#define SERVER_SPECIAL_OPTIONS_H

#include "base/attributes.h"

#include <stdbool.h>

/* Looks at the first word behind the program's name only, as redis-server does, and does what it asks for. True: it was a special
 * option, and the program ends with *status. False: this is a start; nothing was done and *status is unchanged.  */
MUST_USE bool special_option_run(int argc, char **argv, int *status);

#endif
