/* stream_node.c - a run of a stream's entries in one block; see stream_node.h.  */
#include "encoding/stream_node.h"

#include <assert.h>
#include <string.h>

enum {
    BACK_MAX = 5,           /* bytes of a length to be read backwards */
    INTEGER_MAX = 9 + 1,    /* bytes of an integer with its length */
    WORD_EXTRA_SHORT = 2,   /* beyond the text: of a word up to PACKED_TEXT_SHORT_MAX */
    WORD_EXTRA = 5 + BACK_MAX,
    ENTRY_FIXED = 3,        /* flags, ms, seq */
};
_Static_assert((int)INTEGER_MAX == (int)PACKED_HEAD_MAX + 1, "the longest integer, and its length in a byte");
_Static_assert(STREAM_NODE_ELEMENTS_MAX == UINT16_MAX, "the header counts elements in 16 bits");

/* --- elements: an item and its length backwards --- */

static size_t back_bytes(size_t len)
{
    return len <= 127 ? 1 : len < 16383 ? 2 : len < 2097151 ? 3 : len < 268435455 ? 4 : 5;
}

static size_t element_bytes(const char *at)
{
    const size_t len = packed_size(at);
    return len + back_bytes(len);
}

static const char *element_behind(const char *at)
{
    return at + element_bytes(at);
}

static const char *element_before(const char *at)
{
    size_t len = 0;
    unsigned shift = 0;
    const char *back = at;
    unsigned char byte;
    do {
        byte = (unsigned char)*--back;
        len |= (size_t)(byte & 127) << shift;
        shift += 7;
    } while ((byte & 128) != 0);
    return back - len;
}

static char *put_item(char *at, const struct item *item)
{
    const size_t len = packed_write(at, item);
    const size_t back = back_bytes(len);
    at += len;
    for (size_t i = 0; i < back; i++) {
        const size_t bits = len >> 7 * (back - 1 - i) & 127;
        at[i] = (char)(i == 0 ? bits : bits | 128);
    }
    return at + back;
}

static char *put_integer(char *at, uint64_t value)
{
    const struct item item = item_of_integer((int64_t)value);
    return put_item(at, &item);
}

static char *put_word(char *at, struct bytes word)
{
    const struct item item = packed_item(word);
    return put_item(at, &item);
}

static size_t integer_bytes(uint64_t value)
{
    const struct item item = item_of_integer((int64_t)value);
    return packed_item_size(&item) + 1;
}

/* What the words take at most. */
static size_t words_bytes_max(struct stream_words words, size_t step)
{
    size_t bytes = 0;
    for (size_t i = 0; i < 2 * (size_t)words.pair_count; i += step) {
        const size_t len = words.words[i].len;
        bytes += len + (len <= PACKED_TEXT_SHORT_MAX ? WORD_EXTRA_SHORT : WORD_EXTRA);
    }
    return bytes;
}

/* --- the block --- */

static void set_len(struct stream_node *node, size_t len)
{
    assert(len <= node->capacity);
    const uint32_t narrow = (uint32_t)len;
    memcpy(node->data, &narrow, sizeof narrow);
}

static void add_elements(struct stream_node *node, uint64_t count)
{
    uint16_t elements;
    memcpy(&elements, node->data + sizeof(uint32_t), sizeof elements);
    const uint64_t sum = elements + count;
    elements = (uint16_t)(sum < STREAM_NODE_ELEMENTS_MAX ? sum : STREAM_NODE_ELEMENTS_MAX);
    memcpy(node->data + sizeof(uint32_t), &elements, sizeof elements);
}

/* All of what the allocator gives for it. */
static size_t block_request(size_t size)
{
    return size <= HEAP_TABLED_MAX ? heap_block_bytes(size) : size;
}

static enum result resize(struct stream_node *node, struct collection *owner, size_t capacity)
{
    const size_t request = block_request(capacity);
    if (request > UINT32_MAX) {
        return RESULT_TOO_LONG;
    }
    if (request == node->capacity) {
        return RESULT_OK;
    }
    char *data = collection_realloc(owner, node->data, node->capacity, request);
    if (UNLIKELY(data == NULL)) {
        return RESULT_NO_MEMORY;
    }
    node->data = data;
    node->capacity = (uint32_t)request;
    return RESULT_OK;
}

