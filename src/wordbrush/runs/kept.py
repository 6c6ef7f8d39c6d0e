"""An inversion found again in a cache, or made and put there."""

from collections.abc import Mapping
from dataclasses import dataclass

from PIL.Image import Image

from wordbrush.attention.tape import SourceTape
from wordbrush.errors import RecordError
from wordbrush.inversion.invert import Inverted, invert
from wordbrush.inversion.report import InversionReport
from wordbrush.inversion.settings import InversionSettings
from wordbrush.inversion.tensors import from_tensors, to_tensors
from wordbrush.json_form import from_plain, to_plain
from wordbrush.pictures.digest import pixel_sha256
from wordbrush.pictures.fit import Fit
from wordbrush.runs.cache import InversionCache, Kept
from wordbrush.runs.record import ModelRecord
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.loop import OnStep
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.versions import installed_versions


@dataclass(frozen=True, eq=False)
class PhotoTask:
    """A photograph in its canvas (RGB, of the settings' size) and how it is to be inverted."""

    canvas: Image
    fit: Fit
    settings: GenerationSettings
    inversion: InversionSettings

    def key(self, model: ModelRecord) -> Mapping[str, object]:
        """All that an inversion depends on, in JSON's terms."""
        parts = {
            "canvas": pixel_sha256(self.canvas),
            "fit": self.fit,
            "settings": self.settings,
            "inversion": self.inversion,
            # The same weights under another name are the same model; adapters are in the fingerprint, and no inversion
            # reads maps or holds a layout.
            "model": {name: v for name, v in vars(model).items() if name not in ("adapters", "layers")}
            | {"name": None},
            "versions": installed_versions(),
        }
        return {name: to_plain(part) for name, part in parts.items()}


def invert_or_recall(
    adapter: Adapter,
    model: ModelRecord,
    task: PhotoTask,
    cache: InversionCache | None,
    tape: SourceTape | None,
    on_step: OnStep | None,
) -> tuple[Inverted, tuple[str, ...]]:
    """Take an inversion from the cache, or make it and put it there; and what to say of the cache.

    One from the cache has no tape. What is damaged there is made anew. Raises what `invert` raises.
    """
    if cache is None:
        return invert(adapter, task.canvas, task.settings, task.inversion, tape, on_step), ()
    key = task.key(model)
    kept, note = cache.get(key)
    if kept is not None:
        try:
            return _recalled(adapter, task, kept), ("the inversion was kept from before",)
        except RecordError as error:
            note = str(error)
    made = invert(adapter, task.canvas, task.settings, task.inversion, tape, on_step)
    full = cache.put(key, Kept(to_tensors(made.replay), {"report": to_plain(made.report)}))
    return made, tuple(line for line in (note, full) if line is not None)


def _recalled(adapter: Adapter, task: PhotoTask, kept: Kept) -> Inverted:
    report = from_plain(InversionReport, kept.facts.get("report"), "the report of a kept inversion")
    text = adapter.encode(task.settings.prompt)
    latents = adapter.noise(0, task.settings.height, task.settings.width)
    tensors = {name: tensor.to(adapter.device) for name, tensor in kept.tensors.items()}
    replay = from_tensors(task.inversion.build(), tensors, text.shapes(), tuple(latents.shape))
    return Inverted(replay, adapter.decode(replay.latents[-1]), report)
