/* keyspace.c - keys, values and TTLs against a naive model; exact bytes; every allocation refused once.  */
#include "data/keyspace.h"

#include "base/number.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const int64_t start_ms = INT64_C(1700000000000);
enum { MODEL_KEYS = 700, TEXT_MAX = 4000 };

static uint64_t random_state = 1;

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static size_t random_below(size_t limit)
{
    return (size_t)(random_u64() % limit);
}

static void seed_random(void)
{
    random_state = (uint64_t)time(NULL) * 2654435761u + 1;
    printf("seed %llu\n", (unsigned long long)random_state);
}

/* --- the model: an array of keys, each with its text --- */

struct model_key {
    char *name;
    size_t name_len;
    bool is_there;
    bool is_raw;  /* modified in place */
    bool is_text; /* not an integer, whatever it looks like */
    char *text;
    size_t len;
    int64_t expiry_ms;
};

struct fixture {
    struct heap *heap;
    struct hash_secret secret;
    struct keyspace ks;
    struct model_key *keys;
    int64_t now_ms;
};

/* Names of 0 to 300 bytes, each another. */
static void name_make(struct model_key *key, unsigned i)
{
    char number[32];
    const size_t number_len = (size_t)snprintf(number, sizeof number, "%u", i);
    static const size_t lengths[] = {0, 1, 14, 14, 14, 28, 90, 254, 255, 256, 300, 1100};
    const size_t padding = lengths[i % (sizeof lengths / sizeof lengths[0])];
    key->name_len = i == 0 ? 0 : padding > number_len ? padding : number_len;
    key->name = malloc(key->name_len + 1);
    memset(key->name, ':', key->name_len);
    memcpy(key->name, number, i == 0 ? 0 : number_len);
    key->text = malloc(TEXT_MAX);
    key->expiry_ms = KEYSPACE_NO_EXPIRY;
}

static struct fixture fixture_make(void)
{
    struct fixture f = {.heap = heap_create(), .now_ms = start_ms};
    cr_assert_not_null(f.heap);
    cr_assert(hash_secret_draw(&f.secret));
    f.keys = calloc(MODEL_KEYS, sizeof *f.keys);
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        name_make(&f.keys[i], i);
    }
    return f;
}

static struct key key_named(const struct fixture *f, struct bytes name)
{
    return (struct key){name, hash_bytes(&f->secret, name)};
}

static struct key key_of(const struct fixture *f, const struct model_key *model)
{
    return key_named(f, (struct bytes){model->name, model->name_len});
}

static void check_heap(const struct fixture *f, const struct keyspace *ks)
{
    const struct mem_counters *counters = heap_counters(f->heap);
    cr_assert_eq(counters->class_bytes[MEM_STRING], (int64_t)ks->entry_bytes);
    cr_assert_eq(counters->class_bytes[MEM_KEY_TABLE], (int64_t)keyspace_table_bytes(ks));
    cr_assert_eq(counters->class_bytes[MEM_EXPIRY_INDEX], (int64_t)keyspace_expiry_bytes(ks));
}

static void fixture_unmake(struct fixture *f)
{
    keyspace_clear(&f->ks);
    check_heap(f, &f->ks);
    cr_assert_eq(mem_counters_total(heap_counters(f->heap)), 0);
    heap_destroy(f->heap);
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        free(f->keys[i].name);
        free(f->keys[i].text);
    }
    free(f->keys);
}

static bool model_is_over(const struct fixture *f, const struct model_key *model)
{
    return model->expiry_ms >= 0 && model->expiry_ms < f->now_ms;
}

/* Drops what has expired from the model of one key. */
static void model_expire(const struct fixture *f, struct model_key *model)
{
    if (model->is_there && model_is_over(f, model)) {
        model->is_there = false;
    }
}

static const char *model_encoding(const struct model_key *model)
{
    int64_t number;
    if (model->is_raw) {
        return "raw";
    }
    if (!model->is_text && int64_parse((struct bytes){model->text, model->len}, &number)) {
        return "int";
    }
    return model->len <= 44 ? "embstr" : "raw";
}

