/* registry.c - see registry.h.  */
#include "script/registry.h"

#include "base/sha1.h"
#include "mem/heap.h"

#include <assert.h>
#include <ctype.h>
#include <pthread.h>

enum { FIRST_BUCKETS = 64 };

struct scripts {
    const struct hash_secret *secret;
    uint32_t thread_count;
    pthread_mutex_t lock;            /* of all below */
    struct script **by_name, **by_text; /* one block, `bucket_count` each */
    uint32_t bucket_count;
    uint64_t count, bytes;
    _Atomic uint64_t generation;
};

/* --- one script --- */

static uint32_t name_hash(const char *name)
{
    uint32_t hash;
    memcpy(&hash, name, sizeof hash);
    return hash * UINT32_C(0x9E3779B1) >> 8;
}

static void write_name(struct bytes text, char name[SCRIPT_NAME_BYTES + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA1_BYTES];
    sha1(text, digest);
    for (size_t i = 0; i < SHA1_BYTES; i++) {
        name[2 * i] = digits[digest[i] >> 4];
        name[2 * i + 1] = digits[digest[i] & 15];
    }
    name[SCRIPT_NAME_BYTES] = 0;
}

struct script *scripts_make(const struct scripts *scripts, struct bytes text)
{
    const size_t head = sizeof(struct script) + scripts->thread_count * sizeof(int);
    const size_t block_bytes = head + text.len + 1;
    struct script *script = thread_alloc(MEM_SCRIPT, block_bytes);
    if (script == NULL) {
        return NULL;
    }
    memset(script, 0, head);
    char *copy = (char *)script + head;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    script->text = (struct bytes){copy, text.len};
    script->block_bytes = block_bytes;
    script->references = 1;
    script->text_hash = hash_bytes(scripts->secret, text);
    script->generation = scripts_generation(scripts);
    write_name(text, script->name);
    return script;
}

void script_release(struct script *script)
{
    if (atomic_fetch_sub_explicit(&script->references, 1, memory_order_acq_rel) == 1) {
        thread_free(MEM_SCRIPT, script, script->block_bytes);
    }
}

static struct script *hold(struct script *script)
{
    if (script != NULL) {
        atomic_fetch_add_explicit(&script->references, 1, memory_order_relaxed);
    }
    return script;
}

/* --- all of them --- */

static void free_buckets(struct script **buckets, uint32_t count)
{
    if (buckets != NULL) {
        thread_free(MEM_SCRIPT, buckets, 2 * (size_t)count * sizeof(*buckets));
    }
}

static bool make_buckets(struct scripts *scripts, uint32_t count)
{
    struct script **buckets = thread_alloc_zeroed(MEM_SCRIPT, 2 * (size_t)count * sizeof(*buckets));
    if (buckets == NULL) {
        return false;
    }
    scripts->by_name = buckets;
    scripts->by_text = buckets + count;
    scripts->bucket_count = count;
    return true;
}

struct scripts *scripts_create(const struct hash_secret *secret, uint32_t thread_count)
{
    struct scripts *scripts = thread_alloc_zeroed(MEM_SCRIPT, sizeof *scripts);
    if (scripts == NULL) {
        return NULL;
    }
    scripts->secret = secret;
    scripts->thread_count = thread_count;
    scripts->generation = 1;
    if (!make_buckets(scripts, FIRST_BUCKETS)) {
        thread_free(MEM_SCRIPT, scripts, sizeof *scripts);
        return NULL;
    }
    pthread_mutex_init(&scripts->lock, NULL);
    return scripts;
}

void scripts_destroy(struct scripts *scripts)
{
    if (scripts == NULL) {
        return;
    }
    scripts_flush(scripts);
    free_buckets(scripts->by_name, scripts->bucket_count);
    pthread_mutex_destroy(&scripts->lock);
    thread_free(MEM_SCRIPT, scripts, sizeof *scripts);
}

static void link_script(struct scripts *scripts, struct script *script)
{
    struct script **by_name = &scripts->by_name[name_hash(script->name) & (scripts->bucket_count - 1)];
    struct script **by_text = &scripts->by_text[script->text_hash & (scripts->bucket_count - 1)];
    script->next_by_name = *by_name;
    script->next_by_text = *by_text;
    *by_name = script;
    *by_text = script;
}

/* Twice as many buckets, if there is memory. Under the lock. */
static void grow(struct scripts *scripts)
{
    struct script **old = scripts->by_name;
    const uint32_t count = scripts->bucket_count;
    if (!make_buckets(scripts, 2 * count)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct script *next;
        for (struct script *script = old[i]; script != NULL; script = next) {
            next = script->next_by_name;
            link_script(scripts, script);
        }
    }
    free_buckets(old, count);
}

static struct script *find_name(const struct scripts *scripts, const char *name)
{
    struct script *script = scripts->by_name[name_hash(name) & (scripts->bucket_count - 1)];
    while (script != NULL && memcmp(script->name, name, SCRIPT_NAME_BYTES) != 0) {
        script = script->next_by_name;
    }
    return script;
}

struct script *scripts_find(struct scripts *scripts, struct bytes name)
{
    char lower[SCRIPT_NAME_BYTES];
    if (name.len != SCRIPT_NAME_BYTES) {
        return NULL;
    }
    for (size_t i = 0; i < SCRIPT_NAME_BYTES; i++) {
        lower[i] = (char)tolower((unsigned char)name.data[i]);
    }
    pthread_mutex_lock(&scripts->lock);
    struct script *script = hold(find_name(scripts, lower));
    pthread_mutex_unlock(&scripts->lock);
    return script;
}

struct script *scripts_find_text(struct scripts *scripts, struct bytes text)
{
    const uint64_t hash = hash_bytes(scripts->secret, text);
    pthread_mutex_lock(&scripts->lock);
    struct script *script = scripts->by_text[hash & (scripts->bucket_count - 1)];
    while (script != NULL && (script->text_hash != hash || !bytes_equal(script->text, text))) {
        script = script->next_by_text;
    }
    script = hold(script);
    pthread_mutex_unlock(&scripts->lock);
    return script;
}

void scripts_add(struct scripts *scripts, struct script *script)
{
    pthread_mutex_lock(&scripts->lock);
    if (find_name(scripts, script->name) == NULL && script->generation == scripts_generation(scripts)) {
        if (scripts->count >= scripts->bucket_count) {
            grow(scripts);
        }
        link_script(scripts, hold(script));
        scripts->count++;
        scripts->bytes += script->block_bytes;
    }
    pthread_mutex_unlock(&scripts->lock);
}

void scripts_flush(struct scripts *scripts)
{
    pthread_mutex_lock(&scripts->lock);
    atomic_fetch_add_explicit(&scripts->generation, 1, memory_order_release);
    for (uint32_t i = 0; i < scripts->bucket_count; i++) {
        struct script *next;
        for (struct script *script = scripts->by_name[i]; script != NULL; script = next) {
            next = script->next_by_name;
            script_release(script);
        }
    }
    memset(scripts->by_name, 0, 2 * (size_t)scripts->bucket_count * sizeof(*scripts->by_name));
    scripts->count = scripts->bytes = 0;
    pthread_mutex_unlock(&scripts->lock);
}

uint64_t scripts_generation(const struct scripts *scripts)
{
    return atomic_load_explicit(&scripts->generation, memory_order_acquire);
}

void scripts_count(struct scripts *scripts, uint64_t *count, uint64_t *bytes)
{
    pthread_mutex_lock(&scripts->lock);
    *count = scripts->count;
    *bytes = scripts->bytes;
    pthread_mutex_unlock(&scripts->lock);
}
