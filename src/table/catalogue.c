/* catalogue.c - see catalogue.h.  */
#include "table/catalogue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct table_entry {
    uint32_t db;
    uint32_t hash;
    struct table *table;
};

struct namespace_entry {
    uint32_t db;
    uint32_t name_at; /* in the names */
    uint32_t name_len;
};

struct catalogue {
    const struct hash_secret *secret;
    size_t size;
    uint32_t table_count, namespace_count;
    uint32_t slot_count;   /* a power of two; 0 without tables */
    uint32_t names_len;
    struct table_entry *tables;
    struct namespace_entry *namespaces;
    uint32_t *slots;       /* number of the table + 1; 0: empty */
    char *names;
};

static uint32_t entry_hash(const struct hash_secret *secret, uint32_t db, struct bytes name)
{
    return (uint32_t)hash_bytes(secret, name) + db * 0x9e3779b1u;
}

static struct bytes namespace_name(const struct catalogue *catalogue, uint32_t i)
{
    return (struct bytes){catalogue->names + catalogue->namespaces[i].name_at, catalogue->namespaces[i].name_len};
}

static struct bytes namespace_of(const struct table *table)
{
    return (struct bytes){table_name(table).data, table->namespace_len};
}

/* --- reading --- */

struct table *catalogue_find(const struct catalogue *catalogue, uint32_t db, struct bytes name)
{
    if (catalogue == NULL || catalogue->slot_count == 0) {
        return NULL;
    }
    uint32_t hash = entry_hash(catalogue->secret, db, name);
    uint32_t mask = catalogue->slot_count - 1;
    for (uint32_t at = hash & mask; catalogue->slots[at] != 0; at = (at + 1) & mask) {
        const struct table_entry *entry = &catalogue->tables[catalogue->slots[at] - 1];
        if (entry->hash == hash && entry->db == db && bytes_equal(table_name(entry->table), name)) {
            return entry->table;
        }
    }
    return NULL;
}

static bool table_may_read(const struct table *table)
{
    for (uint32_t shard = 0; shard < table->shard_count; shard++) {
        if (!slice_may_read(table->slices[shard])) {
            return false;
        }
    }
    return true;
}

bool catalogue_may_read(const struct catalogue *catalogue)
{
    for (uint32_t at = 0; at < catalogue_table_count(catalogue); at++) {
        if (!table_may_read(catalogue_table_at(catalogue, at))) {
            return false;
        }
    }
    return true;
}

bool catalogue_has_namespace(const struct catalogue *catalogue, uint32_t db, struct bytes name)
{
    for (uint32_t i = 0; catalogue != NULL && i < catalogue->namespace_count; i++) {
        if (catalogue->namespaces[i].db == db && bytes_equal(namespace_name(catalogue, i), name)) {
            return true;
        }
    }
    return false;
}

void catalogue_free_with_tables(struct heap *heap, struct catalogue *catalogue)
{
    for (uint32_t i = 0; catalogue != NULL && i < catalogue->table_count; i++) {
        table_free_slices(catalogue->tables[i].table);
        table_destroy(heap, catalogue->tables[i].table);
    }
    catalogue_destroy(heap, catalogue);
}

void catalogue_visit(const struct catalogue *catalogue, catalogue_visit_fn *visit, void *arg)
{
    for (uint32_t i = 0; catalogue != NULL && i < catalogue->table_count; i++) {
        visit(catalogue->tables[i].db, catalogue->tables[i].table, arg);
    }
}

struct table *catalogue_table_at(const struct catalogue *catalogue, uint32_t at)
{
    return catalogue != NULL && at < catalogue->table_count ? catalogue->tables[at].table : NULL;
}

uint32_t catalogue_table_db(const struct catalogue *catalogue, uint32_t at)
{
    assert(at < catalogue->table_count);
    return catalogue->tables[at].db;
}

void catalogue_visit_namespaces(const struct catalogue *catalogue, catalogue_visit_namespace_fn *visit, void *arg)
{
    for (uint32_t i = 0; catalogue != NULL && i < catalogue->namespace_count; i++) {
        visit(catalogue->namespaces[i].db, namespace_name(catalogue, i), arg);
    }
}

uint32_t catalogue_table_count(const struct catalogue *catalogue)
{
    return catalogue == NULL ? 0 : catalogue->table_count;
}

uint32_t catalogue_namespace_count(const struct catalogue *catalogue)
{
    return catalogue == NULL ? 0 : catalogue->namespace_count;
}

uint64_t catalogue_bytes(const struct catalogue *catalogue)
{
    if (catalogue == NULL) {
        return 0;
    }
    uint64_t bytes = heap_block_bytes(catalogue->size);
    for (uint32_t i = 0; i < catalogue->table_count; i++) {
        struct table_memory memory;
        table_memory_of_shard(catalogue->tables[i].table, 0, &memory);
        bytes += memory.catalogue_bytes;
    }
    return bytes;
}

