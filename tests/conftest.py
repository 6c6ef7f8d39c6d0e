import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# The first example pays for warm-up, and machines are shared: time says nothing about correctness here.
settings.register_profile("wordbrush", deadline=None)
settings.load_profile("wordbrush")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may open a connection, but to a server of its own."""
    connect = socket.socket.connect

    def refuse(own: socket.socket, address: object) -> None:
        if not (isinstance(address, tuple) and address[0] == "127.0.0.1"):
            raise AssertionError(f"a test tried to connect to {address}")
        connect(own, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session", autouse=True)
def _own_compiled_code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled code is kept on disk, and what was compiled under other instructions of the processor aborts here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))
        yield


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete Stable Diffusion folder of a tiny, randomly initialised model."""
    from wordbrush_bench.tiny.stable_diffusion import tiny_sd_folder

    return tiny_sd_folder(tmp_path_factory.mktemp("models") / "tiny-sd")


@pytest.fixture(scope="session")
def captioner_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete folder of a tiny BLIP model, randomly initialised."""
    from helpers.tiny_captioner import tiny_captioner_folder

    return tiny_captioner_folder(tmp_path_factory.mktemp("models") / "tiny-blip")


@pytest.fixture
def command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str, list[str]]]:
    """Run the command line in a fresh folder: exit code, output, errors, and the names of what is there."""
    from wordbrush.cli import app as cli

    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["wordbrush", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as exit_:
            code = exit_.code or 0
        output = capsys.readouterr()
        return code, output.out, output.err, sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*"))

    return call
