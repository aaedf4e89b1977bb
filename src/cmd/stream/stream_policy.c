/* stream_policy.c - see stream_policy.h.  */
#include "cmd/stream/stream_policy.h"

#include "exec/exec.h"
#include "shard/server.h"

enum { XDEL_HEAD = 2 };

bool stream_policy_parse(struct bytes word, enum stream_policy *out)
{
    static const char *const names[STREAM_POLICY_COUNT] = {"KEEPREF", "DELREF", "ACKED"};
    for (int i = 0; i < STREAM_POLICY_COUNT; i++) {
        if (bytes_equal_ignore_case(word, bytes_of_string(names[i]))) {
            *out = (enum stream_policy)i;
            return true;
        }
    }
    return false;
}

bool stream_is_needed(const struct stream *stream, struct stream_id id)
{
    for (uint32_t i = 0; i < stream->group_count; i++) {
        const struct stream_group *group = stream->groups[i];
        if (stream_id_compare(id, group->last_id) > 0 || stream_find_pending(group, id) != NULL) {
            return true;
        }
    }
    return false;
}

static void forget_in_group(struct exec *exec, struct stream *stream, struct stream_group *group, const struct stream_piece *piece)
{
    struct group_effect effect;
    group_effect_begin(&effect, exec, exec_key(exec, 1), group);
    for (uint32_t i = 0; i < piece->count; i++) {
        if (stream_remove_pending(stream, group, piece->ids[i])) {
            group_effect_removed(&effect, piece->ids[i]);
            exec_count_changes(exec, 1);
        }
    }
    group_effect_end(&effect);
}

void stream_forget_pending(struct exec *exec, struct stream *stream, const struct stream_group *spared, const struct stream_piece *piece)
{
    for (uint32_t i = 0; i < stream->group_count; i++) {
        if (stream->groups[i] != spared) {
            forget_in_group(exec, stream, stream->groups[i], piece);
        }
    }
}

void stream_report_deleted(struct exec *exec, const struct stream_piece *piece)
{
    struct bytes words[XDEL_HEAD + STREAM_PIECE_IDS];
    char texts[STREAM_PIECE_IDS][STREAM_ID_TEXT_MAX];
    if (piece->count == 0) {
        return;
    }
    words[0] = BYTES("XDEL");
    words[1] = exec->argv[1];
    for (uint32_t i = 0; i < piece->count; i++) {
        words[XDEL_HEAD + i] = (struct bytes){texts[i], stream_id_format(piece->ids[i], texts[i])};
    }
    exec_count_changes(exec, piece->count);
    exec_effect(exec, exec_key(exec, 1), words, XDEL_HEAD + piece->count);
}
