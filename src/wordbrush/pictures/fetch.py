"""A picture from the public internet, where that was asked for: bounded in size, time, redirects and addresses."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from wordbrush.errors import PhotoError
from wordbrush.pictures.addresses import is_public
from wordbrush.pictures.limits import MAX_BYTES

SECONDS = 30.0
"""How long all of it may take."""
MAX_REDIRECTS = 5

Resolve = Callable[[str, int], list[str]]
"""The numeric addresses of a host and port."""
Connect = Callable[[str, int, float], socket.socket]
"""A connection to a numeric address and port, made within some seconds."""

_REDIRECTS = (301, 302, 303, 307, 308)
_PLAIN = "/?%:@!$&'()*+,;=~[]"
_PORTS = {"http": 80, "https": 443}


def resolve(host: str, port: int) -> list[str]:
    """Ask the system."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def connect(address: str, port: int, seconds: float) -> socket.socket:
    """Connect, and make sure of whom to."""
    connection = socket.create_connection((address, port), seconds)
    peer = str(connection.getpeername()[0])
    if not is_public(peer):
        connection.close()
        raise OSError(f"{peer} is not a public address")
    return connection


def is_address(picture: object) -> bool:
    """Whether something given as a picture is an address on the internet.

    >>> is_address("https://example.org/cat.png"), is_address("cat.png")
    (True, False)
    """
    return isinstance(picture, str) and picture.lower().startswith(("http://", "https://"))


def fetch(url: str, resolve: Resolve = resolve, connect: Connect = connect, seconds: float = SECONDS) -> bytes:
    """What is at an http(s) address, at most 64 MiB.

    A host's addresses are looked up once and connected to by number, so that what was checked is what is connected to;
    private, loopback, link-local and other non-public ones are refused, also of redirects. Proxies are not used.
    Raises `PhotoError`.
    """
    deadline = time.monotonic() + seconds
    at = url
    for _ in range(MAX_REDIRECTS + 1):
        found = _ask(url, _parts(url, at), resolve, connect, deadline)
        if isinstance(found, bytes):
            return found
        at = urljoin(at, found)
    raise PhotoError(f"'{url}' is redirected more than {MAX_REDIRECTS} times; give the picture's own address")


def _parts(url: str, at: str) -> SplitResult:
    try:
        parts = urlsplit(at)
        _ = parts.port  # raises for one that is no number
    except ValueError:
        raise PhotoError(f"'{url}' leads to what is no address; download the picture yourself") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise PhotoError(f"'{url}' leads to '{at:.60}', and only http and https are fetched; download it yourself")
    if parts.username is not None or parts.password is not None:
        raise PhotoError(f"'{url}' holds a user name or a password; download the picture yourself")
    return parts


def _ask(url: str, parts: SplitResult, resolve: Resolve, connect: Connect, deadline: float) -> bytes | str:
    """The content at one address, or where it redirects to."""
    connection = _open(url, parts, resolve, connect, deadline)
    # A server that sends a byte now and then keeps every single wait short, so the whole has an alarm.
    alarm = threading.Timer(max(0.0, deadline - time.monotonic()), _break_off, [connection.sock])
    alarm.daemon = True
    alarm.start()
    try:
        target = parts._replace(scheme="", netloc="", path=parts.path or "/", fragment="").geturl()
        connection.request(
            "GET", quote(target, safe=_PLAIN), headers={"Accept": "image/*", "Accept-Encoding": "identity"}
        )
        response = connection.getresponse()
        elsewhere = response.getheader("Location")
        if response.status in _REDIRECTS and elsewhere:
            return elsewhere
        if response.status != 200:
            raise PhotoError(f"'{url}' answers {response.status}, not a picture; check the address")
        return _content(url, response)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, PhotoError):
            raise
        late = time.monotonic() >= deadline
        reason = "it takes too long" if late else str(error) or type(error).__name__
        raise PhotoError(f"'{url}' cannot be fetched ({reason:.100}); download the picture yourself") from None
    finally:
        alarm.cancel()
        connection.close()


def _open(
    url: str, parts: SplitResult, resolve: Resolve, connect: Connect, deadline: float
) -> http.client.HTTPConnection:
    try:
        host = str(parts.hostname).encode("idna").decode()
        port = parts.port or _PORTS[parts.scheme]
        addresses = resolve(host, port)
        hidden = [address for address in addresses if not is_public(address)]
        if hidden or not addresses:
            raise PhotoError(
                f"'{url}' leads to {hidden[0] if hidden else 'nowhere'}, which is not a public address; "
                "download the picture yourself"
            )
        made = connect(addresses[0], port, max(0.1, deadline - time.monotonic()))
        if parts.scheme == "http":
            connection = http.client.HTTPConnection(host, port)
        else:
            made = ssl.create_default_context().wrap_socket(made, server_hostname=host)
            connection = http.client.HTTPSConnection(host, port)
    except (OSError, UnicodeError) as error:
        raise PhotoError(f"'{url}' cannot be reached ({error!s:.100}); download the picture yourself") from None
    made.settimeout(max(0.1, deadline - time.monotonic()))
    connection.sock = made
    return connection


def _content(url: str, response: http.client.HTTPResponse) -> bytes:
    content = bytearray()
    while part := response.read(min(1 << 16, MAX_BYTES + 1 - len(content))):
        content += part
    if len(content) > MAX_BYTES:
        raise PhotoError(f"'{url}' has more than {MAX_BYTES >> 20} MiB; give a smaller picture")
    if response.length:
        raise http.client.IncompleteRead(bytes(content), response.length)
    return bytes(content)


def _break_off(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
