"""The bound of the queue, and what a client is told at it."""

from threading import Event

import pytest

from wordbrush.server.job import Job
from wordbrush.server.jobs import MAX_WAITING, MAX_WAITING_OF_ONE, JobQueue
from wordbrush.server.problems import Problem


@pytest.fixture
def held():
    """A queue whose first job runs until `go` is set."""
    queue, go, running = JobQueue(lambda job: job.request(job)), Event(), Event()

    def wait(job):
        running.set()
        go.wait()
        return ["made"]

    first = queue.submit(Job("someone", "generate", wait))
    running.wait()
    yield queue, go, first
    go.set()
    queue.close()


def job(session):
    return Job(session, "generate", lambda job: ["made"])


def test_one_session_cannot_take_the_whole_queue(held):
    queue, _, _ = held
    for _ in range(MAX_WAITING_OF_ONE):
        queue.submit(job("greedy"))
    with pytest.raises(Problem) as refused:
        queue.submit(job("greedy"))
    assert refused.value.status == 429
    assert refused.value.retry_after >= 1
    queue.submit(job("other"))


def test_a_full_queue_says_when_to_come_back(held):
    queue, _, _ = held
    for i in range(MAX_WAITING):
        queue.submit(job(f"session {i}"))
    with pytest.raises(Problem) as refused:
        queue.submit(job("late"))
    assert refused.value.status == 503
    assert refused.value.retry_after >= 1


def test_what_is_cancelled_makes_room(held):
    queue, _, _ = held
    waiting = [queue.submit(job(f"session {i}")) for i in range(MAX_WAITING)]
    waiting[3].cancel()
    queue.submit(job("late"))


def test_jobs_run_in_order_and_nobody_else_sees_them(held):
    queue, go, first = held
    second = queue.submit(job("other"))
    assert first.state == "running"
    assert second.state == "waiting"
    with pytest.raises(Problem) as missing:
        queue.find("other", first.id)
    assert missing.value.status == 404
    go.set()
    while not second.over:
        pass
    assert first.state == second.state == "done"


def test_an_error_that_nobody_foresaw_is_told_and_the_next_job_runs(held):
    queue, go, _ = held

    def breaks(job):
        raise ZeroDivisionError("by nothing")

    broken, after = queue.submit(Job("a", "edit", breaks)), queue.submit(job("a"))
    go.set()
    while not after.over:
        pass
    assert broken.state == "failed"
    assert broken.error == "ZeroDivisionError: by nothing"
    assert after.state == "done"
