/* zset_range.h - the words of ZRANGE, ZRANGESTORE and their older forms.  */
#ifndef CMD_ZSET_RANGE_H
#define CMD_ZSET_RANGE_H

#include "cmd/zset/zset_private.h"

/* What the command's name leaves open. */
struct range_form {
    uint32_t source;  /* argv index of the sorted set; the two ends follow */
    enum zset_by by;
    bool has_by;      /* BYSCORE and BYLEX are not taken */
    bool is_reverse;
    bool has_order;   /* REV is not taken */
    bool is_store;    /* WITHSCORES is not taken */
};

struct range_request {
    struct zset_interval interval;
    int64_t offset, limit; /* LIMIT; limit -1: no end */
    bool has_scores;
};

/* Reads the command; replies the error. */
MUST_USE bool range_read(struct exec *exec, const struct range_form *form, struct range_request *request);
/* The ranks that it means. */
struct zset_ranks range_ranks(const struct entry *entry, const struct range_request *request);

#endif
