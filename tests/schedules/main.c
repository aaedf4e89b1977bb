/* main.c - runs the hand-over of commands between threads under many schedules; README: tests/README.md.
 *
 *   schedules [--schedules N] [--first SEED]   N schedules from that seed on
 *   schedules --seed SEED [--fault NUMBER]     one of them again
 *   schedules --faults                         each fault of seam.h is found, by a schedule that finds it again when it is repeated
 *
 * Exit status 0: nothing is wrong.  */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SCHEDULES = 20000,
    FAULT_SCHEDULES = 300000, /* within which a fault is found */
    SHARDS_MIN = 2,
    SHARD_KINDS = 2,         /* 2 shards, or 3 */
};

enum fault seam_fault;

static const char *const fault_names[FAULTS] = {
    [FAULT_WAKE_LOST] = "a wake-up is lost",
    [FAULT_TWO_HOLDERS] = "a baton has two holders",
    [FAULT_PUSH_LOST] = "a push is lost",
    [FAULT_NO_LOOK_AFTER_RELEASE] = "no look into the inbox after the release",
    [FAULT_NO_TRY_AFTER_PUSH] = "no try after the push",
    [FAULT_NO_LOOK_AFTER_PUSH_ON] = "no look after a chain was pushed on",
    [FAULT_NO_WAKE_AT_LIMIT] = "no wake-up when a holder has drained enough",
    [FAULT_NO_LOOK_BEFORE_SLEEP] = "no last look before sleep",
    [FAULT_NO_CUT] = "a window is not cut",
    [FAULT_NO_CALL_OF_WAITERS] = "who unpins tells nobody",
    [FAULT_NO_WITHDRAWAL] = "jobs that were only started keep their pins",
    [FAULT_NO_LATE_SERVING] = "who could not be served at once is forgotten",
    [FAULT_SERVED_TWICE] = "two serve one blocked client",
};

static struct server *servers[SHARD_KINDS];

static uint32_t run_seed(uint64_t seed)
{
    return world_run(servers[seed % SHARD_KINDS], seed);
}

static void open_servers(void)
{
    for (uint32_t i = 0; i < SHARD_KINDS; i++) {
        servers[i] = world_open(SHARDS_MIN + i);
    }
}

static int run_many(uint64_t first, uint64_t count)
{
    uint64_t points = 0;
    open_servers();
    for (uint64_t i = 0; i < count; i++) {
        points += run_seed(first + i);
    }
    for (uint32_t i = 0; i < SHARD_KINDS; i++) {
        world_close(servers[i]);
    }
    printf("%llu schedules from seed %llu on, %llu points\n", (unsigned long long)count, (unsigned long long)first,
           (unsigned long long)points);
    return 0;
}

/* In a process of its own, since a failure ends it: up to `count` seeds from `first` on with the fault. *at: the one it is at. True: one
 * has failed.  */
static bool fails(enum fault fault, uint64_t first, uint64_t count, volatile uint64_t *at)
{
    const pid_t child = fork();
    if (child == 0) {
        seam_fault = fault;
        open_servers();
        for (uint64_t i = 0; i < count; i++) {
            *at = first + i;
            (void)run_seed(first + i);
        }
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        exit(2);
    }
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static int find_faults(void)
{
    volatile uint64_t *at = mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int missed = 0;
    if (at == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    for (enum fault fault = FAULT_NONE + 1; fault < FAULTS; fault++) {
        const bool is_found = fails(fault, 1, FAULT_SCHEDULES, at);
        const uint64_t seed = *at;
        const bool is_repeated = is_found && fails(fault, seed, 1, at);
        printf("%s: %s %llu%s\n", fault_names[fault], is_found ? "found at seed" : "NOT FOUND up to seed", (unsigned long long)seed,
               is_found && !is_repeated ? ", NOT REPEATED by it" : "");
        fflush(stdout);
        missed += !is_repeated;
    }
    return missed == 0 ? 0 : 1;
}

static uint64_t option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return strtoull(argv[i + 1], NULL, 10);
        }
    }
    return otherwise;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--faults") == 0) {
        return find_faults();
    }
    const uint64_t fault = option(argc, argv, "--fault", FAULT_NONE);
    const uint64_t seed = option(argc, argv, "--seed", 0);
    if (argc % 2 == 0 || fault >= FAULTS) {
        fprintf(stderr, "usage: schedules [--schedules N] [--first SEED] | --seed SEED [--fault NUMBER] | --faults\n");
        return 2;
    }
    seam_fault = (enum fault)fault;
    return seed != 0 ? run_many(seed, 1) : run_many(option(argc, argv, "--first", 1), option(argc, argv, "--schedules", SCHEDULES));
}
