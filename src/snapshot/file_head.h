/* file_head.h - how each file begins; and files that have nothing but that, or functions besides.
 *
 * Threads    Any.  */
#ifndef SNAPSHOT_FILE_HEAD_H
#define SNAPSHOT_FILE_HEAD_H

#include "base/attributes.h"
#include "mem/buffer.h"

#include <stdbool.h>

struct server;

/* The format's version, and the fields that say who wrote the file, and when. False: no memory. */
MUST_USE bool file_head_write(struct server *server, struct buffer *out);
/* A whole file, to the checksum (0 with `rdbchecksum no`): without keys and tables, with the libraries that stand in `functions` as a file has them. `out`
 * is empty. False: no memory. */
MUST_USE bool file_without_data_write(struct server *server, struct bytes functions, struct buffer *out);

#endif
