/* history.h - one history: lives of a server on a simulated disk, each ended by a crash, a kill
 * or in peace, chosen by a seed.  */
#ifndef TESTS_HISTORY_H
#define TESTS_HISTORY_H

#include "disk.h"

struct history_counts {
    uint64_t lives, operations, acknowledged, lost, torn, units_cut, bases, failed_logs, full_disks, lines_of_warning;
};

/* NULL, or what was violated. Adds to `counts`. `is_loud`: prints what happens. */
const char *history_run(uint64_t seed, enum fault fault, bool is_loud, struct history_counts *counts);

#endif
