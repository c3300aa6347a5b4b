"""What is let in: names of this machine, pages of this server, and the token."""

import string
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

testclient = pytest.importorskip("starlette.testclient", reason="needs the extra studio")

from icsys.studio import guard
from icsys.studio.app import studio_app
from icsys.studio.guard import Access, Guard

ANY = "0.0.0.0"  # noqa: S104 - a name to refuse, and an address that shows as localhost
PATHS = ("/", "/api/state", "/api/images", "/nowhere", "/api/preview/x/after")
TOKENS = st.text(string.printable, max_size=60)


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_all_but_files_of_the_page_is_refused(stranger, path):
    assert stranger.get(path).status_code == 403
    assert stranger.get(path, params={"token": "another"}).status_code == 403
    assert stranger.get("/static/studio.js").status_code == 200


def test_the_token_leaves_the_address_for_a_strict_cookie(stranger):
    answer = stranger.get("/", params={"token": "the-token"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    parts = {part.strip().casefold() for part in answer.headers["set-cookie"].split(";")}
    assert {"httponly", "samesite=strict", "path=/"} <= parts
    assert "domain" not in " ".join(parts)
    assert stranger.get("/").status_code == 200
    assert stranger.get("/api/state").json()["options"]["colors"] == 8


def test_the_cookie_of_one_studio_opens_no_other(workspace):
    """Browsers send a cookie to all ports of a host: what another server receives is of no use to it elsewhere."""
    one, two, later = Access("127.0.0.1", 8000), Access("127.0.0.1", 8001), Access("127.0.0.1", 8000)
    assert len({one.token, two.token, later.token}) == 3
    assert one.cookie != two.cookie
    for other in (two, later):  # at another port, and at the same one after a new start
        with testclient.TestClient(Guard(studio_app(workspace), other), f"http://127.0.0.1:{other.port}") as client:
            for name in (one.cookie, two.cookie):
                assert client.get("/api/state", headers={"cookie": f"{name}={one.token}"}).status_code == 403
            assert client.get("/api/state", headers={"cookie": f"{other.cookie}={other.token}"}).status_code == 200


def test_the_token_opens_the_page_alone(stranger):
    for path in ("/api/state", "/api/images"):
        assert stranger.get(path, params={"token": "the-token"}, follow_redirects=False).status_code == 403
    assert stranger.post("/", params={"token": "the-token"}, follow_redirects=False).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example"),
        *(
            "",
            "127.0.0.2",
            ANY,
            "[::2]:8000",
            "localhost:port",
            "localhost/evil",
            "local host",
            "localhost@evil.example",
        ),
    ],
)
@pytest.mark.parametrize("path", ["/", "/static/studio.js", "/api/state"])
def test_a_foreign_host_is_refused_before_anything_else(client, host, path):
    assert client.get(path, headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "LOCALHOST:8888", "127.0.0.1:65535", "[::1]:9"])