/* One key as a client sees it. */
static void check_key(struct fixture *f, struct model_key *model)
{
    model_expire(f, model);
    struct entry *entry = keyspace_find(&f->ks, key_of(f, model), f->now_ms);
    cr_assert_eq(entry != NULL, model->is_there);
    if (entry == NULL) {
        return;
    }
    char scratch[STRING_SCRATCH];
    const struct bytes text = {model->text, model->len};
    cr_assert(bytes_equal(entry_key(entry), (struct bytes){model->name, model->name_len}));
    cr_assert(bytes_equal(entry_string(entry, scratch), text));
    cr_assert_eq(entry_string_len(entry), model->len);
    cr_assert_eq(keyspace_expiry_ms(&f->ks, entry), model->expiry_ms);
    cr_assert_str_eq(entry_encoding_name(entry), model_encoding(model));
}

static void check_all(struct fixture *f)
{
    uint64_t there = 0;
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        check_key(f, &f->keys[i]);
        there += f->keys[i].is_there;
    }
    cr_assert_eq(f->ks.key_count, there);
    struct keyspace_tally seen = {0};
    char finding[200] = "";
    cr_assert(keyspace_audit(&f->ks, &seen, finding), "%s", finding);
    cr_assert_eq(seen.keys, there);
    cr_assert_eq(seen.entry_bytes, f->ks.entry_bytes);
    check_heap(f, &f->ks);
}

/* --- random steps: each does the same to keyspace and model; false when memory was refused --- */

/* Texts of all kinds: numbers, short, around every limit, long. */
static size_t random_text(char text[TEXT_MAX])
{
    static const size_t lengths[] = {0, 1, 8, 8, 8, 44, 45, 240, 254, 255, 256, 900, 990, 1010, 1024, 2000};
    if (random_below(3) == 0) {
        return int64_format((int64_t)random_u64() >> random_below(64), text);
    }
    const size_t len = lengths[random_below(sizeof lengths / sizeof lengths[0])];
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)random_u64();
    }
    return len;
}

static int64_t random_ttl(void)
{
    static const int64_t ttls[] = {0, 50, 1000, 100000, 3600000, 13 * 86400000LL, 1000 * 86400000LL};
    return ttls[random_below(sizeof ttls / sizeof ttls[0])];
}

static bool step_put(struct fixture *f, struct model_key *model)
{
    char text[TEXT_MAX];
    const size_t len = random_text(text);
    const enum expiry_mode mode = (enum expiry_mode)random_below(3);
    const int64_t expiry_ms = f->now_ms + random_ttl();
    struct entry *existing = keyspace_find(&f->ks, key_of(f, model), f->now_ms);
    model_expire(f, model);
    if (keyspace_put_string(&f->ks, key_of(f, model), existing, (struct bytes){text, len}, mode, expiry_ms) != RESULT_OK) {
        return false;
    }
    if (mode == EXPIRY_SET) {
        model->expiry_ms = expiry_ms;
    } else if (mode == EXPIRY_CLEAR || !model->is_there) {
        model->expiry_ms = KEYSPACE_NO_EXPIRY;
    }
    memcpy(model->text, text, len);
    model->len = len;
    model->is_there = true;
    model->is_raw = model->is_text = false;
    return true;
}

static bool step_put_integer(struct fixture *f, struct model_key *model)
{
    const int64_t number = (int64_t)random_u64() >> random_below(64);
    struct entry *existing = keyspace_find(&f->ks, key_of(f, model), f->now_ms);
    model_expire(f, model);
    if (keyspace_put_integer(&f->ks, key_of(f, model), existing, number) != RESULT_OK) {
        return false;
    }
    model->expiry_ms = model->is_there ? model->expiry_ms : KEYSPACE_NO_EXPIRY;
    model->len = int64_format(number, model->text);
    model->is_there = true;
    model->is_raw = model->is_text = false;
    return true;
}

