/* main.c - histories - plays histories of the log on a simulated disk, by seed.
 *
 *   histories                      3,000 histories
 *   histories --histories 100000   so many, or as TESSERA_HISTORIES says
 *   histories --seed 7             one, and prints what happens
 *   histories --faults             every fault that disk.h lists must be found
 *   histories --fault 3 --seed 7   one with a fault
 *
 * Status 1: something was violated (or a fault was not found).  */
#include "history.h"

#include "mem/heap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { HISTORIES = 3000, FAULT_HISTORIES_MAX = 50000 };

static const char *const fault_names[FAULT_COUNT] = {
    [FAULT_NONE] = "none",
    [FAULT_NO_SYNC] = "no sync",
    [FAULT_NO_FOLDER_SYNC] = "no sync of the folder",
    [FAULT_NO_TEMPORARY_SYNC] = "no sync of the new manifest",
    [FAULT_NO_SEAL_SYNC] = "no sync of what recovery has read",
    [FAULT_NO_HEADER_SYNC] = "no sync of new logs",
    [FAULT_NO_BASE_SYNC] = "no sync of the base",
    [FAULT_NO_WRITE_AGAIN] = "what recovery has read is not written again",
    [FAULT_FORGIVEN_SYNC] = "a failed sync is forgiven",
    [FAULT_EARLY_COMPLETION] = "a write is done too early",
    [FAULT_ACK_DURABLE] = "acknowledged when durable",
    [FAULT_ACK_BEFORE_BASE] = "acknowledged before the base",
    [FAULT_UNITS_UNTOLD] = "the cut does not know of units",
    [FAULT_NOT_FOLLOWING] = "a generation does not wait for the one before",
    [FAULT_OLD_BASE] = "the base is of an earlier moment",
    [FAULT_EARLY_REMOVAL] = "old files are removed early",
    [FAULT_PAUSED_EARLY] = "a unit that pauses is acknowledged early",
    [FAULT_SAME_FILE] = "a file that is made anew is the old one",
};

static bool find_fault(enum fault fault)
{
    struct history_counts counts = {0};
    for (uint64_t seed = 1; seed <= FAULT_HISTORIES_MAX; seed++) {
        const char *violation = history_run(seed, fault, false, &counts);
        if (violation != NULL) {
            printf("%-52s found by seed %" PRIu64 ": %s\n", fault_names[fault], seed, violation);
            return true;
        }
    }
    printf("%-52s NOT FOUND\n", fault_names[fault]);
    return false;
}

static int find_faults(void)
{
    bool are_found = true;
    for (int fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++) {
        are_found = find_fault((enum fault)fault) && are_found;
    }
    return are_found ? 0 : 1;
}

static int play(uint64_t histories)
{
    struct history_counts counts = {0};
    for (uint64_t seed = 1; seed <= histories; seed++) {
        const char *violation = history_run(seed, FAULT_NONE, false, &counts);
        if (violation != NULL) {
            printf("seed %" PRIu64 ": %s\n", seed, violation);
            return 1;
        }
    }
    printf("%" PRIu64 " histories: %" PRIu64 " lives, %" PRIu64 " operations, %" PRIu64 " acknowledged, %" PRIu64 " lost, %" PRIu64
           " torn tails, %" PRIu64 " units cut, %" PRIu64 " bases, %" PRIu64 " logs failed, %" PRIu64 " times full; no violation\n",
           histories, counts.lives, counts.operations, counts.acknowledged, counts.lost, counts.torn, counts.units_cut, counts.bases,
           counts.failed_logs, counts.full_disks);
    return thread_heaps_bytes() == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
    const char *asked = getenv("TESSERA_HISTORIES");
    uint64_t histories = asked == NULL ? HISTORIES : strtoull(asked, NULL, 10);
    uint64_t seed = 0;
    enum fault fault = FAULT_NONE;
    for (int i = 1; i < argc; i += 2) {
        const uint64_t number = i + 1 < argc ? strtoull(argv[i + 1], NULL, 10) : 0;
        if (strcmp(argv[i], "--faults") == 0) {
            return find_faults();
        }
        if (strcmp(argv[i], "--histories") == 0) {
            histories = number;
        } else if (strcmp(argv[i], "--seed") == 0) {
            seed = number;
        } else if (strcmp(argv[i], "--fault") == 0 && number < FAULT_COUNT) {
            fault = (enum fault)number;
        } else {
            fprintf(stderr, "histories: what is %s?\n", argv[i]);
            return 2;
        }
    }
    if (seed != 0) {
        struct history_counts counts = {0};
        return history_run(seed, fault, true, &counts) != NULL;
    }
    return play(histories);
}
