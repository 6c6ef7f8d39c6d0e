"""What every training has in common: a budget in minutes, resumable state, a moving average, a log."""

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn


class TrainingRun:
    """Trains modules for a number of minutes and can go on after a stop.

    State (modules, moving averages, optimiser, time spent) is saved every few minutes, atomically. The learning rate
    warms up, then falls as a cosine over the budget, by the time that was really spent training.
    """

    def __init__(
        self,
        folder: Path,
        modules: dict[str, nn.Module],
        *,
        minutes: float,
        learning_rate: float,
        ema_decay: float = 0.999,
        save_every_seconds: float = 180,
    ) -> None:
        """Prepare a run in `folder`, or take up the one that is there."""
        self.folder = folder
        self.step = 0
        self.samples = 0
        self._modules = modules
        self._seconds = 0.0
        self._budget = minutes * 60
        self._peak = learning_rate
        self._decay = ema_decay
        self._save_every = save_every_seconds
        parameters = [p for module in modules.values() for p in module.parameters()]
        self._optimizer = torch.optim.AdamW(parameters, learning_rate, betas=(0.9, 0.99), weight_decay=0.01)
        self._averages = {name: _copy_state(module) for name, module in modules.items()}
        folder.mkdir(parents=True, exist_ok=True)
        if self._state_path.exists():
            self._load()

    def train(
        self, step: Callable[[int], tuple[torch.Tensor, int]], on_save: Callable[[], None] | None = None
    ) -> None:
        """Call `step(index)`, which returns a loss and how many samples it took, until the budget is spent."""
        last_save = last_log = time.monotonic()
        losses: list[float] = []
        while self._seconds < self._budget:
            started = time.monotonic()
            for group in self._optimizer.param_groups:
                group["lr"] = self._rate()
            loss, count = step(self.step)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self._optimizer.param_groups[0]["params"], 1.0)
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)
            self._average()
            losses.append(float(loss.detach()))
            self.step, self.samples = self.step + 1, self.samples + count
            now = time.monotonic()
            self._seconds += now - started
            if now - last_log > 20:
                self._log(losses, count * len(losses) / (now - last_log))
                losses, last_log = [], now
            if now - last_save > self._save_every:
                self.save()
                if on_save is not None:
                    on_save()
                last_save = last_log = time.monotonic()
        self.save()
        if on_save is not None:
            on_save()

    def averaged(self, name: str) -> dict[str, torch.Tensor]:
        """The moving average of a module's state."""
        return self._averages[name]

    def save(self) -> None:
        """Write the state beside the old one, then put it in its place."""
        state = {
            "modules": {name: module.state_dict() for name, module in self._modules.items()},
            "averages": self._averages,
            "optimizer": self._optimizer.state_dict(),
            "progress": {"step": self.step, "samples": self.samples, "seconds": self._seconds},
        }
        partial = self._state_path.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self._state_path)

    @property
    def _state_path(self) -> Path:
        return self.folder / "state.pt"

    def _load(self) -> None:
        state: dict[str, Any] = torch.load(self._state_path, weights_only=True)
        for name, module in self._modules.items():
            module.load_state_dict(state["modules"][name])
        self._averages = state["averages"]
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self.samples = state["progress"]["step"], state["progress"]["samples"]
        self._seconds = state["progress"]["seconds"]

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / 200)
        done = min(1.0, self._seconds / self._budget)
        return self._peak * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))

    @torch.no_grad()
    def _average(self) -> None:
        # A young average forgets fast, so that the first pictures do not show the random start.
        decay = min(self._decay, (1 + self.step) / (10 + self.step))
        for name, module in self._modules.items():
            average = self._averages[name]
            for key, value in module.state_dict().items():
                if value.is_floating_point():
                    average[key].lerp_(value, 1 - decay)

    def _log(self, losses: list[float], rate: float) -> None:
        line = {
            "minutes": round(self._seconds / 60, 2),
            "step": self.step,
            "samples": self.samples,
            "loss": round(sum(losses) / len(losses), 5),
            "samples_per_second": round(rate, 1),
        }
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def _copy_state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.detach().clone() for key, value in module.state_dict().items()}