def test_names_of_this_machine_are_let_in_at_any_port(client, host, access):
    cookie = {"cookie": f"{access.cookie}=the-token"}
    assert client.get("/api/state", headers={"host": host, **cookie}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "http://localhost:8000", "https://127.0.0.1:8000", "http://127.0.0.1", "null", ""),
        *("http://127.0.0.1:8000.evil.example", "http://127.0.0.1:80000", "file://"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/static/studio.js", "/api/state"])
def test_a_foreign_origin_is_refused(client, origin, path):
    assert client.get(path, headers={"origin": origin}).status_code == 403
    assert client.post("/api/preview", headers={"origin": origin}, json={}).status_code == 403


def test_the_own_origin_is_let_in(client):
    assert client.get("/api/state", headers={"origin": "http://127.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("mode", ["no-cors", "cors", "same-origin"])
def test_a_request_of_another_page_is_refused_without_an_origin_too(client, site, mode):
    headers = {"sec-fetch-site": site, "sec-fetch-mode": mode}
    assert client.get("/api/images/0/thumbnail", headers=headers).status_code == 403


def test_two_hosts_or_two_origins_are_refused(client):
    for name in ("host", "origin"):
        values = [(name, "http://127.0.0.1:8000"[7 * (name == "host") :]), (name, "evil.example")]
        assert client.get("/api/state", headers=values).status_code == 403


def test_answers_let_a_browser_fetch_from_this_server_only(client):
    for path in ("/", "/static/studio.js", "/api/state", "/api/nothing"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


@given(TOKENS, TOKENS)
def test_only_the_token_is_the_token(token, other):
    access = Access("127.0.0.1", 8000, token)
    assert access.knows(token)
    assert access.knows(other) is (other == token)
    assert not access.knows(None)


def test_tokens_are_long_and_differ():
    tokens = {Access("127.0.0.1", 8000).token for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 40


@pytest.mark.parametrize(
    ("host", "asked", "is_own"),
    [
        ("192.168.1.5", "192.168.1.5:80", True),
        ("192.168.1.5", "192.168.1.6:80", False),
        ("box", "BOX:1234", True),
        (ANY, "10.1.2.3:80", True),
        (ANY, "evil.example:80", False),
        ("::", "[fe80::1]:80", True),
    ],
)
def test_a_name_that_was_given_is_let_in(host, asked, is_own):
    assert Access(host, 80).is_own_host(asked) is is_own


@pytest.mark.parametrize(("host", "shown"), [("::1", "[::1]"), (ANY, "127.0.0.1"), ("::", "[::1]"), ("box", "box")])
def test_the_address_is_one_that_a_browser_opens(host, shown):
    assert Access(host, 80, "t").address == f"http://{shown}:80/?token=t"


def test_an_address_for_a_browser_lets_in_once(stranger, access):
    ticket = access.address_once().partition("token=")[2]
    assert ticket != access.token
    assert stranger.get("/api/state", params={"token": ticket}).status_code == 403
    assert stranger.get("/", params={"token": ticket}, follow_redirects=False).status_code == 303
    stranger.cookies.clear()
    assert stranger.get("/", params={"token": ticket}, follow_redirects=False).status_code == 403


def test_an_address_for_a_browser_that_did_not_start_lets_nobody_in(monkeypatch):
    access = Access("127.0.0.1", 8000)
    ticket = access.address_once().partition("token=")[2]
    now = time.monotonic()
    monkeypatch.setattr(guard, "time", SimpleNamespace(monotonic=lambda: now + 301))
    assert not access.lets_in(ticket)
    assert access.lets_in(access.token)


OTHER_COOKIES = ['x={"a": 1}', "a[b]=1", "a b=c", "=x", "x", "$Version=1", 'a="b', "a=b,c=d", "ics-studio-8000=other"]


@pytest.mark.parametrize("other", OTHER_COOKIES)
def test_cookies_of_other_servers_of_this_host_shut_nobody_out(stranger, access, other):
    own = f"{access.cookie}=the-token"
    for lines in ([f"{other}; {own}"], [f"{own}; {other}"], [other, own], [own, other]):
        headers = [("cookie", line) for line in lines]
        assert stranger.get("/api/state", headers=headers).status_code == 200
    assert stranger.get("/api/state", headers={"cookie": other}).status_code == 403


def test_secrets_are_not_shown():
    access = Access("127.0.0.1", 8000)
    secret = access.address_once().partition("token=")[2]
    assert access.token not in repr(access)
    assert secret not in repr(access)


def test_a_link_of_another_site_needs_the_token_and_is_led_on_by_the_answer(client):
    for site in ("cross-site", "same-site"):
        headers = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
        for path in ("/", "/api/state", "/static/studio.js", "/?token=another"):
            assert client.get(path, headers=headers).status_code == 403
        answer = client.get("/", params={"token": "the-token"}, headers=headers, follow_redirects=False)
        assert (answer.status_code, answer.headers["refresh"]) == (200, "0; url=/")
