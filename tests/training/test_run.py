"""A training learns, and goes on exactly where it stopped."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from typer.testing import CliRunner

from helpers.tiny_training import same, states, train_line, train_tiny
from training.__main__ import app
from training.checkpoint import load_state, save_state
from training.schedule import Schedule
from wordbrush.errors import SettingsError


def test_a_run_learns_a_fixed_batch(tmp_path: Path) -> None:
    run, losses = train_line(tmp_path, Schedule(0.05, steps=300))
    assert all(map(math.isfinite, losses))
    assert losses[-1] < 0.05 * losses[0]
    assert run.samples == 300 * 8


def test_going_on_is_the_same_as_never_stopping(tmp_path: Path, vae: AutoencoderKL) -> None:
    train_tiny(tmp_path / "whole", vae, 5)
    train_tiny(tmp_path / "parts", vae, 3)
    train_tiny(tmp_path / "parts", vae, 5)
    whole, parts = states(tmp_path / "whole", tmp_path / "parts")
    assert whole["progress"] == {"step": 5, "samples": 20}
    assert same(whole, parts)


@pytest.mark.parametrize("stop_in", [2, 7], ids=["at the constant rate", "as the rate falls"])
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path: Path, stop_in: int) -> None:
    schedule = Schedule(0.05, steps=9, fall=4, warm_up=3)
    train_line(tmp_path / "whole", schedule)
    with pytest.raises(KeyboardInterrupt):
        train_line(tmp_path / "parts", schedule, stop_in)
    train_line(tmp_path / "parts", schedule)
    whole, parts = states(tmp_path / "whole", tmp_path / "parts")
    assert whole["progress"] == {"step": 9, "samples": 72}
    assert same(whole, parts)


def test_how_long_a_run_will_be_is_open_until_its_rate_falls(tmp_path: Path) -> None:
    train_line(tmp_path / "whole", Schedule(0.05, steps=8, fall=3))
    train_line(tmp_path / "parts", Schedule(0.05, steps=4))
    train_line(tmp_path / "parts", Schedule(0.05, steps=8, fall=3))
    assert same(*states(tmp_path / "whole", tmp_path / "parts"))


def test_a_state_appears_whole_and_brings_the_random_state_back(tmp_path: Path) -> None:
    torch.manual_seed(3)
    save_state(tmp_path / "a" / "state.pt", {"x": torch.ones(2)})
    drawn = torch.rand(4)
    state = load_state(tmp_path / "a" / "state.pt")
    assert torch.equal(torch.rand(4), drawn)
    assert torch.equal(state["x"], torch.ones(2))
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["state.pt"]


def test_an_earlier_run_is_not_taken_up_by_accident(tmp_path: Path) -> None:
    save_state(tmp_path / "vae" / "state.pt", {})
    result = CliRunner().invoke(app, ["vae", "--out", str(tmp_path), "--steps", "0"])
    assert isinstance(result.exception, SettingsError)
    assert "--resume" in str(result.exception)


TOGETHER = """
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from training import parallel
from training.run import TrainingRun
from training.schedule import Schedule

parallel.join()
torch.manual_seed(0)
model = nn.Linear(3, 1)
per_lot = int(sys.argv[2])
run = TrainingRun(Path(sys.argv[1]), {"model": model}, schedule=Schedule(0.1, steps=5))

def step(lot):
    parts = (torch.Generator().manual_seed(lot * per_lot + i) for i in range(per_lot))
    x = torch.cat([torch.randn(4, 3, generator=generator) for generator in parts])
    return (model(x) - x.sum(1, keepdim=True)).square().mean(), len(x)

run.train(step)
"""


def test_two_processes_learn_as_one_with_batches_twice_as_large(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "2"]
    for arguments in ([str(script), str(tmp_path / "one"), "2"], [*launch, str(script), str(tmp_path / "two"), "1"]):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        if sys.platform == "linux":  # what this machine's name resolves to is not what is tested
            environment["GLOO_SOCKET_IFNAME"] = "lo"
        ended = subprocess.run(
            [sys.executable, *arguments], check=False, env=environment, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
    alone, together = (load_state(tmp_path / name / "state.pt") for name in ("one", "two"))
    assert alone["progress"]["samples"] == together["progress"]["samples"] == 40
    for name, values in alone["modules"]["model"].items():
        torch.testing.assert_close(together["modules"]["model"][name], values)
