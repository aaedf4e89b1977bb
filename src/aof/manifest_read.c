/* manifest_read.c - a manifest's text, line by line; nothing that is not as aof_manifest_write writes it is taken.
 *
 * Invariant  No memory is asked for by a number alone: a generation of n shards is made only when n lines could follow.  */
#include "aof/manifest.h"

#include "base/crc32c.h"
#include "base/number.h"

#include <assert.h>

enum { LOG_LINE_MIN = 24, CRC_DIGITS = 8, ID_DIGITS = 16 };

struct reading {
    struct bytes rest;
    struct bytes line;
    uint32_t number; /* of the line */
    const char *fault;
    struct aof_manifest *out;
    bool has_first, has_sealed, has_open; /* what the logs of this generation say */
};

/* False: no more lines. */
static bool next_line(struct reading *reading)
{
    const char *end = reading->rest.len == 0 ? NULL : memchr(reading->rest.data, '\n', reading->rest.len);
    if (end == NULL) {
        return false;
    }
    reading->line = (struct bytes){reading->rest.data, (size_t)(end - reading->rest.data)};
    reading->rest.data = end + 1;
    reading->rest.len -= reading->line.len + 1;
    reading->number++;
    return true;
}

/* The next word of the line; empty: none. Words are one blank apart; a blank at the end stays. */
static struct bytes next_word(struct reading *reading)
{
    const struct bytes line = reading->line;
    const char *end = line.len == 0 ? NULL : memchr(line.data, ' ', line.len);
    const size_t len = end == NULL ? line.len : (size_t)(end - line.data);
    const size_t gone = len + 1 < line.len ? len + 1 : len;
    reading->line.data += gone;
    reading->line.len -= gone;
    return (struct bytes){line.data, len};
}

static bool skip_word(struct reading *reading, const char *word)
{
    const struct reading before = *reading;
    if (bytes_equal(next_word(reading), bytes_of_string(word))) {
        return true;
    }
    *reading = before;
    return false;
}

static bool fail(struct reading *reading, const char *fault)
{
    reading->fault = reading->fault == NULL ? fault : reading->fault;
    return false;
}

static bool read_number(struct reading *reading, uint64_t *out)
{
    return uint64_parse(next_word(reading), out) || fail(reading, "a number is expected");
}

static bool hex_parse(struct bytes text, size_t digits, uint64_t *out)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.len && text.len == digits; i++) {
        const char c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        number = number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *out = number;
    return text.len == digits;
}

static bool is_base_name(struct bytes name)
{
    if (name.len <= strlen("base.") || name.len > AOF_NAME_MAX || memcmp(name.data, "base.", strlen("base.")) != 0) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-')) {
            return false;
        }
    }
    return true;
}

static bool read_base(struct reading *reading)
{
    struct aof_manifest *out = reading->out;
    const struct bytes name = next_word(reading);
    if (out->base_count == AOF_BASES_MAX) {
        return fail(reading, "too many bases");
    }
    if (!is_base_name(name)) {
        return fail(reading, "a base has a name that is none");
    }
    for (uint32_t i = 0; i < out->base_count; i++) {
        if (bytes_equal(name, bytes_of_string(out->bases[i].name))) {
            return fail(reading, "a base is named twice");
        }
    }
    struct aof_base *base = &out->bases[out->base_count];
    memcpy(base->name, name.data, name.len);
    base->name[name.len] = 0;
    out->base_count++;
    return read_number(reading, &base->bytes);
}

/* What a log says about itself fits to what the others of its generation, and generations before, have said. */
static bool check_log(struct reading *reading, const struct aof_log *log)
{
    const bool is_sealed = log->end_offset != 0;
    const bool is_new_run = log->first != 0;
    if (log->file_id == 0) {
        return fail(reading, "a file has no id");
    }
    if (is_sealed && (log->end_offset < AOF_HEADER_BYTES || log->end_offset % AOF_ALIGN != 0)) {
        return fail(reading, "a log ends where no frame can");
    }
    if (is_sealed ? reading->has_open : reading->has_sealed) {
        return fail(reading, "a generation is sealed in part");
    }
    reading->has_sealed = reading->has_sealed || is_sealed;
    reading->has_open = reading->has_open || !is_sealed;
    if (log != reading->out->generations[reading->out->generation_count - 1].logs && reading->has_first != is_new_run) {
        return fail(reading, "a generation follows in part");
    }
    reading->has_first = is_new_run;
    return true;
}

