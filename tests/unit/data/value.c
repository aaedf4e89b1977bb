/* value.c - values that grow, move, change their form, are stored, cloned and removed, against a naive model; exact bytes after
 * each step; every allocation refused once.  */
#include "data/value.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MODEL_KEYS = 40, MODEL_BYTES = 2000, STEPS = 20000 };

static const int64_t now_ms = INT64_C(1700000000000);

/* --- a collection of one byte string --- */

struct box {
    struct collection head;
    size_t len;
    char *text;
};

static bool box_free_step(struct collection *collection, size_t *limit)
{
    struct box *box = (struct box *)collection;
    struct heap *heap = collection->heap;
    if (*limit == 0) {
        return false;
    }
    --*limit;
    collection_free_block(collection, box->text, box->len);
    cr_assert_eq(collection->bytes, heap_block_bytes(sizeof *box));
    heap_free(heap, MEM_HASH, box, sizeof *box);
    return true;
}

static const struct collection_type box_type;

static struct box *box_create(struct heap *heap, const char *text, size_t len)
{
    struct box *box = heap_alloc(heap, MEM_HASH, sizeof *box);
    if (box == NULL) {
        return NULL;
    }
    *box = (struct box){.head = {.bytes = heap_block_bytes(sizeof *box), .heap = heap, .type = &box_type}, .len = len};
    box->head.encoding = ENCODING_HASHTABLE;
    box->text = collection_alloc(&box->head, len);
    if (box->text == NULL) {
        heap_free(heap, MEM_HASH, box, sizeof *box);
        return NULL;
    }
    memcpy(box->text, text, len);
    return box;
}

static struct collection *box_copy(const struct collection *collection, struct heap *heap)
{
    const struct box *box = (const struct box *)collection;
    struct box *copy = box_create(heap, box->text, box->len);
    return copy == NULL ? NULL : &copy->head;
}

static const char *box_fault(const struct collection *collection)
{
    const struct box *box = (const struct box *)collection;
    const uint64_t bytes = heap_block_bytes(sizeof *box) + heap_block_bytes(box->len);
    return bytes == collection->bytes ? NULL : "a box's bytes";
}

static struct collection *box_defrag(struct collection *collection, struct collection_cursor *cursor, size_t *limit)
{
    struct box *box = (struct box *)collection;
    box->text = heap_move(collection->heap, MEM_HASH, box->text, box->len);
    *limit -= *limit > 0;
    cursor->is_inside = false;
    return heap_move(collection->heap, MEM_HASH, box, sizeof *box);
}

static const struct collection_type box_type = {
    .which = MEM_HASH, .free_step = box_free_step, .copy = box_copy, .fault = box_fault, .defrag = box_defrag};

/* --- the model --- */

struct model_key {
    enum value_form form; /* NONE: not there; HASH: a box */
    size_t len;
    char text[MODEL_BYTES];
    int64_t expiry_ms;
};

struct fixture {
    struct heap *heap;
    struct hash_secret secret;
    struct keyspace ks;
    struct keyspace_owner owner;
    struct model_key keys[MODEL_KEYS];
    char name[16];
    size_t lazy_freed;
};

static const enum value_form packed_forms[] = {VALUE_FORM_LIST_PACKED, VALUE_FORM_SET_INTSET, VALUE_FORM_SET_PACKED,
                                               VALUE_FORM_HASH_PACKED, VALUE_FORM_ZSET_PACKED};

static struct key key_of(struct fixture *f, size_t number)
{
    const int len = snprintf(f->name, sizeof f->name, "key:%zu", number);
    const struct bytes name = {f->name, (size_t)len};
    return (struct key){name, hash_bytes(&f->secret, name)};
}

static bool is_apart(enum value_form form)
{
    return form == VALUE_FORM_HASH;
}

static struct bytes text_of(const struct entry *entry)
{
    if (form_is_apart(entry_form(entry))) {
        const struct box *box = (const struct box *)entry_collection(entry);
        return (struct bytes){box->text, box->len};
    }
    return entry_packed(entry);
}

static void check_key(struct fixture *f, size_t number)
{
    const struct model_key *model = &f->keys[number];
    const struct entry *entry = keyspace_find(&f->ks, key_of(f, number), now_ms);
    cr_assert_eq(entry == NULL, model->form == VALUE_FORM_NONE);
    if (entry != NULL) {
        cr_assert_eq(entry_form(entry), model->form);
        cr_assert_eq(keyspace_expiry_ms(&f->ks, entry), model->expiry_ms);
        cr_assert(bytes_equal(text_of(entry), (struct bytes){model->text, model->len}));
    }
}

static void check_all(struct fixture *f)
{
    struct keyspace_tally seen = {0};
    char finding[200];
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        check_key(f, i);
    }
    cr_assert(keyspace_audit(&f->ks, &seen, finding), "%s", finding);
    const struct mem_counters *counters = heap_counters(f->heap);
    uint64_t counted = 0;
    for (int which = MEM_STRING; which <= MEM_STREAM; which++) {
        cr_assert(counters->class_bytes[which] >= 0);
        counted += (uint64_t)counters->class_bytes[which];
    }
    cr_assert_eq(counted, seen.entry_bytes);
}

