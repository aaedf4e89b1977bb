/* redis_check.c - a reader of RESP that keeps no more than a line, and of manifests.  */
#include "checklog/redis_check.h"

#include "base/bytes.h"
#include "base/number.h"
#include "checklog/base_check.h"
#include "checklog/set_aside.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 4096, NAME_BYTES = 16 };

struct resp {
    FILE *file;
    uint64_t offset;
    uint64_t good;       /* all up to there is whole commands and whole transactions */
    uint64_t commands, annotations;
    bool is_in_multi;
    const char *fault;   /* of what is at offset */
};

/* What a line or command was. */
enum resp_status { RESP_OK, RESP_END, RESP_BAD };

static enum resp_status bad(struct resp *resp, const char *fault)
{
    resp->fault = feof(resp->file) != 0 ? "the file ends in the middle of a command" : ferror(resp->file) != 0 ? strerror(errno) : fault;
    return RESP_BAD;
}

/* A line without its end, which is CR LF; longer ones are none. */
static bool read_line(struct resp *resp, char line[LINE_MAX_BYTES], struct bytes *out)
{
    size_t len = 0;
    while (len < LINE_MAX_BYTES) {
        const int c = getc(resp->file);
        if (c == EOF) {
            return false;
        }
        resp->offset++;
        if (c == '\n') {
            *out = (struct bytes){line, len - 1};
            return len > 0 && line[len - 1] == '\r';
        }
        line[len] = (char)c;
        len++;
    }
    return false;
}

/* "*3" or "$3" */
static bool read_count(struct resp *resp, char mark, uint64_t *out)
{
    char line[LINE_MAX_BYTES];
    struct bytes text;
    return read_line(resp, line, &text) && text.len > 1 && text.data[0] == mark &&
           uint64_parse((struct bytes){text.data + 1, text.len - 1}, out);
}

/* Goes past `len` bytes and CR LF; the first ones are kept. */
static bool read_word(struct resp *resp, uint64_t len, char first[NAME_BYTES])
{
    char piece[1 << 16];
    for (uint64_t done = 0; done < len;) {
        const size_t wanted = len - done < sizeof piece ? (size_t)(len - done) : sizeof piece;
        const size_t got = fread(piece, 1, wanted, resp->file);
        resp->offset += got;
        if (got < wanted) {
            return false;
        }
        if (done == 0) {
            memcpy(first, piece, got < NAME_BYTES ? got : NAME_BYTES);
        }
        done += got;
    }
    const int carriage = getc(resp->file);
    const int line = carriage == EOF ? EOF : getc(resp->file);
    resp->offset += (uint64_t)(carriage != EOF) + (uint64_t)(line != EOF);
    return carriage == '\r' && line == '\n';
}

static enum resp_status read_words(struct resp *resp, uint64_t count, struct bytes *name, char first[NAME_BYTES])
{
    for (uint64_t i = 0; i < count; i++) {
        char rest[NAME_BYTES];
        uint64_t len;
        if (!read_count(resp, '$', &len)) {
            return bad(resp, "the length of a word is expected");
        }
        if (!read_word(resp, len, i == 0 ? first : rest)) {
            return bad(resp, "a word is longer or shorter than it says");
        }
        *name = i == 0 ? (struct bytes){first, len < NAME_BYTES ? (size_t)len : NAME_BYTES} : *name;
    }
    return RESP_OK;
}

static enum resp_status count_command(struct resp *resp, struct bytes name)
{
    if (bytes_equal_ignore_case(name, BYTES("multi"))) {
        if (resp->is_in_multi) {
            return bad(resp, "a MULTI within a transaction");
        }
        resp->is_in_multi = true;
    } else if (bytes_equal_ignore_case(name, BYTES("exec"))) {
        if (!resp->is_in_multi) {
            return bad(resp, "an EXEC without a MULTI");
        }
        resp->is_in_multi = false;
    }
    resp->commands++;
    resp->good = resp->is_in_multi ? resp->good : resp->offset;
    return RESP_OK;
}

/* One command, or an annotation (#TS:...). */
static enum resp_status read_command(struct resp *resp)
{
    char first[NAME_BYTES];
    struct bytes name = {NULL, 0};
    uint64_t count;
    const int c = getc(resp->file);
    if (c == EOF) {
        return ferror(resp->file) != 0 ? bad(resp, "") : RESP_END;
    }
    ungetc(c, resp->file);
    if (c == '#') {
        char line[LINE_MAX_BYTES];
        struct bytes text;
        if (!read_line(resp, line, &text)) {
            return bad(resp, "an annotation has no end");
        }
        resp->annotations++;
        resp->good = resp->is_in_multi ? resp->good : resp->offset;
        return RESP_OK;
    }
    if (!read_count(resp, '*', &count) || count == 0) {
        return bad(resp, "a command is expected");
    }
    const enum resp_status status = read_words(resp, count, &name, first);
    return status == RESP_OK ? count_command(resp, name) : status;
}

