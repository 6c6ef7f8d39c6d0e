"""`wordbrush serve` and `wordbrush ui`: the editor for programs, and for people."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from wordbrush.cli.command import flag
from wordbrush.cli.flags import LoadFlags, Quiet
from wordbrush.cli.load import load_for_runs
from wordbrush.cli.output import say
from wordbrush.errors import MissingPackageError

PORT = 7860
ADDRESS = "Address"


@dataclass(frozen=True)
class ServerFlags:
    """Where a server listens, and what it keeps."""

    port: Annotated[int, flag("--port", help="Port; 0 for one that is free.", group=ADDRESS)] = PORT
    host: Annotated[
        str, flag("--host", help="Address to listen on; another than loopback needs a --token.", group=ADDRESS)
    ] = "127.0.0.1"
    token: Annotated[str | None, flag("--token", help="What clients must know.", group=ADDRESS)] = None
    keep: Annotated[
        Path | None,
        flag("--keep", metavar="FOLDER", help="Keep pictures and jobs over a restart; else in memory.", group=ADDRESS),
    ] = None


def serve(server: ServerFlags = ServerFlags(), load: LoadFlags = LoadFlags(), quiet: Quiet = False) -> None:
    """Serve the editor to programs over HTTP: /openapi.json says how, /health whether it works."""
    _serve(server, load, quiet, page=False, opens=False)


def ui(
    server: ServerFlags = ServerFlags(),
    load: LoadFlags = LoadFlags(),
    quiet: Quiet = False,
    no_open: Annotated[bool, flag("--no-open", help="Do not open a browser.", group=ADDRESS)] = False,
) -> None:
    """Open the page on which pictures are edited by their words; it stays on this machine and needs no network."""
    _serve(server, load, quiet, page=True, opens=not no_open)


def _serve(server: ServerFlags, load: LoadFlags, quiet: bool, *, page: bool, opens: bool) -> None:
    try:
        from wordbrush.server.guard import LOOPBACK
        from wordbrush.server.run import address_of, bind, check_address
        from wordbrush.server.run import serve as run
    except ModuleNotFoundError as error:
        raise MissingPackageError(f"the server needs {error.name}; install wordbrush[ui]") from None
    host, token = server.host, server.token
    check_address(host, token)
    listening = bind(host, server.port)
    address = address_of(listening, host) + ("" if token is None else f"?token={quote(token, safe='')}")
    editor = load_for_runs(load)

    def ready() -> None:
        say(f"{'open' if page else 'serving at'} {address} (Ctrl-C ends it)", quiet)
        if opens:
            import webbrowser

            webbrowser.open(address)

    run(
        editor,
        listening,
        page=page,
        token=token,
        loopback=host in LOOPBACK,
        keep=server.keep,
        when_ready=ready,
    )