static bool step_put_text(struct fixture *f, struct model_key *model)
{
    char text[TEXT_MAX];
    const size_t len = random_text(text);
    struct entry *existing = keyspace_find(&f->ks, key_of(f, model), f->now_ms);
    model_expire(f, model);
    if (keyspace_put_text(&f->ks, key_of(f, model), existing, (struct bytes){text, len}) != RESULT_OK) {
        return false;
    }
    memcpy(model->text, text, len);
    model->len = len;
    model->expiry_ms = model->is_there ? model->expiry_ms : KEYSPACE_NO_EXPIRY;
    model->is_there = model->is_text = true;
    model->is_raw = false;
    return true;
}

static bool step_append(struct fixture *f, struct model_key *model)
{
    char tail[TEXT_MAX];
    struct entry *existing = keyspace_find(&f->ks, key_of(f, model), f->now_ms);
    model_expire(f, model);
    if (existing == NULL) {
        return true;
    }
    const size_t len = random_text(tail) % (TEXT_MAX - model->len);
    size_t new_len = 0;
    if (keyspace_string_append(&f->ks, key_of(f, model), existing, (struct bytes){tail, len}, &new_len) != RESULT_OK) {
        return false;
    }
    memcpy(model->text + model->len, tail, len);
    model->len += len;
    model->is_raw = true;
    cr_assert_eq(new_len, model->len);
    return true;
}

static bool step_set_range(struct fixture *f, struct model_key *model)
{
    char patch[TEXT_MAX];
    const size_t offset = random_below(1500);
    const size_t len = random_text(patch) % 1000 + 1;
    struct entry *existing = keyspace_find(&f->ks, key_of(f, model), f->now_ms);
    model_expire(f, model);
    size_t new_len = 0;
    patch[len - 1] = 'x';
    if (keyspace_string_set_range(&f->ks, key_of(f, model), existing, offset, (struct bytes){patch, len}, &new_len) !=
        RESULT_OK) {
        return false;
    }
    if (!model->is_there) {
        model->len = 0;
        model->expiry_ms = KEYSPACE_NO_EXPIRY;
    }
    if (offset > model->len) {
        memset(model->text + model->len, 0, offset - model->len);
    }
    memcpy(model->text + offset, patch, len);
    model->len = offset + len > model->len ? offset + len : model->len;
    model->is_there = model->is_raw = true;
    cr_assert_eq(new_len, model->len);
    return true;
}

static bool step_set_expiry(struct fixture *f, struct model_key *model)
{
    struct entry *entry = keyspace_find(&f->ks, key_of(f, model), f->now_ms);
    model_expire(f, model);
    if (entry == NULL) {
        return true;
    }
    const int64_t expiry_ms = random_below(3) == 0 ? KEYSPACE_NO_EXPIRY : f->now_ms + random_ttl();
    if (keyspace_set_expiry(&f->ks, &entry, expiry_ms) != RESULT_OK) {
        return false;
    }
    model->expiry_ms = expiry_ms;
    cr_assert_eq(keyspace_find(&f->ks, key_of(f, model), f->now_ms), entry);
    return true;
}

static bool step_delete(struct fixture *f, struct model_key *model)
{
    model_expire(f, model);
    cr_assert_eq(keyspace_delete(&f->ks, key_of(f, model), f->now_ms), model->is_there);
    model->is_there = false;
    return true;
}

static void model_copy(struct model_key *to, const struct model_key *from)
{
    memcpy(to->text, from->text, from->len);
    to->len = from->len;
    to->expiry_ms = from->expiry_ms;
    to->is_raw = from->is_raw;
    to->is_text = from->is_text;
    to->is_there = true;
}

static bool step_copy(struct fixture *f, struct model_key *model)
{
    struct model_key *target = &f->keys[random_below(MODEL_KEYS)];
    struct entry *source = keyspace_find(&f->ks, key_of(f, model), f->now_ms);
    model_expire(f, model);
    model_expire(f, target);
    if (source == NULL) {
        return true;
    }
    if (keyspace_copy_from(&f->ks, key_of(f, target), &f->ks, source, f->now_ms) != RESULT_OK) {
        return false;
    }
    if (target != model) {
        model_copy(target, model);
    }
    return true;
}