/* Room for `more` bytes, and then some. */
static enum result make_room(struct stream_node *node, struct collection *owner, size_t more)
{
    const size_t len = stream_node_len(node);
    const size_t need = len + more;
    if (LIKELY(need <= node->capacity)) {
        return RESULT_OK;
    }
    const size_t ahead = len + (len < HEAP_TABLED_MAX ? len / 2 : len / 8);
    return resize(node, owner, need > ahead ? need : ahead);
}

void stream_node_shrink(struct stream_node *node, struct collection *owner)
{
    if (resize(node, owner, stream_node_len(node)) != RESULT_OK) {
        return;
    }
}

void stream_node_free(struct stream_node *node, struct collection *owner)
{
    collection_free_block(owner, node->data, node->capacity);
    *node = (struct stream_node){0};
}

/* --- reading --- */

static uint64_t integer_at(const char *at)
{
    return (uint64_t)packed_read(at).integer;
}

static uint64_t take_integer(const char **at)
{
    const uint64_t value = integer_at(*at);
    *at = element_behind(*at);
    return value;
}

static void take_item(const char **at, struct item *out)
{
    *out = packed_read(*at);
    *at = element_behind(*at);
}

void stream_node_walk_begin(struct stream_node_walk *walk, const struct stream_node *node, struct stream_id base)
{
    const char *at = node->data + STREAM_NODE_HEADER_BYTES;
    at = element_behind(at); /* live */
    at = element_behind(at); /* deleted */
    walk->base = base;
    walk->field_count = take_integer(&at);
    walk->fields = at;
    for (uint64_t i = 0; i < walk->field_count; i++) {
        at = element_behind(at);
    }
    walk->entries = element_behind(at);
    walk->end = node->data + stream_node_len(node) - 1;
    walk->at = walk->entries;
    assert(walk->entries <= walk->end);
}

/* Reads the entry at `at`. */
static void read_entry(const struct stream_node_walk *walk, const char *at, struct stream_entry *out)
{
    out->start = at;
    const uint64_t flags = take_integer(&at);
    out->id.ms = walk->base.ms + take_integer(&at);
    out->id.seq = walk->base.seq + take_integer(&at);
    out->is_deleted = (flags & STREAM_ENTRY_DELETED) != 0;
    if ((flags & STREAM_ENTRY_SAME_FIELDS) != 0) {
        out->pair_count = walk->field_count;
        out->fields = walk->fields;
    } else {
        out->pair_count = take_integer(&at);
        out->fields = NULL;
    }
    out->at = at;
}

bool stream_node_walk_next(struct stream_node_walk *walk, struct stream_entry *out)
{
    if (walk->at == walk->end) {
        return false;
    }
    read_entry(walk, walk->at, out);
    const char *at = out->at;
    for (uint64_t i = out->fields == NULL ? 2 * out->pair_count : out->pair_count; i > 0; i--) {
        at = element_behind(at);
    }
    walk->at = element_behind(at);
    assert(walk->at <= walk->end);
    return true;
}

bool stream_node_walk_previous(struct stream_node_walk *walk, struct stream_entry *out)
{
    if (walk->at == walk->entries) {
        return false;
    }
    const char *at = element_before(walk->at);
    for (uint64_t i = integer_at(at); i > 0; i--) {
        at = element_before(at);
    }
    walk->at = at;
    assert(walk->at >= walk->entries);
    read_entry(walk, at, out);
    return true;
}

void stream_entry_next_pair(struct stream_entry *entry, struct item *field, struct item *value)
{
    take_item(entry->fields == NULL ? &entry->at : &entry->fields, field);
    take_item(&entry->at, value);
}

