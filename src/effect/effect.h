/* effect.h - the one report of every change of user data, and who listens to it.
 *
 * A *change* says what happened: which key of which database, and Redis's name of the event. An *effect* says how to repeat
 * it: the words of a command whose result does not depend on the time, on chance, or on other shards. One command may
 * report several changes (RENAME: rename_from, rename_to) and has as many effects as it needs, most often one: its own words.
 * A *notice* says what is no change of its own: that a key is new (right when it has come, before the change that brought it is reported), or
 * that a reader has missed one.
 *
 * A *listener* is a row that is registered at start. Nothing is made for listeners that want nothing at the moment, so without
 * any a report costs the look at one word.
 *
 * Threads    effects_add, before the shard threads start. effects_want, when it wants more, under the batons of the shards whose
 *            stream it needs from that moment on: of all, or (shard/watch.c) of the one that is watched. The reports: under the baton of
 *            the shard that they are of (of all shards where it is NULL), so a listener sees the changes of one shard one after the other, in their order.
 * Invariant  E1 whoever applies the effects of a shard in their order, with expiry off, comes to the same data.  */
#ifndef EFFECT_EFFECT_H
#define EFFECT_EFFECT_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "effect/event.h"

#include <stdatomic.h>
#include <stdint.h>

struct shard;
struct thread;

/* All is borrowed until the listener returns. */
struct change {
    struct thread *thread; /* that holds the baton */
    struct shard *shard;
    struct bytes key;      /* of a table: "ns.t" */
    uint64_t hash;         /* of the key */
    uint32_t db;
    enum event event;
    uint64_t row;          /* of a table: its id; CHANGE_OF_SCHEMA: the table itself; 0: it is a key */
};
#define CHANGE_OF_SCHEMA UINT64_MAX

struct effect {
    struct thread *thread;
    struct shard *shard;   /* NULL: of all shards, whose batons are held (FLUSHALL, SWAPDB, table DDL) */
    uint32_t db;
    uint32_t count;        /* of words */
    const struct bytes *words;
    uint64_t unit;         /* not 0: of a command over several shards; all effects of the same number belong together */
};

enum { LISTEN_CHANGES = 1 << 0, LISTEN_EFFECTS = 1 << 1, LISTEN_NOTICES = 1 << 2, LISTEN_BITS = 3 };
enum { LISTEN_ANY_CHANGES = 0x249249, LISTEN_ANY_EFFECTS = 2 * LISTEN_ANY_CHANGES, LISTEN_ANY_NOTICES = 4 * LISTEN_ANY_CHANGES };

struct effect_listener {
    const char *name;
    void (*change)(void *context, const struct change *change); /* wants LISTEN_CHANGES */
    void (*effect)(void *context, const struct effect *effect); /* wants LISTEN_EFFECTS */
    void (*lost)(void *context, struct thread *thread);         /* with effect: memory was refused, so one is missing from now on */
    void (*notice)(void *context, const struct change *notice); /* wants LISTEN_NOTICES: EVENT_NEW, EVENT_KEYMISS */
};

enum { EFFECT_LISTENERS_MAX = 8 };
_Static_assert(EFFECT_LISTENERS_MAX * LISTEN_BITS <= 24, "LISTEN_ANY_CHANGES has a bit for each");

struct effects {
    _Atomic uint32_t wants; /* LISTEN_BITS a listener; relaxed: whoever sets some holds all batons, and late is early enough to end */
    uint32_t count;
    const struct effect_listener *listeners[EFFECT_LISTENERS_MAX];
    void *contexts[EFFECT_LISTENERS_MAX];
    _Atomic uint64_t units; /* numbers given */
};

/* Registers a listener, lent, which wants nothing yet. `context` is what it is called with. */
void effects_add(struct effects *effects, const struct effect_listener *listener, void *context);
/* From now on `listener`, which was added, wants these. */
void effects_want(struct effects *effects, const struct effect_listener *listener, uint32_t wants);

/* The wants of all listeners, LISTEN_BITS each: LISTEN_ANY_CHANGES, LISTEN_ANY_EFFECTS, LISTEN_ANY_NOTICES. */
static inline uint32_t effects_wanted(const struct effects *effects)
{
    return atomic_load_explicit(&effects->wants, memory_order_relaxed);
}

void effects_report_change(const struct effects *effects, const struct change *change);
void effects_report_effect(const struct effects *effects, const struct effect *effect);
void effects_report_notice(const struct effects *effects, const struct change *notice);
/* An effect could not be made: whoever wants effects has a gap. */
void effects_report_lost(const struct effects *effects, struct thread *thread);
/* Never 0, never the same again. */
uint64_t effects_new_unit(struct effects *effects);

#endif
