/* stream_trim.c - see stream_trim.h.  */
#include "cmd/stream/stream_trim.h"

#include "exec/exec.h"

static uint64_t looks_for_entry(const struct stream *stream)
{
    return 1 + (uint64_t)stream->group_count;
}

static struct stream_id lower_id(struct stream_id a, struct stream_id b)
{
    return stream_id_compare(a, b) < 0 ? a : b;
}

/* The last id that an exact trim may take: what is behind was not delivered in a group, or is not below the threshold. False: it takes none. */
static bool find_last(const struct group_trim *trim, const struct stream *stream, struct stream_id *last)
{
    *last = trim->trim.by_id ? trim->trim.min_id : STREAM_ID_MAX;
    if (trim->trim.by_id && !stream_id_decrement(last)) {
        return false;
    }
    for (uint32_t i = 0; trim->policy == STREAM_ACKED && i < stream->group_count; i++) {
        *last = lower_id(*last, stream->groups[i]->last_id);
    }
    return stream_id_compare(trim->next, *last) <= 0;
}

/* How many entries may go yet. */
static uint64_t count_over(const struct group_trim *trim, uint64_t length)
{
    if (trim->trim.by_id) {
        return UINT64_MAX;
    }
    return length > trim->trim.max_length ? length - trim->trim.max_length : 0;
}

static bool may_go(const struct group_trim *trim, const struct stream *stream, struct stream_id id)
{
    return trim->policy == STREAM_DELREF || !stream_is_needed(stream, id);
}

bool group_trim_is_short(const struct group_trim *trim, const struct stream *stream, uint64_t added)
{
    struct stream_id last;
    struct stream_walk walk;
    struct stream_entry entry;
    uint64_t left = count_over(trim, stream->length + added);
    uint64_t entries = STREAM_LOOKS_AT_ONCE / looks_for_entry(stream);
    if (left == 0 || !find_last(trim, stream, &last)) {
        return true;
    }
    stream_walk_begin(&walk, stream, trim->next, last, false);
    for (; left > 0 && stream_walk_next(&walk, &entry); entries--) {
        if (entries == 0) {
            return false;
        }
        left -= may_go(trim, stream, entry.id);
    }
    return true;
}

/* The entries from trim->next to *last may be looked at. False: the trim is at its end. */
static bool find_span(const struct group_trim *trim, const struct stream *stream, struct stream_id *last)
{
    struct stream_id node_last;
    if (count_over(trim, stream->length) == 0 || !find_last(trim, stream, last)) {
        return false;
    }
    if (trim->trim.is_approximate) {
        if (!stream_trim_node(stream, &trim->trim, trim->next, trim->gone, &node_last)) {
            return false;
        }
        *last = lower_id(*last, node_last);
    }
    return true;
}

/* Deletes what may go; with DELREF after the references to it. False: no memory, the rest is there still. */
static bool delete_entries(struct group_trim *trim, struct exec *exec, struct stream *stream, const struct stream_piece *piece)
{
    struct stream_piece gone = {.count = 0};
    enum result result = RESULT_OK;
    if (trim->policy == STREAM_DELREF) {
        stream_forget_pending(exec, stream, NULL, piece);
    }
    for (uint32_t i = 0; i < piece->count && result == RESULT_OK; i++) {
        result = stream_delete(stream, piece->ids[i]);
        if (result == RESULT_OK) {
            gone.ids[gone.count++] = piece->ids[i];
        }
    }
    trim->gone += gone.count;
    stream_report_deleted(exec, &gone);
    return result == RESULT_OK;
}

/* Puts some of the entries up to `last` that may go in the piece; returns the id of the last one that was looked at. */
static struct stream_id collect(const struct group_trim *trim, const struct stream *stream, struct stream_id last, struct stream_piece *piece)
{
    const uint64_t over = count_over(trim, stream->length);
    const uint32_t count_max = over < STREAM_PIECE_IDS ? (uint32_t)over : STREAM_PIECE_IDS;
    struct stream_walk walk;
    struct stream_entry entry = {.id = trim->next};
    stream_walk_begin(&walk, stream, trim->next, last, false);
    for (uint64_t looks = 0; looks < STREAM_PIECE_LOOKS && piece->count < count_max; looks += looks_for_entry(stream)) {
        if (!stream_walk_next(&walk, &entry)) {
            return last;
        }
        if (may_go(trim, stream, entry.id)) {
            piece->ids[piece->count++] = entry.id;
        }
    }
    return entry.id;
}

static void trim_piece(struct group_trim *trim, struct exec *exec, struct stream *stream)
{
    struct stream_piece piece = {.count = 0};
    struct stream_id last;
    if (!find_span(trim, stream, &last)) {
        trim->is_done = true;
        return;
    }
    trim->next = collect(trim, stream, last, &piece);
    const bool is_last = !stream_id_increment(&trim->next);
    trim->is_done = !delete_entries(trim, exec, stream, &piece) || is_last;
}

void group_trim_run(struct group_trim *trim, struct exec *exec, struct stream *stream)
{
    do {
        trim_piece(trim, exec, stream);
    } while (!trim->is_done && (exec->job == NULL || !exec_step_is_over(exec)));
}
