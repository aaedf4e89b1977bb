/* rdb_file.h - a walk over the bytes of a Redis RDB file, item by item, which builds no values.
 *
 *   file   "REDIS" | version, 4 digits | items | FF | crc64 of all before it (8 bytes, low byte first; since version 5)
 *   item   FA name, value              AUX           strings and lengths: rdb_string.h
 *          FE database                 SELECT_DB
 *          FB keys, expiring keys      RESIZE_DB     hints
 *          F4 slot, keys, expiring     SLOT_INFO     hints
 *          F5 code                     FUNCTION
 *          F7 module id, module value  MODULE_AUX
 *          [FC ms (8) | FD s (4)] [F8 idle s] [F9 frequency (1)] type (1), name, value    KEY
 *
 *     struct rdb_scan scan;
 *     bool is_fine = rdb_scan_begin(&scan, mapping);
 *     while (is_fine && (status = rdb_scan_next(&scan, &item)) == RDB_SCAN_ITEM) { ... }
 *     ... scan.fault says what is wrong, and where ...
 *     rdb_scan_release(&scan);
 *
 * Threads    Any; one thread a scan. Several threads may scan ranges of the same bytes.
 * Memory     The file's bytes are borrowed until rdb_scan_release. Nothing is allocated but room for names and texts that are packed,
 *            RDB_DECODED_MAX at most, and never more than their packed bytes can become.
 * Cost       O(bytes). A value's bytes are passed over by their lengths; what is inside of strings is not looked at.
 * Invariant  Each call of rdb_scan_next moves on, or ends the scan.
 * Source     The RDB format of Redis 2.6 to 8.0.  */
#ifndef PERSIST_RDB_FILE_H
#define PERSIST_RDB_FILE_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "mem/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RDB_FILE_HEADER = 9,          /* bytes: "REDIS" and four digits */
    RDB_DECODED_MAX = 512 << 20,  /* bytes that a packed name, AUX field or library may become */
    RDB_FAULT_MAX = 200,
};

/* A module's 64-bit id, taken apart. */
struct rdb_module {
    char name[10];     /* nine characters and 0 */
    uint16_t version;  /* of its encoding */
};
struct rdb_module rdb_module_of_id(uint64_t id);

struct rdb_key {
    struct bytes name;
    struct bytes value;       /* its bytes in the file, without the type: what rdb_reader_begin and rdb_reader_step_value take */
    uint8_t type;             /* enum rdb_type */
    bool has_expiry, has_idle, has_frequency;
    uint8_t frequency;        /* LFU counter */
    int64_t expiry_ms;        /* Unix time; may be over */
    uint64_t idle_s;          /* LRU */
    struct rdb_module module; /* of type RDB_MODULE; otherwise empty */
};

enum rdb_item_kind {
    RDB_ITEM_AUX,
    RDB_ITEM_SELECT_DB,
    RDB_ITEM_RESIZE_DB,
    RDB_ITEM_SLOT_INFO,
    RDB_ITEM_FUNCTION,
    RDB_ITEM_MODULE_AUX,
    RDB_ITEM_KEY,
    RDB_ITEM_END,
};

/* What is in it is lent from the file, or from the scan until the next call of rdb_scan_next. */
struct rdb_item {
    enum rdb_item_kind kind;
    uint64_t at;   /* where it begins in the file, a key's with its expiry */
    uint64_t end;  /* where the next one begins */
    union {
        struct {
            struct bytes name, value;
        } aux;
        uint64_t database;
        struct {
            uint64_t slot; /* SLOT_INFO only */
            uint64_t keys, expiring;
        } counts;      /* RESIZE_DB, SLOT_INFO */
        struct bytes code;
        struct {
            struct rdb_module module;
            struct bytes value;
        } module_aux;
        struct rdb_key key;
        struct {
            uint64_t summed;  /* how many bytes, from the file's first on, the checksum is of */
            uint64_t crc;
            bool has_crc;     /* false: the version has none, or the writer made none (it is 0) */
        } last;        /* END */
    };
};

struct rdb_fault {
    uint64_t at;                  /* offset in the file */
    char sentence[RDB_FAULT_MAX]; /* without the offset; "" before there is a fault */
};

struct rdb_scan {
    struct bytes file;
    size_t at;                 /* where the next item begins */
    size_t to;                 /* where the range ends: no item reaches beyond */
    unsigned version;          /* of the file */
    bool is_range;             /* it may end without END */
    bool is_over, is_refused;  /* for good; is_refused: memory was */
    struct buffer rooms[2];    /* unpacked names and texts */
    struct rdb_fault fault;
};

/* Looks at the header. False: scan->fault says why (no RDB file, a version above RDB_VERSION_READ_MAX). Whatever it returns,
 * the caller calls rdb_scan_release.  */
MUST_USE bool rdb_scan_begin(struct rdb_scan *scan, struct bytes file);
/* The same for the items in [from, to) of the file, where both are offsets at which items begin (or `to` is the file's
 * length): whoever wrote the file knows them. The first item of a range says in which database its keys are, or the caller
 * knows. Offsets outside of the file, or in its header, are a fault.  */
MUST_USE bool rdb_scan_begin_range(struct rdb_scan *scan, struct bytes file, uint64_t from, uint64_t to);

enum rdb_scan_status {
    RDB_SCAN_ITEM,
    RDB_SCAN_OVER,       /* the item before was END, or the range is over */
    RDB_SCAN_BAD,        /* scan->fault; so it stays */
    RDB_SCAN_NO_MEMORY,  /* so it stays */
};

/* The next item. What stands behind END is not looked at. */
MUST_USE enum rdb_scan_status rdb_scan_next(struct rdb_scan *scan, struct rdb_item *out);
void rdb_scan_release(struct rdb_scan *scan);

/* "string", "hash", "list" ...: what TYPE says of a value of this type, "module" for modules', NULL for types that do not
 * exist.  */
const char *rdb_type_name(uint8_t type);

#endif
