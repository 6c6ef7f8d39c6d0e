"""Parameters that are fitted step by step, and the file from which the fitting goes on as if it had never stopped."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from wordbrush.errors import SettingsError
from wordbrush.files import write_atomically

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


class Fitting:
    """AdamW on named parameters, each group with its own learning rate; all noise comes from `generator`."""

    def __init__(
        self,
        groups: Sequence[tuple[float, Mapping[str, nn.Parameter]]],
        seed: int,
        about: object,
        rate_at: Callable[[int], float],
    ) -> None:
        """Begin; `groups` are learning rates and what learns at each, `about` is all that makes this fitting another
        one than others, as JSON can hold it, and `rate_at` says by what all rates are multiplied at a step.
        """
        self._rates = [rate for rate, _ in groups]
        self._rate_at = rate_at
        self._parameters = {name: p for _, group in groups for name, p in group.items()}
        self._optimizer = torch.optim.AdamW(
            [{"params": list(group.values()), "lr": rate} for rate, group in groups],
            betas=(0.9, 0.99),  # so that a few hundred steps are enough
            weight_decay=0.0,
        )
        self._about = json.dumps(about, sort_keys=True)
        self.generator = torch.Generator().manual_seed(seed)
        self.step = 0
        self.checks: list[float] = []
        """The losses of the checks so far, for an early stop."""

    def fit(self, loss_of: Callable[[torch.Generator], Tensor]) -> float:
        """Take one step, and return its loss."""
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * self._rate_at(self.step)
        self._optimizer.zero_grad(set_to_none=True)
        loss = loss_of(self.generator)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.step += 1
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Write all that going on needs."""
        tensors = {"generator": self.generator.get_state()}
        for name, parameter in self._parameters.items():
            tensors[f"value.{name}"] = parameter.detach().cpu().contiguous()
            for moment in _MOMENTS:
                tensors[f"{moment}.{name}"] = self._optimizer.state[parameter][moment].cpu().contiguous()
        facts = {"about": self._about, "step": str(self.step), "checks": json.dumps(self.checks)}
        write_atomically(path, save(tensors, facts))

    def restore(self, path: Path) -> bool:
        """Go on from a file; False where there is none.

        Raises `SettingsError` for the file of another fitting, or a damaged one.
        """
        if not path.exists():
            return False
        try:
            with safe_open(path, framework="pt") as file:
                facts = file.metadata() or {}
                if facts["about"] != self._about:
                    raise SettingsError(
                        f"'{path}' is of another learning (other pictures, settings or model); give another --out, or "
                        "the same again"
                    )
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
            self._take(tensors)
            self.step, self.checks = int(facts["step"]), list(map(float, json.loads(facts["checks"])))
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            if isinstance(error, SettingsError):
                raise
            raise SettingsError(f"'{path}' is damaged ({error!s:.80}); remove it, to learn from the start") from None
        return True

    @torch.no_grad()
    def _take(self, tensors: Mapping[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            parameter.copy_(tensors[f"value.{name}"])
            self._optimizer.state[parameter] = {
                moment: tensors[f"{moment}.{name}"].to("cpu" if moment == "step" else parameter.device)
                for moment in _MOMENTS
            }
        self.generator.set_state(tensors["generator"])
