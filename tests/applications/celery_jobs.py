#!/usr/bin/python3
"""Celery, with the server as broker and as result backend: two workers do 300 tasks in groups, chains and chords, with retries,
late acknowledgements and revocations.

    celery_jobs.py PORT        starts the workers, and ends with status 0, or 1 and a sentence
"""

import os
import signal
import subprocess
import sys
import time

import celery
import redis
from celery.exceptions import TaskRevokedError

if __name__ == "__main__":
    os.environ["APPLICATION_PORT"] = sys.argv[1]

WORKERS = 2
SCRIPT_SECONDS = 50
HERE = os.path.dirname(os.path.abspath(__file__))
URL = "redis://127.0.0.1:%s/" % os.environ["APPLICATION_PORT"]

app = celery.Celery("celery_jobs", broker=URL + "0", backend=URL + "1")
app.conf.update(task_default_queue="tasks", worker_prefetch_multiplier=1, result_expires=600, broker_connection_retry=True)


def counters():
    return redis.Redis.from_url(URL + "2")


@app.task(name="add")
def add(first, second):
    counters().hincrby("times", "%d+%d" % (first, second))
    return first + second


@app.task(name="total")
def total(numbers):
    return sum(numbers)


@app.task(name="third_time", bind=True, max_retries=5)
def third_time(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return self.request.retries


@app.task(name="fail")
def fail():
    raise ValueError("cannot be done")


@app.task(name="die_once", acks_late=True, reject_on_worker_lost=True)
def die_once():
    """The process that runs it the first time is killed; what was not acknowledged is done by another."""
    if counters().incr("deaths") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


@app.task(name="sleep_long")
def sleep_long(name):
    counters().set(name, "started")
    time.sleep(600)


def check(is_true, sentence):
    if not is_true:
        sys.exit("celery: " + sentence)


def until(sentence, condition):
    """Waits until condition() is true; gives what it gave."""
    while True:
        found = condition()
        if found:
            return found
        check(time.monotonic() < until.end, "not in time: " + sentence)
        time.sleep(0.02)


until.end = time.monotonic() + SCRIPT_SECONDS


def left():
    return max(0.1, until.end - time.monotonic())


def groups():
    results = celery.group(add.s(number, number) for number in range(200)).apply_async()
    check(results.get(timeout=left()) == [2 * number for number in range(200)], "the results of a group")
    times = counters().hgetall("times")
    check(len(times) == 200 and set(times.values()) == {b"1"}, "each task of a group is done once")


def chains_and_chords():
    check(celery.chain(add.s(1, 2), add.s(4), add.s(8)).apply_async().get(timeout=left()) == 15, "a chain")
    chord = celery.chord((add.s(1000, number) for number in range(60)), total.s())
    check(chord.apply_async().get(timeout=left()) == 60 * 1000 + sum(range(60)), "a chord of 60 tasks")
    nested = celery.chain(celery.group(add.s(2000, number) for number in range(20)), total.s(), add.s(1))
    check(nested.apply_async().get(timeout=left()) == 20 * 2000 + sum(range(20)) + 1, "a group in a chain")


def failures():
    check(third_time.delay().get(timeout=left()) == 2, "a task that is tried a third time")
    failed = fail.delay()
    try:
        failed.get(timeout=left())
        check(False, "a task that fails raises")
    except ValueError as error:
        check(str(error) == "cannot be done" and failed.state == "FAILURE", "a task fails with %r" % error)
    failing = celery.chord([add.s(3000, 1), fail.s()], total.s()).apply_async()
    try:
        failing.get(timeout=left())
        check(False, "a chord with a task that fails raises")
    except (ValueError, celery.exceptions.ChordError):
        pass
    check(die_once.delay().get(timeout=left()) == "done", "a task whose process died")
    check(counters().get("deaths") == b"2", "it is done a second time")


def expect_revoked(result):
    try:
        result.get(timeout=left())
        check(False, "a revoked task raises")
    except TaskRevokedError:
        pass


def revocations():
    running = sleep_long.delay("running")
    until("a long task is started", lambda: counters().get("running"))
    running.revoke(terminate=True)
    expect_revoked(running)
    told = app.control.revoke("never", reply=True, timeout=left(), limit=WORKERS)
    check(len(told) == WORKERS, "workers that hear of a revocation: %r" % told)
    expect_revoked(sleep_long.apply_async(("never",), task_id="never", countdown=0.5))
    check(counters().get("never") is None, "a task that was revoked is never started")
    with app.connection_or_acquire() as connection:
        add.apply_async((1, 1), queue="nobody", connection=connection)
        check(connection.default_channel.queue_purge("nobody") == 1, "a queue is purged")


def main():
    environment = dict(os.environ, PYTHONPATH=HERE, C_FORCE_ROOT="1")
    workers = [subprocess.Popen(
        [sys.executable, "-B", "-m", "celery", "-A", "celery_jobs", "worker", "-c", "2", "-n", "worker-%d@localhost" % number,
         "-l", "CRITICAL"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for number in range(WORKERS)]
    try:
        until("the workers are there", lambda: len(app.control.ping(timeout=1, limit=WORKERS)) == WORKERS)
        for part in (groups, chains_and_chords, failures, revocations):
            part()
        check(redis.Redis.from_url(URL).llen("tasks") == 0, "no task is left")
        app.control.shutdown()
        for worker in workers:
            check(worker.wait(left()) == 0, "a worker ends with status %d" % worker.returncode)
    finally:
        for worker in workers:
            worker.kill()


if __name__ == "__main__":
    main()
