"""All that a set of pairs is made by, and the address of a row: a hash of everything that its pairs depend on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import PIL

from wordbrush.editor import RunOptions
from wordbrush.errors import SettingsError
from wordbrush.inversion.settings import InversionSettings
from wordbrush.json_form import to_plain
from wordbrush.models.adapter_file import AdapterFile
from wordbrush.pairs.filters import Filters
from wordbrush.pairs.row import PairRow
from wordbrush.pairs.tries import Sampling
from wordbrush.versions import installed_versions


@dataclass(frozen=True)
class ModelChoice:
    """Which model is loaded, and on what. Raises nothing: loading does.

    `fingerprint` is that of its weights: a worker with others refuses. `threads` are those of a worker's CPU;
    `adapters` are the LoRAs and concepts that are loaded beside the weights, each known by its content.
    """

    name: str | None
    fingerprint: str
    device: str
    dtype: str
    threads: int = 1
    adapters: tuple[AdapterFile, ...] = ()

    @property
    def beside(self) -> dict[str, object]:
        """The adapters as JSON, without where their files lie; nothing where there are none."""
        said = [{"kind": a.kind, "name": a.name, "sha256": a.sha256, "scale": a.scale} for a in self.adapters]
        return {"adapters": said} if said else {}


@dataclass(frozen=True)
class Making:
    """How pairs are made: one set has one.

    - `model`: the model.
    - `options`: those of every row, by the API's names.
    - `sampling`, `filters`: the tries of a row, and which of them are kept.
    - `batch`: how many pictures run side by side, sources included: those of several rows, or nothing, where a row has
      fewer. A row's pictures depend on the number in the last bit, so that it is the same for all workers.
    - `clip`: the folder of a CLIP model that measures, or None.
    - `photos`, `inversion`: the folder of the rows' photographs, or None, and how they are inverted (None: as the
      model's defaults say).
    """

    model: ModelChoice
    options: RunOptions = field(default_factory=lambda: RunOptions())
    sampling: Sampling = field(default_factory=Sampling)
    filters: Filters = field(default_factory=Filters)
    batch: int = 10
    clip: Path | None = None
    clip_fingerprint: str = ""
    photos: Path | None = None
    inversion: InversionSettings | None = None

    def __post_init__(self) -> None:
        """Raise `SettingsError` for a batch without an edit."""
        if self.batch < 2:
            raise SettingsError(f"batch is {self.batch}; give 2 or more, a source and an edit")

    def depends_on(self) -> dict[str, object]:
        """What all pairs of a set depend on, as JSON: where the files of the models lie is not of it."""
        inverted = {} if self.photos is None else {"inversion": to_plain(self.inversion)}
        model, versions = self.model, {**installed_versions(), "pillow": PIL.__version__}
        return {
            "model": model.fingerprint,
            "device": model.device.partition(":")[0],
            "dtype": model.dtype,
            "threads": model.threads,
            "versions": versions,
            "options": to_plain(dict(self.options)),
            "sampling": to_plain(self.sampling),
            "filters": to_plain(self.filters),
            "batch": self.batch,
            "clip": self.clip_fingerprint,
            **inverted,
            **self.model.beside,
        }


def address_of(depends_on: Mapping[str, object], row: PairRow) -> str:
    """The address of a row: equal rows that are made equally have the same, wherever they stand."""
    content = json.dumps([depends_on, to_plain(row.content)], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()
