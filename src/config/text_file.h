/* text_file.h - files of text, read and replaced as a whole.
 *
 * Threads    Any. Waits for the disk.
 * Limits     TEXT_FILE_BYTES_MAX to read.  */
#ifndef CONFIG_TEXT_FILE_H
#define CONFIG_TEXT_FILE_H

#include "base/attributes.h"
#include "base/result.h"
#include "mem/buffer.h"

#include <sys/types.h>

enum { TEXT_FILE_BYTES_MAX = 1 << 20 };

/* Appends what the descriptor has. RESULT_SYSTEM: errno; RESULT_TOO_LONG, RESULT_NO_MEMORY. */
MUST_USE enum result text_file_read_descriptor(int descriptor, struct buffer *out);
/* The same of a file, with its permissions. */
MUST_USE enum result text_file_read(const char *path, struct buffer *out, mode_t *mode);
/* The text, written and on the disk under another name, takes the place of the file by a rename: at any moment a whole file stands there.
 * RESULT_SYSTEM: errno.  */
MUST_USE enum result text_file_replace(const char *path, mode_t mode, struct bytes text);

#endif
