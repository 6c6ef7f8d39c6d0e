"""LoRAs (Hu et al. 2021, arXiv:2106.09685), loaded into a pipeline beside its own weights, which stay as they are.

diffusers' and PEFT's own loaders read them: kohya's, PEFT's and diffusers' names, the denoiser's parts and the text
encoders'. What they would leave out in silence is refused, and what they leave half done is undone.
"""

import importlib.util
import json
import re
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from wordbrush.edits.lora_window import LoraScales
from wordbrush.errors import MissingPackageError, ModelError, SettingsError, cited
from wordbrush.models.adapter_file import AdapterFile, misfit, read_adapter
from wordbrush.quiet import quietly, unlogged

_MAX_BYTES = 8 << 30
_DOWN = ("lora_down.weight", ".down.weight", "lora_A.weight")
"""How the names of a LoRA's first matrices end; there is one for each layer that it acts on."""
_UP = ("lora_up.weight", ".up.weight", "lora_B.weight")
"""And those of the second ones."""
_METADATA = "lora_adapter_metadata"
_SETTINGS = frozenset(
    "r lora_alpha rank_pattern alpha_pattern target_modules exclude_modules lora_dropout init_lora_weights "
    "inference_mode use_rslora base_model_name_or_path revision task_type auto_mapping peft_version".split()
)
"""What a file may say of its own PEFT configuration; all else must be as PEFT has it by default."""


@dataclass(frozen=True)
class _Before:
    """How the owner's own adapters stood in one layer: which act, how strongly, and their layer."""

    layer: Any
    active: tuple[str, ...]
    scaling: Mapping[str, float]