/* --- copying --- */

bool catalogue_edit_drops(const struct catalogue_edit *edit, uint32_t db, const struct table *table)
{
    switch (edit->what) {
    case EDIT_DROP_TABLE:
    case EDIT_RENAME_TABLE:
        return edit->table == table;
    case EDIT_DROP_NAMESPACE:
        return edit->db == db && bytes_equal(namespace_of(table), edit->name);
    case EDIT_DROP_DATABASE:
        return edit->db == db;
    default:
        return edit->what == EDIT_DROP_ALL;
    }
}

static bool drops_namespace(const struct catalogue_edit *edit, uint32_t db, struct bytes name)
{
    return edit->what == EDIT_DROP_ALL || (edit->what == EDIT_DROP_DATABASE && edit->db == db) ||
           (edit->what == EDIT_DROP_NAMESPACE && edit->db == db && bytes_equal(name, edit->name));
}

static uint32_t edited_db(const struct catalogue_edit *edit, uint32_t db)
{
    if (db != edit->db && db != edit->other_db) {
        return db;
    }
    return db == edit->db ? edit->other_db : edit->db;
}

/* NULL: none. */
static struct table *added_table(const struct catalogue_edit *edit)
{
    return edit->what == EDIT_ADD_TABLE ? edit->table : edit->what == EDIT_RENAME_TABLE ? edit->renamed : NULL;
}

/* How much of everything the copy will have. */
static struct catalogue measure(const struct catalogue *old, const struct catalogue_edit *edit)
{
    struct catalogue head = {0};
    for (uint32_t i = 0; old != NULL && i < old->table_count; i++) {
        head.table_count += catalogue_edit_drops(edit, old->tables[i].db, old->tables[i].table) ? 0 : 1;
    }
    for (uint32_t i = 0; old != NULL && i < old->namespace_count; i++) {
        if (!drops_namespace(edit, old->namespaces[i].db, namespace_name(old, i))) {
            head.namespace_count++;
            head.names_len += old->namespaces[i].name_len;
        }
    }
    if (added_table(edit) != NULL) {
        head.table_count++;
    } else if (edit->what == EDIT_ADD_NAMESPACE) {
        head.namespace_count++;
        head.names_len += (uint32_t)edit->name.len;
    }
    head.slot_count = head.table_count == 0 ? 0 : 2;
    while (head.slot_count < 2 * head.table_count) {
        head.slot_count *= 2;
    }
    head.size = sizeof head + head.table_count * sizeof(struct table_entry) +
                head.namespace_count * sizeof(struct namespace_entry) + head.slot_count * sizeof(uint32_t) + head.names_len;
    return head;
}

/* Lays the arrays out behind the head. */
static struct catalogue *allocate(struct heap *heap, const struct hash_secret *secret, const struct catalogue *head)
{
    struct catalogue *catalogue = heap_alloc_zeroed(heap, MEM_CATALOGUE, head->size);
    if (catalogue == NULL) {
        return NULL;
    }
    *catalogue = *head;
    catalogue->secret = secret;
    catalogue->tables = (struct table_entry *)(catalogue + 1);
    catalogue->namespaces = (struct namespace_entry *)(catalogue->tables + head->table_count);
    catalogue->slots = (uint32_t *)(catalogue->namespaces + head->namespace_count);
    catalogue->names = (char *)(catalogue->slots + head->slot_count);
    catalogue->table_count = catalogue->namespace_count = catalogue->names_len = 0;
    return catalogue;
}

static int table_entry_compare(const void *a, const void *b)
{
    const struct table_entry *left = a;
    const struct table_entry *right = b;
    if (left->db != right->db) {
        return left->db < right->db ? -1 : 1;
    }
    return bytes_compare(table_name(left->table), table_name(right->table));
}

static int namespace_entry_compare(const void *a, const void *b, void *names)
{
    const struct namespace_entry *left = a;
    const struct namespace_entry *right = b;
    if (left->db != right->db) {
        return left->db < right->db ? -1 : 1;
    }
    return bytes_compare((struct bytes){(const char *)names + left->name_at, left->name_len},
                         (struct bytes){(const char *)names + right->name_at, right->name_len});
}

/* Both put one more at its place in the order; what comes in order costs one comparison. */
static void put_table(struct catalogue *catalogue, uint32_t db, struct table *table)
{
    struct table_entry entry = {db, entry_hash(catalogue->secret, db, table_name(table)), table};
    uint32_t at = catalogue->table_count++;
    while (at > 0 && table_entry_compare(&catalogue->tables[at - 1], &entry) > 0) {
        catalogue->tables[at] = catalogue->tables[at - 1];
        at--;
    }
    catalogue->tables[at] = entry;
}