static bool read_log(struct reading *reading, uint32_t shard, struct aof_log *log)
{
    uint64_t number;
    if (!skip_word(reading, "log") || !uint64_parse(next_word(reading), &number) || number != shard) {
        return fail(reading, "the log of the next shard is expected");
    }
    if (!bytes_equal(next_word(reading), bytes_of_string(log->name))) {
        return fail(reading, "a log is named after its generation and shard");
    }
    if (!hex_parse(next_word(reading), ID_DIGITS, &log->file_id)) {
        return fail(reading, "a file id has 16 hexadecimal digits");
    }
    if (!skip_word(reading, "follows") &&
        (!skip_word(reading, "first") || !read_number(reading, &log->first) || log->first == 0)) {
        return fail(reading, "a log follows, or has a first frame");
    }
    if (skip_word(reading, "end") &&
        (!read_number(reading, &log->end) || !read_number(reading, &log->end_offset) || log->end_offset == 0)) {
        return fail(reading, "the end of a log is a frame and an offset");
    }
    return check_log(reading, log);
}

/* The generation against the one before. */
static bool check_generation(struct reading *reading)
{
    const struct aof_manifest *out = reading->out;
    const struct aof_generation *last = &out->generations[out->generation_count - 1];
    const struct aof_generation *before = out->generation_count > 1 ? last - 1 : NULL;
    const bool follows = last->logs[0].first == 0;
    const bool is_before_open = before != NULL && before->logs[0].end_offset == 0;
    if (follows && (before == NULL || before->shard_count != last->shard_count)) {
        return fail(reading, "a generation follows none, or one of another number of shards");
    }
    if (is_before_open && (!follows || reading->has_sealed)) {
        return fail(reading, "a generation that is not sealed is in the middle");
    }
    if (follows && !is_before_open && reading->has_open) {
        return fail(reading, "a generation that is not sealed follows one that is");
    }
    return true;
}

static bool read_generation(struct reading *reading)
{
    uint64_t number;
    uint64_t shards;
    struct aof_manifest *out = reading->out;
    if (!read_number(reading, &number) || !skip_word(reading, "shards") || !read_number(reading, &shards) || reading->line.len > 0) {
        return fail(reading, "a generation has a number, and a number of shards");
    }
    if (shards == 0 || shards > AOF_SHARDS_MAX || shards > reading->rest.len / LOG_LINE_MIN) {
        return fail(reading, "a generation has fewer logs than shards, or too many");
    }
    if (number == 0 || (out->generation_count > 0 && out->generations[out->generation_count - 1].number >= number)) {
        return fail(reading, "generations do not ascend");
    }
    struct aof_generation *generation = aof_manifest_add(out, number, (uint32_t)shards);
    if (generation == NULL) {
        return fail(reading, "too many generations, or no memory");
    }
    reading->has_sealed = false;
    reading->has_open = false;
    for (uint32_t i = 0; i < generation->shard_count; i++) {
        if (!next_line(reading)) {
            return fail(reading, "the log of the next shard is expected");
        }
        if (!read_log(reading, i, &generation->logs[i])) {
            return false;
        }
        if (reading->line.len > 0) {
            return fail(reading, "a line has more words than it should");
        }
    }
    return check_generation(reading);
}

/* The last line, and what it says of those before. */
static bool read_crc(struct reading *reading, struct bytes text)
{
    uint64_t crc;
    const struct bytes before = {text.data, (size_t)(reading->line.data - strlen("crc32c ") - text.data)};
    if (!hex_parse(next_word(reading), CRC_DIGITS, &crc) || reading->line.len > 0 || reading->rest.len > 0) {
        return fail(reading, "the checksum is not 8 hexadecimal digits, or is not at the end");
    }
    return crc == crc32c(0, before) || fail(reading, "the checksum is wrong");
}

static bool read_all(struct reading *reading, struct bytes text)
{
    if (!next_line(reading) || !bytes_equal(reading->line, BYTES("tessera-log 1"))) {
        return fail(reading, "the first line is not that of a manifest of this version");
    }
    while (next_line(reading)) {
        if (skip_word(reading, "crc32c")) {
            return read_crc(reading, text) && (reading->out->generation_count > 0 || reading->out->base_count == 0 || fail(reading, "there is no generation"));
        }
        const bool is_read = skip_word(reading, "base")         ? reading->out->generation_count == 0 && read_base(reading)
                             : skip_word(reading, "generation") ? read_generation(reading)
                                                                : false;
        if (!is_read) {
            return fail(reading, "a line that does not belong there");
        }
        if (reading->line.len > 0) {
            return fail(reading, "a line has more words than it should");
        }
    }
    return fail(reading, "the checksum at the end is missing");
}

const char *aof_manifest_read(struct bytes text, struct aof_manifest *out, uint32_t *line)
{
    struct aof_manifest manifest;
    struct reading reading = {.rest = text, .out = &manifest};
    *line = 0;
    if (text.len > AOF_MANIFEST_BYTES_MAX) {
        return "the manifest is too long";
    }
    if (!aof_manifest_create(&manifest)) {
        return "no memory";
    }
    if (!read_all(&reading, text)) {
        aof_manifest_destroy(&manifest);
        *line = reading.number;
        return reading.fault;
    }
    *out = manifest;
    return NULL;
}
