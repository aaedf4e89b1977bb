/* object.h - what OBJECT reads out of an entry's access field.  */
#ifndef CMD_OBJECT_H
#define CMD_OBJECT_H

#include "exec/exec.h"

#include <stdbool.h>
#include <stdint.h>

/* Seconds since the access clock in `access` (24 bits, seconds: it turns over after 194 days). */
uint32_t object_idle_seconds(uint32_t access, int64_t now_ms);

/* The other way round: what RESTORE puts into the access field. `idle_seconds` >= 0; `frequency` 0 .. 255. */
uint32_t object_access_of_idle(int64_t idle_seconds, int64_t now_ms);
uint32_t object_access_of_frequency(uint32_t frequency, int64_t now_ms);
/* True when the eviction policy keeps frequencies, not idle times. */
bool object_policy_is_lfu(const struct exec *exec);

#endif