bool stream_node_last_id(const struct stream_node *node, struct stream_id base, struct stream_id *out)
{
    struct stream_node_walk walk;
    struct stream_entry entry;
    stream_node_walk_begin(&walk, node, base);
    stream_node_walk_to_end(&walk);
    if (!stream_node_walk_previous(&walk, &entry)) {
        return false;
    }
    *out = entry.id;
    return true;
}

uint64_t stream_node_deleted_count(const struct stream_node *node)
{
    return integer_at(element_behind(node->data + STREAM_NODE_HEADER_BYTES));
}

/* --- changing --- */

/* Writes the two numbers of the master, whose room may change; the block is large enough. */
static void set_counts(struct stream_node *node, uint64_t live, uint64_t deleted)
{
    char *start = node->data + STREAM_NODE_HEADER_BYTES;
    const size_t len = stream_node_len(node);
    const char *behind = element_behind(element_behind(start));
    const size_t old_bytes = (size_t)(behind - start);
    const size_t new_bytes = integer_bytes(live) + integer_bytes(deleted);
    assert(live <= UINT32_MAX);
    if (new_bytes != old_bytes) {
        assert(len - old_bytes + new_bytes <= node->capacity);
        memmove(start + new_bytes, behind, len - STREAM_NODE_HEADER_BYTES - old_bytes);
        set_len(node, len - old_bytes + new_bytes);
    }
    put_integer(put_integer(start, live), deleted);
    node->live = (uint32_t)live;
}

/* Writes an entry; returns where it ends. */
static char *put_entry(char *at, struct stream_id relative, struct stream_words words, bool has_same_fields)
{
    at = put_integer(at, has_same_fields ? STREAM_ENTRY_SAME_FIELDS : 0);
    at = put_integer(at, relative.ms);
    at = put_integer(at, relative.seq);
    uint64_t elements = ENTRY_FIXED + (uint64_t)words.pair_count;
    if (!has_same_fields) {
        at = put_integer(at, words.pair_count);
        elements += words.pair_count + 1u;
    }
    for (size_t i = has_same_fields; i < 2 * (size_t)words.pair_count; i += 1u + has_same_fields) {
        at = put_word(at, words.words[i]);
    }
    return put_integer(at, elements);
}

/* What an entry takes at most. */
static size_t entry_bytes_max(struct stream_id relative, struct stream_words words)
{
    return 2 + integer_bytes(relative.ms) + integer_bytes(relative.seq) + integer_bytes(words.pair_count) +
           integer_bytes(ENTRY_FIXED + 1 + 2 * (uint64_t)words.pair_count) + words_bytes_max(words, 1);
}

static bool has_master_fields(const struct stream_node *node, struct stream_words words)
{
    const char *at = element_behind(element_behind(node->data + STREAM_NODE_HEADER_BYTES));
    if (take_integer(&at) != words.pair_count) {
        return false;
    }
    for (size_t i = 0; i < words.pair_count; i++) {
        const struct item field = packed_item(words.words[2 * i]);
        if (!packed_is_at(at, &field)) {
            return false;
        }
        at = element_behind(at);
    }
    return true;
}

enum result stream_node_create(struct stream_node *out, struct collection *owner, struct stream_words words)
{
    const struct stream_id none = {0, 0};
    const size_t bytes = STREAM_NODE_HEADER_BYTES + 2 + 2 + integer_bytes(words.pair_count) + words_bytes_max(words, 2) + 2 +
                         entry_bytes_max(none, words) + 1;
    struct stream_node node = {0};
    const enum result result = resize(&node, owner, bytes);
    if (result != RESULT_OK) {
        return result;
    }
    memset(node.data, 0, STREAM_NODE_HEADER_BYTES);
    char *at = put_integer(node.data + STREAM_NODE_HEADER_BYTES, 1);
    at = put_integer(at, 0);
    at = put_integer(at, words.pair_count);
    for (size_t i = 0; i < words.pair_count; i++) {
        at = put_word(at, words.words[2 * i]);
    }
    at = put_integer(at, 0);
    at = put_entry(at, none, words, true);
    *at++ = (char)STREAM_NODE_END;
    set_len(&node, (size_t)(at - node.data));
    add_elements(&node, 4 + (uint64_t)words.pair_count + ENTRY_FIXED + words.pair_count + 1);
    node.live = 1;
    *out = node;
    return RESULT_OK;
}

