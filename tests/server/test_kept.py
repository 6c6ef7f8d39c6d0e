"""What a server keeps in a folder is there after a restart, also of one that was killed: pictures, names, jobs."""

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from threading import Event

import httpx2
import pytest
from starlette.testclient import TestClient

from helpers.http_client import STEPS, drawn, edited, finished, pixels
from wordbrush.errors import SettingsError
from wordbrush.server import wire
from wordbrush.server.app import make_app
from wordbrush.server.job import Job
from wordbrush.server.jobs import JobQueue
from wordbrush.server.kept import FILE, Kept
from wordbrush.server.problems import Problem

LONG = {"prompt": "a dog", "options": {"num_inference_steps": 30}}


@contextmanager
def server(editor, folder, cookies=None, **budgets):
    """A server of the folder, and a client of it."""
    app = make_app(editor, page=True, keep=folder, **budgets)
    with TestClient(app, base_url="http://localhost:7860", cookies=cookies) as client:
        yield client


def test_a_session_is_whole_after_a_restart(editor, tmp_path):
    with server(editor, tmp_path / "kept") as client:
        source = drawn(client, seed=6)
        edit = edited(client, source)
        client.patch(f"/api/pictures/{edit}", json={"name": "a cat, at last"})
        paths = [f"/api/pictures/{id_}{what}" for id_ in (source, edit) for what in ("", "/file", "/maps", "/code")]
        before = [client.get(path).content for path in paths]
        session = client.get("/api/session").json()
    with server(editor, tmp_path / "kept", client.cookies) as again:
        assert again.get("/api/session").json() == session
        assert [picture["name"] for picture in session["pictures"]] == ["", "a cat, at last"]
        assert [again.get(path).content for path in paths] == before
        third = edited(again, edit, "a cat eating an orange")
        assert [picture["id"] for picture in again.get("/api/session").json()["pictures"]] == [source, edit, third]
        made = pixels(again, third)
    with server(editor, tmp_path / "never ended") as other:
        whole = edited(other, edited(other, drawn(other, seed=6)), "a cat eating an orange")
        assert pixels(other, whole) == made


def test_a_photograph_and_a_mask_are_there_after_a_restart(editor, tmp_path):
    with server(editor, tmp_path) as client:
        png = client.get(f"/api/pictures/{drawn(client, seed=6)}/file").content
        photo, mask = (
            client.post("/api/uploads", content=png, headers={"content-type": "image/png"}).json()["id"]
            for _ in range(2)
        )
        body = {"picture": photo, "prompt": "a dog", "method": "direct", "options": STEPS}
        source = finished(client, client.post("/api/invert", json=body))["pictures"][0]
        expected = pixels(client, edited(client, source, "a cat", mask=mask))
    with server(editor, tmp_path, client.cookies) as again:
        assert pixels(again, edited(again, source, "a cat", mask=mask)) == expected


def test_jobs_that_waited_or_ran_are_done_after_a_restart(editor, tmp_path):
    with server(editor, tmp_path) as client:
        source = drawn(client, seed=6)
        asked = [client.post("/api/generate", json=LONG).json()]
        asked.append(client.post("/api/edit", json={"source": source, "target": "a cat"}).json())
        asked.append(client.post("/api/generate", json={"prompt": "a cat", "options": STEPS}).json())
        client.delete(f"/api/jobs/{asked.pop()['id']}")
        gone = client.post("/api/generate", json={"prompt": "a fox", "options": STEPS}).json()
        client.delete(f"/api/jobs/{gone['id']}")
    assert all(job["kept"] for job in asked)
    with server(editor, tmp_path, client.cookies) as again:
        unfinished = [job["id"] for job in again.get("/api/session").json()["jobs"]]
        assert unfinished == [job["id"] for job in asked]  # in their order
        ended = [finished(again, _job_at(again, job)) for job in asked]
        assert [job["state"] for job in ended] == ["done", "done"]
        assert [job["pictures"] for job in ended] == [[job["id"]] for job in asked]
        assert again.get(f"/api/jobs/{gone['id']}").json()["state"] == "cancelled"
    with server(editor, tmp_path, client.cookies) as last:  # what is over is known, and is not done once more
        assert [last.get(f"/api/jobs/{job['id']}").json()["state"] for job in asked] == ["done", "done"]
        assert last.get("/api/session").json()["jobs"] == []
        assert len(last.get("/api/session").json()["pictures"]) == 3


def test_no_job_is_lost_when_the_server_is_killed(editor, tmp_path):
    prompts = ["a dog", "a cat eating an apple", "a fox"]
    with serving(tmp_path) as process, client_of(process) as client:
        source = _picture(client, client.post("/api/generate", json={"prompt": "a dog", "options": STEPS}).json())
        bodies = [("generate", {"prompt": prompt, "options": {"num_inference_steps": 8}}) for prompt in prompts]
        bodies.append(("edit", {"source": source, "target": "a cat"}))
        jobs = [client.post(f"/api/{kind}", json=body).json() for kind, body in bodies]
        assert all(job["kept"] for job in jobs)
        while client.get(f"/api/jobs/{jobs[1]['id']}").json()["step"] < 2:  # the first is over, the second runs
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        cookies = client.cookies
    with serving(tmp_path, port=process.port) as process, client_of(process, cookies) as client:
        made = {prompt: _picture(client, job) for prompt, job in zip([*prompts, "edit"], jobs, strict=True)}
        assert len(client.get("/api/session").json()["pictures"]) == len(jobs) + 1
        files = {prompt: client.get(f"/api/pictures/{id_}/file").content for prompt, id_ in made.items()}
    with TestClient(make_app(editor, page=False), base_url="http://localhost") as whole:
        for prompt in prompts:
            expected = drawn(whole, prompt, num_inference_steps=8)
            assert whole.get(f"/api/pictures/{expected}/file").content == files[prompt], prompt


