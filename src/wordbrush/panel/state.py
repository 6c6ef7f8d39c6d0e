"""What the panel stands at, as data, and the Python that makes the same pictures: no widget and no model here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wordbrush.edits.blend import AUTO, LocalBlend
from wordbrush.edits.settings import EditOptions
from wordbrush.models.adapter_file import AdapterFile
from wordbrush.models.guides import GuidesRecord
from wordbrush.panel.python_source import adapter_lines, call, guide_lines, literal, load_lines
from wordbrush.sampling.settings import GenerationOptions
from wordbrush.tokens.align import PairKind, align_words
from wordbrush.tokens.prompt_tokens import PromptTokens


@dataclass(frozen=True)
class PanelWord:
    """A word of the target prompt: `selector` names it and no other, `stands_for` are the source's words, if any."""

    text: str
    selector: str
    kind: PairKind
    stands_for: str


@dataclass(frozen=True)
class PanelState:
    """All that the panel's controls say. `weights` are by selector, `blend` the selectors of the words whose region
    alone may change, as far as `blend_threshold` has it reach; those of a word that is not there do not act.
    `more` are options of the edit without a control of their own, and stand above those that have one. `added` are the
    words that were added to the model.
    """

    prompt: str
    target: str
    seed: int
    num_inference_steps: int
    guidance_scale: float
    cross_replace_steps: tuple[float, float]
    self_replace_steps: tuple[float, float]
    weights: Mapping[str, float] = field(default_factory=dict)
    blend: tuple[str, ...] = ()
    blend_threshold: float = LocalBlend.threshold
    more: EditOptions = field(default_factory=EditOptions)
    added: frozenset[str] = frozenset()

    def words(self) -> tuple[PanelWord, ...]:
        """The target's words in order, without its punctuation.

        >>> state = PanelState("a dog", "a big cat", 7, 20, 7.5, (0.0, 0.8), (0.0, 0.4))
        >>> [(word.selector, word.kind, word.stands_for) for word in state.words()]
        [('a', 'same', 'a'), ('big', 'swapped', 'dog'), ('cat', 'swapped', 'dog')]
        """
        source, target = (PromptTokens.words_of(text, self.added) for text in (self.prompt, self.target))
        return tuple(
            PanelWord(target.words[i].text, target.selector(i), pair.kind, source.phrase(pair.source))
            for pair in align_words(source, target)
            for i in pair.target
            if any(map(str.isalnum, target.words[i].text))
        )

    def equalizer(self) -> dict[str, float]:
        """The weights that act: of words that the target has, and other than one."""
        names = {word.selector for word in self.words()}
        return {selector: factor for selector, factor in self.weights.items() if selector in names and factor != 1}

    def local_blend(self) -> LocalBlend | None:
        """The local blend of the words that are chosen, and of the source's that they stand for; None without any.

        >>> PanelState("a dog", "a cat", 7, 20, 7.5, (0.0, 0.8), (0.0, 0.4), blend=("cat",)).local_blend().words
        ('dog', 'cat')
        """
        named: list[str] = []
        for word in self.words():
            if word.selector in self.blend:
                named += [word.stands_for, word.selector] if word.kind == "swapped" else [word.selector]
        words = dict.fromkeys(f"{name}[0]" if name == AUTO else name for name in named)
        return LocalBlend(tuple(words), threshold=self.blend_threshold) if named else None

    def generate_arguments(self) -> GenerationOptions:
        """What `Editor.generate` is given besides the prompt."""
        return {
            "seed": self.seed,
            "num_inference_steps": self.num_inference_steps,
            "guidance_scale": self.guidance_scale,
        }

    def edit_arguments(self) -> EditOptions:
        """What `Editor.edit` is given besides the source and the target."""
        weights, blend = self.equalizer(), self.local_blend()
        return {
            "recipe": "published",  # the panel shows every number
            "cross_replace_steps": self.cross_replace_steps,
            "self_replace_steps": self.self_replace_steps,
            **(EditOptions(equalizer=weights) if weights else EditOptions()),
            **(EditOptions(local_blend=blend) if blend else EditOptions()),
            **self.more,
        }

    def code(self, model: str, adapters: Sequence[AdapterFile] = (), guides: GuidesRecord | None = None) -> str:
        """Python that makes the source and the edit as they stand, with the name, adapters and guides that
        `ModelInfo` has.

        >>> print(PanelState("a dog", "a cat", 7, 20, 7.5, (0.0, 0.8), (0.0, 0.4)).code("bundled"))
        import wordbrush
        <BLANKLINE>
        editor = wordbrush.Editor.from_pretrained()
        source = editor.generate("a dog", seed=7, num_inference_steps=20, guidance_scale=7.5)
        result = editor.edit(
            source,
            "a cat",
            recipe="published",
            cross_replace_steps=(0.0, 0.8),
            self_replace_steps=(0.0, 0.4),
        )
        """
        return "\n".join(
            [
                *load_lines(model),
                *adapter_lines(adapters),
                *guide_lines(guides),
                call("source", "editor.generate", [literal(self.prompt)], self.generate_arguments()),
                call("result", "editor.edit", ["source", literal(self.target)], self.edit_arguments()),
            ]
        )
