#!/usr/bin/python3
"""RQ: two simple workers do 300 jobs; two that fork a process for each job do others, with failures, retries, dependencies,
times, a job that is stopped and one that is cancelled.

    rq_jobs.py PORT                   starts the workers, and ends with status 0, or 1 and a sentence
    rq_jobs.py PORT simple|forking    a worker
"""

import datetime
import os
import subprocess
import sys
import time

import redis
import rq
from rq.command import send_shutdown_command, send_stop_job_command
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry, StartedJobRegistry

JOBS = 300
WORKERS = ("simple", "simple", "forking", "forking")
SCRIPT_SECONDS = 50
# A job's name for RQ: the module, which the workers import.
HERE = "rq_jobs."


def connect():
    return redis.Redis(port=int(os.environ["APPLICATION_PORT"]))


def check(is_true, sentence):
    if not is_true:
        sys.exit("rq: " + sentence)


def until(sentence, condition):
    """Waits until condition() is true."""
    while not condition():
        check(time.monotonic() < until.end, "not in time: " + sentence)
        time.sleep(0.01)


until.end = time.monotonic() + SCRIPT_SECONDS


def double(number):
    """The job of which there are many; it counts how often it is run."""
    connect().hincrby("times", number)
    return 2 * number


def fail(number):
    connect().hincrby("times", number)
    raise ValueError("job %d cannot be done" % number)


def third_time(name):
    """Fails twice."""
    if connect().incr(name) < 3:
        raise OSError("not yet")
    return "third time lucky"


def add_dependencies():
    """The sum of the results of the jobs that this one waited for."""
    return sum(job.result for job in rq.get_current_job(connect()).fetch_dependencies())


def sleep_long():
    time.sleep(600)


def many_jobs(connection):
    """Each tenth one fails. Each is run exactly once."""
    queue = rq.Queue("simple", connection=connection)
    jobs = [queue.enqueue(HERE + ("fail" if number % 10 == 0 else "double"), number, result_ttl=600, failure_ttl=600)
            for number in range(JOBS)]
    failed = FailedJobRegistry(queue=queue)
    finished = FinishedJobRegistry(queue=queue)
    until("all jobs are done", lambda: failed.count + finished.count == JOBS)
    check(failed.count == JOBS // 10, "%d jobs have failed" % failed.count)
    times = queue.connection.hgetall("times")
    check(len(times) == JOBS and set(times.values()) == {b"1"}, "each job is run once: %r" % times)
    for number, job in enumerate(jobs):
        job.refresh()
        if number % 10 == 0:
            has_failed = job.get_status() == JobStatus.FAILED and "job %d cannot be done" % number in job.exc_info
            check(has_failed, "job %d has failed" % number)
        else:
            check(job.result == 2 * number, "the result of job %d is %r" % (number, job.result))
    failed.requeue(jobs[0].id)
    until("a failed job is run again", lambda: queue.connection.hget("times", 0) == b"2" and failed.count == JOBS // 10)
    check(StartedJobRegistry(queue=queue).count == 0, "no job is left as started")


def retries(queue):
    at_once = queue.enqueue(HERE + "third_time", "at once", retry=rq.Retry(max=3))
    later = queue.enqueue(HERE + "third_time", "later", retry=rq.Retry(max=3, interval=1))
    never = queue.enqueue(HERE + "fail", 1000, retry=rq.Retry(max=2))
    for job in (at_once, later):
        until("a job that failed twice is done", lambda job=job: job.get_status() == JobStatus.FINISHED)
        check(job.result == "third time lucky", "a job that failed twice: %r" % job.result)
    until("a job that always fails has failed", lambda: never.get_status() == JobStatus.FAILED)
    check(queue.connection.hget("times", 1000) == b"3", "it is tried three times")


def dependencies(queue):
    first = [queue.enqueue(HERE + "double", 2000 + number) for number in range(5)]
    total = queue.enqueue(HERE + "add_dependencies", depends_on=first)
    until("a job with dependencies is done", lambda: total.get_status() == JobStatus.FINISHED)
    check(total.result == sum(2 * (2000 + number) for number in range(5)), "the sum of dependencies: %r" % total.result)


def scheduled(queue):
    start = time.time()
    soon = queue.enqueue_in(datetime.timedelta(seconds=2), HERE + "double", 3000)
    far = queue.enqueue_at(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1), HERE + "double", 3001)
    registry = ScheduledJobRegistry(queue=queue)
    check(far.id in registry, "a job of tomorrow is scheduled")
    until("a job is done at its time", lambda: soon.get_status() == JobStatus.FINISHED)
    # RQ counts in whole seconds, and leaves the rest out.
    check(time.time() - start >= 1, "a job is not done before its time")
    far.delete()
    check(far.id not in registry and not Job.exists(far.id, queue.connection), "a scheduled job is deleted")


def stopped(queue):
    job = queue.enqueue(HERE + "sleep_long")
    until("a long job is started", lambda: job.get_status() == JobStatus.STARTED and job.refresh() is None and job.worker_name)
    send_stop_job_command(queue.connection, job.id)
    until("a job is stopped", lambda: job.get_status(refresh=True) == JobStatus.STOPPED)
    late = rq.Queue("nobody", connection=queue.connection).enqueue(HERE + "double", 4000)
    late.cancel()
    check(late.get_status() == JobStatus.CANCELED, "a job is cancelled")


def work(kind):
    """A worker: a simple one runs the jobs of its queue itself; a forking one has a process for each, and one for its scheduler."""
    queue = rq.Queue(kind, connection=connect())
    if kind == "simple":
        rq.SimpleWorker([queue], connection=queue.connection).work()
    else:
        rq.Worker([queue], connection=queue.connection).work(with_scheduler=True)


def main():
    connection = connect()
    # What workers log is not news here.
    workers = [subprocess.Popen([sys.executable, "-B", __file__, sys.argv[1], kind], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL) for kind in WORKERS]
    try:
        until("the workers are there", lambda: rq.Worker.count(connection=connection) == len(WORKERS))
        many_jobs(connection)
        for part in (retries, dependencies, scheduled, stopped):
            part(rq.Queue("forking", connection=connection))
        for worker in rq.Worker.all(connection=connection):
            send_shutdown_command(connection, worker.name)
        for worker in workers:
            check(worker.wait(10) == 0, "a worker ends with status %d" % worker.returncode)
        check(rq.Worker.count(connection=connection) == 0, "no worker is left")
    finally:
        for worker in workers:
            worker.kill()


if __name__ == "__main__":
    os.environ["APPLICATION_PORT"] = sys.argv[1]
    if sys.argv[2:]:
        work(sys.argv[2])
    else:
        main()