def test_a_server_says_whether_it_keeps_anything(editor, client, tmp_path):
    assert client.get("/health").json()["keeps"] is False
    assert client.post("/api/generate", json=LONG).json()["kept"] is False
    assert "max-age" not in client.get("/api/session").headers.get("set-cookie", "")
    with server(editor, tmp_path) as keeping:
        assert keeping.get("/health").json()["keeps"] is True
        assert "Max-Age=" in keeping.get("/api/session").headers["set-cookie"]  # a closed browser comes back to it


def test_what_is_let_go_is_gone_from_the_disk(editor, tmp_path):
    with server(editor, tmp_path, picture_bytes=200_000) as client:
        made = [drawn(client, seed=seed) for seed in range(8)]
        left = [picture["id"] for picture in client.get("/api/session").json()["pictures"]]
        client.delete(f"/api/pictures/{left[-1]}")
    assert made[0] not in left
    kept = Kept(tmp_path, "any")
    assert [picture.id for _, picture in kept.pictures()] == left[:-1]
    kept.close()


def test_nobody_else_reads_it_and_no_cookie_is_in_it(editor, tmp_path):
    with server(editor, tmp_path / "kept") as client:
        drawn(client)
        cookie = client.cookies["wordbrush-7860"]
        files = list((tmp_path / "kept").iterdir())
        assert (tmp_path / "kept").stat().st_mode & 0o077 == 0
        assert {file.stat().st_mode & 0o077 for file in files} == {0}
        assert not any(cookie.encode() in file.read_bytes() for file in files)


def test_a_folder_is_of_one_server_at_a_time(tmp_path):
    first = Kept(tmp_path, "any")
    with pytest.raises(SettingsError, match="another server"):
        Kept(tmp_path, "any")
    first.close()
    Kept(tmp_path, "any").close()


def test_what_is_no_such_file_is_refused(tmp_path):
    (tmp_path / FILE).write_bytes(b"something else" * 1000)
    with pytest.raises(SettingsError, match="--keep"):
        Kept(tmp_path, "any")
    assert (tmp_path / FILE).read_bytes().startswith(b"something else")
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="--keep"):
        Kept(tmp_path / "file", "any")


def test_a_job_that_another_model_was_asked_for_fails_and_says_why(tmp_path):
    kept = Kept(tmp_path, "one model")
    kept.put_job(Job("me", "generate", wire.GenerateRequest(prompt="a dog")), "waiting")
    kept.close()
    kept = Kept(tmp_path, "another")
    (job,) = kept.jobs()
    kept.close()
    assert job.state == "failed"
    assert "another model" in job.error


def test_a_disk_that_is_full_takes_no_job_and_the_queue_goes_on(tmp_path):
    kept, done = Kept(tmp_path, "any"), Event()
    queue = JobQueue(lambda job: done.set() or [job.id], kept)
    kept._base.execute("PRAGMA max_page_count = 1")  # SQLite's own full disk
    asked = wire.GenerateRequest(prompt="a dog " * 300)
    taken = []
    with pytest.raises(Problem) as refused:
        while len(taken) < 50:
            taken.append(queue.submit(Job("me", "generate", asked)).id)
    assert (refused.value.status, refused.value.retry_after) == (503, 60)
    assert all(queue.find("me", id_) for id_ in taken)
    assert {job.id for job in queue.unfinished("me")} <= set(taken)
    kept._base.execute("PRAGMA max_page_count = 1000")
    done.clear()
    queue.submit(Job("me", "generate", asked))
    assert done.wait(10)
    queue.close()
    kept.close()


def _job_at(client, job):
    """The answer that a job was given, as if it were asked for now."""
    answer = client.get(f"/api/jobs/{job['id']}")
    answer.status_code = 202
    return answer


@contextmanager
def serving(folder, port=0):
    """The command itself, in a process of its own, which knows its `port`."""
    command = [sys.executable, "-m", "wordbrush", "serve", "--port", str(port), "--keep", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.readline()
        process.port = int(said.split(":")[2].split("/")[0])
        try:
            yield process
        finally:
            process.kill()


def client_of(process, cookies=None):
    return httpx2.Client(base_url=f"http://127.0.0.1:{process.port}", cookies=cookies, timeout=60)


def _picture(client, job):
    while job["state"] in ("waiting", "running"):
        time.sleep(0.05)
        job = client.get(f"/api/jobs/{job['id']}").json()
    assert job["state"] == "done", json.dumps(job)
    return job["pictures"][0]