static bool step_move(struct fixture *f, struct model_key *model)
{
    struct model_key *target = &f->keys[random_below(MODEL_KEYS)];
    model_expire(f, model);
    model_expire(f, target);
    if (!model->is_there) {
        return true;
    }
    if (keyspace_move_from(&f->ks, key_of(f, target), &f->ks, key_of(f, model), f->now_ms) != RESULT_OK) {
        return false;
    }
    if (target != model) {
        model_copy(target, model);
        model->is_there = false;
    }
    return true;
}

typedef bool step_fn(struct fixture *f, struct model_key *model);
static step_fn *const steps[] = {step_put,       step_put,        step_put,    step_put_integer, step_put_text, step_append,
                                 step_set_range, step_set_expiry, step_delete, step_copy,        step_move};

static bool random_step(struct fixture *f)
{
    return steps[random_below(sizeof steps / sizeof steps[0])](f, &f->keys[random_below(MODEL_KEYS)]);
}

Test(keyspace, agrees_with_a_model_in_contents_encodings_expiries_and_bytes)
{
    seed_random();
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 1000; i++) {
            cr_assert(random_step(&f));
            f.now_ms += random_below(100) == 0 ? (int64_t)random_below(200) : 0;
        }
        if (round % 3 == 0) {
            while (keyspace_expire_due(&f.ks, f.now_ms, 1 + random_below(20)) > 0) {
            }
        }
        check_all(&f);
        cr_assert_eq(keyspace_next_expiry_ms(&f.ks) == INT64_MAX, f.ks.expiring_count == 0);
        f.now_ms += round % 10 == 9 ? 14 * INT64_C(86400000) : 0;
    }
    fixture_unmake(&f);
}

/* --- changes to come --- */

/* All keys as they were at some moment, and which were announced since. */
struct moment {
    const struct fixture *f;
    struct model_key then[MODEL_KEYS];
    char texts[MODEL_KEYS][TEXT_MAX];
    bool is_announced[MODEL_KEYS];
    uint64_t announced, detached;
};

static void moment_begin(struct moment *moment, const struct fixture *f)
{
    moment->f = f;
    moment->announced = 0;
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        moment->then[i] = f->keys[i];
        memcpy(moment->texts[i], f->keys[i].text, f->keys[i].len);
        moment->is_announced[i] = false;
    }
}

static void check_as_it_was(const struct moment *moment, unsigned i, const struct entry *entry)
{
    const struct model_key *then = &moment->then[i];
    char scratch[STRING_SCRATCH];
    cr_assert_eq(entry != NULL, then->is_there);
    if (entry != NULL) {
        cr_assert(bytes_equal(entry_string(entry, scratch), (struct bytes){moment->texts[i], then->len}));
        cr_assert_eq(keyspace_expiry_ms(&moment->f->ks, entry), then->expiry_ms);
    }
}

static void hear_change(void *context, struct keyspace *ks, uint64_t hash, struct bytes name, const struct entry *entry)
{
    struct moment *moment = context;
    unsigned i = 0;
    while (!bytes_equal(name, (struct bytes){moment->f->keys[i].name, moment->f->keys[i].name_len})) {
        i++;
        cr_assert_lt(i, (unsigned)MODEL_KEYS);
    }
    cr_assert_eq(ks, &moment->f->ks);
    cr_assert_eq(hash, key_of(moment->f, &moment->f->keys[i]).hash);
    if (!moment->is_announced[i]) {
        check_as_it_was(moment, i, entry);
        moment->is_announced[i] = true;
        moment->announced++;
    }
}

static void hear_detach(void *context, struct keyspace *ks, struct keyspace *remains)
{
    (void)remains;
    struct moment *moment = context;
    cr_assert_eq(ks, &moment->f->ks);
    moment->detached++;
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        if (!moment->is_announced[i]) {
            check_as_it_was(moment, i, keyspace_peek(ks, key_of(moment->f, &moment->f->keys[i])));
        }
    }
}