static void lazy_free(void *context, struct collection *collection)
{
    struct fixture *f = context;
    f->lazy_freed++;
    collection_destroy(collection);
}

static void fill(struct model_key *model, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        model->text[i] = (char)(rand() % 256);
    }
}

/* Grows or shrinks what is in the entry, or makes it. */
static void step_resize(struct fixture *f, size_t number)
{
    struct model_key *model = &f->keys[number];
    if (is_apart(model->form)) {
        return;
    }
    const struct key key = key_of(f, number);
    struct value value;
    value_open(&value, &f->ks, key, keyspace_find(&f->ks, key, now_ms));
    const size_t len = (size_t)rand() % (rand() % 4 == 0 ? MODEL_BYTES : 300);
    const enum value_form form = packed_forms[rand() % 5];
    cr_assert_eq(value_form(&value), model->form);
    enum result result = value_resize(&value, form, len);
    if (result == RESULT_OK) {
        struct model_key wanted = *model;
        fill(&wanted, wanted.len < len ? wanted.len : len, len);
        wanted.len = len;
        wanted.form = form;
        const size_t kept = model->len < len ? model->len : len;
        cr_assert(memcmp(value_data(&value), model->text, kept) == 0);
        memcpy(value_data(&value), wanted.text, len);
        result = value_close(&value);
        if (result == RESULT_OK) {
            *model = wanted;
        }
    } else {
        cr_assert_eq(value_close(&value), RESULT_OK);
    }
    if (model->form == VALUE_FORM_NONE) {
        model->expiry_ms = KEYSPACE_NO_EXPIRY;
        model->len = 0;
    }
}

/* From the entry into a collection and back. */
static void step_form(struct fixture *f, size_t number)
{
    struct model_key *model = &f->keys[number];
    const struct key key = key_of(f, number);
    struct value value;
    value_open(&value, &f->ks, key, keyspace_find(&f->ks, key, now_ms));
    enum result result;
    if (is_apart(model->form)) {
        result = value_set_packed(&value, VALUE_FORM_SET_PACKED, (struct bytes){model->text, model->len});
        model->form = result == RESULT_OK ? VALUE_FORM_SET_PACKED : model->form;
        cr_assert_eq(value_close(&value), RESULT_OK);
        return;
    }
    if (model->len == 0) {
        fill(model, 0, 1);
        model->len = 1;
    }
    struct box *box = box_create(f->heap, model->text, model->len);
    result = box == NULL ? RESULT_NO_MEMORY : value_set_collection(&value, VALUE_FORM_HASH, &box->head);
    if (result != RESULT_OK && box != NULL) {
        collection_destroy(&box->head);
    }
    const enum result closed = value_close(&value);
    if (result == RESULT_OK && closed == RESULT_OK) {
        model->form = VALUE_FORM_HASH;
    } else if (model->form == VALUE_FORM_NONE) {
        model->len = 0;
    } else {
        model->len = text_of(value.entry).len;
    }
}

static void step_remove(struct fixture *f, size_t number)
{
    const struct key key = key_of(f, number);
    struct value value;
    value_open(&value, &f->ks, key, keyspace_find(&f->ks, key, now_ms));
    value_remove(&value);
    f->keys[number] = (struct model_key){.expiry_ms = KEYSPACE_NO_EXPIRY};
}

static void step_expiry(struct fixture *f, size_t number)
{
    static const int64_t times[] = {KEYSPACE_NO_EXPIRY, now_ms + 5000, now_ms + INT64_C(100000000000)};
    const struct key key = key_of(f, number);
    struct entry *entry = keyspace_find(&f->ks, key, now_ms);
    const int64_t expiry_ms = times[rand() % 3];
    if (entry != NULL && keyspace_set_expiry(&f->ks, &entry, expiry_ms) == RESULT_OK) {
        f->keys[number].expiry_ms = expiry_ms;
    }
}

static void step_copy(struct fixture *f, size_t from, size_t to)
{
    const struct entry *source = keyspace_find(&f->ks, key_of(f, from), now_ms);
    if (source == NULL || from == to) {
        return;
    }
    enum result result;
    int64_t expiry_ms = f->keys[from].expiry_ms;
    if (rand() % 2 == 0) {
        struct key key = key_of(f, to);
        result = keyspace_copy_from(&f->ks, key, &f->ks, source, now_ms);
    } else {
        struct value clone = {0};
        result = value_clone(&clone, f->heap, &f->secret, source);
        if (result == RESULT_OK) {
            struct key key = key_of(f, to);
            expiry_ms = now_ms + 7000;
            result = value_store_with_expiry(&clone, &f->ks, key, keyspace_find(&f->ks, key, now_ms), expiry_ms);
        }
        if (result != RESULT_OK && clone.entry != NULL) {
            value_remove(&clone);
        }
    }
    if (result == RESULT_OK) {
        f->keys[to] = f->keys[from];
        f->keys[to].expiry_ms = expiry_ms;
    }
}

