/* file_head.c - see file_head.h.  */
#include "snapshot/file_head.h"

#include "base/clock.h"
#include "persist/crc64.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"
#include "shard/limits.h"
#include "shard/server.h"

#include <assert.h>
#include <stdio.h>

static bool write_aux(struct buffer *out, const char *name, const char *text)
{
    return rdb_write_byte(out, RDB_OP_AUX) && rdb_write_text(out, bytes_of_string(name), RDB_PLAIN) &&
           rdb_write_text(out, bytes_of_string(text), RDB_PLAIN);
}

bool file_head_write(struct server *server, struct buffer *out)
{
    char number[32];
    bool is_written = buffer_append_format(out, "REDIS%04d", RDB_VERSION) && write_aux(out, "redis-ver", "7.0.15") &&
                      write_aux(out, "tessera-ver", TESSERA_VERSION) && write_aux(out, "redis-bits", "64");
    snprintf(number, sizeof number, "%lld", (long long)(clock_wall_ms() / 1000));
    is_written = is_written && write_aux(out, "ctime", number);
    snprintf(number, sizeof number, "%lld", (long long)server_used_bytes(server));
    return is_written && write_aux(out, "used-mem", number) && write_aux(out, "aof-base", "0");
}

bool file_without_data_write(struct server *server, struct bytes functions, struct buffer *out)
{
    assert(out->len == 0);
    const bool is_written = file_head_write(server, out) && buffer_append(out, functions) && rdb_write_byte(out, RDB_OP_END);
    return is_written && rdb_write_word(out, limit_load(&server->config->rdbchecksum) == 0 ? 0 : crc64(0, buffer_bytes(out)));
}