Test(keyspace, announces_each_change_before_it)
{
    seed_random();
    struct fixture f = fixture_make();
    struct moment *moment = calloc(1, sizeof *moment);
    const struct keyspace_owner owner = {.context = moment, .before_change = hear_change, .before_detach = hear_detach};
    uint64_t announced = 0;
    keyspace_init(&f.ks, f.heap, &f.secret);
    f.ks.owner = &owner;
    for (unsigned round = 0; round < 100; round++) {
        moment_begin(moment, &f);
        for (unsigned i = 0; i < 300; i++) {
            cr_assert(random_step(&f));
            f.now_ms += random_below(100) == 0 ? (int64_t)random_below(200) : 0;
        }
        while (keyspace_expire_due(&f.ks, f.now_ms, 1 + random_below(20)) > 0) {
        }
        check_all(&f); /* takes out what has expired */
        for (unsigned i = 0; i < MODEL_KEYS; i++) {
            if (!moment->is_announced[i]) {
                check_as_it_was(moment, i, keyspace_peek(&f.ks, key_of(&f, &f.keys[i])));
            }
        }
        announced += moment->announced;
    }
    cr_assert_gt(announced, 5000u);
    moment_begin(moment, &f);
    fixture_unmake(&f);
    cr_assert_eq(moment->detached, 1u);
    free(moment);
}

Test(keyspace, keeps_everything_as_it_was_when_memory_is_refused)
{
    seed_random();
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    unsigned refused = 0;
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 300; i++) {
            heap_fail_after(f.heap, (int64_t)random_below(4));
            refused += !random_step(&f);
            heap_fail_after(f.heap, -1);
            f.now_ms += random_below(100) == 0 ? (int64_t)random_below(200) : 0;
        }
        check_all(&f);
    }
    cr_assert_gt(refused, 100);
    fixture_unmake(&f);
}

/* --- sizes that were promised --- */

struct load {
    size_t value_len;
    int64_t ttl_ms; /* -1 none; random up to an hour for 0 */
    double bytes_max;
};

static double load_keys(struct fixture *f, const struct load *load, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        char value[200];
        snprintf(name, sizeof name, "key:%010u", i);
        memset(value, 'v', sizeof value);
        const struct key key = key_named(f, (struct bytes){name, 14});
        struct entry *existing = keyspace_find(&f->ks, key, f->now_ms);
        cr_assert_null(existing);
        const int64_t ttl_ms = load->ttl_ms == 0 ? (int64_t)random_below(3600000) : load->ttl_ms;
        const enum expiry_mode mode = load->ttl_ms < 0 ? EXPIRY_CLEAR : EXPIRY_SET;
        cr_assert_eq(keyspace_put_string(&f->ks, key, NULL, (struct bytes){value, load->value_len}, mode, f->now_ms + ttl_ms),
                     RESULT_OK);
        f->now_ms += i % 50 == 0;
    }
    return (double)mem_counters_total(heap_counters(f->heap)) / count;
}

Test(keyspace, needs_few_bytes_a_key)
{
    static const struct load loads[] = {
        {8, -1, 44},
        {8, 3600000, 56},
        {8, 0, 56},
        {64, -1, 110},
    };
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        struct fixture f = fixture_make();
        keyspace_init(&f.ks, f.heap, &f.secret);
        const double each = load_keys(&f, &loads[i], 200000);
        printf("14 + %zu bytes, ttl %lld: %.2f\n", loads[i].value_len, (long long)loads[i].ttl_ms, each);
        cr_assert_leq(each, loads[i].bytes_max);
        check_heap(&f, &f.ks);
        fixture_unmake(&f);
    }
}