enum result stream_node_append(struct stream_node *node, struct collection *owner, struct stream_id relative,
                               struct stream_words words)
{
    const size_t growth = integer_bytes(node->live + 1ul) - integer_bytes(node->live);
    const enum result result = make_room(node, owner, entry_bytes_max(relative, words) + growth);
    if (UNLIKELY(result != RESULT_OK)) {
        return result;
    }
    const bool has_same_fields = has_master_fields(node, words);
    char *at = node->data + stream_node_len(node) - 1;
    at = put_entry(at, relative, words, has_same_fields);
    *at++ = (char)STREAM_NODE_END;
    set_len(node, (size_t)(at - node->data));
    add_elements(node, ENTRY_FIXED + 1 + (has_same_fields ? words.pair_count : 2 * (uint64_t)words.pair_count + 1));
    set_counts(node, node->live + 1ul, stream_node_deleted_count(node));
    return RESULT_OK;
}

enum result stream_node_reserve(struct stream_node *node, struct collection *owner, uint32_t count)
{
    const uint64_t deleted = stream_node_deleted_count(node);
    const size_t need = stream_node_len(node) + integer_bytes(deleted + count) - integer_bytes(deleted);
    return need <= node->capacity ? RESULT_OK : resize(node, owner, need);
}

void stream_node_mark_deleted(struct stream_node *node, const struct stream_entry *entry)
{
    assert(entry->start > node->data && entry->start < node->data + stream_node_len(node));
    assert((node->data[entry->start - node->data] & STREAM_ENTRY_DELETED) == 0);
    node->data[entry->start - node->data] |= STREAM_ENTRY_DELETED;
}

void stream_node_count_deleted(struct stream_node *node, uint32_t count)
{
    assert(count <= node->live);
    set_counts(node, node->live - count, stream_node_deleted_count(node) + count);
}

enum result stream_node_copy(struct stream_node *out, struct collection *owner, struct bytes listpack, uint32_t live)
{
    struct stream_node node = {0};
    const enum result result = resize(&node, owner, listpack.len);
    if (result != RESULT_OK) {
        return result;
    }
    memcpy(node.data, listpack.data, listpack.len);
    node.live = live;
    *out = node;
    return RESULT_OK;
}

/* --- bytes from outside --- */

/* What is left to be read. */
struct reader {
    const char *at, *end; /* end: the FF */
    uint64_t elements;
};

/* The bytes of the item at `at`, whose first byte is there, or 0: there is no such item, or it would reach beyond `room`. */
static size_t item_bytes(const char *at, size_t room)
{
    const unsigned char first = (unsigned char)*at;
    size_t head = 1;
    if ((first & 0xf0) == 0xe0 || (first & 0xe0) == 0xc0) {
        head = 2;
    } else if (first == 0xf0) {
        head = 5;
    } else if (first > 0xf4) {
        return 0;
    }
    if (head > room) {
        return 0;
    }
    const size_t bytes = packed_size(at);
    return bytes <= room ? bytes : 0;
}

/* Takes an element that is whole and says its length right. */
static bool read_item(struct reader *reader, struct item *out)
{
    const size_t room = (size_t)(reader->end - reader->at);
    const size_t len = room == 0 ? 0 : item_bytes(reader->at, room);
    if (len == 0 || len + back_bytes(len) > room) {
        return false;
    }
    const size_t back = back_bytes(len);
    for (size_t i = 0; i < back; i++) {
        const size_t bits = len >> 7 * (back - 1 - i) & 127;
        if ((unsigned char)reader->at[len + i] != (i == 0 ? bits : bits | 128)) {
            return false;
        }
    }
    *out = packed_read(reader->at);
    reader->at += len + back;
    reader->elements++;
    return true;
}

