/* stream_words.c - ids in the words of stream commands, ids and entries in their replies; see stream_private.h.  */
#include "cmd/core/find.h"
#include "cmd/core/reply_item.h"
#include "cmd/stream/stream_private.h"
#include "exec/exec.h"
#include "shard/server.h"

#include <errno.h>
#include <stdlib.h>

enum { ID_WORD_MAX = 127 };

/* --- reading --- */

/* As Redis reads an unsigned number: an int64 in its strict form, or whatever strtoull takes. `text` ends with a NUL. */
static bool parse_number(const char *text, uint64_t *out)
{
    int64_t number;
    if (int64_parse(bytes_of_string(text), &number)) {
        *out = (uint64_t)number;
        return number >= 0;
    }
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && text[0] != '\0' && *end == '\0';
}

bool stream_id_parse(struct bytes text, enum stream_id_form form, uint64_t missing_seq, struct stream_id_word *out)
{
    char word[ID_WORD_MAX + 1];
    if (text.len > ID_WORD_MAX) {
        return false;
    }
    memcpy(word, text.data, text.len);
    word[text.len] = '\0';
    *out = (struct stream_id_word){.id = {0, missing_seq}, .has_seq = true};
    if ((word[0] == '-' || word[0] == '+') && word[1] == '\0') {
        out->id = word[0] == '-' ? STREAM_ID_MIN : STREAM_ID_MAX;
        return form == STREAM_ID_WITH_ENDS;
    }
    char *dash = strchr(word, '-');
    if (dash == NULL) {
        return parse_number(word, &out->id.ms);
    }
    *dash = '\0';
    const char *seq = dash + 1;
    if (!parse_number(word, &out->id.ms)) {
        return false;
    }
    if (form == STREAM_ID_AUTO_SEQ && seq[0] == '*' && seq[1] == '\0') {
        out->has_seq = false;
        out->id.seq = 0;
        return true;
    }
    return parse_number(seq, &out->id.seq);
}

static bool refuse_id(struct exec *exec)
{
    reply_error(exec->reply, ERROR_BAD_STREAM_ID);
    return false;
}

bool exec_stream_id(struct exec *exec, uint32_t index, struct stream_id *out)
{
    struct stream_id_word word;
    if (!stream_id_parse(exec->argv[index], STREAM_ID_PLAIN, 0, &word)) {
        return refuse_id(exec);
    }
    *out = word.id;
    return true;
}

/* One end of an interval; *is_exclusive: it began with '('. */
static bool read_end(struct exec *exec, uint32_t index, uint64_t missing_seq, struct stream_id *out, bool *is_exclusive)
{
    struct stream_id_word word;
    struct bytes text = exec->argv[index];
    *is_exclusive = text.len > 1 && text.data[0] == '(';
    if (*is_exclusive) {
        text = (struct bytes){text.data + 1, text.len - 1};
    }
    if (!stream_id_parse(text, *is_exclusive ? STREAM_ID_PLAIN : STREAM_ID_WITH_ENDS, missing_seq, &word)) {
        return refuse_id(exec);
    }
    *out = word.id;
    return true;
}

bool exec_stream_interval_start(struct exec *exec, uint32_t index, struct stream_id *out)
{
    bool is_exclusive;
    if (!read_end(exec, index, 0, out, &is_exclusive)) {
        return false;
    }
    if (is_exclusive && !stream_id_increment(out)) {
        reply_error(exec->reply, "ERR invalid start ID for the interval");
        return false;
    }
    return true;
}

bool exec_stream_interval(struct exec *exec, uint32_t first_at, uint32_t last_at, struct stream_interval *out)
{
    bool is_exclusive;
    if (!exec_stream_interval_start(exec, first_at, &out->first) ||
        !read_end(exec, last_at, UINT64_MAX, &out->last, &is_exclusive)) {
        return false;
    }
    if (is_exclusive && !stream_id_decrement(&out->last)) {
        reply_error(exec->reply, "ERR invalid end ID for the interval");
        return false;
    }
    return true;
}

