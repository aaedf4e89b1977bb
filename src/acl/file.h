/* file.h - users as lines: `user bob on >secret ~a* +@read`, in the configuration or in a file of their own (aclfile).
 *
 * Threads    Any; reading and writing files waits for the disk.
 * Source     Redis 7.2, acl.c.  */
#ifndef ACL_FILE_H
#define ACL_FILE_H

#include "acl/users.h"
#include "base/result.h"

/* The users of the lines of `text`, which stand in `name`, in place of those of now: all, or none when a line is wrong. RESULT_SYNTAX: *errors
 * says which and why; RESULT_NO_MEMORY.  */
MUST_USE enum result acl_load_text(struct acl *acl, struct bytes text, const char *name, struct buffer *errors);
/* The same from a file; RESULT_SYSTEM: it cannot be read, errno. */
MUST_USE enum result acl_load_file(struct acl *acl, const char *path, struct buffer *errors);
/* Writes all users into the file, which is replaced as a whole. RESULT_SYSTEM: errno; RESULT_NO_MEMORY. */
MUST_USE enum result acl_save_file(struct acl *acl, const char *path);
/* Appends the lines of all users that a configuration needs: none when there is only the default user, as `requirepass` makes it. False: no
 * memory. */
MUST_USE bool acl_append_lines(struct acl *acl, struct buffer *out);

#endif
