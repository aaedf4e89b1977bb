/* totals.h - what the threads have counted, all together.
 *
 * Threads    Any; server_reset_stats: a shard thread without a baton.  */
#ifndef SHARD_TOTALS_H
#define SHARD_TOTALS_H

#include "shard/server.h"
#include "shard/thread_stats.h"

/* Adds up the threads. */
void server_total_stats(const struct server *server, struct thread_stats *out);
/* Forgets all counts since start (CONFIG RESETSTAT). */
void server_reset_stats(struct thread *caller);
/* Takes one sample of each of server->rates. Thread 0, every RATE_SAMPLE_MS; `now_ms` is monotonic. */
void server_sample_rates(struct server *server, int64_t now_ms);

#endif