Test(keyspace, overwrites_in_place_without_allocating)
{
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    const struct key key = key_named(&f, BYTES("key:0000000001"));
    cr_assert_null(keyspace_find(&f.ks, key, f.now_ms));
    cr_assert_eq(keyspace_put_string(&f.ks, key, NULL, BYTES("abcdefgh"), EXPIRY_CLEAR, 0), RESULT_OK);
    struct entry *entry = keyspace_find(&f.ks, key, f.now_ms);
    heap_fail_after(f.heap, 0);
    cr_assert_eq(keyspace_put_string(&f.ks, key, entry, BYTES("ABCDEFGH"), EXPIRY_CLEAR, 0), RESULT_OK);
    cr_assert_eq(keyspace_put_string(&f.ks, key, entry, BYTES("abc"), EXPIRY_CLEAR, 0), RESULT_OK);
    cr_assert_eq(keyspace_put_string(&f.ks, key, entry, BYTES("12"), EXPIRY_CLEAR, 0), RESULT_OK);
    cr_assert_eq(keyspace_put_integer(&f.ks, key, entry, 13), RESULT_OK);
    cr_assert_eq(keyspace_find(&f.ks, key, f.now_ms), entry);
    int64_t number = 0;
    cr_assert(entry_integer(entry, &number));
    cr_assert_eq(number, 13);
    cr_assert_eq(f.ks.entry_bytes, 32);
    heap_fail_after(f.heap, -1);
    fixture_unmake(&f);
}

/* --- time --- */

Test(keyspace, expires_keys_in_the_order_of_their_time)
{
    seed_random();
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    const struct load load = {8, 0, 0};
    load_keys(&f, &load, 20000);
    while (f.ks.key_count > 0) {
        const int64_t next_ms = keyspace_next_expiry_ms(&f.ks);
        f.now_ms = next_ms + 1 + (int64_t)random_below(60000);
        while (keyspace_expire_due(&f.ks, f.now_ms, 37) == 37) {
        }
        cr_assert_geq(keyspace_next_expiry_ms(&f.ks), f.now_ms);
        cr_assert_eq(f.ks.key_count, f.ks.expiring_count);
        struct keyspace_tally seen = {0};
        char finding[200];
        cr_assert(keyspace_audit(&f.ks, &seen, finding), "%s", finding);
    }
    cr_assert_eq(f.ks.expired_total, 20000);
    cr_assert_eq(keyspace_next_expiry_ms(&f.ks), INT64_MAX);
    cr_assert_eq(mem_counters_total(heap_counters(f.heap)), 0);
    fixture_unmake(&f);
}

Test(keyspace, lets_a_key_live_through_its_last_millisecond)
{
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    const struct key key = key_named(&f, BYTES("k"));
    cr_assert_eq(keyspace_put_string(&f.ks, key, NULL, BYTES("v"), EXPIRY_SET, f.now_ms + 5), RESULT_OK);
    cr_assert_not_null(keyspace_find(&f.ks, key, f.now_ms + 5));
    cr_assert_eq(keyspace_expire_due(&f.ks, f.now_ms + 5, 10), 0);
    cr_assert_null(keyspace_find(&f.ks, key, f.now_ms + 6));
    cr_assert_eq(f.ks.expired_total, 1);
    fixture_unmake(&f);
}

Test(keyspace, survives_a_clock_that_jumps)
{
    seed_random();
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    const struct load load = {8, 3600000, 0};
    load_keys(&f, &load, 5000);
    f.now_ms -= 40 * INT64_C(86400000);
    cr_assert_eq(keyspace_expire_due(&f.ks, f.now_ms, 10000), 0);
    for (unsigned i = 0; i < 2000; i++) {
        cr_assert(random_step(&f));
    }
    cr_assert_geq(f.ks.key_count, 5000);
    f.now_ms += 4000 * INT64_C(86400000);
    cr_assert_geq(keyspace_expire_due(&f.ks, f.now_ms, SIZE_MAX), 5000);
    check_all(&f);
    fixture_unmake(&f);
}

