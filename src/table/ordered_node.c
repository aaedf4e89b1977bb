/* ordered_node.c - see ordered_node.h.  */
#include "table/ordered_node.h"

#include <assert.h>
#include <string.h>

enum { TEXT_HEAD = 4, INNER_HEAD = 8, ROOM_UNIT = 8 };

_Static_assert((int)TEXT_SKIP_MAX / (int)ROOM_UNIT <= UINT8_MAX, "the room of a beginning has a byte");
_Static_assert((int)TEXT_SKIP_MAX % (int)ROOM_UNIT == 0, "the longest beginning fills its room");

uint64_t ordered_number(enum column_type type, const struct typed_value *value)
{
    const uint64_t sign = UINT64_C(1) << 63;
    assert(!column_type_is_text(type));
    if (type != COLUMN_FLOAT) {
        return (uint64_t)value->integer ^ sign;
    }
    const double number = value->number == 0 ? 0 : value->number; /* -0 */
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return (bits & sign) != 0 ? ~bits : bits | sign;
}

/* --- parts of a node --- */

static unsigned char *heads(const struct ordered_node *node)
{
    return (unsigned char *)(uintptr_t)node->body + (node->is_leaf ? 0 : (size_t)node->capacity * 8);
}

static size_t beginning_offset(const struct ordered_node *node)
{
    return node_rows_offset(node) + (size_t)node->capacity * (node->is_leaf ? 4 : 8);
}

static char *beginning(const struct ordered_node *node)
{
    return (char *)(uintptr_t)node->body + beginning_offset(node);
}

static uint64_t head_at(const struct ordered_node *node, uint32_t at)
{
    const unsigned char *all = heads(node);
    switch (node->width) {
    case 1:
        return all[at];
    case 2:
        return ((const uint16_t *)(const void *)all)[at];
    case 4:
        return ((const uint32_t *)(const void *)all)[at];
    default:
        return ((const uint64_t *)(const void *)all)[at];
    }
}

static void set_head(struct ordered_node *node, uint32_t at, uint64_t head)
{
    unsigned char *all = heads(node);
    switch (node->width) {
    case 1:
        all[at] = (uint8_t)head;
        break;
    case 2:
        ((uint16_t *)(void *)all)[at] = (uint16_t)head;
        break;
    case 4:
        ((uint32_t *)(void *)all)[at] = (uint32_t)head;
        break;
    default:
        ((uint64_t *)(void *)all)[at] = head;
        break;
    }
}

static uint64_t head_max(uint32_t width)
{
    return UINT64_MAX >> (64 - width * 8);
}

uint64_t ordered_node_number(const struct ordered_node *node, uint32_t at)
{
    return node->base + head_at(node, at);
}

struct bytes ordered_key_text(const struct key_source *source, uint32_t row)
{
    return cells_text(&source->pages[row_page(row)]->columns[source->slot], row_slot(row));
}

uint64_t ordered_node_total(const struct ordered_node *node)
{
    if (node->is_leaf) {
        return node->count;
    }
    uint64_t total = 0;
    const uint32_t *below = node_below(node);
    for (uint32_t i = 0; i < node->count; i++) {
        total += below[i];
    }
    return total;
}

/* --- blocks --- */

static uint32_t width_for(const struct node_shape *shape)
{
    if (!shape->is_leaf) {
        return INNER_HEAD;
    }
    if (shape->is_text) {
        return TEXT_HEAD;
    }
    const uint64_t span = shape->most - shape->least;
    return span <= UINT8_MAX ? 1 : span <= UINT16_MAX ? 2 : span <= UINT32_MAX ? 4 : 8;
}

static uint32_t room_for(const struct node_shape *shape)
{
    return shape->is_text ? (shape->skip + ROOM_UNIT - 1) / ROOM_UNIT : 0;
}

static size_t shape_bytes(const struct node_shape *shape, uint32_t capacity)
{
    const size_t width = width_for(shape);
    const size_t items = shape->is_leaf ? ((width * capacity + 3) & ~(size_t)3) + (size_t)4 * capacity : (size_t)24 * capacity;
    return sizeof(struct ordered_node) + items + (size_t)room_for(shape) * ROOM_UNIT;
}

