/* prepared.h - statements that a connection has prepared: names for texts of SQL that were read already.
 *
 * The dispatcher puts the text in the place of the name (COMMAND_NAMES_PREPARED): whatever looks at the command's words afterwards sees the text, and
 * needs the tree only to be spared reading it.
 *
 * Threads    The connection's. A statement of a call: any thread that runs the call, since nothing in it changes.
 * Memory     thread_alloc, MEM_CLIENT. The session's. Statements end while no call of the connection is under way (SCOPE_SESSION, COMMAND_IN_ORDER,
 *            or the connection's end), so calls need not hold them.
 * Limits     PREPARED_MAX statements a connection, PREPARED_BYTES_MAX in all, names of PREPARED_NAME_MAX bytes.  */
#ifndef EXEC_PREPARED_H
#define EXEC_PREPARED_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "mem/arena.h"

#include <stddef.h>
#include <stdint.h>

struct exec;
struct sql_statement;

enum { PREPARED_MAX = 256, PREPARED_NAME_MAX = 128, PREPARED_BYTES_MAX = 16 << 20 };

struct prepared {
    struct arena arena;               /* all else, this structure excepted */
    struct bytes name, text;
    const struct sql_statement *tree; /* of the text; to this room only a name */
};

struct prepared_set {
    struct prepared *statements[PREPARED_MAX]; /* by name */
    uint32_t count;
    size_t bytes;                              /* of the statements */
};

/* A statement of that name and text, which are copied, without a tree yet: whoever made it puts that into its arena. `set` NULL: there is none yet. It is
 * in no set. NULL: no memory, or what there may be in all is there.  */
struct prepared *prepared_create(const struct prepared_set *set, struct bytes name, struct bytes text) MUST_USE;
/* Of one that is in no set. NULL: nothing. */
void prepared_destroy(struct prepared *statement);

/* What is replied where there is none of a name: a format, and its arguments. */
#define PREPARED_MISSING "ERR this connection has no prepared statement '%.*s'"
#define PREPARED_SHOWN(name) (int)((name).len > PREPARED_NAME_MAX ? PREPARED_NAME_MAX : (name).len), (name).data

/* The statement of that name. NULL: there is none, or no set. */
const struct prepared *prepared_find(const struct prepared_set *set, struct bytes name);

enum prepared_result { PREPARED_OK, PREPARED_NO_MEMORY, PREPARED_TOO_MANY };
/* Takes the statement, in place of another of its name. *set NULL: it is made. On anything but PREPARED_OK nothing has changed. */
MUST_USE enum prepared_result prepared_add(struct prepared_set **set, struct prepared *statement);
/* False: there is none of that name. */
bool prepared_remove(struct prepared_set **set, struct bytes name);
/* All of them, and the set: *set is NULL. NULL: nothing. */
void prepared_end(struct prepared_set **set);
/* What they take in all. NULL: 0. */
size_t prepared_memory_bytes(const struct prepared_set *set);

/* The statement whose text is in argv[1] of the command. NULL: the text has to be read. */
const struct prepared *exec_prepared(const struct exec *exec);

#endif
