/* save_limits.h - from which sizes on saving does something else.  */
#ifndef SNAPSHOT_SAVE_LIMITS_H
#define SNAPSHOT_SAVE_LIMITS_H

enum {
    SAVE_BIG_BYTES = 32768,
    SAVE_WAITING_BYTES_MAX = 16 << 20, /* chunks of all shards that the saver has not written: more are made only by changes, */
    SAVE_CHANGED_BYTES_MAX = 64 << 20, /* and from here on commands that change what is not written yet wait */
};

#endif