size_t ordered_node_bytes(const struct ordered_node *node)
{
    return sizeof *node + beginning_offset(node) + (size_t)node->room * ROOM_UNIT;
}

size_t ordered_node_shape_bytes(const struct node_shape *shape)
{
    return shape_bytes(shape, shape->count);
}

static uint32_t capacity_for(const struct node_shape *shape)
{
    const uint32_t most = shape->is_leaf ? LEAF_KEYS_MAX : INNER_KEYS_MAX;
    const size_t block = heap_block_bytes(shape_bytes(shape, shape->count));
    const size_t item = shape->is_leaf ? width_for(shape) + 4 : 24;
    const size_t fits = (block - sizeof(struct ordered_node) - (size_t)room_for(shape) * ROOM_UNIT) / item;
    uint32_t capacity = fits < most ? (uint32_t)fits : most;
    while (shape_bytes(shape, capacity) > block) {
        capacity--; /* heads are padded to 4 bytes */
    }
    assert(capacity >= shape->count);
    return capacity;
}

struct ordered_node *ordered_node_create(struct heap *heap, enum mem_class which, const struct node_shape *shape)
{
    const uint32_t capacity = capacity_for(shape);
    assert(shape->skip <= TEXT_SKIP_MAX);
    struct ordered_node *node = heap_alloc(heap, which, shape_bytes(shape, capacity));
    if (node != NULL) {
        *node = (struct ordered_node){.capacity = (uint8_t)capacity,
                                      .width = (uint8_t)width_for(shape),
                                      .room = (uint8_t)room_for(shape),
                                      .is_leaf = shape->is_leaf,
                                      .base = shape->is_leaf && !shape->is_text ? shape->least : 0};
    }
    return node;
}

/* --- finding --- */

/* style: one body for four types of array; a function cannot take a type. The first of `count` heads that is not less. */
#define DEFINE_LOWER_BOUND(name, type)                                    \
    static uint32_t name(const void *all, uint32_t count, type head)      \
    {                                                                     \
        const type *at = all;                                             \
        while (count > 1) {                                               \
            const uint32_t half = count / 2;                              \
            at += at[half - 1] < head ? half : 0;                         \
            count -= half;                                                \
        }                                                                 \
        at += count == 1 && *at < head ? 1 : 0;                           \
        return (uint32_t)(at - (const type *)all);                        \
    }

DEFINE_LOWER_BOUND(lower_bound_1, uint8_t)
DEFINE_LOWER_BOUND(lower_bound_2, uint16_t)
DEFINE_LOWER_BOUND(lower_bound_4, uint32_t)
DEFINE_LOWER_BOUND(lower_bound_8, uint64_t)

/* The first item from `from` on whose head is not less. */
static uint32_t first_not_less(const struct ordered_node *node, uint32_t from, uint64_t head)
{
    const unsigned char *all = heads(node) + (size_t)from * node->width;
    const uint32_t count = node->count - from;
    switch (node->width) {
    case 1:
        return from + lower_bound_1(all, count, (uint8_t)head);
    case 2:
        return from + lower_bound_2(all, count, (uint16_t)head);
    case 4:
        return from + lower_bound_4(all, count, (uint32_t)head);
    default:
        return from + lower_bound_8(all, count, head);
    }
}

/* Behind the items with this head, of which `low` is the first. */
static uint32_t run_end(const struct ordered_node *node, uint32_t low, uint64_t head)
{
    if (low + 1 == node->count || head_at(node, low + 1) != head) {
        return low + 1;
    }
    return head == head_max(node->width) ? node->count : first_not_less(node, low + 1, head + 1);
}

