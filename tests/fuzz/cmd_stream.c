/* Bytes that clients send, to the whole server on one shard: parser, dispatch, handlers, jobs, scripts, tables, replies. Byte 0xFE goes on with the
 * next of three connections. After each input MEMORY AUDIT finds every byte counted, with the data and without; after one of LOGS_REPEATED, by its
 * length, the data are taken from the log, and DEBUG DIGEST is what it was. A server whose configuration, users or hooks for tests an input may have
 * changed is started anew, and so is one that does not answer as usual.
 *
 * stream/words.h has the dictionary and mutations that know commands, stream/server.h the server; cmd_stream_seeds.py makes seeds.  */
#include "stream/server.h"
#include "stream/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { NEXT_CLIENT = 0xFE, INPUT_MAX = 1 << 16, KILL_TRIES = 200, LOGS_REPEATED = 16 }; /* repeating takes 0.2 s */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* Threads of a server have memory at any time: what is lost is found by MEMORY AUDIT. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

const char *__ubsan_default_options(void)
{
    return "print_stacktrace=1";
}

/* --- one input --- */

static bool is_at(const char *text, size_t len, const char *word)
{
    return len >= strlen(word) && strncasecmp(text, word, strlen(word)) == 0;
}

/* DEBUG SLEEP of random seconds would be all that happens. */
static void take_sleep_out(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_at(text + i, len - i, "sleep")) {
            text[i] = '-';
        }
    }
}

/* `words` ends with NULL. */
static bool has_one_of(const char *text, size_t len, const char *const *words)
{
    for (size_t i = 0; i < len; i++) {
        for (size_t w = 0; words[w] != NULL; w++) {
            if (is_at(text + i, len - i, words[w])) {
                return true;
            }
        }
    }
    return false;
}

static void send_all(const char *text, size_t len)
{
    struct stream_clients clients;
    unsigned number = 0;
    stream_clients_init(&clients);
    for (size_t from = 0, i = 0; i <= len; i++) {
        if (i == len || (uint8_t)text[i] == NEXT_CLIENT) {
            stream_clients_send(&clients, number, (struct bytes){text + from, i - from});
            number = (number + 1) % STREAM_CLIENTS;
            from = i + 1;
        }
    }
    stream_clients_end(&clients);
}

/* --- what the server is like afterwards --- */

/* False: a script goes on that cannot be ended. */
static bool end_scripts(int fd)
{
    char line[STREAM_LINE_MAX];
    static const char *const kills[] = {"SCRIPT KILL\r\n", "FUNCTION KILL\r\n"};
    for (size_t i = 0; i < 2; i++) {
        unsigned tries = 0;
        do {
            if (++tries > KILL_TRIES || !stream_ask(fd, kills[i], line)) {
                return false;
            }
        } while (!is_at(line, strlen(line), "-NOTBUSY"));
    }
    return true;
}

/* False: the server gave another answer than OK. A difference that it found is an end of the process. */
static bool audit(int fd)
{
    char line[STREAM_LINE_MAX];
    if (!stream_ask(fd, "MEMORY AUDIT\r\n", line)) {
        return false;
    }
    if (strstr(line, "memory audit") != NULL) {
        fprintf(stderr, "cmd_stream: %s\n", line);
        abort();
    }
    return is_at(line, strlen(line), "+OK");
}

static bool ask_for(int fd, const char *command, const char *answer)
{
    char line[STREAM_LINE_MAX];
    return stream_ask(fd, command, line) && is_at(line, strlen(line), answer);
}

/* The log repeats what there is, or the process ends. Nothing expires meanwhile. */
static void repeat_log(int fd)
{
    char before[STREAM_LINE_MAX] = "", after[STREAM_LINE_MAX] = "";
    const bool is_told = ask_for(fd, "DEBUG SET-EXPIRY 0\r\n", "+OK") && stream_ask(fd, "DEBUG DIGEST\r\n", before) &&
                         stream_ask(fd, "DEBUG LOADAOF\r\n", after) && is_at(after, strlen(after), "+OK") &&
                         stream_ask(fd, "DEBUG DIGEST\r\n", after) && ask_for(fd, "DEBUG SET-EXPIRY 1\r\n", "+OK");
    if (!is_told || strcmp(before, after) != 0) {
        fprintf(stderr, "cmd_stream: digest %s, of the log %s\n", before, after);
        abort();
    }
}

/* No data and no scripts are left. False: the server does not do as it is told. */
static bool clean(int fd)
{
    return ask_for(fd, "FLUSHALL\r\n", "+OK") && ask_for(fd, "SCRIPT FLUSH\r\n", "+OK") && ask_for(fd, "FUNCTION FLUSH\r\n", "+OK");
}

static bool settle(bool has_usual_log)
{
    const int fd = stream_connect();
    bool is_good = fd >= 0 && ask_for(fd, "CLIENT UNPAUSE\r\n", "+OK") && end_scripts(fd) && audit(fd);
    if (is_good && has_usual_log) {
        repeat_log(fd);
    }
    is_good = is_good && clean(fd) && audit(fd);
    if (fd >= 0) {
        close(fd);
    }
    return is_good;
}

/* --- the fuzzer's --- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    stream_words_begin(argc, argv);
    stream_server_start();
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    return stream_mutate(data, size, max_size, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const ends[] = {"shutdown", NULL}, *const changes[] = {"config", "acl", "debug", "backup", "save", NULL};
    static char text[INPUT_MAX];
    if (size > sizeof text) {
        return 0;
    }
    memcpy(text, data, size);
    take_sleep_out(text, size);
    send_all(text, size);
    const bool is_changed = has_one_of(text, size, changes);
    if (has_one_of(text, size, ends) || !settle(!is_changed && size % LOGS_REPEATED == 0) || is_changed) {
        stream_server_stop();
        stream_server_start();
    }
    return 0;
}
