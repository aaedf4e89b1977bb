/* rdb_format.h - the numbers of Redis's RDB format that both directions know.  */
#ifndef PERSIST_RDB_FORMAT_H
#define PERSIST_RDB_FORMAT_H

enum {
    RDB_VERSION = 10,          /* what redis-server 7.0 writes, and this server, too */
    RDB_VERSION_TIMED = 12,    /* of a payload with times of fields: older servers refuse it by its version */
    RDB_VERSION_READ_MAX = 12, /* of Redis 7.4 and 8.0; what later ones write is refused */
    RDB_CRC_VERSION = 5,       /* files have a checksum since */
    RDB_FOOTER = 10,  /* behind a payload: version (2 bytes) and crc64 of all before it (8), low byte first */
};

/* What begins an item of a file, if no key's type does. */
enum rdb_opcode {
    RDB_OP_SLOT_INFO = 0xf4,     /* slot, keys, expiring keys */
    RDB_OP_FUNCTION = 0xf5,      /* a library's code */
    RDB_OP_FUNCTION_OLD = 0xf6,  /* of release candidates of Redis 7.0 */
    RDB_OP_MODULE_AUX = 0xf7,
    RDB_OP_IDLE = 0xf8,          /* seconds, of the key that follows */
    RDB_OP_FREQUENCY = 0xf9,     /* LFU counter (1 byte), the same */
    RDB_OP_AUX = 0xfa,           /* name, value */
    RDB_OP_RESIZE_DB = 0xfb,     /* keys, expiring keys */
    RDB_OP_EXPIRY_MS = 0xfc,     /* Unix time (8 bytes), of the key that follows */
    RDB_OP_EXPIRY_S = 0xfd,      /* the same (4 bytes) */
    RDB_OP_SELECT_DB = 0xfe,     /* database of the keys that follow */
    RDB_OP_END = 0xff,
};

enum rdb_type {
    RDB_STRING = 0,
    RDB_LIST = 1,                /* count, items */
    RDB_SET = 2,                 /* count, members */
    RDB_ZSET_TEXT = 3,           /* count, members with scores as text */
    RDB_HASH = 4,                /* count, fields with values */
    RDB_ZSET = 5,                /* count, members with scores as doubles */
    RDB_MODULE_OLD = 6,          /* of release candidates of Redis 4: its end is the module's secret */
    RDB_MODULE = 7,              /* module id, then values (enum rdb_module_op) */
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
    RDB_STREAM_2 = 19,           /* of Redis 7.0 */
    RDB_SET_LISTPACK = 20,
    RDB_STREAM_3 = 21,           /* of Redis 7.2: consumers have a second time */
    RDB_HASH_EXPIRING_OLD = 22,  /* of release candidates of Redis 7.4, as the next: without the least expiry, and each is absolute */
    RDB_HASH_EXPIRING_LISTPACK_OLD = 23,
    RDB_HASH_EXPIRING = 24,      /* least expiry (8 bytes), count, per field: expiry - least + 1 or 0, field, value */
    RDB_HASH_EXPIRING_LISTPACK = 25, /* least expiry (8 bytes), listpack of fields, values and expiries, or 0 */
};

/* What a module's value is made of; each stands before what it names. */
enum rdb_module_op {
    RDB_MODULE_END = 0,
    RDB_MODULE_SIGNED = 1,   /* a length */
    RDB_MODULE_UNSIGNED = 2, /* a length */
    RDB_MODULE_FLOAT = 3,    /* 4 bytes */
    RDB_MODULE_DOUBLE = 4,   /* 8 bytes */
    RDB_MODULE_TEXT = 5,     /* a string */
};

enum rdb_container { RDB_NODE_PLAIN = 1, RDB_NODE_PACKED = 2 };

/* Scores as text, in RDB_ZSET_TEXT: the length, or one of these. */
enum { RDB_SCORE_NAN = 253, RDB_SCORE_INF = 254, RDB_SCORE_MINUS_INF = 255 };

#endif
