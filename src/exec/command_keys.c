/* command_keys.c - key specifications read: an index or a keyword says where keys begin, a range or a count where they end. */
#include "exec/command_keys.h"

#include "base/number.h"

/* Keys that a call has from `begin` on, before anybody has looked at how many words there are. */
struct wide_range {
    int64_t first, last;
};

static int64_t step_of(const struct command_key_spec *spec)
{
    return spec->step > 0 ? spec->step : 1;
}

/* False: the count is no number, or negative. `begin` <= argc. */
static bool range_from(const struct command_key_spec *spec, int64_t begin, const struct bytes *argv, uint32_t argc,
                       struct wide_range *out)
{
    if (spec->search == KEYS_COUNTED) {
        int64_t at = begin + spec->count_index;
        int64_t count;
        if (at >= argc || !int64_parse(argv[at], &count) || count < 0) {
            return false;
        }
        const int64_t first = begin + spec->first;
        *out = (struct wide_range){first, first + ((count > INT32_MAX ? INT32_MAX : count) - 1) * step_of(spec)};
        return true;
    }
    out->first = begin;
    if (spec->last >= 0) {
        out->last = begin + spec->last;
    } else if (spec->limit == 0) {
        out->last = (int64_t)argc + spec->last;
    } else {
        out->last = begin + (argc - begin) / spec->limit + spec->last;
    }
    return true;
}

/* The first `keyword` at `from` or behind it; argc when there is none. */
static uint32_t find_word(const char *keyword, uint32_t from, const struct bytes *argv, uint32_t argc)
{
    struct bytes wanted = bytes_of_string(keyword);
    while (from < argc && !bytes_equal_ignore_case(argv[from], wanted)) {
        from++;
    }
    return from < argc ? from : argc;
}

/* From word argc + index backwards to the second one. */
static uint32_t find_word_backwards(const char *keyword, int32_t index, const struct bytes *argv, uint32_t argc)
{
    struct bytes wanted = bytes_of_string(keyword);
    for (int64_t at = (int64_t)argc + index; at >= 1; at--) {
        if (bytes_equal_ignore_case(argv[at], wanted)) {
            return (uint32_t)at;
        }
    }
    return argc;
}

/* SORT's options may stand in any order, and the last STORE counts: words that are values of others are passed over. */
static uint32_t find_sort_store(const struct command_key_spec *spec, const struct bytes *argv, uint32_t argc)
{
    static const struct {
        const char *name;
        uint32_t values;
    } others[] = {{"LIMIT", 2}, {"GET", 1}, {"BY", 1}};
    uint32_t found = argc;
    for (uint32_t at = (uint32_t)spec->index; at < argc; at++) {
        uint32_t values = 0;
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            values = bytes_equal_ignore_case(argv[at], bytes_of_string(others[i].name)) ? others[i].values : values;
        }
        if (values == 0 && at + 1 < argc && bytes_equal_ignore_case(argv[at], bytes_of_string(spec->keyword))) {
            found = at;
        }
        at += values;
    }
    return found;
}

enum key_find command_keys_find(const struct command_key_spec *spec, const struct bytes *argv, uint32_t argc,
                                struct key_range *out)
{
    int64_t begin = spec->index;
    if (spec->keyword != NULL) {
        uint32_t at = spec->is_unknown    ? find_sort_store(spec, argv, argc)
                      : spec->index >= 0 ? find_word(spec->keyword, (uint32_t)spec->index, argv, argc)
                                         : find_word_backwards(spec->keyword, spec->index, argv, argc);
        const bool is_single = spec->search == KEYS_RANGE && spec->last == 0;
        if (at == argc || (is_single && at + 1 == argc)) {
            return KEYS_NONE;
        }
        begin = (int64_t)at + 1;
    } else if (spec->is_unknown) {
        return KEYS_NONE;
    }
    struct wide_range range;
    if (begin > argc || !range_from(spec, begin, argv, argc, &range) || range.first >= argc || range.last >= argc ||
        range.last < range.first) {
        return KEYS_INVALID;
    }
    *out = (struct key_range){(uint32_t)range.first, (uint32_t)range.last, (uint32_t)step_of(spec)};
    return KEYS_FOUND;
}

/* --- all that may be keys --- */

static void set_range(struct key_walk *walk, struct wide_range range, int64_t step)
{
    int64_t end = range.last >= (int64_t)walk->argc ? (int64_t)walk->argc : range.last + 1;
    walk->step = (uint32_t)step;
    walk->at = walk->argc;
    walk->end = walk->argc;
    if (range.first >= 0 && range.first < end) {
        walk->at = (uint32_t)range.first;
        walk->end = (uint32_t)end;
    }
}

void key_walk_begin(struct key_walk *walk, const struct command_spec *spec, const struct bytes *argv, uint32_t argc)
{
    *walk = (struct key_walk){.row = spec->key_specs, .argv = argv, .argc = argc, .step = 1};
    if (walk->row != NULL) {
        walk->search = UINT32_MAX;
    } else if (spec->keys.first > 0) {
        int64_t last = spec->keys.last >= 0 ? spec->keys.last : (int64_t)argc + spec->keys.last;
        set_range(walk, (struct wide_range){spec->keys.first, last}, spec->keys.step > 0 ? spec->keys.step : 1);
    }
}

/* The range behind the next place of the row's keyword, without words that an earlier one has given. False: no more. */
static bool next_keyword_range(struct key_walk *walk)
{
    const struct command_key_spec *row = walk->row;
    if (walk->search == UINT32_MAX) {
        walk->search = row->index > 0 ? (uint32_t)row->index : 1;
        walk->beyond = 0;
    }
    uint32_t at = find_word(row->keyword, walk->search, walk->argv, walk->argc);
    if (at == walk->argc) {
        return false;
    }
    walk->search = at + 1;
    struct wide_range range;
    if (range_from(row, (int64_t)at + 1, walk->argv, walk->argc, &range)) {
        /* Only a range of single steps overlaps with the one before. */
        range.first = range.first < walk->beyond && step_of(row) == 1 ? walk->beyond : range.first;
        set_range(walk, range, step_of(row));
        walk->beyond = walk->at < walk->end ? walk->end : walk->beyond;
    }
    return true;
}

bool key_walk_next_range(struct key_walk *walk)
{
    walk->at = walk->end = 0;
    if (walk->row == NULL || walk->row->flags == NULL) {
        return false;
    }
    const struct command_key_spec *row = walk->row;
    if (row->keyword != NULL && next_keyword_range(walk)) {
        return true;
    }
    walk->row++;
    walk->search = UINT32_MAX;
    struct wide_range range;
    if (row->keyword == NULL && !row->is_unknown && row->index <= (int64_t)walk->argc &&
        range_from(row, row->index, walk->argv, walk->argc, &range)) {
        set_range(walk, range, step_of(row));
    }
    return true;
}
