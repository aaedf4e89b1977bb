/* stream_private.h - what the stream commands share: ids in their words, entries in their replies, finding streams.
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_STREAM_PRIVATE_H
#define CMD_STREAM_PRIVATE_H

#include "base/number.h"
#include "cmd/core/answers.h"
#include "data/stream_value.h"
#include "encoding/stream_group.h"
#include "exec/exec.h"

#define ERROR_BAD_STREAM_ID "ERR Invalid stream ID specified as stream command argument"

enum stream_id_form {
    STREAM_ID_PLAIN,    /* "5-1", "5" */
    STREAM_ID_WITH_ENDS, /* "-" and "+" as well */
    STREAM_ID_AUTO_SEQ, /* "5-*" as well */
};

/* An id as a command names it. */
struct stream_id_word {
    struct stream_id id;
    bool has_seq; /* false: "5-*" */
};

/* False: it is none. `missing_seq` stands for the sequence number of "5". */
bool stream_id_parse(struct bytes text, enum stream_id_form form, uint64_t missing_seq, struct stream_id_word *out);
/* argv[index] in the plain form; false: the error was replied. */
bool exec_stream_id(struct exec *exec, uint32_t index, struct stream_id *out);
/* argv[first_at] and argv[last_at] as the ends of an interval, "(5-1" without the id itself; false: the error was replied.
 * exec_stream_interval_start reads the first end alone.  */
struct stream_interval {
    struct stream_id first, last;
};
bool exec_stream_interval_start(struct exec *exec, uint32_t index, struct stream_id *out);
bool exec_stream_interval(struct exec *exec, uint32_t first_at, uint32_t last_at, struct stream_interval *out);
/* The plain ids argv[first] .. argv[end - 1], in scratch memory; NULL: the error was replied. */
const struct stream_id *exec_stream_ids(struct exec *exec, uint32_t first, uint32_t end);

/* "5-1"; returns the length. */
enum { STREAM_ID_TEXT_MAX = 2 * INT64_TEXT_MAX + 1 };
size_t stream_id_format(struct stream_id id, char out[STREAM_ID_TEXT_MAX]);
void reply_stream_id(struct reply *reply, struct stream_id id);
/* The id, and an array of fields and values. */
void reply_stream_entry(struct reply *reply, struct stream_entry *entry);
/* The same, and for how long the entry was idle, and how often it was delivered: an array of four. */
void reply_stream_delivered(struct reply *reply, struct stream_entry *entry, int64_t idle_ms, uint64_t delivery_count);
/* The entry with this id; false: there is none, and nothing was replied. */
bool reply_stream_entry_at(struct reply *reply, const struct stream *stream, struct stream_id id);

/* True when `entry` is a stream or NULL; otherwise replies WRONGTYPE. */
bool check_stream(struct exec *exec, const struct entry *entry);
/* "-NOGROUP No such key 'k' or consumer group 'g'" and `more`. */
void reply_no_group(struct exec *exec, struct bytes key, struct bytes group, const char *more);
/* "-NOGROUP No such consumer group 'g' for key name 'k'" */
void reply_no_group_of_key(struct exec *exec, struct bytes key, struct bytes group);

/* A group of a stream. */
struct stream_place {
    struct stream *stream;
    struct stream_group *group;
};

/* The consumer of that name, which is made when there is none; it was seen just now. RESULT_NO_MEMORY: as before. */
MUST_USE enum result stream_touch_consumer(struct exec *exec, struct key key, struct stream_place place, struct bytes name,
                                           struct stream_consumer **out);

#endif
