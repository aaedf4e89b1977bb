/* clock.h - the times that the server reads.  */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Wall clock, since 1970. */
int64_t clock_wall_ms(void);
int64_t clock_wall_us(void);
/* Monotonic, since an unspecified start. */
int64_t clock_monotonic_us(void);
int64_t clock_monotonic_ns(void);

/* The processor's time-stamp counter: a few ns a read, for timing single commands. */
uint64_t clock_ticks(void);
/* Measured once against the monotonic clock at start (takes 5 ms); ticks per microsecond. */
double clock_ticks_per_us_measure(void);

#endif
