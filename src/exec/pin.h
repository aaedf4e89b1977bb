/* pin.h - commands that write keys which a job reads: they wait. How jobs pin keys: exec_pin of exec.h.
 *
 * Threads    Under the batons of the call's keys.  */
#ifndef EXEC_PIN_H
#define EXEC_PIN_H

#include "exec/exec.h"

/* True when the call writes a key that a job has pinned; the key is then wanted, and no new reader comes before the call. */
bool call_waits_for_pin(const struct server *server, const struct call *call);

#endif
