"""`wordbrush serve` and `wordbrush ui`: the editor for programs, and for people."""

from typing import Annotated
from urllib.parse import quote

from wordbrush.cli.command import flag
from wordbrush.cli.flags import Device, Dtype, Model, Quiet
from wordbrush.cli.load import load_editor
from wordbrush.cli.output import say
from wordbrush.errors import MissingPackageError

PORT = 7860
ADDRESS = "Address"

Port = Annotated[int, flag("--port", help="Port; 0 for one that is free.", group=ADDRESS)]
Host = Annotated[
    str, flag("--host", help="Address to listen on; another than loopback needs a --token.", group=ADDRESS)
]
Token = Annotated[str | None, flag("--token", help="What clients must know.", group=ADDRESS)]


def serve(
    port: Port = PORT,
    host: Host = "127.0.0.1",
    token: Token = None,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    quiet: Quiet = False,
) -> None:
    """Serve the editor to programs over HTTP: /openapi.json says how, /health whether it works."""
    _serve(port, host, token, model, device, dtype, quiet, page=False, opens=False)


def ui(
    port: Port = PORT,
    host: Host = "127.0.0.1",
    token: Token = None,
    no_open: Annotated[bool, flag("--no-open", help="Do not open a browser.", group=ADDRESS)] = False,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    quiet: Quiet = False,
) -> None:
    """Open the page on which pictures are edited by their words; it stays on this machine and needs no network."""
    _serve(port, host, token, model, device, dtype, quiet, page=True, opens=not no_open)


def _serve(
    port: int,
    host: str,
    token: str | None,
    model: str | None,
    device: str | None,
    dtype: str | None,
    quiet: bool,
    *,
    page: bool,
    opens: bool,
) -> None:
    try:
        from wordbrush.server.guard import LOOPBACK
        from wordbrush.server.run import address_of, bind, check_address
        from wordbrush.server.run import serve as run
    except ModuleNotFoundError as error:
        raise MissingPackageError(f"the server needs {error.name}; install wordbrush[ui]") from None
    check_address(host, token)
    listening = bind(host, port)
    address = address_of(listening, host) + ("" if token is None else f"?token={quote(token, safe='')}")
    editor = load_editor(model, device, dtype)

    def ready() -> None:
        say(f"{'open' if page else 'serving at'} {address} (Ctrl-C ends it)", quiet)
        if opens:
            import webbrowser

            webbrowser.open(address)

    run(editor, listening, page=page, token=token, loopback=host in LOOPBACK, when_ready=ready)
