/* pin.h - commands that write keys which a job reads, or name keys that a job has locked: they wait. How jobs pin and lock keys: exec_pin
 * and exec_lock of exec.h.
 *
 * Threads    Under the batons of the call's keys.  */
#ifndef EXEC_PIN_H
#define EXEC_PIN_H

#include "exec/exec.h"

/* Such a command locks its keys itself: see struct command_spec. */
static inline bool words_lock_keys(const struct command_spec *spec, uint32_t argc)
{
    return argc > EXEC_WORDS_MAX && spec->locks_when_long;
}

/* True when the command writes a key that a job has pinned, or for which others wait already, or names one that a job has locked:
 * exec_wait_for was called.  */
MUST_USE bool exec_waits_for_pins(struct exec *exec);
/* The same, also of a command that locks its keys itself: for one that may not wait later. */
MUST_USE bool exec_waits_for_keys(struct exec *exec);

/* exec_pin and exec_unpin for the saving of a shard: nobody is waited for, and commands that wait for all pins do not wait for these
 * (`guarded_pins` of struct shard). Under the baton of the key's shard. False: no memory, or the value cannot
 * have more pins.  */
MUST_USE bool pin_put(struct shard *shard, struct key key, const struct entry *entry, struct pin *out);
void pin_give_up(struct thread *thread, struct pin *pin);

#endif
