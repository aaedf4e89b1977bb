/* runs.h - scripts that have paused, of all threads: SCRIPT KILL.
 *
 * Threads    Any; it locks itself. An entry is its run's, lent from script_runs_add until script_runs_remove.  */
#ifndef SCRIPT_RUNS_H
#define SCRIPT_RUNS_H

#include "base/attributes.h"

#include <stdatomic.h>
#include <stdbool.h>

struct script_runs;

struct script_entry {
    struct script_entry *previous, *next;
    bool is_listed;
    bool is_function;                /* FCALL's: for FUNCTION KILL */
    _Atomic bool has_written;        /* relaxed: it cannot be killed */
    _Atomic bool is_killed;          /* relaxed */
};

enum script_kill { KILL_DONE, KILL_NONE_RUNS, KILL_HAS_WRITTEN, KILL_OTHER_KIND };

struct script_runs *script_runs_create(void) MUST_USE;
void script_runs_destroy(struct script_runs *runs);
void script_runs_add(struct script_runs *runs, struct script_entry *entry);
/* Does nothing with one that was not added. */
void script_runs_remove(struct script_runs *runs, struct script_entry *entry);
/* All that have not written, of one of the two kinds. OTHER_KIND: only some of the other run, which it does not end. */
enum script_kill script_runs_kill(struct script_runs *runs, bool of_functions);

#endif
