/* hiredis_smoke.c - the server through hiredis: one round trip, a pipeline, a connection that comes back, all reply types.
 *
 * Usage: hiredis_smoke PORT. Prints what differs and ends with status 1; silent and 0 when all is well.  */
#include <hiredis/hiredis.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIPELINE_COUNT = 1000 };

struct expectation {
    const char *command;
    int type;
    const char *text;   /* of strings, statuses and errors; NULL: any */
    long long integer;  /* of integers, and the element count of arrays */
};

static const struct expectation expectations[] = {
    {"PING", REDIS_REPLY_STATUS, "PONG", 0},
    {"SET smoke value", REDIS_REPLY_STATUS, "OK", 0},
    {"GET smoke", REDIS_REPLY_STRING, "value", 0},
    {"GET absent", REDIS_REPLY_NIL, NULL, 0},
    {"INCR counter", REDIS_REPLY_INTEGER, NULL, 1},
    {"INCR smoke", REDIS_REPLY_ERROR, "ERR value is not an integer or out of range", 0},
    {"MGET smoke absent counter", REDIS_REPLY_ARRAY, NULL, 3},
    {"NOSUCH", REDIS_REPLY_ERROR, NULL, 0},
    {"DEL smoke counter", REDIS_REPLY_INTEGER, NULL, 2},
};

static bool reply_matches(const redisReply *reply, const struct expectation *expected)
{
    if (reply == NULL || reply->type != expected->type) {
        return false;
    }
    if (reply->type == REDIS_REPLY_INTEGER) {
        return reply->integer == expected->integer;
    }
    if (reply->type == REDIS_REPLY_ARRAY) {
        return (long long)reply->elements == expected->integer;
    }
    return expected->text == NULL || strcmp(reply->str, expected->text) == 0;
}

static bool check_expectations(redisContext *context)
{
    bool is_right = true;
    for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
        redisReply *reply = redisCommand(context, expectations[i].command);
        if (!reply_matches(reply, &expectations[i])) {
            fprintf(stderr, "%s: not the expected reply (type %d)\n", expectations[i].command, reply ? reply->type : -1);
            is_right = false;
        }
        freeReplyObject(reply);
    }
    return is_right;
}

static bool check_binary_value(redisContext *context)
{
    static const char value[] = "a\0b\r\nc";
    freeReplyObject(redisCommand(context, "SET %s %b", "binary", value, sizeof value));
    redisReply *reply = redisCommand(context, "GET %s", "binary");
    bool is_right = reply != NULL && reply->type == REDIS_REPLY_STRING && (size_t)reply->len == sizeof value &&
                    memcmp(reply->str, value, sizeof value) == 0;
    if (!is_right) {
        fprintf(stderr, "a value with NUL, CR and LF came back changed\n");
    }
    freeReplyObject(reply);
    return is_right;
}

static bool check_pipeline(redisContext *context)
{
    for (int i = 0; i < PIPELINE_COUNT; i++) {
        redisAppendCommand(context, "SET key:%d %d", i, i);
        redisAppendCommand(context, "GET key:%d", i);
    }
    bool is_right = true;
    for (int i = 0; i < PIPELINE_COUNT * 2 && is_right; i++) {
        redisReply *reply = NULL;
        if (redisGetReply(context, (void **)&reply) != REDIS_OK) {
            fprintf(stderr, "pipeline: %s\n", context->errstr);
            return false;
        }
        is_right = i % 2 == 0 ? reply->type == REDIS_REPLY_STATUS
                              : reply->type == REDIS_REPLY_STRING && strtol(reply->str, NULL, 10) == i / 2;
        freeReplyObject(reply);
    }
    if (!is_right) {
        fprintf(stderr, "pipeline: a reply is wrong or out of order\n");
    }
    return is_right;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: hiredis_smoke PORT\n");
        return 2;
    }
    int port = (int)strtol(argv[1], NULL, 10);
    redisContext *context = redisConnect("127.0.0.1", port);
    if (context == NULL || context->err != 0) {
        fprintf(stderr, "cannot connect to port %d: %s\n", port, context ? context->errstr : "no memory");
        redisFree(context);
        return 1;
    }
    bool is_right = check_expectations(context);
    is_right = check_binary_value(context) && is_right;
    is_right = check_pipeline(context) && is_right;
    is_right = redisReconnect(context) == REDIS_OK && check_expectations(context) && is_right;
    redisFree(context);
    return is_right ? 0 : 1;
}
