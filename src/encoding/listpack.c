/* listpack.c - writing, walking and checking listpacks.  */
#include "encoding/listpack.h"

#include "base/check.h"

/* --- entries --- */

/* The back length of an item of `size` bytes, at `at`. Returns its own bytes. */
static inline size_t write_back(char *at, size_t size)
{
    size_t bytes = listpack_back_size(size);
    for (size_t i = bytes; i-- > 0;) {
        at[i] = (char)((size & 0x7F) | (i > 0 ? 0x80 : 0));
        size >>= 7;
    }
    return bytes;
}

size_t listpack_entry_size(const struct item *item)
{
    size_t size = packed_item_size(item);
    return size + listpack_back_size(size);
}

size_t listpack_write_entry(char *at, const struct item *item)
{
    size_t size = packed_write(at, item);
    return size + write_back(at + size, size);
}

size_t listpack_skip(struct bytes entries, size_t at, size_t items)
{
    for (; items > 0 && at < entries.len; items--) {
        at += listpack_size_at(entries.data + at);
    }
    assert(at <= entries.len);
    return at;
}

size_t listpack_skip_back(struct bytes entries, size_t at, size_t items)
{
    assert(at <= entries.len);
    for (; items > 0 && at > 0; items--) {
        debug_assert(listpack_size_before(entries.data + at) <= at);
        at -= listpack_size_before(entries.data + at);
    }
    return at;
}

size_t listpack_count_entries(struct bytes entries)
{
    size_t count = 0;
    size_t at = 0;
    for (; at < entries.len; count++) {
        at += listpack_size_at(entries.data + at);
    }
    assert(at == entries.len);
    return count;
}

bool listpack_same_item(const struct item *a, const struct item *b)
{
    if (a->data == NULL && b->data == NULL) {
        return a->integer == b->integer;
    }
    char scratch_a[ITEM_SCRATCH];
    char scratch_b[ITEM_SCRATCH];
    return bytes_equal(item_text(a, scratch_a), item_text(b, scratch_b));
}

/* `text`: of `wanted`. Bytes from outside may hold an integer as text. */
static inline bool is_wanted(const struct item *item, const struct item *wanted, struct bytes text)
{
    if (item->data != NULL) {
        return item->len == text.len && memcmp(item->data, text.data, text.len) == 0;
    }
    return wanted->data == NULL && item->integer == wanted->integer;
}

bool listpack_find(struct bytes entries, unsigned stride, const struct item *wanted, size_t *at)
{
    assert(stride > 0);
    char scratch[ITEM_SCRATCH];
    const struct bytes text = item_text(wanted, scratch);
    unsigned until_next = 0;
    for (size_t next = *at; next < entries.len;) {
        const size_t here = next;
        struct item item;
        listpack_next(entries, &next, &item);
        if (until_next > 0) {
            until_next--;
            continue;
        }
        if (is_wanted(&item, wanted, text)) {
            *at = here;
            return true;
        }
        until_next = stride - 1;
    }
    *at = entries.len;
    return false;
}

/* --- edits --- */

size_t listpack_edit_new_len(const struct listpack_edit *edit)
{
    size_t len = 0;
    for (size_t i = 0; i < edit->count; i++) {
        len += listpack_entry_size(&edit->items[i]);
    }
    return len;
}

size_t listpack_apply_to_entries(char *data, size_t len, const struct listpack_edit *edit)
{
    assert(edit->at <= len);
    assert(edit->old_len <= len - edit->at);
    const size_t new_len = listpack_edit_new_len(edit);
    const size_t tail = len - edit->at - edit->old_len;
    if (tail > 0 && new_len != edit->old_len) {
        memmove(data + edit->at + new_len, data + edit->at + edit->old_len, tail);
    }
    char *at = data + edit->at;
    for (size_t i = 0; i < edit->count; i++) {
        at += listpack_write_entry(at, &edit->items[i]);
    }
    assert(at == data + edit->at + new_len);
    return len - edit->old_len + new_len;
}

/* --- whole listpacks --- */

void listpack_frame(char *listpack, size_t len, size_t count)
{
    assert(len <= UINT32_MAX - LISTPACK_EMPTY);
    const uint32_t total = (uint32_t)(len + LISTPACK_EMPTY);
    const uint16_t short_count = count < LISTPACK_COUNT_UNKNOWN ? (uint16_t)count : (uint16_t)LISTPACK_COUNT_UNKNOWN;
    memcpy(listpack, &total, sizeof total);
    memcpy(listpack + sizeof total, &short_count, sizeof short_count);
    listpack[total - 1] = (char)LISTPACK_END_BYTE;
}

