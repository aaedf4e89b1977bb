/* threads_call.c - calls of all threads: exec_call_threads of exec.h.
 *
 * Threads    It travels as a message: thread 0 .. N-1, then home. `at` is the home thread's.
 * Invariant  Its window may be gone when it comes home: then at.call is NULL.  */
#include "base/clock.h"
#include "exec/finish.h"
#include "mem/heap.h"
#include "shard/message.h"

#include <assert.h>
#include <stddef.h>

struct threads_call {
    struct call_link at;
    struct message message;
    threads_call_fn *run;
    threads_finish_fn *finish;
    void *arg;
    struct thread *home;
    uint32_t next_thread;
};

/* Nobody waits for a reply: what it carries is freed. */
static void end_without_call(struct thread *thread, struct threads_call *threads_call)
{
    struct reply unused = {0};
    struct exec exec = {.server = thread->server, .thread = thread, .reply = &unused, .now_ms = thread->now_ms};
    threads_call->finish(&exec, threads_call->arg);
    assert(exec.job == NULL);
}

static void end(struct thread *thread, struct threads_call *threads_call, struct call *call)
{
    struct exec exec;
    struct reply reply;
    assert(call->state == CALL_ABROAD);
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    reply_begin(&reply, &text, call->protocol);
    exec_prepare(&exec, thread, call, &reply);
    exec.session = call->window->session;
    uint64_t before = clock_ticks();
    threads_call->finish(&exec, threads_call->arg);
    if (exec.job != NULL) {
        call_enter(call, CALL_STARTED); /* goes on as a job */
        call->job = exec.job;
        buffer_release(&reply.own);
        buffer_release(&text);
    } else {
        call_finish_own(thread, call, &reply, &text, clock_ticks() - before);
    }
    thread->executor->window_is_back(thread, call->window);
}

static void come_home(struct thread *thread, struct threads_call *threads_call)
{
    assert(thread == threads_call->home && thread->executor->abroad_count > 0);
    thread->executor->abroad_count--;
    if (threads_call->at.call == NULL) {
        end_without_call(thread, threads_call);
    } else {
        end(thread, threads_call, threads_call->at.call);
    }
    thread_free(MEM_SERVER, threads_call, sizeof *threads_call);
}

static void deliver(struct thread *thread, struct message *message)
{
    struct threads_call *threads_call = (struct threads_call *)((char *)message - offsetof(struct threads_call, message));
    struct server *server = thread->server;
    if (threads_call->next_thread == server->shard_count) {
        come_home(thread, threads_call);
        return;
    }
    assert(threads_call->next_thread == thread->number);
    threads_call->run(thread, threads_call->arg);
    threads_call->next_thread++;
    const bool is_last = threads_call->next_thread == server->shard_count;
    message_send(thread, is_last ? threads_call->home : server_thread(server, threads_call->next_thread), message);
}

void exec_call_threads(struct exec *exec, threads_call_fn *run, threads_finish_fn *finish, void *arg)
{
    struct thread *thread = exec->thread;
    assert(exec->session != NULL && exec->call != NULL && exec->elsewhere == NULL);
    struct threads_call *threads_call = exec->depth > 0 ? NULL : thread_alloc(MEM_SERVER, sizeof *threads_call);
    if (threads_call == NULL) {
        struct session *session = exec->session;
        exec->session = NULL;
        finish(exec, arg);
        exec->session = session;
        reply_error(exec->reply, exec->depth > 0 ? "ERR this command asks all threads, which a command inside another cannot"
                                                 : "ERR out of memory");
        return;
    }
    *threads_call = (struct threads_call){.at = {exec->call},
                                          .message = {.deliver = deliver},
                                          .run = run,
                                          .finish = finish,
                                          .arg = arg,
                                          .home = thread};
    exec->elsewhere = &threads_call->at;
    thread->executor->abroad_count++;
    message_send(thread, server_thread(exec->server, 0), &threads_call->message);
}