static void put_namespace(struct catalogue *catalogue, uint32_t db, struct bytes name)
{
    struct namespace_entry entry = {db, catalogue->names_len, (uint32_t)name.len};
    memcpy(catalogue->names + entry.name_at, name.data, name.len);
    catalogue->names_len += entry.name_len;
    uint32_t at = catalogue->namespace_count++;
    while (at > 0 && namespace_entry_compare(&catalogue->namespaces[at - 1], &entry, catalogue->names) > 0) {
        catalogue->namespaces[at] = catalogue->namespaces[at - 1];
        at--;
    }
    catalogue->namespaces[at] = entry;
}

static void fill_slots(struct catalogue *catalogue)
{
    uint32_t mask = catalogue->slot_count - 1;
    for (uint32_t i = 0; i < catalogue->table_count; i++) {
        uint32_t at = catalogue->tables[i].hash & mask;
        while (catalogue->slots[at] != 0) {
            at = (at + 1) & mask;
        }
        catalogue->slots[at] = i + 1;
    }
}

/* Copies what the edit keeps, in its order. */
static void copy_entries(struct catalogue *copy, const struct catalogue *old, const struct catalogue_edit *edit)
{
    for (uint32_t i = 0; i < old->table_count; i++) {
        if (!catalogue_edit_drops(edit, old->tables[i].db, old->tables[i].table)) {
            put_table(copy, old->tables[i].db, old->tables[i].table);
        }
    }
    for (uint32_t i = 0; i < old->namespace_count; i++) {
        if (!drops_namespace(edit, old->namespaces[i].db, namespace_name(old, i))) {
            put_namespace(copy, old->namespaces[i].db, namespace_name(old, i));
        }
    }
}

static void swap_databases(struct catalogue *copy, const struct catalogue_edit *edit)
{
    for (uint32_t i = 0; i < copy->table_count; i++) {
        struct table_entry *entry = &copy->tables[i];
        entry->db = edited_db(edit, entry->db);
        entry->hash = entry_hash(copy->secret, entry->db, table_name(entry->table));
    }
    for (uint32_t i = 0; i < copy->namespace_count; i++) {
        copy->namespaces[i].db = edited_db(edit, copy->namespaces[i].db);
    }
    qsort(copy->tables, copy->table_count, sizeof copy->tables[0], table_entry_compare);
    qsort_r(copy->namespaces, copy->namespace_count, sizeof copy->namespaces[0], namespace_entry_compare, copy->names);
}

static enum table_result check(const struct catalogue *old, const struct catalogue_edit *edit)
{
    switch (edit->what) {
    case EDIT_ADD_NAMESPACE:
        return catalogue_has_namespace(old, edit->db, edit->name) ? TABLE_NAMESPACE_EXISTS : TABLE_OK;
    case EDIT_DROP_NAMESPACE:
        return catalogue_has_namespace(old, edit->db, edit->name) ? TABLE_OK : TABLE_NAMESPACE_MISSING;
    case EDIT_ADD_TABLE:
    case EDIT_RENAME_TABLE:
        if (!catalogue_has_namespace(old, edit->db, namespace_of(added_table(edit)))) {
            return TABLE_NAMESPACE_MISSING;
        }
        return catalogue_find(old, edit->db, table_name(added_table(edit))) != NULL ? TABLE_EXISTS : TABLE_OK;
    default:
        return TABLE_OK;
    }
}

enum table_result catalogue_copy(const struct catalogue *old, struct heap *heap, const struct hash_secret *secret,
                                 const struct catalogue_edit *edit, struct catalogue **out)
{
    enum table_result result = check(old, edit);
    if (result != TABLE_OK) {
        return result;
    }
    struct catalogue head = measure(old, edit);
    if (head.table_count == 0 && head.namespace_count == 0) {
        *out = NULL;
        return TABLE_OK;
    }
    struct catalogue *copy = allocate(heap, secret, &head);
    if (copy == NULL) {
        return TABLE_NO_MEMORY;
    }
    if (old != NULL) {
        copy_entries(copy, old, edit);
    }
    if (edit->what == EDIT_SWAP_DATABASES) {
        swap_databases(copy, edit);
    } else if (added_table(edit) != NULL) {
        put_table(copy, edit->db, added_table(edit));
    } else if (edit->what == EDIT_ADD_NAMESPACE) {
        put_namespace(copy, edit->db, edit->name);
    }
    assert(copy->table_count == head.table_count && copy->namespace_count == head.namespace_count);
    if (copy->slot_count > 0) {
        fill_slots(copy);
    }
    *out = copy;
    return TABLE_OK;
}

void catalogue_note_databases(const struct catalogue *catalogue)
{
    for (uint32_t i = 0; catalogue != NULL && i < catalogue->table_count; i++) {
        catalogue->tables[i].table->db = catalogue->tables[i].db;
    }
}

void catalogue_destroy(struct heap *heap, struct catalogue *catalogue)
{
    if (catalogue != NULL) {
        heap_free(heap, MEM_CATALOGUE, catalogue, catalogue->size);
    }
}
