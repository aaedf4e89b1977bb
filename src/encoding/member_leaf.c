/* member_leaf.c - items and blocks of a member table's leaves; drawn in member_leaf.h.  */
#include "encoding/member_leaf.h"

#include <assert.h>

enum { APART_HEADER = 8 };
_Static_assert((int)APART_HEADER == (int)sizeof(uint64_t), "the content's length");

/* --- integers and heads --- */

static unsigned integer_len(int64_t value)
{
    const uint64_t magnitude = (uint64_t)value ^ (uint64_t)(value >> 63); /* without its sign bits */
    return magnitude == 0 ? 1 : (64u - (unsigned)__builtin_clzll(magnitude)) / 8 + 1;
}

static struct bytes integer_write(int64_t value, unsigned char scratch[8])
{
    const uint64_t word = (uint64_t)value;
    for (unsigned i = 0; i < 8; i++) {
        scratch[i] = (unsigned char)(word >> 8 * i);
    }
    return (struct bytes){(const char *)scratch, integer_len(value)};
}

static int64_t integer_read(const char *data, size_t len)
{
    uint64_t word = 0;
    debug_assert(len >= 1 && len <= sizeof word);
    for (size_t i = 0; i < len; i++) {
        word |= (uint64_t)(unsigned char)data[i] << 8 * i;
    }
    const unsigned unused = 64u - 8u * (unsigned)len;
    return (int64_t)(word << unused) >> unused;
}

static struct item item_read(const char *data, size_t len, bool is_integer)
{
    return is_integer ? item_of_integer(integer_read(data, len)) : (struct item){.data = data, .len = len};
}

static struct bytes item_write(const struct item *item, unsigned char scratch[8])
{
    return item_is_integer(item) ? integer_write(item->integer, scratch) : (struct bytes){item->data, item->len};
}

static unsigned head_write(uint64_t number, unsigned char head[LEAF_HEAD_MAX])
{
    unsigned len = 0;
    for (; number >= 0x80; number >>= 7) {
        head[len++] = (unsigned char)(number | 0x80);
    }
    head[len++] = (unsigned char)number;
    assert(len <= LEAF_HEAD_MAX);
    return len;
}

static uint64_t head_read(const char **at)
{
    uint64_t number = 0;
    unsigned shift = 0;
    unsigned char byte;
    do {
        byte = (unsigned char)*(*at)++;
        number |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte >= 0x80);
    return number;
}

/* --- checking --- */

bool leaf_is_valid(const struct member_leaf *leaf)
{
    assert(leaf->capacity == heap_block_bytes(leaf->capacity));
    assert(leaf->capacity >= leaf_bytes(leaf->count, leaf->used));
    assert(leaf->used == (leaf->count == 0 ? 0 : leaf_end(leaf, leaf->count - 1u)));
    for (unsigned i = 0; i < leaf->count; i++) {
        debug_assert(leaf_behind(leaf, i) <= leaf_end(leaf, i));
    }
    return true;
}

/* --- contents --- */

static char *apart_of(const struct member_leaf *leaf, unsigned index)
{
    assert((leaf_end_word(leaf, index) & LEAF_APART) != 0);
    uint64_t address;
    memcpy(&address, leaf_cell(leaf, index), sizeof address);
    return (char *)(uintptr_t)address;
}

static struct bytes apart_content(const char *apart)
{
    uint64_t len;
    memcpy(&len, apart, sizeof len);
    return (struct bytes){apart + APART_HEADER, (size_t)len};
}

struct bytes leaf_content(const struct member_leaf *leaf, unsigned index)
{
    if (UNLIKELY((leaf_end_word(leaf, index) & LEAF_APART) != 0)) {
        return apart_content(apart_of(leaf, index));
    }
    return (struct bytes){leaf_cell(leaf, index), leaf_cell_len(leaf, index)};
}

void leaf_decode(struct bytes content, bool is_integer, bool has_value, struct item *member, struct item *value)
{
    if (!has_value) {
        *member = item_read(content.data, content.len, is_integer);
        return;
    }
    const char *at = content.data;
    const uint64_t head = head_read(&at);
    const size_t field_len = (size_t)(head >> 1);
    debug_assert(field_len <= (size_t)(content.data + content.len - at));
    *member = item_read(at, field_len, (head & 1) != 0);
    if (value != NULL) {
        at += field_len;
        *value = item_read(at, (size_t)(content.data + content.len - at), is_integer);
    }
}

void leaf_item(const struct member_leaf *leaf, unsigned index, bool has_value, struct item *member, struct item *value)
{
    const bool is_integer = (leaf_end_word(leaf, index) & LEAF_INTEGER) != 0;
    leaf_decode(leaf_content(leaf, index), is_integer, has_value, member, value);
}

