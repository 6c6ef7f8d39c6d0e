"""Who is let in, and what other sites cannot do."""

import pytest
from starlette.testclient import TestClient

from helpers.http_client import drawn, finished
from wordbrush.errors import SettingsError
from wordbrush.server.app import make_app
from wordbrush.server.run import bind, check_address

BODY = {"prompt": "a dog", "options": {"num_inference_steps": 1}}


def test_nobody_sees_the_pictures_or_jobs_of_another_session(client):
    job = finished(client, client.post("/api/generate", json=BODY))
    mine = job["pictures"][0]
    client.cookies.clear()
    for path in (f"/api/pictures/{mine}", f"/api/pictures/{mine}/file", f"/api/pictures/{mine}/maps"):
        assert client.get(path).status_code == 404
    assert client.get(f"/api/jobs/{job['id']}").status_code == 404
    assert client.delete(f"/api/jobs/{job['id']}").status_code == 404
    assert client.get("/api/session").json() == {"pictures": [], "jobs": []}
    stolen = finished(client, client.post("/api/edit", json={"source": mine, "target": "a cat"}))
    assert stolen["state"] == "failed"
    assert "no picture" in stolen["error"]


def test_the_session_is_a_cookie_that_scripts_and_other_sites_do_not_have(client):
    cookie = client.get("/api/session").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "set-cookie" not in client.get("/api/session").headers


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_site_changes_nothing(client, headers):
    assert client.post("/api/generate", json=BODY, headers=headers).status_code == 403
    assert client.get("/api/session").json()["jobs"] == []


def test_the_own_page_may(client):
    headers = {"origin": "http://localhost:7860", "sec-fetch-site": "same-origin"}
    assert client.post("/api/generate", json=BODY, headers=headers).status_code == 202


def test_a_name_that_was_pointed_here_is_refused(client):
    assert client.get("/api/session", headers={"host": "evil.example:7860"}).status_code == 421


def test_a_token_is_asked_for_everywhere_but_for_health(editor):
    app = make_app(editor, page=True, token="correct horse", hosts=None)
    with TestClient(app, base_url="http://192.0.2.1:7860") as client:
        assert client.get("/health").status_code == 200
        for path in ("/", "/app.js", "/api/session", "/openapi.json", "/?token=wrong"):
            assert client.get(path).status_code == 401, path
        assert client.get("/api/session", headers={"authorization": "Bearer correct horse"}).status_code == 200
        opened = client.get("/?token=correct horse", follow_redirects=False)
        assert opened.status_code == 303
        assert opened.headers["location"] == "/"
        assert client.get("/api/session").status_code == 200


def test_an_open_address_needs_a_token():
    check_address("127.0.0.1", None)
    for host in ("0.0.0.0", "::", "192.168.1.7"):
        with pytest.raises(SettingsError, match="token"):
            check_address(host, None)
        check_address(host, "long enough")
    with pytest.raises(SettingsError, match="guess"):
        check_address("0.0.0.0", "short")


def test_the_command_refuses_an_open_address_before_it_loads_anything(command_line):
    code, _, errors, _ = command_line("serve", "--host", "0.0.0.0")
    assert code == 2
    assert "--token" in errors


def test_an_address_that_is_taken_is_named():
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(SettingsError, match="--port"):
            bind("127.0.0.1", taken.getsockname()[1])


def test_everything_comes_with_headers_that_protect(client):
    for path in ("/", "/style.css", "/api/session", "/api/pictures/none"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_files_of_the_machine_cannot_be_asked_for(client):
    drawn(client)
    for path in ("/../app.py", "/%2e%2e/app.py", "/api/pictures/..%2f..%2fapp.py/file", "/..%5capp.py"):
        assert client.get(path).status_code == 404
