/* rdb_format.h - the numbers of Redis's RDB format that both directions know.  */
#ifndef PERSIST_RDB_FORMAT_H
#define PERSIST_RDB_FORMAT_H

enum {
    RDB_VERSION = 10, /* what redis-server 7.0 writes; payloads of later ones are refused */
    RDB_FOOTER = 10,  /* behind a payload: version (2 bytes) and crc64 of all before it (8), low byte first */
};

enum rdb_type {
    RDB_STRING = 0,
    RDB_LIST = 1,                /* count, items */
    RDB_SET = 2,                 /* count, members */
    RDB_ZSET_TEXT = 3,           /* count, members with scores as text */
    RDB_HASH = 4,                /* count, fields with values */
    RDB_ZSET = 5,                /* count, members with scores as doubles */
    RDB_HASH_ZIPMAP = 9,         /* from here on: one string, see blob.h */
    RDB_LIST_ZIPLIST = 10,
    RDB_SET_INTSET = 11,
    RDB_ZSET_ZIPLIST = 12,
    RDB_HASH_ZIPLIST = 13,
    RDB_LIST_QUICKLIST = 14,     /* count, ziplists */
    RDB_STREAM = 15,             /* of Redis 5 and 6 */
    RDB_HASH_LISTPACK = 16,
    RDB_ZSET_LISTPACK = 17,
    RDB_LIST_QUICKLIST_2 = 18,   /* count, nodes: 1 and an item, or 2 and a listpack */
    RDB_STREAM_2 = 19,
};

enum rdb_container { RDB_NODE_PLAIN = 1, RDB_NODE_PACKED = 2 };

/* Scores as text, in RDB_ZSET_TEXT: the length, or one of these. */
enum { RDB_SCORE_NAN = 253, RDB_SCORE_INF = 254, RDB_SCORE_MINUS_INF = 255 };

#endif