static void step_move(struct fixture *f, size_t from, size_t to)
{
    char name[16];
    struct key from_key = key_of(f, from);
    if (f->keys[from].form == VALUE_FORM_NONE || from == to) {
        return;
    }
    memcpy(name, f->name, sizeof name);
    from_key.name.data = name;
    if (keyspace_move_from(&f->ks, key_of(f, to), &f->ks, from_key, now_ms) == RESULT_OK) {
        f->keys[to] = f->keys[from];
        f->keys[from] = (struct model_key){.expiry_ms = KEYSPACE_NO_EXPIRY};
    }
}

/* A whole round, between whose steps keys change. */
static void defragment(struct fixture *f)
{
    struct keyspace_defrag state = {0};
    if (heap_defrag_begin(f->heap, 90) == 0) {
        return;
    }
    while (!keyspace_defrag_step(&f->ks, &state, 1 + (size_t)rand() % 30)) {
        step_resize(f, (size_t)rand() % MODEL_KEYS);
        step_remove(f, (size_t)rand() % MODEL_KEYS);
    }
    heap_defrag_end(f->heap);
}

static void random_steps(struct fixture *f, bool with_refusals)
{
    for (size_t i = 0; i < STEPS; i++) {
        const size_t number = (size_t)rand() % MODEL_KEYS;
        if (with_refusals) {
            heap_fail_after(f->heap, rand() % 3);
        }
        switch (rand() % 10) {
        case 0: step_remove(f, number); break;
        case 1: step_expiry(f, number); break;
        case 2: step_form(f, number); break;
        case 3: step_copy(f, number, (size_t)rand() % MODEL_KEYS); break;
        case 4: step_move(f, number, (size_t)rand() % MODEL_KEYS); break;
        default: step_resize(f, number); break;
        }
        heap_fail_after(f->heap, -1);
        check_key(f, number);
        if (i % 100 == 0) {
            check_all(f);
        }
        if (i % 300 == 0) {
            defragment(f);
            check_all(f);
        }
    }
    check_all(f);
}

static struct fixture *fixture_create(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    const unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
    f->heap = heap_create();
    cr_assert(hash_secret_draw(&f->secret));
    keyspace_init(&f->ks, f->heap, &f->secret);
    f->owner = (struct keyspace_owner){.context = f, .lazy_free = lazy_free};
    f->ks.owner = &f->owner;
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        f->keys[i].expiry_ms = KEYSPACE_NO_EXPIRY;
    }
    return f;
}

static void fixture_destroy(struct fixture *f)
{
    keyspace_clear(&f->ks);
    cr_assert_eq(mem_counters_total(heap_counters(f->heap)), 0);
    heap_destroy(f->heap);
    free(f);
}

Test(value, follows_a_model_through_all_forms)
{
    struct fixture *f = fixture_create();
    random_steps(f, false);
    fixture_destroy(f);
}

Test(value, is_as_before_when_memory_is_refused)
{
    struct fixture *f = fixture_create();
    random_steps(f, true);
    fixture_destroy(f);
}

Test(value, a_large_collection_is_freed_lazily_when_its_key_goes)
{
    struct fixture *f = fixture_create();
    static char text[KEYSPACE_LAZY_FREE_BYTES + 1];
    const struct key key = key_of(f, 1);
    struct value value;
    value_open(&value, &f->ks, key, NULL);
    struct box *box = box_create(f->heap, text, sizeof text);
    cr_assert_eq(value_set_collection(&value, VALUE_FORM_HASH, &box->head), RESULT_OK);
    cr_assert_eq(value_close(&value), RESULT_OK);
    cr_assert(keyspace_delete(&f->ks, key, now_ms));
    cr_assert_eq(f->lazy_freed, 1);
    cr_assert_eq(f->ks.entry_bytes, 0);
    fixture_destroy(f);
}

Test(value, an_expired_key_that_is_pinned_is_not_found_and_stays)
{
    struct fixture *f = fixture_create();
    const struct key key = key_of(f, 1);
    struct value value;
    value_open(&value, &f->ks, key, NULL);
    struct box *box = box_create(f->heap, "x", 1);
    cr_assert_eq(value_set_collection(&value, VALUE_FORM_HASH, &box->head), RESULT_OK);
    cr_assert_eq(value_close(&value), RESULT_OK);
    struct entry *entry = keyspace_find(&f->ks, key, now_ms);
    cr_assert_eq(keyspace_set_expiry(&f->ks, &entry, now_ms + 10), RESULT_OK);
    box->head.pins = 1;
    cr_assert_null(keyspace_find(&f->ks, key, now_ms + 11));
    cr_assert_eq(keyspace_expire_due(&f->ks, now_ms + 11, 10), 0);
    cr_assert_eq(f->ks.key_count, 1);
    box->head.pins = 0;
    cr_assert_eq(keyspace_expire_due(&f->ks, now_ms + 11, 10), 1);
    fixture_destroy(f);
}