Test(keyspace, knows_the_mean_ttl_roughly)
{
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    const struct load load = {8, 1000000, 0};
    load_keys(&f, &load, 1000);
    for (unsigned i = 0; i < 100; i++) {
        f.now_ms += 100;
        cr_assert_eq(keyspace_expire_due(&f.ks, f.now_ms, 10), 0);
    }
    cr_assert_geq(f.ks.ttl_sum_hint_ms, 980000);
    cr_assert_leq(f.ks.ttl_sum_hint_ms, 1000000);
    fixture_unmake(&f);
}

/* --- walks --- */

static void count_entry(struct entry *entry, void *arg)
{
    cr_assert_not_null(entry);
    ++*(uint64_t *)arg;
}

Test(keyspace, scan_and_random_pass_over_what_has_expired)
{
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        const enum expiry_mode mode = i % 2 == 0 ? EXPIRY_SET : EXPIRY_CLEAR;
        cr_assert_eq(keyspace_put_string(&f.ks, key_of(&f, &f.keys[i]), NULL, BYTES("v"), mode, f.now_ms + 10), RESULT_OK);
    }
    f.now_ms += 100;
    uint64_t visited = 0;
    uint64_t cursor = 0;
    do {
        keyspace_scan(&f.ks, &cursor, 10, f.now_ms, count_entry, &visited);
    } while (cursor != 0);
    cr_assert_eq(visited, MODEL_KEYS / 2);
    uint64_t state = 5;
    for (unsigned i = 0; i < 10000; i++) {
        cr_assert_eq(keyspace_expiry_ms(&f.ks, keyspace_random(&f.ks, &state, f.now_ms)), KEYSPACE_NO_EXPIRY);
    }
    cr_assert_eq(f.ks.key_count, MODEL_KEYS / 2);
    fixture_unmake(&f);
}

Test(keyspace, peek_and_visit_all_see_what_has_expired_and_leave_it)
{
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        const enum expiry_mode mode = i % 2 == 0 ? EXPIRY_SET : EXPIRY_CLEAR;
        cr_assert_eq(keyspace_put_string(&f.ks, key_of(&f, &f.keys[i]), NULL, BYTES("v"), mode, f.now_ms + 10), RESULT_OK);
    }
    f.now_ms += 100;
    for (unsigned round = 0; round < 2; round++) {
        uint64_t visited = 0;
        keyspace_visit_all(&f.ks, count_entry, &visited);
        cr_assert_eq(visited, MODEL_KEYS);
        for (unsigned i = 0; i < MODEL_KEYS; i++) {
            const struct entry *entry = keyspace_peek(&f.ks, key_of(&f, &f.keys[i]));
            cr_assert(bytes_equal(entry_key(entry), (struct bytes){f.keys[i].name, f.keys[i].name_len}));
        }
    }
    cr_assert_null(keyspace_find(&f.ks, key_of(&f, &f.keys[0]), f.now_ms));
    cr_assert_null(keyspace_peek(&f.ks, key_of(&f, &f.keys[0])));
    cr_assert_eq(f.ks.key_count, MODEL_KEYS - 1);
    fixture_unmake(&f);
}

Test(keyspace, empties_in_steps_while_new_keys_come)
{
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    const struct load load = {8, 0, 0};
    load_keys(&f, &load, 30000);
    struct keyspace remains;
    keyspace_detach(&f.ks, &remains);
    cr_assert_eq(f.ks.key_count, 0);
    cr_assert_eq(remains.key_count, 30000);
    unsigned step_count = 0;
    for (unsigned i = 0;; i++) {
        const uint64_t before = remains.key_count;
        const bool is_gone = keyspace_free_step(&remains, 100);
        cr_assert_leq(before - remains.key_count, 100);
        cr_assert(random_step(&f));
        step_count++;
        if (is_gone) {
            break;
        }
    }
    cr_assert_geq(step_count, 300);
    cr_assert_eq(remains.expiring_count, 0);
    check_all(&f);
    fixture_unmake(&f);
}

