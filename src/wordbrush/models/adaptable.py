"""A loaded pipeline that takes adapters: LoRAs, words with vectors of their own, and pictures that guide it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from wordbrush.attention.layer_choice import OWN_CHOICE, LayerChoice
from wordbrush.errors import RecordError
from wordbrush.files import expanded, is_folder
from wordbrush.models.adapter_file import AdapterFile, file_sha256
from wordbrush.models.compiled import check_backend, compile_parts, lay_out
from wordbrush.models.concepts import Concepts
from wordbrush.models.families import Family
from wordbrush.models.guides import NO_GUIDES, Guides
from wordbrush.models.ip_adapter import IpAdapter, encoder_sha256
from wordbrush.models.loras import Loras
from wordbrush.models.word_encoder import WordEncoder
from wordbrush.sampling.adapter import Adapter


class AdaptablePipeline:
    """A diffusers pipeline of a family, what is loaded into it, and its `adapter` as it is now."""

    def __init__(
        self,
        pipeline: Any,
        family: Family,
        where: str,
        layers: LayerChoice = OWN_CHOICE,
        folder: Path | None = None,
    ) -> None:
        """Take a pipeline as it is; `where` is what errors call it, `layers` what was chosen of its layers, and
        `folder` where it was loaded from, if from one. Raises `ModelError` for parts that do not fit.
        """
        self.pipeline = pipeline
        self._family = family
        self._where = where
        self._concepts = Concepts(pipeline, family.word_encoders)
        self._loras = Loras(pipeline)
        self._ip_adapter = IpAdapter(pipeline, folder)
        self.layers = layers
        """What was chosen of its layers; the family's own choice, if nothing."""
        self.guides = NO_GUIDES
        """The pictures that guide it."""
        self.compiled = False
        """Whether `compile` changed how it computes."""
        self.adapter: Adapter = self._adapted(layers, self.guides)

    @property
    def files(self) -> tuple[AdapterFile, ...]:
        """What is loaded: concepts, then LoRAs, each in order, then an IP-Adapter and its image encoder."""
        return (*self._concepts.files, *self._loras.files, *self._ip_adapter.files)

    @property
    def word_encoders(self) -> tuple[WordEncoder, ...]:
        """The text encoders that concepts are learnt for."""
        return self._family.word_encoders

    def compile(self, backend: str | None) -> None:
        """Make the network faster in place, by what pays: on a CPU, where no backend is given, nothing is compiled."""
        network: nn.Module = getattr(self.pipeline, "unet" if "unet" in self._family.parts else "transformer")
        if backend is None and self.adapter.device.type != "cpu":
            backend = "inductor"
        if backend is not None:
            check_backend(backend, self.adapter.device)
            compile_parts(network, backend)
        self.compiled = lay_out(network) or backend is not None

    def put_word(self, word: str, vectors: tuple[Tensor, ...]) -> None:
        """See `Concepts.put`."""
        self._concepts.put(AdapterFile("concept", word, "", ""), vectors)
        self._adapt()

    def load_concept(self, path: str | Path, word: str | None) -> str:
        """See `Concepts.load`."""
        word = self._concepts.load(expanded(path), word)
        self._adapt()
        return word

    def unload_concept(self, word: str) -> None:
        """See `Concepts.unload`."""
        self._concepts.unload(word)
        self._adapt()

    def load_lora(self, path: str | Path, scale: float, name: str | None) -> str:
        """See `Loras.load`."""
        name = self._loras.load(expanded(path), scale, name)
        self._adapt()
        return name

    def scale_lora(self, name: str, scale: float) -> None:
        """See `Loras.scale`."""
        self._loras.scale(name, scale)

    def unload_lora(self, name: str) -> None:
        """See `Loras.unload`."""
        self._loras.unload(name)
        self._adapt()

    def load_ip_adapter(self, path: str | Path, image_encoder: str | Path | None) -> None:
        """See `IpAdapter.load`."""
        encoder = None if image_encoder is None else expanded(image_encoder)
        self._ip_adapter.load(expanded(path), encoder, self.adapter.device)
        self._adapt()

    def unload_ip_adapter(self) -> None:
        """See `IpAdapter.unload`; the picture that it read guides no longer."""
        self._ip_adapter.unload()
        self.guide(replace(self.guides, ip_adapter_image=None, ip_adapter_scale=None))

    def choose_layers(self, layers: LayerChoice) -> None:
        """Read words and hold layouts in these layers. Raises `ModelError` for one that the model does not have."""
        self.adapter = self._adapted(layers, self.guides)
        self.layers = layers

    def guide(self, guides: Guides) -> None:
        """Let pictures guide it, in place of others. Raises `SettingsError` for one that nothing of it reads."""
        self.adapter = self._adapted(self.layers, guides)
        self.guides = guides

    def load_recorded(self, recorded: Iterable[AdapterFile], files: Iterable[str | Path]) -> None:
        """Load what a record's model had, from `files`, or from where the record says; each is known by its hash.

        Raises `RecordError` for the first that is in neither place.
        """
        given = {_sha256(path): path for path in map(expanded, files)}
        places = {file: self._place(file, given) for file in recorded}
        encoder = next((place for file, place in places.items() if file.kind == "image-encoder"), None)
        for file, place in places.items():
            if file.kind == "lora":
                self.load_lora(place, file.scale, file.name)
            elif file.kind == "concept":
                self.load_concept(place, file.name)
            elif file.kind == "ip-adapter":
                self.load_ip_adapter(place, encoder)

    def _place(self, file: AdapterFile, given: Mapping[str | None, Path]) -> Path:
        """Where a file of a record is: one that is given, or where the record says; an image encoder may also be where
        none is named.
        """
        if file.sha256 in given:
            return given[file.sha256]
        of_encoder, recorded = file.kind == "image-encoder", expanded(file.file)
        places = [recorded]
        for path in (*given.values(), recorded) if of_encoder else ():
            places += self._ip_adapter.encoder_places(path)
        for place in places:
            if _sha256(place) == file.sha256:
                return place
        raise RecordError(
            f"the record was made with the {file} (sha256 {file.sha256[:12]}), which is not at '{file.file}'; add "
            f"--{file.kind} {'FOLDER' if of_encoder else 'FILE'}"
        )

    def _adapt(self) -> None:
        self.adapter = self._adapted(self.layers, self.guides)

    def _adapted(self, layers: LayerChoice, guides: Guides) -> Adapter:
        adapter = self._family.adapt(self.pipeline, self._where, layers, guides)
        adapter.loras = self._loras
        return adapter


def _sha256(place: Path) -> str | None:
    """The hash of what a record names: a file's content, or an image encoder's folder."""
    return encoder_sha256(place) if is_folder(place) else file_sha256(place)
