"""Words with vectors of their own (Textual Inversion, Gal et al. 2022, arXiv:2208.01618), loaded into a pipeline.

diffusers' own loader adds them, to a copy of each tokenizer and to more rows of each text encoder's embedding. What
was there before is kept as it is, and unloading puts it back.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wordbrush.errors import ModelError, SettingsError, cited
from wordbrush.models.adapter_file import AdapterFile
from wordbrush.models.clip import added_words
from wordbrush.models.concept_file import read_concept
from wordbrush.models.word_encoder import WordEncoder
from wordbrush.quiet import quietly

_LONGEST = 64


@dataclass(frozen=True, eq=False)
class _Own:
    """What a pipeline had of one encoder before a concept was loaded."""

    tokenizer: Any
    rows: Tensor
    vocab_size: int


class Concepts:
    """The concepts that are loaded into a pipeline."""

    def __init__(self, pipeline: Any, encoders: Sequence[WordEncoder]) -> None:
        """Change nothing yet; `encoders` are those of the pipeline's family, none where it reads no concepts."""
        self._pipeline = pipeline
        self._encoders = encoders
        self._own: tuple[_Own, ...] = ()
        self._loaded: dict[str, tuple[AdapterFile, tuple[Tensor, ...]]] = {}
        self._left: list[tuple[Any, Any]] = []

    @property
    def files(self) -> tuple[AdapterFile, ...]:
        """What is loaded, in order."""
        return tuple(file for file, _ in self._loaded.values())

    def load(self, path: Path, word: str | None) -> str:
        """Load a concept; it is written as `word`, or as its file says, or by the file's name: `<name>`.

        Returns the word, in small letters as tokenizers read it. Raises `ModelError` for a file that is no concept of
        the family, `SettingsError` for a word that cannot be added.
        """
        if not self._encoders:
            raise ModelError(
                f"a {type(self._pipeline).__name__} takes no concepts (Textual Inversion); give a Stable Diffusion "
                "1.x, 2.x or XL model"
            )
        self._check_untouched()
        embeddings = [self._embedding(names) for names in self._encoders]
        widths = [(names.key, at.weight.shape[1]) for names, at in zip(self._encoders, embeddings, strict=True)]
        read = read_concept(path, widths)
        spelled = (word or read.word or f"<{path.stem}>").lower()
        self.put(AdapterFile("concept", spelled, str(path), read.sha256), read.vectors)
        return spelled

    def put(self, file: AdapterFile, vectors: tuple[Tensor, ...]) -> None:
        """Add a word, `file.name`, with vectors (n, width) for each encoder. Raises `SettingsError`."""
        self._check_untouched()
        self._check_word(file.name, vectors[0])
        self._set({**self._loaded, file.name: (file, vectors)})

    def unload(self, word: str) -> None:
        """Take a word out again. Raises `SettingsError` for one that is not loaded."""
        self._check_untouched()
        key = word.lower()
        if key not in self._loaded:
            raise SettingsError(
                f"there is no concept '{cited(word)}'; loaded are: {', '.join(self._loaded) or 'none'}"
            )
        self._set({other: loaded for other, loaded in self._loaded.items() if other != key})

    def _set(self, loaded: dict[str, tuple[AdapterFile, tuple[Tensor, ...]]]) -> None:
        """Put back what the pipeline had, then add these words."""
        if not self._own:
            self._own = tuple(self._kept(names) for names in self._encoders)
        for index, (names, own) in enumerate(zip(self._encoders, self._own, strict=True)):
            encoder = getattr(self._pipeline, names.encoder)
            _give(encoder, own.rows, own.vocab_size)
            tokenizer = deepcopy(own.tokenizer) if loaded else own.tokenizer
            setattr(self._pipeline, names.tokenizer, tokenizer)
            for word, (_, vectors) in loaded.items():
                self._add(word, vectors[index], tokenizer, encoder)
        self._loaded = loaded
        if not loaded:
            self._own = ()
        self._left = [self._state(names) for names in self._encoders] if loaded else []

    def _add(self, word: str, vectors: Tensor, tokenizer: Any, encoder: Any) -> None:
        # A larger embedding begins with random rows, from a stream that is the caller's.
        with quietly(), torch.random.fork_rng(devices=[]):
            self._pipeline.load_textual_inversion(vectors, token=word, tokenizer=tokenizer, text_encoder=encoder)

    def _kept(self, names: WordEncoder) -> _Own:
        embedding, encoder = self._embedding(names), getattr(self._pipeline, names.encoder)
        return _Own(getattr(self._pipeline, names.tokenizer), embedding.weight.data, int(encoder.config.vocab_size))

    def _embedding(self, names: WordEncoder) -> Any:
        return getattr(self._pipeline, names.encoder).get_input_embeddings()

    def _state(self, names: WordEncoder) -> tuple[Any, Any]:
        tokenizer = getattr(self._pipeline, names.tokenizer)
        return (id(tokenizer), len(tokenizer)), self._embedding(names).weight.data_ptr()

    def _check_untouched(self) -> None:
        """Raise `SettingsError` where the owner added words after ours: what was before is put back without them."""
        if self._left and self._left != [self._state(names) for names in self._encoders]:
            raise SettingsError(
                "the pipeline's words were changed since a concept was loaded here; take out again what was loaded "
                "after it (unload_textual_inversion)"
            )

    def _check_word(self, word: str, vectors: Tensor) -> None:
        if not word.isprintable() or len(word) > _LONGEST or len(word.split()) != 1:
            raise SettingsError(
                f"the concept's word '{cited(word)}' cannot be one; give a word without spaces of at most {_LONGEST} "
                "letters, such as word='<my-dog>'"
            )
        if word in self._loaded:
            raise SettingsError(f"the word '{word}' is loaded already; unload it, or give another word")
        for names in self._encoders:
            tokenizer = getattr(self._pipeline, names.tokenizer)
            probe = deepcopy(tokenizer)
            probe.add_tokens([word, *(f"{word}_{i}" for i in range(1, len(vectors)))])
            expected: Mapping[str, int] = {w: len(t) for w, t in added_words(tokenizer).items()} | {word: len(vectors)}
            if {w: len(tokens) for w, tokens in added_words(probe).items()} != expected:
                raise SettingsError(
                    f"the word '{word}' would be taken for a vector of another added word; give another word"
                )
            if len(tokenizer.tokenize(word)) == 1:
                raise SettingsError(f"the model knows the word '{word}'; give another, such as word='<{word}>'")


def _give(encoder: Any, rows: Tensor, vocab_size: int) -> None:
    """Give an encoder its embedding's own rows: enlarging it put others into the same parameter."""
    embedding = encoder.get_input_embeddings()
    embedding.weight.data = rows
    embedding.num_embeddings = rows.shape[0]
    encoder.config.vocab_size = vocab_size
