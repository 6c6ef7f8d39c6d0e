"""Serve on an address until interrupted."""

import socket
import warnings
from collections.abc import Callable
from pathlib import Path

import uvicorn

from wordbrush.editor import Editor
from wordbrush.errors import PromptWarning, SettingsError
from wordbrush.server.app import make_app
from wordbrush.server.guard import LOOPBACK


def check_address(host: str, token: str | None) -> None:
    """Raise `SettingsError` for an address that others reach, without a token."""
    if host not in LOOPBACK and not token:
        raise SettingsError(
            f"--host {host} can be reached from other machines; give a --token that they must know, or leave it out"
        )
    if token is not None and (len(token) < 8 or not token.isascii()):
        raise SettingsError("--token is too easy to guess; give 8 ASCII characters or more")


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises `SettingsError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"--host {host} --port {port} cannot be listened on ({reason}); give another") from None
    return listening


def address_of(listening: socket.socket, host: str) -> str:
    """What a browser opens."""
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}:{listening.getsockname()[1]}/"


def serve(
    editor: Editor,
    listening: socket.socket,
    *,
    page: bool,
    token: str | None,
    loopback: bool,
    keep: Path | None,
    when_ready: Callable[[], None],
) -> None:
    """Serve until interrupted; `when_ready` is called once requests are answered, `keep` is as in `make_app`."""
    # The page says it where the prompt is typed; a terminal would say it at every key.
    warnings.simplefilter("ignore", PromptWarning)
    app = make_app(editor, page=page, token=token, hosts=LOOPBACK if loopback else None, keep=keep)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    _Server(config, when_ready).run(sockets=[listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_ready()
