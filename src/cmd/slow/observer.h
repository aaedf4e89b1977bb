/* observer.h - the hook through which the loop tells the commands' logs; see struct command_observer.  */
#ifndef CMD_OBSERVER_H
#define CMD_OBSERVER_H

struct command_observer;

/* What the loop tells about slow commands goes to the slow log and the latency log. */
extern const struct command_observer command_observer;

#endif
