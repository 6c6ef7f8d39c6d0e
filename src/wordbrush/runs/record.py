"""The record of a run: everything that is needed to run it again, bit for bit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from wordbrush.attention.layer_choice import OWN_CHOICE, LayerChoice
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import RecordError, SettingsError
from wordbrush.files import write_atomically
from wordbrush.inversion.settings import InversionSettings
from wordbrush.json_form import from_plain, to_plain
from wordbrush.models.adapter_file import AdapterFile
from wordbrush.models.guides import GuidesRecord
from wordbrush.pictures.digest import pixel_sha256
from wordbrush.pictures.fit import Fit
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.views.notebook import record_html

SCHEMA = 2


@dataclass(frozen=True)
class ModelRecord:
    """The model of a run: its name as given, a hash of its weights, its device, its dtype and the CPU's threads.

    `threads` matter because sums are taken in another order with another number of them. `adapters` are the LoRAs and
    concepts that were loaded beside the model's own weights; the fingerprint covers both. `layers` is what was chosen
    of its attention layers, if anything was; `guides` are the pictures that guided it, if any did. A `compiled` one
    (`Editor.compile`) rounds differently too.
    """

    name: str
    fingerprint: str
    device: str
    dtype: str
    threads: int
    adapters: tuple[AdapterFile, ...] = ()
    layers: LayerChoice | None = None
    guides: GuidesRecord | None = None
    compiled: bool = False

    @property
    def described(self) -> str:
        """Its name, and what was loaded beside it."""
        guides = [] if self.guides is None else [str(self.guides)]
        return ", ".join([self.name, *map(str, self.adapters), *guides])


@dataclass(frozen=True)
class PhotoRecord:
    """The photograph of a run: its `pixel_sha256`, its place in the model's canvas, the prompt that says what it
    shows, and how it was inverted.

    Its noise is drawn from the generation's seed. A generation with another prompt starts from the photograph's noise.
    """

    image_sha256: str
    fit: Fit
    prompt: str
    inversion: InversionSettings


@dataclass(frozen=True)
class EarlierEdit:
    """An edit whose result was edited further: its settings, which of its targets was taken, whether its source ran in
    the same batch, and how many bytes of that result's own attention were kept at most.
    """

    edit: EditSettings
    index: int
    together: bool
    keep_bytes: int


@dataclass(frozen=True)
class RunRecord:
    """One run, with everything that is needed to run it again.

    - `model`: the model, device, dtype and threads.
    - `generation`: the settings of the source.
    - `photo`: the photograph and its inversion, or None if the source was generated.
    - `edit`: the settings of the edit, or None if nothing was edited.
    - `together`: whether source and targets ran as one batch.
    - `keep_bytes`: how many bytes of the source's attention could be kept.
    - `acted`: what each target's edit did, in words.
    - `controlled_calls`: how many attention calls the edit controlled.
    - `warnings`: what to know about the result.
    - `versions`: the installed versions by package.
    - `image_sha256`: the `pixel_sha256` of the run's pictures, by name.
    - `sampler`: the name of the solver that ran.
    - `chain`: the edits before this one, first to last, if its source is itself the result of an edit.
    - `seeds`: the seeds that ran in one batch with this one, itself among them; empty if it ran alone.
    - `beside`: the edits that a generated source ran in one batch with, if this record is its own or a later edit's.
      Alone it may round differently.
    - `batch`: how many pictures the batch was filled up to, if it was; what else ran in it does not matter.
    - `schema`: the version of this format.

    >>> from wordbrush import Editor
    >>> record = Editor.from_pretrained().generate("a dog", num_inference_steps=2).record
    >>> RunRecord.from_json(record.to_json()) == record
    True
    """

    model: ModelRecord
    generation: GenerationSettings
    photo: PhotoRecord | None
    edit: EditSettings | None
    together: bool
    keep_bytes: int
    acted: tuple[tuple[str, ...], ...]
    controlled_calls: int
    warnings: tuple[str, ...]
    versions: Mapping[str, str]
    image_sha256: Mapping[str, str]
    sampler: str = "ddim"
    chain: tuple[EarlierEdit, ...] = ()
    seeds: tuple[int, ...] = ()
    beside: EditSettings | None = None
    batch: int | None = None
    schema: int = SCHEMA

    @property
    def source_prompt(self) -> str:
        """The prompt of what was edited: the generation's, or that of the edit before."""
        return self.chain[-1].edit.targets[self.chain[-1].index] if self.chain else self.generation.prompt

    def to_json(self) -> str:
        """The record as indented JSON."""
        return json.dumps(to_plain(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str = "the record") -> "RunRecord":
        """Read what `to_json` wrote; errors call it `where`. Raises `RecordError` and names the wrong field."""
        try:
            plain = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{where} is not JSON ({error}); give a record.json that wordbrush wrote") from None
        if isinstance(plain, dict) and "schema" not in plain:
            raise RecordError(f"{where} has no 'schema'; it is not whole, or wordbrush did not write it")
        if isinstance(plain, dict) and plain["schema"] != SCHEMA:
            raise RecordError(f"{where} has schema {plain['schema']!r}, and this wordbrush reads {SCHEMA}; update it")
        return from_plain(cls, plain, where)

    def _repr_html_(self) -> str:
        return record_html(self)


@dataclass(frozen=True)
class Comparison:
    """Which pictures of a run have the same pixels as in an earlier record, which do not, and which are not in it."""

    same: tuple[str, ...]
    differing: tuple[str, ...]
    unknown: tuple[str, ...]

    @classmethod
    def of(cls, recorded: Mapping[str, str], again: Mapping[str, str]) -> "Comparison":
        """Compare hashes by the pictures' names.

        >>> Comparison.of({"source": "1", "edited": "2"}, {"source": "1", "edited": "3"}).differing
        ('edited',)
        >>> Comparison.of({}, {"source": "1"})
        Comparison(same=(), differing=(), unknown=('source',))
        """
        known = {name: sha for name, sha in recorded.items() if sha}
        same = tuple(name for name, sha in known.items() if again.get(name) == sha)
        differing = tuple(name for name in known if name not in same)
        return cls(same, differing, tuple(name for name in again if name not in known))


def check_same_model(made: ModelRecord, here: ModelRecord) -> None:
    """Raise `SettingsError` unless a source that one model made can be edited with another, which is `here`.

    What is kept of a source belongs to the weights that made it. Any editor with the same weights may use it.
    """
    if made.guides != here.guides:
        said = [f"the {guides}" if guides else "no guides" for guides in (made.guides, here.guides)]
        raise SettingsError(
            f"the source was made with {said[0]}, and the editor has {said[1]}; load the same guides, or make the "
            "source again"
        )
    if (made.fingerprint, made.device, made.dtype) != (here.fingerprint, here.device, here.dtype):
        raise SettingsError(
            f"the source was made with '{made.name}' ({made.fingerprint[:12]}, {made.dtype} on {made.device}), "
            f"and this editor's model is '{here.name}' ({here.fingerprint[:12]}, {here.dtype} on "
            f"{here.device}); use the editor that made it, or make it again with this one"
        )


def check_layers(record: RunRecord, chosen: LayerChoice) -> None:
    """Raise `RecordError` unless words are read, and layouts held, in the record's layers."""
    if (record.model.layers or OWN_CHOICE) != chosen:
        raise RecordError(
            "the record was made with another choice of attention layers than is loaded; load it with "
            "load_recorded(record), or leave out --layers"
        )


def check_adapters(record: RunRecord, loaded: tuple[AdapterFile, ...]) -> None:
    """Raise `RecordError` unless the LoRAs and concepts of the record are loaded, and no others.

    A record of a pipeline may be of adapters that its owner loaded: those are in the fingerprint alone.
    """
    made = {_key(file): file for file in record.model.adapters}
    here = {_key(file): file for file in loaded}
    for missing in (file for key, file in made.items() if key not in here):
        raise RecordError(
            f"the record was made with the {missing}, which is not loaded so ('{missing.file}', sha256 "
            f"{missing.sha256[:12]}); load it with load_recorded(record), or with --{missing.kind} "
            f"{'FOLDER' if missing.kind == 'image-encoder' else 'FILE'}"
        )
    for other in (file for key, file in here.items() if key not in made):
        raise RecordError(f"the record was made without the {other}; unload it, or leave out --{other.kind}")


def _key(file: AdapterFile) -> tuple[object, ...]:
    return file.kind, file.sha256, file.scale, file.name if file.kind == "concept" else ""


def check_photo(record: RunRecord, photo: Image | None) -> None:
    """Raise `RecordError` unless `photo` is the record's photograph, or neither exists."""
    if record.photo is None:
        if photo is not None:
            raise RecordError("the record has no photograph; its source was generated, so leave the photo out")
        return
    sha = record.photo.image_sha256
    if photo is None:
        raise RecordError(
            f"the record is of a photograph (pixels {sha[:12]}), which is not in it; add --photo FILE (photo=...)"
        )
    if pixel_sha256(photo) != sha:
        raise RecordError(
            f"the photo has other pixels ({pixel_sha256(photo)[:12]}) than the record's ({sha[:12]}); give the "
            "picture that was inverted"
        )


def save_record(record: RunRecord, path: Path) -> None:
    """Write `record.json`, whole or not at all."""
    write_atomically(path, record.to_json().encode())
