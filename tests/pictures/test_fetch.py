"""Addresses: only public ones, also after redirects, within bytes and seconds. No test reaches the internet."""

import ipaddress
import itertools
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.picture_files import picture, saved
from wordbrush.errors import PhotoError
from wordbrush.pictures import fetch as fetching
from wordbrush.pictures.addresses import is_public
from wordbrush.pictures.fetch import connect, fetch
from wordbrush.pictures.read import read_photo

PUBLIC = "93.184.216.34"
PICTURE = saved(picture(), "PNG")
NOT_PUBLIC = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:93.184.216.34",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:5db8:d822::",
    "2606:4700:0:0:0:5efe:7f00:1",
    "2606:4700:0:0:200:5efe:7f00:1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
    "0x7f.1",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "64:ff9b::8.8.8.8"])
def test_public(address):
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_no_embedding_makes_a_private_address_public(ip):
    if not is_public(str(ip)):
        number = int(ip)
        for hidden in (0xFFFF << 32 | number, number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
            assert not is_public(str(ipaddress.IPv6Address(hidden)))


class Site:
    """A server at the other end of a socket pair: answers each connection with the next of its pages."""

    def __init__(self, *pages: bytes, pause: float = 0.0) -> None:
        self.pages = itertools.cycle(pages)
        self.connected: list[tuple[str, int]] = []
        self.asked: list[bytes] = []
        self.pause = pause

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        self.connected.append((address, port))
        ours, theirs = socket.socketpair()
        threading.Thread(target=self._serve, args=(theirs, next(self.pages)), daemon=True).start()
        return ours

    def _serve(self, connection: socket.socket, page: bytes) -> None:
        with connection:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += connection.recv(4096)
            self.asked.append(request)
            try:
                if self.pause:
                    for byte in page:
                        connection.sendall(bytes([byte]))
                        time.sleep(self.pause)
                else:
                    connection.sendall(page)
            except OSError:
                return


def answer(content: bytes = PICTURE, *, status: int = 200, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} OK", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def to(*addresses: str):
    return lambda host, port: list(addresses)


def test_a_picture_is_fetched_from_the_address_that_was_checked():
    site = Site(answer())
    assert fetch("http://example.org/ä cat.png?size=1#part", to(PUBLIC), site.connect) == PICTURE
    assert site.connected == [(PUBLIC, 80)]
    assert site.asked[0].startswith(b"GET /%C3%A4%20cat.png?size=1 HTTP/1.1\r\nHost: example.org\r\n")
    assert b"Cookie" not in site.asked[0]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_host_that_leads_inside_is_not_connected_to(address):
    for addresses in ([address], [PUBLIC, address]):
        site = Site(answer())
        with pytest.raises(PhotoError, match="which is not a public address"):
            fetch("http://example.org/", to(*addresses), site.connect)
        assert site.connected == []


def test_a_loopback_server_is_refused_before_a_connection():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.2)
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1"):
            with pytest.raises(PhotoError, match=r"not a public address|cannot be reached"):
                read_photo(f"http://{host}:{port}/cat.png", allow_url=True)
        with pytest.raises(TimeoutError):
            server.accept()


def test_the_peer_is_checked_at_the_socket(monkeypatch):
    class Rebound:
        closed = False

        def getpeername(self):
            return ("127.0.0.1", 80)

        def close(self):
            self.closed = True

    made = Rebound()
    monkeypatch.setattr(socket, "create_connection", lambda address, seconds: made)
    with pytest.raises(OSError, match="is not a public address"):
        connect(PUBLIC, 80, 1.0)
    assert made.closed


@pytest.mark.parametrize("inside", ["http://10.0.0.1/", "//127.0.0.1/x", "http://[::1]/", "https://intern/"])
def test_each_redirect_is_checked(inside):
    site = Site(answer(b"", status=302, Location=inside))

    def resolve(host: str, port: int) -> list[str]:
        return {"example.org": [PUBLIC], "intern": ["192.168.0.2"]}.get(host, [host])

    with pytest.raises(PhotoError, match=r"'http://example.org/a' leads to .* not a public address"):
        fetch("http://example.org/a", resolve, site.connect)
    assert site.connected == [(PUBLIC, 80)]


def test_redirects_are_followed_and_bounded():
    site = Site(answer(b"", status=301, Location="/there"), answer())
    assert fetch("http://example.org/here", to(PUBLIC), site.connect) == PICTURE
    assert [line.split()[1] for line in site.asked] == [b"/here", b"/there"]
    site = Site(answer(b"", status=307, Location="/again"))
    with pytest.raises(PhotoError, match="redirected more than 5 times"):
        fetch("http://example.org/", to(PUBLIC), site.connect)
    assert len(site.connected) == 6


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://example.org/", "data:image/png;base64,xx", "gopher://x"]
)
def test_only_http(target):
    site = Site(answer(b"", status=302, Location=target))
    with pytest.raises(PhotoError, match="only http and https are fetched"):
        fetch("http://example.org/", to(PUBLIC), site.connect)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://user:secret@example.org/", "a user name or a password"),
        ("http://example.org:port/", "no address"),
        ("http:///cat.png", "only http and https"),
        ("http://[::1/", "no address"),
        ("http://" + "a" * 70 + ".org/", "cannot be reached"),
    ],
)
def test_what_is_no_address(url, reason):
    with pytest.raises(PhotoError, match=reason):
        fetch(url, to(PUBLIC), Site(answer()).connect)


def test_too_much_is_not_read(monkeypatch):
    monkeypatch.setattr(fetching, "MAX_BYTES", 100)
    with pytest.raises(PhotoError, match="has more than"):
        fetch("http://example.org/", to(PUBLIC), Site(answer(bytes(101))).connect)
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10\r\n" + b"x" * 16 + b"\r\n"
    with pytest.raises(PhotoError, match="has more than"):
        fetch("http://example.org/", to(PUBLIC), Site(endless + b"10\r\n" + (b"x" * 16 + b"\r\n10\r\n") * 20).connect)
    assert len(fetch("http://example.org/", to(PUBLIC), Site(answer(bytes(100))).connect)) == 100


def test_a_server_that_drips_is_left_in_time():
    started = time.monotonic()
    with pytest.raises(PhotoError, match="it takes too long"):
        fetch("http://example.org/", to(PUBLIC), Site(answer(), pause=0.05).connect, seconds=0.4)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"nonsense\r\n\r\n",
        answer()[:-10],
        answer(status=404),
        answer(status=302),
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200,
    ],
)
def test_a_bad_answer_is_told(page):
    with pytest.raises(PhotoError, match=r"cannot be fetched|answers \d+"):
        fetch("http://example.org/", to(PUBLIC), Site(page).connect)


def test_nothing_is_fetched_unasked():
    with pytest.raises(PhotoError, match=r"none is fetched unasked; add --allow-url"):
        read_photo("https://example.org/cat.png")
    with pytest.raises(PhotoError, match="cannot be read"):
        read_photo("file:///etc/passwd", allow_url=True)
