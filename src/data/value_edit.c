/* value_edit.c - changing a packed collection in its entry: room first when it grows, the bytes first when it shrinks.  */
#include "data/value_edit.h"

#include <assert.h>

/* What a shrinking edit takes away, so that it can be put back. */
struct undo {
    char *saved;
    char few[256];
};

static bool undo_save(struct undo *undo, const char *bytes, size_t len)
{
    undo->saved = len <= sizeof undo->few ? undo->few : thread_alloc(MEM_SERVER, len);
    if (UNLIKELY(undo->saved == NULL)) {
        return false;
    }
    memcpy(undo->saved, bytes, len);
    return true;
}

static void undo_release(struct undo *undo, size_t len)
{
    if (undo->saved != undo->few) {
        thread_free(MEM_SERVER, undo->saved, len);
    }
}

static enum result shrink(struct value *value, enum value_form form, const struct packed_edit *edit)
{
    struct undo undo;
    size_t len = value_len(value);
    char *data = value_data(value);
    if (UNLIKELY(!undo_save(&undo, data + edit->at, edit->old_len))) {
        return RESULT_NO_MEMORY;
    }
    size_t new_len = packed_apply(data, len, edit);
    enum result result = value_resize(value, form, new_len);
    if (UNLIKELY(result != RESULT_OK)) {
        size_t tail = len - edit->at - edit->old_len;
        memmove(data + (len - tail), data + (new_len - tail), tail);
        memcpy(data + edit->at, undo.saved, edit->old_len);
    }
    undo_release(&undo, edit->old_len);
    return result;
}

enum result value_edit(struct value *value, enum value_form form, const struct packed_edit *edit)
{
    size_t len = value_len(value);
    assert(edit->at <= len);
    assert(edit->old_len <= len - edit->at);
    size_t new_len = packed_edited_len(len, edit);
    if (new_len < len) {
        return shrink(value, form, edit);
    }
    if (new_len > len || value->entry == NULL) {
        enum result result = value_resize(value, form, new_len);
        if (UNLIKELY(result != RESULT_OK)) {
            return result;
        }
    }
    packed_apply(value_data(value), len, edit);
    return RESULT_OK;
}
