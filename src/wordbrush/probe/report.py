"""What a probe found, as JSON that a model's layers can be chosen by."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from wordbrush.attention.layer_choice import LayerChoice
from wordbrush.files import write_atomically
from wordbrush.json_form import to_plain
from wordbrush.sampling.settings import GenerationSettings

SCHEMA = 1


@dataclass(frozen=True)
class Measured:
    """Values of one kind, one a picture or one a word of a picture."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Their mean."""
        return mean(self.values)

    @property
    def error(self) -> float:
        """The standard error of their mean; 0 of a single one."""
        return stdev(self.values) / len(self.values) ** 0.5 if len(self.values) > 1 else 0.0


@dataclass(frozen=True)
class BlockReport:
    """A block of the network by its module's name, and its attention layers that read the text and the picture.

    - `change`: how much each picture changes when the block is left out at all steps: 1 - SSIM, from 0 (not at all).
    - `agreement`: how well the block's map of each word agrees with where dropping the word acts, from 0 to 1, where
      0.5 is chance (`agreement.agreement`); None of a block that does not read the text.
    """

    block: str
    text_layers: tuple[str, ...]
    image_layers: tuple[str, ...]
    change: Measured
    agreement: Measured | None


@dataclass(frozen=True)
class ProbeReport:
    """What each block of a model does.

    - `model`, `fingerprint`: which model was probed.
    - `pictures`: the settings of the pictures that were made.
    - `words`: the words that were dropped, by prompt.
    - `blocks`: every block, in the order in which they run.
    - `layers`: which layers to choose: for words as `agreement.choose_words` does, none where those that are read
      already stay; for the layout those of the fewest blocks that hold half of all change.
    - `own_layers`, `own_agreement`: the layers that blends read when the model was probed, and their mean agreement.
    - `held_out_agreement`: that of the best layers, for each prompt the best of all other prompts; None of one prompt.
    - `versions`: the installed versions by package.
    - `schema`: the version of this format.
    """

    model: str
    fingerprint: str
    pictures: tuple[GenerationSettings, ...]
    words: Mapping[str, tuple[str, ...]]
    blocks: tuple[BlockReport, ...]
    layers: LayerChoice
    own_layers: tuple[str, ...]
    own_agreement: float
    held_out_agreement: float | None
    versions: Mapping[str, str]
    schema: int = SCHEMA

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all; `Editor.load_layers` reads it."""
        write_atomically(path, (json.dumps(to_plain(self), indent=1) + "\n").encode())


def layout_layers(blocks: tuple[BlockReport, ...]) -> tuple[str, ...]:
    """The layers in which the picture looks at itself, of the fewest blocks that hold half of all change."""
    looking = [block for block in blocks if block.image_layers]
    ranked = sorted(looking, key=lambda block: -block.change.mean)
    needed, held, chosen = sum(block.change.mean for block in looking) / 2, 0.0, set()
    for block in ranked:
        if held >= needed:
            break
        held += block.change.mean
        chosen.add(block.block)
    return tuple(layer for block in looking if block.block in chosen for layer in block.image_layers)