void leaf_encode(struct leaf_content *out, const struct item *member, const struct item *value, bool has_value)
{
    out->member = item_write(member, out->member_scratch);
    out->head_len = 0;
    out->value = (struct bytes){"", 0};
    out->is_integer = item_is_integer(member);
    if (has_value) {
        out->head_len = (uint8_t)head_write((uint64_t)out->member.len << 1 | item_is_integer(member), out->head);
        out->is_integer = value != NULL && item_is_integer(value);
        if (value != NULL) {
            out->value = item_write(value, out->value_scratch);
        }
    }
}

size_t leaf_content_len(const struct leaf_content *content)
{
    return content->head_len + content->member.len + content->value.len;
}

void leaf_content_write(const struct leaf_content *content, char *to)
{
    memcpy(to, content->head, content->head_len);
    to += content->head_len;
    if (content->member.len > 0) {
        memcpy(to, content->member.data, content->member.len);
    }
    if (content->value.len > 0) {
        memcpy(to + content->member.len, content->value.data, content->value.len);
    }
}

/* --- search --- */

static bool content_is(struct bytes content, const struct leaf_content *wanted, bool has_value)
{
    const size_t len = wanted->head_len + wanted->member.len;
    if (has_value ? content.len < len : content.len != len) {
        return false;
    }
    for (unsigned i = 0; i < wanted->head_len; i++) {
        if ((unsigned char)content.data[i] != wanted->head[i]) {
            return false;
        }
    }
    return memcmp(content.data + wanted->head_len, wanted->member.data, wanted->member.len) == 0;
}

/* Bit i is set when item first + i has this tag; the bits of items that are not there may be set, too. */
#if defined(__SSE2__)
static inline unsigned tags_match(const struct member_leaf *leaf, unsigned first, uint8_t tag)
{
    const __m128i tags = _mm_loadu_si128((const __m128i *)(const void *)(leaf->tags + first));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag)));
}
#else
static inline unsigned tags_match(const struct member_leaf *leaf, unsigned first, uint8_t tag)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < LEAF_TAG_GROUP; i++) {
        mask |= (unsigned)(leaf->tags[first + i] == tag) << i;
    }
    return mask;
}
#endif

uint32_t leaf_find(const struct member_leaf *leaf, uint8_t tag, const struct leaf_content *wanted, bool has_value)
{
    const unsigned count = leaf->count;
    for (unsigned first = 0; first < count; first += LEAF_TAG_GROUP) {
        const unsigned left = count - first;
        unsigned mask = tags_match(leaf, first, tag);
        mask &= left >= LEAF_TAG_GROUP ? 0xffffu : (1u << left) - 1;
        for (; mask != 0; mask &= mask - 1) {
            const unsigned index = first + (unsigned)__builtin_ctz(mask);
            const bool is_integer = (leaf_end_word(leaf, index) & LEAF_INTEGER) != 0;
            if ((has_value || is_integer == wanted->is_integer) && content_is(leaf_content(leaf, index), wanted, has_value)) {
                return index;
            }
        }
    }
    return LEAF_ABSENT;
}

/* --- blocks --- */

struct member_leaf *leaf_create(struct collection *owner, size_t bytes, unsigned depth)
{
    const size_t capacity = heap_block_bytes(bytes < LEAF_MIN_BYTES ? LEAF_MIN_BYTES : bytes);
    assert(capacity <= UINT16_MAX);
    struct member_leaf *leaf = collection_alloc(owner, capacity);
    if (leaf != NULL) {
        *leaf = (struct member_leaf){.capacity = (uint16_t)capacity, .depth = (uint8_t)depth};
        memset(leaf->tags, 0, LEAF_TAG_GROUP); /* they are read as a group */
    }
    return leaf;
}

void leaf_free(struct collection *owner, struct member_leaf *leaf)
{
    collection_free_block(owner, leaf, leaf->capacity);
}

struct member_leaf *leaf_move(struct collection *owner, struct member_leaf *leaf, size_t bytes)
{
    struct member_leaf *moved = leaf_create(owner, bytes, leaf->depth);
    if (moved == NULL) {
        return NULL;
    }
    assert(leaf_bytes(leaf->count, leaf->used) <= moved->capacity);
    moved->used = leaf->used;
    moved->count = leaf->count;
    memcpy(moved->tags, leaf->tags, (size_t)LEAF_ITEM_OVERHEAD * leaf->count);
    memcpy((char *)moved + moved->capacity - moved->used, (const char *)leaf + leaf->capacity - leaf->used, leaf->used);
    leaf_free(owner, leaf);
    debug_assert(leaf_is_valid(moved));
    return moved;
}