Test(keyspace, copies_between_keyspaces_of_two_heaps)
{
    struct fixture f = fixture_make();
    struct fixture g = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    keyspace_init(&g.ks, g.heap, &g.secret);
    for (unsigned i = 0; i < 3000; i++) {
        cr_assert(random_step(&f));
    }
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        struct model_key *from = &f.keys[i];
        struct model_key *to = &g.keys[i];
        const struct entry *source = keyspace_find(&f.ks, key_of(&f, from), f.now_ms);
        to->is_there = source != NULL;
        if (source != NULL) {
            cr_assert_eq(keyspace_copy_from(&g.ks, key_of(&g, to), &f.ks, source, g.now_ms), RESULT_OK);
            model_copy(to, from);
        }
    }
    check_all(&g);
    fixture_unmake(&g);
    fixture_unmake(&f);
}

Test(keyspace, deletes_under_the_name_that_the_entry_lends)
{
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    cr_assert_eq(keyspace_put_string(&f.ks, key_named(&f, BYTES("some key")), NULL, BYTES("v"), EXPIRY_CLEAR, 0), RESULT_OK);
    uint64_t state = 1;
    struct entry *entry = keyspace_random(&f.ks, &state, f.now_ms);
    cr_assert(keyspace_delete(&f.ks, key_named(&f, entry_key(entry)), f.now_ms));
    cr_assert_eq(f.ks.key_count, 0);
    fixture_unmake(&f);
}

Test(keyspace, gives_new_entries_the_access_of_the_hour_and_keeps_that_of_old_ones)
{
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    f.ks.initial_access = 12345;
    const struct key key = key_named(&f, BYTES("k"));
    cr_assert_eq(keyspace_put_string(&f.ks, key, NULL, BYTES("v"), EXPIRY_CLEAR, 0), RESULT_OK);
    struct entry *entry = keyspace_find(&f.ks, key, f.now_ms);
    cr_assert_eq(entry_access(entry), 12345);
    entry_set_access(entry, 99);
    const struct bytes longer = BYTES("a much longer value than before, to move");
    cr_assert_eq(keyspace_put_string(&f.ks, key, entry, longer, EXPIRY_CLEAR, 0), RESULT_OK);
    cr_assert_eq(entry_access(keyspace_find(&f.ks, key, f.now_ms)), 99);
    fixture_unmake(&f);
}

Test(keyspace, grows_appended_strings_ahead_of_need)
{
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    const struct key key = key_named(&f, BYTES("log"));
    cr_assert_eq(keyspace_put_string(&f.ks, key, NULL, BYTES(""), EXPIRY_CLEAR, 0), RESULT_OK);
    unsigned moves = 0;
    uint64_t bytes = 0;
    for (size_t i = 1; i <= 3000000; i += 10) {
        size_t new_len = 0;
        struct entry *entry = keyspace_find(&f.ks, key, f.now_ms);
        cr_assert_eq(keyspace_string_append(&f.ks, key, entry, BYTES("0123456789"), &new_len), RESULT_OK);
        cr_assert_eq(new_len, i + 9);
        moves += f.ks.entry_bytes != bytes;
        bytes = f.ks.entry_bytes;
    }
    cr_assert_leq(moves, 24);
    check_heap(&f, &f.ks);
    fixture_unmake(&f);
}

Test(keyspace, refuses_lengths_that_no_string_can_have)
{
    struct fixture f = fixture_make();
    keyspace_init(&f.ks, f.heap, &f.secret);
    size_t new_len = 1;
    const struct key key = key_named(&f, BYTES("k"));
    cr_assert_eq(keyspace_string_set_range(&f.ks, key, NULL, SIZE_MAX, BYTES("x"), &new_len), RESULT_TOO_LONG);
    cr_assert_eq(keyspace_string_set_range(&f.ks, key, NULL, (size_t)PTRDIFF_MAX, BYTES("x"), &new_len), RESULT_TOO_LONG);
    cr_assert_eq(new_len, 1);
    cr_assert_eq(f.ks.key_count, 0);
    fixture_unmake(&f);
}