/* What the file begins with says that it is an RDB. */
static bool is_rdb(FILE *file)
{
    char start[5];
    const bool is_one = fread(start, 1, sizeof start, file) == sizeof start && memcmp(start, "REDIS", sizeof start) == 0;
    rewind(file);
    return is_one;
}

static int repair(const char *path, uint64_t good)
{
    return set_aside(path) && cut_off(path, good) ? 0 : 2;
}

int redis_check_file(const char *path, bool with_fix)
{
    struct resp resp = {.file = fopen(path, "rbe")};
    if (resp.file == NULL) {
        printf("%s: %s\n", path, strerror(errno));
        return 1;
    }
    if (is_rdb(resp.file)) {
        fclose(resp.file);
        printf("%s: an RDB, or one with commands behind it: not looked at; tools/check-rdb or redis-check-aof do\n", path);
        return 0;
    }
    enum resp_status status;
    uint64_t start = 0;
    do {
        start = resp.offset;
        status = read_command(&resp);
    } while (status == RESP_OK);
    fclose(resp.file);
    printf("%s: a Redis append-only file: %" PRIu64 " commands, %" PRIu64 " annotations, good up to offset %" PRIu64 "\n", path, resp.commands,
           resp.annotations, resp.good);
    if (status == RESP_END && !resp.is_in_multi) {
        return 0;
    }
    if (status == RESP_BAD) {
        printf("%s: offset %" PRIu64 ", in what begins at %" PRIu64 ": DAMAGE: %s\n", path, resp.offset, start, resp.fault);
    } else {
        printf("%s: offset %" PRIu64 ": DAMAGE: the transaction that begins there has no EXEC\n", path, resp.good);
    }
    return with_fix ? repair(path, resp.good) : 1;
}

/* --- manifests --- */

struct named_file {
    char path[PATH_MAX];
    char type; /* b base, i incremental, h history: no longer used */
};

/* "file NAME seq N type T"; a name may be in quotes. False: it is no such line. */
static bool read_named(const char *line, const char *folder, struct named_file *out)
{
    char name[PATH_MAX];
    unsigned long long sequence;
    const bool is_quoted = strncmp(line, "file \"", 6) == 0;
    const int fields = is_quoted ? sscanf(line, "file \"%4000[^\"\\/]\" seq %llu type %c", name, &sequence, &out->type)
                                 : sscanf(line, "file %4000[^ /] seq %llu type %c", name, &sequence, &out->type);
    if (fields != 3 || strchr("bih", out->type) == NULL) {
        return false;
    }
    return snprintf(out->path, sizeof out->path, "%s%s", folder, name) < (int)sizeof out->path;
}

/* A base that Redis has made with aof-use-rdb-preamble, or one that should be. */
static bool is_rdb_file(const char *path)
{
    static const char ending[] = ".rdb";
    const size_t len = strlen(path);
    return len >= sizeof ending && strcmp(path + len - (sizeof ending - 1), ending) == 0;
}

static int check_named(const struct named_file *file, bool with_fix)
{
    if (file->type == 'h') {
        printf("%s: of before the last rewrite, not used\n", file->path);
        return 0;
    }
    if (file->type == 'b' && is_rdb_file(file->path)) {
        const bool is_good = base_check(file->path, file->path);
        return is_good ? 0 : with_fix ? 2 : 1;
    }
    return redis_check_file(file->path, with_fix);
}

int redis_check_manifest(const char *path, bool with_fix)
{
    char line[LINE_MAX_BYTES];
    char folder[PATH_MAX];
    struct named_file last = {"", 0};
    const char *slash = strrchr(path, '/');
    int exit_status = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        printf("%s: %s\n", path, strerror(errno));
        return 2;
    }
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 0 : (int)(slash - path + 1), path);
    while (fgets(line, sizeof line, file) != NULL) {
        struct named_file next;
        if (line[0] == '#') {
            continue;
        }
        if (!read_named(line, folder, &next)) {
            printf("%s: DAMAGE: a line that names no file: %s", path, line);
            fclose(file);
            return with_fix ? 2 : 1;
        }
        const int status = last.type == 0 ? 0 : check_named(&last, false);
        exit_status = status > exit_status ? status : exit_status;
        last = next;
    }
    fclose(file);
    if (with_fix && exit_status != 0) {
        printf("%s: only the last file can be repaired: what follows needs what is damaged\n", path);
        return 2;
    }
    const int status = last.type == 0 ? 1 : check_named(&last, with_fix);
    return status > exit_status ? status : exit_status;
}
