/* event_classes.h - notify-keyspace-events: letters, each a class of events or a place where they are published, and back.
 *
 * Threads    Pure functions.
 * Source     Redis 7.0, notify.c: the letters, which of them `A` means, and how CONFIG GET writes them. T is our own.  */
#ifndef CONFIG_EVENT_CLASSES_H
#define CONFIG_EVENT_CLASSES_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { EVENT_CLASSES_TEXT_MAX = 16 }; /* letters of any set */

/* The bit of one letter, 0: it is none. `A` is several. */
int64_t event_class_bits(char letter);
/* False: a letter that is none. */
MUST_USE bool event_classes_parse(struct bytes text, int64_t *bits);
/* The letters; gives their number. `is_whole`: nothing is left out; else as Redis's CONFIG GET, which with all of `A` leaves `n` out. */
uint32_t event_classes_format(int64_t bits, bool is_whole, char out[EVENT_CLASSES_TEXT_MAX]);

#endif