char *leaf_apart_create(struct collection *owner, const struct leaf_content *content)
{
    const uint64_t len = leaf_content_len(content);
    char *apart = collection_alloc(owner, APART_HEADER + (size_t)len);
    if (apart != NULL) {
        memcpy(apart, &len, sizeof len);
        leaf_content_write(content, apart + APART_HEADER);
    }
    return apart;
}

void leaf_apart_free(struct collection *owner, char *apart)
{
    collection_free_block(owner, apart, APART_HEADER + apart_content(apart).len);
}

char *leaf_apart(const struct member_leaf *leaf, unsigned index, size_t *size)
{
    char *apart = apart_of(leaf, index);
    *size = APART_HEADER + apart_content(apart).len;
    return apart;
}

void leaf_set_apart(struct member_leaf *leaf, unsigned index, const char *apart)
{
    assert((leaf_end_word(leaf, index) & LEAF_APART) != 0);
    const uint64_t address = (uint64_t)(uintptr_t)apart;
    memcpy(leaf_cell(leaf, index), &address, sizeof address);
}

void leaf_free_apart_item(struct collection *owner, const struct member_leaf *leaf, unsigned index)
{
    if ((leaf_end_word(leaf, index) & LEAF_APART) != 0) {
        leaf_apart_free(owner, apart_of(leaf, index));
    }
}

void leaf_free_apart(struct collection *owner, const struct member_leaf *leaf)
{
    for (unsigned i = 0; i < leaf->count; i++) {
        leaf_free_apart_item(owner, leaf, i);
    }
}

/* --- changes --- */

static void set_end_word(struct member_leaf *leaf, unsigned index, unsigned word)
{
    const uint16_t short_word = (uint16_t)word;
    memcpy(leaf->tags + leaf->count + (size_t)2 * index, &short_word, sizeof short_word);
}

char *leaf_append(struct member_leaf *leaf, uint8_t tag, size_t cell_len, unsigned flags)
{
    const unsigned count = leaf->count;
    assert(count < UINT8_MAX);
    assert(leaf->used + cell_len <= LEAF_END_MASK);
    assert(leaf_bytes(count + 1, leaf->used + cell_len) <= leaf->capacity);
    memmove(leaf->tags + count + 1, leaf->tags + count, (size_t)2 * count);
    leaf->tags[count] = tag;
    leaf->count++;
    leaf->used = (uint16_t)(leaf->used + cell_len);
    set_end_word(leaf, count, leaf->used | flags);
    debug_assert(leaf_is_valid(leaf));
    return leaf_cell(leaf, count);
}

/* Makes the cell longer or shorter at its front, moving the later ones. */
static void resize_cell(struct member_leaf *leaf, unsigned index, size_t cell_len)
{
    const size_t old_len = leaf_cell_len(leaf, index);
    if (cell_len == old_len) {
        return;
    }
    const int change = (int)cell_len - (int)old_len;
    char *later = (char *)leaf + leaf->capacity - leaf->used;
    memmove(later - change, later, leaf->used - leaf_end(leaf, index));
    leaf->used = (uint16_t)(leaf->used + change);
    for (unsigned i = index; i < leaf->count; i++) {
        set_end_word(leaf, i, (unsigned)((int)leaf_end_word(leaf, i) + change));
    }
}

char *leaf_replace(struct member_leaf *leaf, unsigned index, size_t cell_len, unsigned flags)
{
    assert(index < leaf->count);
    assert(leaf->used - leaf_cell_len(leaf, index) + cell_len <= LEAF_END_MASK);
    assert(leaf_bytes(leaf->count, leaf->used - leaf_cell_len(leaf, index) + cell_len) <= leaf->capacity);
    resize_cell(leaf, index, cell_len);
    set_end_word(leaf, index, leaf_end(leaf, index) | flags);
    debug_assert(leaf_is_valid(leaf));
    return leaf_cell(leaf, index);
}

void leaf_remove(struct member_leaf *leaf, unsigned index)
{
    assert(index < leaf->count);
    resize_cell(leaf, index, 0);
    const unsigned count = leaf->count;
    uint8_t *ends = leaf->tags + count;
    memmove(ends + (size_t)2 * index, ends + (size_t)2 * (index + 1), (size_t)2 * (count - index - 1));
    memmove(leaf->tags + index, leaf->tags + index + 1, (size_t)count - index - 1 + (size_t)2 * (count - 1));
    leaf->count--;
    debug_assert(leaf_is_valid(leaf));
}
