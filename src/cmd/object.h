/* object.h - what OBJECT reads out of an entry's access field.  */
#ifndef CMD_OBJECT_H
#define CMD_OBJECT_H

#include <stdint.h>

/* Seconds since the access clock in `access` (24 bits, seconds: it turns over after 194 days). */
uint32_t object_idle_seconds(uint32_t access, int64_t now_ms);
/* The LFU counter in `access` (16 bits of minutes, 8 of counter), less one for each minute since. */
uint32_t object_frequency(uint32_t access, int64_t now_ms);

#endif
