/* runs.c - see runs.h.  */
#include "script/runs.h"

#include "mem/heap.h"

#include <pthread.h>

struct script_runs {
    pthread_mutex_t lock;
    struct script_entry *first;
};

struct script_runs *script_runs_create(void)
{
    struct script_runs *runs = thread_alloc_zeroed(MEM_SCRIPT, sizeof *runs);
    if (runs != NULL) {
        pthread_mutex_init(&runs->lock, NULL);
    }
    return runs;
}

void script_runs_destroy(struct script_runs *runs)
{
    if (runs != NULL) {
        pthread_mutex_destroy(&runs->lock);
        thread_free(MEM_SCRIPT, runs, sizeof *runs);
    }
}

void script_runs_add(struct script_runs *runs, struct script_entry *entry)
{
    pthread_mutex_lock(&runs->lock);
    entry->previous = NULL;
    entry->next = runs->first;
    if (entry->next != NULL) {
        entry->next->previous = entry;
    }
    runs->first = entry;
    entry->is_listed = true;
    pthread_mutex_unlock(&runs->lock);
}

void script_runs_remove(struct script_runs *runs, struct script_entry *entry)
{
    if (!entry->is_listed) {
        return;
    }
    pthread_mutex_lock(&runs->lock);
    if (entry->previous == NULL) {
        runs->first = entry->next;
    } else {
        entry->previous->next = entry->next;
    }
    if (entry->next != NULL) {
        entry->next->previous = entry->previous;
    }
    entry->is_listed = false;
    pthread_mutex_unlock(&runs->lock);
}

enum script_kill script_runs_kill(struct script_runs *runs, bool of_functions)
{
    bool is_any = false, is_other = false, is_killed = false;
    pthread_mutex_lock(&runs->lock);
    for (struct script_entry *entry = runs->first; entry != NULL; entry = entry->next) {
        const bool has_written = atomic_load_explicit(&entry->has_written, memory_order_relaxed);
        if (entry->is_function != of_functions && !has_written) {
            is_other = true;
            continue;
        }
        is_any = true;
        if (!has_written) {
            atomic_store_explicit(&entry->is_killed, true, memory_order_relaxed);
            is_killed = true;
        }
    }
    pthread_mutex_unlock(&runs->lock);
    if (is_killed) {
        return KILL_DONE;
    }
    if (is_other) {
        return KILL_OTHER_KIND;
    }
    return is_any ? KILL_HAS_WRITTEN : KILL_NONE_RUNS;
}
