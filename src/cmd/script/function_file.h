/* function_file.h - libraries of functions in a file: what src/snapshot is handed, which knows no scripts.
 *
 * Threads    Under all batons.  */
#ifndef CMD_FUNCTION_FILE_H
#define CMD_FUNCTION_FILE_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>

struct buffer;
struct server;
struct thread;

/* All of them, as an RDB file has them. False: no memory. */
MUST_USE bool function_file_write(struct server *server, struct buffer *out);
/* One more, from its code. False: `error` has a sentence. */
MUST_USE bool function_file_load(struct thread *thread, struct bytes code, char error[256]);

#endif
