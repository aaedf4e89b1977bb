/* loading.h - an RDB file becomes the data of the server, which answers LOADING meanwhile. All shards' threads load at once.
 *
 *   CHECKSUM --all of them have summed their share, and it is right--> HEAD --the first thread has read it--> KEYS --all are done--> FUNCTIONS -> OVER
 *
 * The file is mapped. Of a file that this server has written, with as many shards, each thread reads the chunks of its own shard (chunk_index.h). Any
 * other is read by all threads from its beginning to its end; each builds the keys of its own shard, and passes over the others. Rows of tables are
 * given to the slice that they belong to now, whoever has found them.
 *
 * What is damaged, or cannot exist here, ends the process with a sentence: half of a file is never served.
 *
 * Threads    loading_open: the main thread, before the shard threads run; or under all batons. loading_work: each shard thread, in its turns.
 * Memory     MEM_SNAPSHOT.
 * Source     The RDB format: persist/rdb_file.h.  */
#ifndef SNAPSHOT_LOADING_H
#define SNAPSHOT_LOADING_H

#include "shard/server.h"
#include "snapshot/snapshot.h"

struct loading;
struct thread;

enum { LOADING_ERROR_MAX = 4 * SNAPSHOT_ERROR_MAX }; /* room for a path, cut if it is long */

enum loading_opened { LOADING_NO_FILE, LOADING_OPENED, LOADING_REFUSED };
/* The file `name` in the working directory. LOADING_OPENED: server->loading is set, and the shard threads begin. LOADING_REFUSED: `error` says why
 * (it cannot be read, it is no RDB file).  */
enum loading_opened loading_open(struct server *server, const char *name, char error[LOADING_ERROR_MAX]);
/* Behind loading_open: more is to be loaded behind the file, so the server goes on to be loading; whoever does that ends it. */
void loading_be_followed(struct server *server);
/* The file is loaded, or there was none. Any thread. */
bool loading_is_over(const struct server *server);
/* What loading_be_followed has left: commands are run from now on. */
void loading_end(struct server *server);
/* The same later, under all batons: keys that are there stay. */
enum loading_opened loading_open_again(struct server *server, const char *name, char error[LOADING_ERROR_MAX]);
/* Whoever starts servers waits for this line of the log: it comes when commands are run, hence behind the loading of the start. */
void loading_say_ready(const struct server *server);
/* The server ends. NULL is allowed. */
void loading_destroy(struct loading *loading);

/* A background task of each shard thread. In so many microseconds it wants to be called again; 0: at once. */
int64_t loading_work(struct thread *thread);

struct loading_figures {
    bool is_loading;
    int64_t started_ms;             /* wall */
    uint64_t total_bytes, loaded_bytes;
    uint64_t keys, expired, empty;  /* loaded; left out: their time was over; they had no items */
    uint64_t rows;
    uint64_t module_items;          /* left out: rdb-skip-module-data */
};
/* Of the loading that goes on, or of the last one. Any thread. */
void loading_figures(const struct server *server, struct loading_figures *out);

#endif
