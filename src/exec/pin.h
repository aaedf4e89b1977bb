/* pin.h - commands that write keys which a job reads: they wait. How jobs pin keys: exec_pin of exec.h.
 *
 * Threads    Under the batons of the call's keys.  */
#ifndef EXEC_PIN_H
#define EXEC_PIN_H

#include "exec/exec.h"

/* True when the command writes a key that a job has pinned, or for which others wait already: exec_wait_for was called. */
MUST_USE bool exec_waits_for_pins(struct exec *exec);

#endif
