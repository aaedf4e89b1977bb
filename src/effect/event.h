/* event.h - what can happen to a key or a table, by the names that Redis gives its keyspace events.
 *
 * Source     Redis 7.0, notify.c and the calls of notifyKeyspaceEvent: name and class of each event.  */
#ifndef EFFECT_EVENT_H
#define EFFECT_EVENT_H

#include <stdbool.h>

enum event {
    EVENT_APPEND,
    EVENT_COPY_TO,
    EVENT_DEL,
    EVENT_EVICTED,
    EVENT_EXPIRE,
    EVENT_EXPIRED,
    EVENT_GEORADIUSSTORE,
    EVENT_GEOSEARCHSTORE,
    EVENT_HDEL,
    EVENT_HEXPIRE,
    EVENT_HEXPIRED,
    EVENT_HINCRBY,
    EVENT_HINCRBYFLOAT,
    EVENT_HPERSIST,
    EVENT_HSET,
    EVENT_INCRBY,
    EVENT_INCRBYFLOAT,
    EVENT_KEYMISS,
    EVENT_LINSERT,
    EVENT_LPOP,
    EVENT_LPUSH,
    EVENT_LREM,
    EVENT_LSET,
    EVENT_LTRIM,
    EVENT_MOVE_FROM,
    EVENT_MOVE_TO,
    EVENT_NEW,
    EVENT_PERSIST,
    EVENT_PFADD,
    EVENT_RENAME_FROM,
    EVENT_RENAME_TO,
    EVENT_RESTORE,
    EVENT_RPOP,
    EVENT_RPUSH,
    EVENT_SADD,
    EVENT_SDIFFSTORE,
    EVENT_SET,
    EVENT_SETBIT,
    EVENT_SETRANGE,
    EVENT_SINTERSTORE,
    EVENT_SORTSTORE,
    EVENT_SPOP,
    EVENT_SREM,
    EVENT_SUNIONSTORE,
    EVENT_TABLE_ALTER,
    EVENT_TABLE_CREATE,
    EVENT_TABLE_DELETE,
    EVENT_TABLE_DROP,
    EVENT_TABLE_INSERT,
    EVENT_TABLE_RENAME_FROM,
    EVENT_TABLE_RENAME_TO,
    EVENT_TABLE_UPDATE,
    EVENT_XADD,
    EVENT_XAUTOCLAIM,
    EVENT_XCLAIM,
    EVENT_XDEL,
    EVENT_XGROUP_CREATE,
    EVENT_XGROUP_CREATECONSUMER,
    EVENT_XGROUP_DELCONSUMER,
    EVENT_XGROUP_DESTROY,
    EVENT_XGROUP_SETID,
    EVENT_XSETID,
    EVENT_XTRIM,
    EVENT_ZADD,
    EVENT_ZDIFFSTORE,
    EVENT_ZINCR,
    EVENT_ZINTERSTORE,
    EVENT_ZPOPMAX,
    EVENT_ZPOPMIN,
    EVENT_ZRANGESTORE,
    EVENT_ZREM,
    EVENT_ZREMRANGEBYLEX,
    EVENT_ZREMRANGEBYRANK,
    EVENT_ZREMRANGEBYSCORE,
    EVENT_ZUNIONSTORE,
    EVENT_COUNT
};

struct event_row {
    const char *name; /* "set", "xgroup-create" */
    char class;       /* of notify-keyspace-events: g generic, $ string, l s h z t types, x expired, e evicted, n a new
                         key, m a key that a reader has missed (these two are notices: effect.h), T tables */
    bool is_silent;   /* the value for readers stays the same (groups of a stream): WATCH does not see it */
};

/* By enum event. */
extern const struct event_row event_rows[EVENT_COUNT];

#endif
