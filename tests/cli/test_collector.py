"""The garbage collector waits while a command starts, and works as usual once its model is loaded."""

import subprocess
import sys
from pathlib import Path

import wordbrush

SCRIPT = """
import gc, sys
usual = gc.get_threshold()
from wordbrush import __main__
from wordbrush.cli import collector, load
if sys.argv[1] == "library":
    load.load_editor(sys.argv[2], "cpu", None)
    print("kept", gc.get_freeze_count() == 0)
else:
    def command_line():
        print("postponed", gc.get_threshold()[0] > usual[0])
        load.load_editor(sys.argv[2], "cpu", None)
        print("frozen", gc.get_freeze_count() > 100_000)
    from wordbrush.cli import app
    app.main = command_line
    __main__.main()
print("usual", gc.get_threshold() == usual, gc.isenabled())
ring = []; ring.append(ring)
del ring
print("collected", gc.collect() > 0)
"""


def printed(caller: str, model: Path) -> list[str]:
    source = Path(wordbrush.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, caller, str(model)],
        env={"PYTHONPATH": str(source), "HF_HUB_OFFLINE": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_it_waits_until_a_commands_model_is_loaded(tiny_folder):
    assert printed("command", tiny_folder) == ["postponed True", "frozen True", "usual True True", "collected True"]


def test_a_library_call_leaves_it_alone(tiny_folder):
    assert printed("library", tiny_folder) == ["kept True", "usual True True", "collected True"]