static uint32_t row_position(const uint32_t *rows, uint32_t low, uint32_t high, uint64_t row)
{
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (rows[middle] < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint64_t load_head(const char *data, size_t len, uint32_t width)
{
    uint64_t head = 0;
    memcpy(&head, data, len < width ? len : width);
    return __builtin_bswap64(head) >> (64 - width * 8);
}

/* The head of a text that begins with the node's beginning. */
static uint64_t text_head(const struct ordered_node *node, struct bytes text)
{
    return load_head(text.data + node->skip, text.len - node->skip, node->width);
}

/* The head is all that follows the beginning, and of no other text. */
static bool is_whole_head(const struct ordered_node *node, struct bytes text)
{
    const size_t left = text.len - node->skip;
    return left <= node->width && (left == 0 || memchr(text.data + node->skip, 0, left) == NULL);
}

static int compare_item(const struct ordered_node *node, uint32_t at, const struct key_source *source, struct bytes text)
{
    return bytes_compare(ordered_key_text(source, node_rows(node)[at]), text);
}

/* Among the items low .. high - 1, whose heads are the key's: by their texts, and then rows. */
static uint32_t text_position(const struct ordered_node *node, const struct key_source *source, const struct ordered_key *key,
                              uint32_t low, uint32_t high)
{
    const uint32_t *rows = node_rows(node);
    if (node->is_whole) { /* a text that is not all in its head is longer than these */
        return is_whole_head(node, key->text) ? row_position(rows, low, high, key->row) : high;
    }
    const int last = compare_item(node, high - 1, source, key->text);
    if (last < 0 || (last == 0 && rows[high - 1] < key->row)) {
        return high;
    }
    const int first = high - low == 1 ? last : compare_item(node, low, source, key->text);
    if (first > 0 || (first == 0 && rows[low] >= key->row)) {
        return low;
    }
    if (first == 0 && last == 0) {
        return row_position(rows, low, high, key->row);
    }
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        const int order = compare_item(node, middle, source, key->text);
        if (order < 0 || (order == 0 && rows[middle] < key->row)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint32_t position_of_text(const struct ordered_node *node, const struct key_source *source, const struct ordered_key *key)
{
    const struct bytes text = key->text;
    const uint32_t from = node_first(node);
    if (node->count == from) {
        return from;
    }
    if (node->skip > 0) {
        const size_t shorter = text.len < node->skip ? text.len : node->skip;
        const int order = shorter == 0 ? 0 : memcmp(text.data, beginning(node), shorter);
        if (order != 0 || text.len < node->skip) {
            return order > 0 ? node->count : from;
        }
    }
    const uint64_t head = text_head(node, text);
    const uint32_t low = first_not_less(node, from, head);
    if (low == node->count || head_at(node, low) != head) {
        return low;
    }
    return text_position(node, source, key, low, run_end(node, low, head));
}

static uint32_t position_of_number(const struct ordered_node *node, const struct ordered_key *key)
{
    const uint32_t from = node_first(node);
    const uint64_t head = key->number - node->base;
    if (node->count == from || key->number < node->base) {
        return from;
    }
    if (head > head_max(node->width)) {
        return node->count;
    }
    const uint32_t low = first_not_less(node, from, head);
    if (low == node->count || head_at(node, low) != head) {
        return low;
    }
    return row_position(node_rows(node), low, run_end(node, low, head), key->row);
}

uint32_t ordered_node_position(const struct ordered_node *node, const struct key_source *source, const struct ordered_key *key)
{
    return source->is_text ? position_of_text(node, source, key) : position_of_number(node, key);
}

bool ordered_node_fits(const struct ordered_node *node, const struct key_source *source, const struct ordered_key *key)
{
    if (source->is_text) {
        return node->skip == 0 || (key->text.len >= node->skip && memcmp(key->text.data, beginning(node), node->skip) == 0);
    }
    return key->number >= node->base && key->number - node->base <= head_max(node->width);
}

/* --- changing --- */

uint32_t ordered_texts_in_common(struct bytes first, struct bytes last)
{
    const size_t shorter = first.len < last.len ? first.len : last.len;
    const uint32_t most = shorter < TEXT_SKIP_MAX ? (uint32_t)shorter : TEXT_SKIP_MAX;
    uint32_t common = 0;
    while (common < most && first.data[common] == last.data[common]) {
        common++;
    }
    return common;
}

void ordered_node_narrow(struct ordered_node *node, struct bytes text)
{
    const char *old = beginning(node);
    const uint32_t skip = ordered_texts_in_common(text, (struct bytes){old, node->skip});
    const uint32_t more = node->skip - skip; /* bytes that come into the heads, before those that are there */
    if (more == 0) {
        return;
    }
    const uint64_t front = load_head(old + skip, more, node->width);
    const uint64_t lost = more < node->width ? (UINT64_C(1) << (more * 8)) - 1 : UINT64_MAX; /* bits that fall off a head */
    uint64_t fallen = 0;
    for (uint32_t i = node_first(node); i < node->count; i++) {
        const uint64_t head = head_at(node, i);
        fallen |= head & lost;
        set_head(node, i, front | (more < node->width ? head >> (more * 8) : 0));
    }
    node->is_whole = node->is_whole && fallen == 0 && more <= node->width && memchr(old + skip, 0, more) == NULL;
    node->skip = (uint8_t)skip;
}

static void set_text(struct ordered_node *node, uint32_t at, struct bytes text)
{
    const uint32_t from = node_first(node);
    if (node->count - from <= 1 && at == from) { /* the only one: all of it is common */
        const size_t room = (size_t)node->room * ROOM_UNIT;
        node->skip = (uint8_t)(text.len < room ? text.len : room);
        if (node->skip > 0) {
            memcpy(beginning(node), text.data, node->skip);
        }
        node->is_whole = true;
    } else {
        ordered_node_narrow(node, text);
    }
    node->is_whole = node->is_whole && is_whole_head(node, text);
    set_head(node, at, text_head(node, text));
}

void ordered_node_set_key(struct ordered_node *node, uint32_t at, const struct key_source *source, const struct ordered_key *key)
{
    assert(at >= node_first(node));
    assert(at < node->count);
    node_rows(node)[at] = (uint32_t)key->row;
    if (source->is_text) {
        set_text(node, at, key->text);
    } else {
        assert(ordered_node_fits(node, source, key));
        set_head(node, at, key->number - node->base);
    }
}

static void move_items(struct ordered_node *node, uint32_t to, uint32_t from, uint32_t count)
{
    const size_t width = node->width;
    memmove(heads(node) + to * width, heads(node) + from * width, count * width);
    memmove(node_rows(node) + to, node_rows(node) + from, count * sizeof(uint32_t));
    if (!node->is_leaf) {
        memmove(node_children(node) + to, node_children(node) + from, count * sizeof(struct ordered_node *));
        memmove(node_below(node) + to, node_below(node) + from, count * sizeof(uint32_t));
    }
}

void ordered_node_open(struct ordered_node *node, uint32_t at)
{
    assert(node->count < node->capacity);
    assert(at <= node->count);
    move_items(node, at + 1, at, node->count - at);
    node->count++;
}

void ordered_node_close(struct ordered_node *node, uint32_t at)
{
    assert(at < node->count);
    move_items(node, at, at + 1, node->count - at - 1u);
    node->count--;
}

static void copy_heads(struct ordered_node *to, const struct ordered_node *from, uint32_t at, uint32_t count)
{
    if (to->width == from->width && to->base == from->base) {
        memcpy(heads(to) + (size_t)to->count * to->width, heads(from) + (size_t)at * from->width, (size_t)count * to->width);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        set_head(to, to->count + i, from->base + head_at(from, at + i) - to->base);
    }
}

void ordered_node_append(struct ordered_node *to, const struct ordered_node *from, uint32_t at, uint32_t count)
{
    assert(to->is_leaf == from->is_leaf);
    assert(at + count <= from->count);
    assert(to->count + count <= to->capacity);
    copy_heads(to, from, at, count);
    memcpy(node_rows(to) + to->count, node_rows(from) + at, count * sizeof(uint32_t));
    if (!to->is_leaf) {
        memcpy(node_children(to) + to->count, node_children(from) + at, count * sizeof(struct ordered_node *));
        memcpy(node_below(to) + to->count, node_below(from) + at, count * sizeof(uint32_t));
    }
    if (to->count == 0 && from->skip > 0 && from->skip <= to->room * ROOM_UNIT) {
        to->skip = from->skip;
        memcpy(beginning(to), beginning(from), from->skip);
    }
    to->is_whole = from->is_whole && (to->count == 0 || to->is_whole);
    to->count = (uint8_t)(to->count + count);
}

bool ordered_node_begins_alike(const struct ordered_node *a, const struct ordered_node *b)
{
    return a->skip == b->skip && (a->skip == 0 || memcmp(beginning(a), beginning(b), a->skip) == 0);
}

/* The rows lie anywhere: their memory is asked for together, before one of them is read. */
__attribute__((always_inline)) static inline void prefetch_texts(const struct ordered_node *node, const struct key_source *source)
{
    const uint32_t *rows = node_rows(node);
    for (uint32_t i = node_first(node); i < node->count; i++) {
        __builtin_prefetch(&source->pages[row_page(rows[i])]->columns[source->slot]);
    }
    for (uint32_t i = node_first(node); i < node->count; i++) {
        const struct page *page = source->pages[row_page(rows[i])];
        cells_prefetch(&page->columns[source->slot], page->capacity, row_slot(rows[i]));
    }
    for (uint32_t i = node_first(node); i < node->count; i++) {
        cells_prefetch_text(&source->pages[row_page(rows[i])]->columns[source->slot], row_slot(rows[i]));
    }
}

void ordered_node_encode_texts(struct ordered_node *node, const struct key_source *source)
{
    const uint32_t from = node_first(node);
    const uint32_t *rows = node_rows(node);
    node->skip = 0;
    node->is_whole = true;
    if (node->count == from) {
        return;
    }
    prefetch_texts(node, source);
    const struct bytes first = ordered_key_text(source, rows[from]);
    const uint32_t common = ordered_texts_in_common(first, ordered_key_text(source, rows[node->count - 1]));
    const uint32_t room = node->room * (uint32_t)ROOM_UNIT;
    node->skip = (uint8_t)(common < room ? common : room);
    if (node->skip > 0) {
        memcpy(beginning(node), first.data, node->skip);
    }
    for (uint32_t i = from; i < node->count; i++) {
        const struct bytes text = ordered_key_text(source, rows[i]);
        set_head(node, i, text_head(node, text));
        node->is_whole = node->is_whole && is_whole_head(node, text);
    }
}

/* --- checking --- */

static bool item_is_valid(const struct ordered_node *node, uint32_t at, const struct key_source *source)
{
    if (!source->is_text) {
        return true;
    }
    const struct bytes text = ordered_key_text(source, node_rows(node)[at]);
    const bool begins = text.len >= node->skip && (node->skip == 0 || memcmp(text.data, beginning(node), node->skip) == 0);
    return begins && text_head(node, text) == head_at(node, at) && (!node->is_whole || is_whole_head(node, text));
}

/* Item `at` is behind the one before it; texts that have the same head are looked at if `deep`. */
static bool ascends(const struct ordered_node *node, uint32_t at, const struct key_source *source, bool deep)
{
    const uint64_t before = head_at(node, at - 1);
    const uint64_t head = head_at(node, at);
    const uint32_t *rows = node_rows(node);
    if (before != head) {
        return before < head;
    }
    if (!source->is_text) {
        return rows[at - 1] < rows[at];
    }
    const int order =
        !deep ? -1 : bytes_compare(ordered_key_text(source, rows[at - 1]), ordered_key_text(source, rows[at]));
    return order < 0 || (order == 0 && rows[at - 1] < rows[at]);
}

bool ordered_node_is_valid(const struct ordered_node *node, const struct key_source *source, bool deep)
{
    if (node->count > node->capacity || node->skip > node->room * ROOM_UNIT) {
        return false;
    }
    for (uint32_t i = node_first(node); i < node->count; i++) {
        if ((deep && !item_is_valid(node, i, source)) || (i > node_first(node) && !ascends(node, i, source, deep))) {
            return false;
        }
    }
    return true;
}
