"""What every training has in common: a schedule of steps, resumable state, a moving average, a log."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training import parallel
from training.checkpoint import load_state, save_state
from training.muon import Muon
from training.schedule import Schedule


class TrainingRun:
    """Trains modules for a number of steps and can go on after a stop, as if there had been none.

    State (modules, moving averages, optimisers, random state, progress) is saved every few minutes, atomically.
    Processes that train together (see `parallel`) take one step at a time; the first of them saves and logs.
    """

    def __init__(
        self,
        folder: Path,
        modules: dict[str, nn.Module],
        *,
        schedule: Schedule,
        ema_decay: float = 0.999,
        matrices: Sequence[nn.Parameter] = (),
        save_every_seconds: float = 180,
        log_every_seconds: float = 20,
    ) -> None:
        """Prepare a run in `folder`, or take up the one whose state is there.

        `matrices` are trained by Muon, all other parameters by AdamW.
        """
        self.folder = folder
        self.step = 0
        self.samples = 0
        self._modules = modules
        self._seconds = 0.0
        self._schedule = schedule
        self._decay = ema_decay
        self._save_every = save_every_seconds
        self._log_every = log_every_seconds
        self._parameters = [p for module in modules.values() for p in module.parameters()]
        by_muon = {id(p) for p in matrices}
        others = [p for p in self._parameters if id(p) not in by_muon]
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(others, schedule.peak, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
        ]
        if matrices:
            self._optimizers.append(Muon(matrices, schedule.peak))
        self._averages = {name: _copy_state(module) for name, module in modules.items()}
        folder.mkdir(parents=True, exist_ok=True)
        if self.state_path.exists():
            self._load()

    @property
    def state_path(self) -> Path:
        """The file that holds the state."""
        return self.folder / "state.pt"

    def train(
        self,
        step: Callable[[int], tuple[Tensor, int]],
        *,
        report: Callable[[], dict[str, Any]] = dict,
        on_save: Callable[[], None] | None = None,
    ) -> None:
        """Call `step(lot)`, which returns a loss and how many samples it took, until the schedule ends.

        Lots are numbered through all steps and processes; one and the same number always means the same samples.
        `report` adds to what is logged.
        """
        last_save = last_log = time.monotonic()
        losses: list[float] = []
        while self.step < self._schedule.steps:
            started = time.monotonic()
            loss, count = step(self.step * parallel.count() + parallel.rank())
            losses.append(self._update(loss))
            count *= parallel.count()
            self.step, self.samples = self.step + 1, self.samples + count
            now = time.monotonic()
            self._seconds += now - started
            if parallel.rank() > 0:
                continue
            if now - last_log > self._log_every:
                self._log(losses, count * len(losses) / (now - last_log), report())
                losses, last_log = [], now
            if now - last_save > self._save_every:
                self._finish(on_save)
                losses, last_save = [], time.monotonic()
                last_log = last_save
        if parallel.rank() == 0:
            self._finish(on_save)

    def averaged(self, name: str) -> dict[str, Tensor]:
        """The moving average of a module's state."""
        return self._averages[name]

    def save(self) -> None:
        """Write everything that going on needs."""
        progress = {"step": self.step, "samples": self.samples, "seconds": self._seconds}
        modules = {name: module.state_dict() for name, module in self._modules.items()}
        optimizers = [optimizer.state_dict() for optimizer in self._optimizers]
        save_state(
            self.state_path,
            {"modules": modules, "averages": self._averages, "optimizers": optimizers, "progress": progress},
        )

    def _finish(self, on_save: Callable[[], None] | None) -> None:
        self.save()
        if on_save is not None:
            on_save()

    def _update(self, loss: Tensor) -> float:
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self._schedule.rate(self.step)
        loss.backward()  # type: ignore[no-untyped-call]
        parallel.average_gradients(self._parameters)
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._average()
        return float(loss.detach())

    def _load(self) -> None:
        state = load_state(self.state_path)
        for name, module in self._modules.items():
            module.load_state_dict(state["modules"][name])
            for key, value in state["averages"][name].items():
                self._averages[name][key].copy_(value)
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.samples = state["progress"]["step"], state["progress"]["samples"]
        self._seconds = state["progress"]["seconds"]

    @torch.no_grad()
    def _average(self) -> None:
        # A young average forgets fast, so that the first pictures do not show the random start.
        decay = min(self._decay, (1 + self.step) / (10 + self.step))
        for name, module in self._modules.items():
            state = module.state_dict()
            keys = [key for key, value in state.items() if value.is_floating_point()]
            torch._foreach_lerp_([self._averages[name][k] for k in keys], [state[k] for k in keys], 1 - decay)

    def _log(self, losses: list[float], rate: float, more: dict[str, Any]) -> None:
        line = {
            "minutes": round(self._seconds / 60, 2),
            "step": self.step,
            "samples": self.samples,
            "loss": round(sum(losses) / len(losses), 5),
            "samples_per_second": round(rate, 1),
            **more,
        }
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def _copy_state(module: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in module.state_dict().items()}