class Loras:
    """The LoRAs that are loaded into a pipeline, beside those that its owner may have loaded."""

    def __init__(self, pipeline: Any) -> None:
        """Change nothing yet."""
        self._pipeline = pipeline
        self._loaded: dict[str, AdapterFile] = {}
        self._flags: tuple[tuple[nn.Parameter, bool], ...] = ()

    @property
    def files(self) -> tuple[AdapterFile, ...]:
        """What is loaded, in order, with each one's scale."""
        return tuple(self._loaded.values())

    @property
    def scales(self) -> dict[str, float]:
        """Their scales by name, as they are loaded."""
        return {name: file.scale for name, file in self._loaded.items()}

    @contextmanager
    def at(self, scales: LoraScales) -> Iterator[None]:
        """A scope in which ours act at other scales; leaving it, also by an error, gives back the ones before."""
        if scales == tuple(self.scales.items()):
            yield
            return
        layers = [layer for _, layer in self._layers()]
        before = [dict(layer.scaling) for layer in layers]
        try:
            for layer in layers:
                for name, scale in scales:
                    if name in layer.scaling:
                        layer.set_scale(name, scale)
            yield
        finally:
            for layer, own in zip(layers, before, strict=True):
                layer.scaling.update(own)

    def load(self, path: Path, scale: float, name: str | None) -> str:
        """Load a LoRA, and return its name: as given, or the file's without its ending.

        Raises `ModelError` for a file that is no LoRA of the model, `SettingsError` for a name that is taken or a
        scale that is no number, `MissingPackageError` without PEFT.
        """
        if importlib.util.find_spec("peft") is None:
            raise MissingPackageError("a LoRA needs the package peft; install wordbrush[lora]")
        if not hasattr(self._pipeline, "load_lora_weights"):
            raise ModelError(f"a {type(self._pipeline).__name__} takes no LoRA; fuse it into the model's weights")
        _check_scale(scale)
        named = self._free_name(path, name)
        content = read_adapter(path, "LoRA", _MAX_BYTES)
        size = _Size.of(path, content.tensors)
        _check_metadata(path)
        before = self._owners()
        if not self._loaded:  # PEFT stops the gradients of the whole model
            self._flags = tuple((p, p.requires_grad) for model in self._models() for p in model.parameters())
        try:
            with quietly(), unlogged(), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Already found a `peft_config`")  # of the LoRAs before it
                self._pipeline.load_lora_weights(str(path), adapter_name=named, use_safetensors=True)
        except Exception as error:  # a name, a shape or a rank that does not fit: dozens of types
            self._remove(named, before)
            raise misfit(path, error, _REMEDY) from None
        found = _Size.taken([layer for _, layer in self._layers()], named)
        if found.layers < size.layers or found.rows < size.rows:
            self._remove(named, before)
            raise ModelError(f"'{path}' acts on {size}, of which this model has {found}; {_REMEDY}")
        self._loaded[named] = AdapterFile("lora", named, str(path), content.sha256, float(scale))
        self._settle(before)
        return named

    def scale(self, name: str, scale: float) -> None:
        """Change how strongly a LoRA acts; 0 is not at all. Raises `SettingsError`."""
        _check_scale(scale)
        self._check_loaded(name)
        self._loaded[name] = replace(self._loaded[name], scale=float(scale))
        for _, layer in self._layers():
            layer.set_scale(name, float(scale))

    def unload(self, name: str) -> None:
        """Take a LoRA out again. Raises `SettingsError` for one that is not loaded."""
        self._check_loaded(name)
        before = self._owners()
        del self._loaded[name]
        self._remove(name, before)

    def _settle(self, before: Collection[_Before]) -> None:
        """Have ours act as they are scaled, and the owner's as they did."""
        theirs = {id(owner.layer): owner for owner in before}
        for _, layer in self._layers():
            ours = [name for name in self._loaded if name in layer.scaling]
            own = theirs.get(id(layer))
            layer.set_adapter([*(own.active if own else ()), *ours])
            if own is not None:
                layer.scaling.update(own.scaling)
            for name in ours:
                layer.set_scale(name, self._loaded[name].scale)
            for key, parameter in layer.named_parameters():
                if set(key.split(".")) & set(ours):
                    parameter.requires_grad_(False)

    def _remove(self, name: str, before: Collection[_Before]) -> None:
        """Take an adapter out of every layer, and the layers' wrappers that are left without any."""
        for model in self._models():
            for path, layer in list(_tuned(model)):
                layer.set_adapter([other for other in layer.active_adapters if other != name])
                layer.delete_adapter(name)
                if not layer.scaling:
                    parent, _, child = path.rpartition(".")
                    setattr(model.get_submodule(parent), child, layer.get_base_layer())
            _forget(model, name)
        self._settle(before)
        if not self._loaded:
            for parameter, flag in self._flags:
                parameter.requires_grad_(flag)
            self._flags = ()

    def _owners(self) -> tuple[_Before, ...]:
        """How the owner's own adapters stand. Raises `SettingsError` where they would keep ours from acting."""
        before = []
        for _, layer in self._layers():
            if layer.disable_adapters or layer.merged:
                raise SettingsError(
                    "the pipeline's own LoRAs are switched off or fused, so that no other can act; call enable_lora() "
                    "or unload_lora_weights() of it first"
                )
            active = tuple(name for name in layer.active_adapters if name not in self._loaded)
            own = {name: value for name, value in layer.scaling.items() if name not in self._loaded}
            before.append(_Before(layer, active, own))
        return tuple(before)

    def _models(self) -> Iterator[nn.Module]:
        for component in self._pipeline._lora_loadable_modules:
            model = getattr(self._pipeline, component, None)
            if isinstance(model, nn.Module):
                yield model

    def _layers(self) -> Iterator[tuple[str, Any]]:
        for model in self._models():
            yield from _tuned(model)

    def _free_name(self, path: Path, name: str | None) -> str:
        taken = {n for model in self._models() for n in getattr(model, "peft_config", {})}
        if name is not None:
            if not re.fullmatch(r"[\w-]{1,64}", name) or name in taken:
                why = "is loaded already" if name in taken else "is no name"
                raise SettingsError(f"the LoRA's name '{cited(name)}' {why}; give another, of letters and digits")
            return name
        return lora_name(path, taken)

    def _check_loaded(self, name: str) -> None:
        if name not in self._loaded:
            raise SettingsError(f"there is no LoRA '{cited(name)}'; loaded are: {', '.join(self._loaded) or 'none'}")