const struct stream_id *exec_stream_ids(struct exec *exec, uint32_t first, uint32_t end)
{
    struct stream_id *ids = exec_scratch(exec, (size_t)(end - first) * sizeof *ids);
    if (ids == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return NULL;
    }
    for (uint32_t i = first; i < end; i++) {
        if (!exec_stream_id(exec, i, &ids[i - first])) {
            return NULL;
        }
    }
    return ids;
}

/* --- replying --- */

size_t stream_id_format(struct stream_id id, char out[STREAM_ID_TEXT_MAX])
{
    size_t len = uint64_format(id.ms, out);
    out[len++] = '-';
    return len + uint64_format(id.seq, out + len);
}

void reply_stream_id(struct reply *reply, struct stream_id id)
{
    char text[STREAM_ID_TEXT_MAX];
    reply_bulk(reply, (struct bytes){text, stream_id_format(id, text)});
}

/* The id and the fields, the first two of an array of `count`. */
static void reply_entry(struct reply *reply, struct stream_entry *entry, size_t count)
{
    reply_array(reply, count);
    reply_stream_id(reply, entry->id);
    reply_array(reply, 2 * entry->pair_count);
    for (uint64_t i = entry->pair_count; i > 0; i--) {
        struct item field, value;
        stream_entry_next_pair(entry, &field, &value);
        reply_item(reply, &field);
        reply_item(reply, &value);
    }
}

void reply_stream_entry(struct reply *reply, struct stream_entry *entry)
{
    reply_entry(reply, entry, 2);
}

void reply_stream_delivered(struct reply *reply, struct stream_entry *entry, int64_t idle_ms, uint64_t delivery_count)
{
    reply_entry(reply, entry, 4);
    reply_integer(reply, idle_ms);
    reply_integer(reply, (int64_t)delivery_count);
}

bool reply_stream_entry_at(struct reply *reply, const struct stream *stream, struct stream_id id)
{
    struct stream_walk walk;
    struct stream_entry entry;
    stream_walk_begin(&walk, stream, id, id, false);
    if (!stream_walk_next(&walk, &entry)) {
        return false;
    }
    reply_stream_entry(reply, &entry);
    return true;
}

/* --- finding --- */

bool check_stream(struct exec *exec, const struct entry *entry)
{
    return check_type(exec, entry, VALUE_STREAM);
}

/* Names in errors end with their first NUL, as in Redis. */
static int shown_len(struct bytes text)
{
    const size_t len = strnlen(text.data, text.len);
    return len > INT32_MAX ? INT32_MAX : (int)len;
}

void reply_no_group(struct exec *exec, struct bytes key, struct bytes group, const char *more)
{
    reply_errorf(exec->reply, "NOGROUP No such key '%.*s' or consumer group '%.*s'%s", shown_len(key), key.data,
                 shown_len(group), group.data, more);
}

void reply_no_group_of_key(struct exec *exec, struct bytes key, struct bytes group)
{
    reply_errorf(exec->reply, "NOGROUP No such consumer group '%.*s' for key name '%.*s'", shown_len(group), group.data,
                 shown_len(key), key.data);
}

enum result stream_touch_consumer(struct exec *exec, struct key key, struct stream_place place, struct bytes name,
                                  struct stream_consumer **out)
{
    struct stream_consumer *consumer = stream_find_consumer(place.group, name);
    if (consumer == NULL) {
        const enum result result = stream_create_consumer(place.stream, place.group, name, exec->now_ms, &consumer);
        if (result != RESULT_OK) {
            return result;
        }
        exec_changed(exec, key, EVENT_XGROUP_CREATECONSUMER);
    }
    consumer->seen_ms = exec->now_ms;
    *out = consumer;
    return RESULT_OK;
}
