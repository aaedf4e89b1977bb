/* session_line.h - a connection in one line, as CLIENT LIST and ACL LOG show it.
 *
 * Threads    The connection's.  */
#ifndef CLIENT_SESSION_LINE_H
#define CLIENT_SESSION_LINE_H

#include "base/attributes.h"
#include "exec/exec.h"
#include "mem/buffer.h"

struct session;

/* "get", "config|get": cut, with the NUL. */
enum { SESSION_COMMAND_MAX = 64 };
void session_command_text(const struct command_spec *spec, char out[SESSION_COMMAND_MAX]);
/* Its flags as CLIENT LIST shows them, without a NUL; returns how many. Letters that it may have are in SESSION_FLAG_LETTERS. */
enum { SESSION_FLAGS_MAX = 16 };
#define SESSION_FLAG_LETTERS "OSPtRBUeTxbdN"
size_t session_flags_text(const struct session *session, char out[SESSION_FLAGS_MAX]);
/* Appends the line, a newline behind it. False: no memory. */
MUST_USE bool session_append_line(const struct session *session, int64_t now_ms, struct buffer *out);

#endif