static bool read_integer(struct reader *reader, uint64_t *out)
{
    struct item item;
    if (!read_item(reader, &item) || !item_is_integer(&item)) {
        return false;
    }
    *out = (uint64_t)item.integer;
    return true;
}

/* An integer that counts something that takes a byte at least. */
static bool read_count(struct reader *reader, uint64_t *out)
{
    return read_integer(reader, out) && *out <= (uint64_t)(reader->end - reader->at);
}

static bool skip_items(struct reader *reader, uint64_t count)
{
    struct item item;
    for (; count > 0; count--) {
        if (!read_item(reader, &item)) {
            return false;
        }
    }
    return true;
}

/* Flags are one byte, so that they can be marked in place. */
static bool read_flags(struct reader *reader, uint64_t *out)
{
    const char *at = reader->at;
    return read_integer(reader, out) && *out <= (STREAM_ENTRY_DELETED | STREAM_ENTRY_SAME_FIELDS) &&
           (unsigned char)*at == *out;
}

static bool check_entry(struct reader *reader, uint64_t master_fields, struct stream_id *id, bool *is_deleted)
{
    uint64_t flags, elements;
    struct stream_id relative;
    const uint64_t before = reader->elements;
    if (!read_flags(reader, &flags) || !read_integer(reader, &relative.ms) || !read_integer(reader, &relative.seq)) {
        return false;
    }
    id->ms += relative.ms;
    id->seq += relative.seq;
    *is_deleted = (flags & STREAM_ENTRY_DELETED) != 0;
    uint64_t items = master_fields;
    if ((flags & STREAM_ENTRY_SAME_FIELDS) == 0) {
        if (!read_count(reader, &items)) {
            return false;
        }
        items *= 2;
    }
    if (!skip_items(reader, items)) {
        return false;
    }
    const uint64_t expected = reader->elements - before;
    return read_integer(reader, &elements) && elements == expected;
}

static bool check_entries(struct reader *reader, uint64_t master_fields, struct stream_id base,
                          struct stream_node_facts *facts)
{
    const uint64_t live = facts->live;
    const uint64_t deleted = facts->deleted;
    *facts = (struct stream_node_facts){0};
    while (reader->at < reader->end) {
        struct stream_id id = base;
        bool is_deleted;
        if (!check_entry(reader, master_fields, &id, &is_deleted)) {
            return false;
        }
        if (stream_id_compare(id, base) < 0) {
            return false;
        }
        if (!is_deleted) {
            if (facts->live > 0 && stream_id_compare(id, facts->last_live_id) <= 0) {
                return false;
            }
            facts->last_live_id = id;
        }
        facts->first_id = facts->live + facts->deleted == 0 ? id : facts->first_id;
        facts->deleted += is_deleted;
        facts->live += !is_deleted;
    }
    return facts->live == live && facts->deleted == deleted;
}

bool stream_node_check(struct bytes listpack, struct stream_id base, struct stream_node_facts *out)
{
    uint32_t len;
    uint16_t elements;
    if (listpack.len < STREAM_NODE_HEADER_BYTES + 1 || listpack.len > UINT32_MAX) {
        return false;
    }
    memcpy(&len, listpack.data, sizeof len);
    memcpy(&elements, listpack.data + sizeof len, sizeof elements);
    if (len != listpack.len || (unsigned char)listpack.data[len - 1] != STREAM_NODE_END) {
        return false;
    }
    struct reader reader = {listpack.data + STREAM_NODE_HEADER_BYTES, listpack.data + len - 1, 0};
    uint64_t live, deleted, fields, zero;
    if (!read_count(&reader, &live) || !read_count(&reader, &deleted) || !read_count(&reader, &fields) ||
        !skip_items(&reader, fields) || !read_integer(&reader, &zero) || zero != 0) {
        return false;
    }
    struct stream_node_facts facts = {.live = (uint32_t)live, .deleted = (uint32_t)deleted};
    if (!check_entries(&reader, fields, base, &facts)) {
        return false;
    }
    if (elements != STREAM_NODE_ELEMENTS_MAX && elements != reader.elements) {
        return false;
    }
    *out = facts;
    return true;
}
