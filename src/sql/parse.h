/* parse.h - a text to the tree of its statement.
 *
 *     arena_init(&arena, MEM_CLIENT, limit);
 *     if (sql_parse(text, &arena, &statement, &fault) != SQL_FAULT_NONE) { ... fault.text ... }
 *
 * Threads    Any; nothing is shared.
 * Memory     The tree, with a copy of the text, is in the caller's arena: it ends with it, and needs the caller's text no more.
 * Limits     tree.h; what the arena allows. The stack of the caller's thread must have 200 KiB left; nothing recurses.  */
#ifndef SQL_PARSE_H
#define SQL_PARSE_H

#include "mem/arena.h"
#include "sql/fault.h"
#include "sql/tree.h"

/* One statement, with a semicolon behind it or without.
 *
 * statement  set on SQL_FAULT_NONE
 * fault      set on anything else: the place, and what was expected there
 * Cost       O(bytes); about 96 bytes of the arena a node, and the text  */
MUST_USE enum sql_fault_kind sql_parse(struct bytes text, struct arena *arena, const struct sql_statement **statement, struct sql_fault *fault);

#endif
