/* keys_used.h - does a script use no keys but those that it declares, as its text shows it?
 *
 * Yes, when each redis.call and redis.pcall has a literal command before its arguments that takes no key, or one key that is KEYS[...],
 * or a local variable that is KEYS[number] and nothing else; and when `redis` and KEYS are used in no other way. Such a script needs the
 * shards of its keys alone. What this reading does not understand counts as no.
 *
 * Threads    Any.  */
#ifndef SCRIPT_KEYS_USED_H
#define SCRIPT_KEYS_USED_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>

struct server;

MUST_USE bool script_keeps_to_keys(const struct server *server, struct bytes code);

#endif