def lora_name(path: Path, taken: Collection[str]) -> str:
    """What a LoRA is called where no name is given: its file's name in letters and digits, and no other's.

    >>> lora_name(Path("my-style.safetensors"), []), lora_name(Path("my-style.safetensors"), ["my_style"])
    ('my_style', 'my_style_2')
    """
    stem = re.sub(r"\W", "_", path.stem)[:48] or "lora"
    return next(n for n in (stem, *(f"{stem}_{i}" for i in range(2, len(taken) + 3))) if n not in taken)


_REMEDY = "give a LoRA that was trained for a model of this family"


def _tuned(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """The layers of a model that have adapters, by name."""
    if "peft" not in sys.modules:  # then nothing of it is anywhere, and importing it takes seconds
        return
    from peft.tuners.lora import LoraLayer

    for name, module in model.named_modules():
        if isinstance(module, LoraLayer):
            yield name, module


def _forget(model: Any, name: str) -> None:
    """Take an adapter out of what a model knows of its adapters, as if it had never been there."""
    known = getattr(model, "peft_config", {})
    known.pop(name, None)
    if "peft_config" in vars(model) and not known:
        del model.peft_config
        model._hf_peft_config_loaded = False


@dataclass(frozen=True)
class _Size:
    """How much of a model a LoRA acts on: its layers, and the outputs of them all.

    A loader may make three layers of one (queries, keys and values), which have as many outputs together. So outputs
    tell where a part was dropped, also where layers have become more.
    """

    layers: int
    rows: int

    @classmethod
    def of(cls, path: Path, tensors: Mapping[str, Tensor]) -> "_Size":
        """What a file says, by its names. Raises `ModelError` for a file that holds anything else."""
        layers = sum(name.endswith(_DOWN) for name in tensors)
        other = [name for name in tensors if not name.endswith((*_DOWN, *_UP, ".alpha"))]
        if not layers or other:
            what = f"has '{(other or ['nothing'])[0]:.80}'"
            raise ModelError(
                f"'{path}' {what} and is no plain LoRA (LoHa, LoKr and DoRA are not read); a concept is loaded with "
                "--concept (load_concept), a model with --model"
            )
        return cls(layers, sum(up.shape[0] for name, up in tensors.items() if name.endswith(_UP) and up.ndim))

    @classmethod
    def taken(cls, layers: Sequence[Any], name: str) -> "_Size":
        """What a model's layers have of a LoRA."""
        having = [layer for layer in layers if name in layer.scaling]
        return cls(len(having), sum(int(layer.lora_B[name].weight.shape[0]) for layer in having))

    def __str__(self) -> str:
        """What messages call it."""
        return f"{self.layers} layers with {self.rows} outputs"


def _check_metadata(path: Path) -> None:
    """Raise `ModelError` where a file's own PEFT configuration asks for more than a plain LoRA."""
    from peft import LoraConfig

    with safe_open(path, framework="pt") as file:
        text = (file.metadata() or {}).get(_METADATA)
    if text is None:
        return
    usual = LoraConfig().to_dict()  # type: ignore[no-untyped-call]
    try:
        given = {key.rpartition(".")[2]: value for key, value in json.loads(text).items()}
    except (ValueError, AttributeError, RecursionError):
        raise ModelError(f"'{path}' has broken metadata ({_METADATA}); save the LoRA again") from None
    for key, value in given.items():
        if key not in _SETTINGS and value and value != usual.get(key):
            raise ModelError(f"'{path}' asks for {key:.40}={value!r:.40}, which a plain LoRA has not; {_REMEDY}")


def _check_scale(scale: float) -> None:
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not isfinite(scale):
        raise SettingsError(f"the LoRA's scale is {scale!r:.40}; give a number, such as 0.8")