static size_t header_count(const char *listpack)
{
    uint16_t count;
    memcpy(&count, listpack + sizeof(uint32_t), sizeof count);
    return count;
}

size_t listpack_count(const char *listpack)
{
    const size_t count = header_count(listpack);
    return LIKELY(count != LISTPACK_COUNT_UNKNOWN) ? count : listpack_count_entries(listpack_entries(listpack));
}

size_t listpack_place(const char *listpack, int64_t index)
{
    const struct bytes entries = listpack_entries(listpack);
    const size_t count = listpack_count(listpack);
    const uint64_t from_end = index < 0 ? 0 - (uint64_t)index : 0;
    if (index < 0 ? from_end > count : (uint64_t)index >= count) {
        return entries.len;
    }
    const size_t place = index < 0 ? count - (size_t)from_end : (size_t)index;
    if (place < count / 2) {
        return listpack_skip(entries, 0, place);
    }
    return listpack_skip_back(entries, entries.len, count - place);
}

size_t listpack_edited_bytes(const char *listpack, const struct listpack_edit *edit)
{
    return listpack_bytes(listpack) - edit->old_len + listpack_edit_new_len(edit);
}

size_t listpack_apply(char *listpack, const struct listpack_edit *edit)
{
    const size_t old_len = listpack_entries(listpack).len;
    const size_t old_count = header_count(listpack);
    const size_t len = listpack_apply_to_entries(listpack + LISTPACK_HEADER, old_len, edit);
    size_t count = LISTPACK_COUNT_UNKNOWN;
    if (len == 0) {
        count = 0;
    } else if (old_count != LISTPACK_COUNT_UNKNOWN) {
        assert(edit->old_count <= old_count);
        count = old_count - edit->old_count + edit->count;
    }
    listpack_frame(listpack, len, count);
    debug_assert(listpack_is_sound(listpack));
    return len + LISTPACK_EMPTY;
}

size_t listpack_append(char *listpack, const struct item *item)
{
    const size_t len = listpack_bytes(listpack) - LISTPACK_EMPTY;
    const size_t new_len = len + listpack_write_entry(listpack + LISTPACK_HEADER + len, item);
    const size_t count = header_count(listpack);
    listpack_frame(listpack, new_len, count == LISTPACK_COUNT_UNKNOWN ? count : count + 1);
    debug_assert(listpack_is_sound(listpack));
    return new_len + LISTPACK_EMPTY;
}

/* --- bytes from outside --- */

/* Bytes of an item that must be there before packed_size may look; 0: no item begins so. */
static size_t head_size(unsigned char first)
{
    if (first < 0xC0) {
        return 1;
    }
    if (first < 0xF0) {
        return 2;
    }
    static const unsigned char sizes[] = {5, 3, 4, 5, 9};
    return first - 0xF0u < sizeof sizes ? sizes[first - 0xF0u] : 0;
}

/* Bytes of the entry at `at`; 0 when there is none that ends within `left` bytes, its back length included. */
static size_t checked_size(const char *at, size_t left)
{
    const size_t head = head_size((unsigned char)*at);
    if (head == 0 || head > left) {
        return 0;
    }
    const size_t size = packed_size(at);
    if (size >= left || listpack_back_size(size) > left - size) {
        return 0;
    }
    char back[LISTPACK_BACK_MAX];
    const size_t back_size = write_back(back, size);
    return memcmp(at + size, back, back_size) == 0 ? size + back_size : 0;
}

bool listpack_entries_are_valid(struct bytes entries, size_t *count)
{
    size_t found = 0;
    for (size_t at = 0; at < entries.len; found++) {
        const size_t size = checked_size(entries.data + at, entries.len - at);
        if (size == 0) {
            return false;
        }
        at += size;
    }
    *count = found;
    return true;
}

bool listpack_is_valid(struct bytes bytes, size_t *count)
{
    size_t found;
    if (bytes.len < LISTPACK_EMPTY || bytes.len != listpack_bytes(bytes.data) ||
        (unsigned char)bytes.data[bytes.len - 1] != LISTPACK_END_BYTE ||
        !listpack_entries_are_valid(listpack_entries(bytes.data), &found)) {
        return false;
    }
    const size_t claimed = header_count(bytes.data);
    if (claimed != LISTPACK_COUNT_UNKNOWN && claimed != found) {
        return false;
    }
    *count = found;
    return true;
}

bool listpack_is_sound(const char *listpack)
{
    size_t count;
    const size_t len = listpack_bytes(listpack);
    return !check_is_due(len, header_count(listpack)) || listpack_is_valid((struct bytes){listpack, len}, &count);
}
