"""Which layers of one model show words, and which hold its layout: measured, where the family's own choice is not."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wordbrush.attention.sites import AttentionLayer
from wordbrush.errors import ModelError


@dataclass(frozen=True)
class LayerChoice:
    """Attention layers by module name. An empty field leaves the family's own choice.

    `words` are the layers whose attention to the text says where words are, which maps and blends read. `layout` are
    the layers of which `self_replace_steps` takes the source's queries and keys.
    """

    words: tuple[str, ...] = ()
    layout: tuple[str, ...] = ()

    def applied(self, layers: Iterable[AttentionLayer]) -> tuple[AttentionLayer, ...]:
        """The layers, of which those in `words` alone show words.

        >>> layers = [AttentionLayer.cross(name, 8, (16, 16), 77) for name in ("a.attn2", "b.attn2")]
        >>> [layer.shows_words for layer in LayerChoice(words=("b.attn2",)).applied(layers)]
        [False, True]
        """
        if not self.words:
            return tuple(layers)
        return tuple(replace(layer, shows_words=layer.site.name in self.words) for layer in layers)

    def check(self, layers: Iterable[AttentionLayer], where: str) -> None:
        """Raise `ModelError` for a name that no such layer of the model `where` has."""
        known = list(layers)
        for kind, names, having in (
            ("words", self.words, [layer for layer in known if layer.text]),
            ("layout", self.layout, [layer for layer in known if layer.image]),
        ):
            missing = sorted(set(names) - {layer.site.name for layer in having})
            if missing:
                raise ModelError(
                    f"the layers that were chosen for {kind} name '{missing[0]:.80}', which {where} does not have; "
                    "use a choice that was measured on this model: wordbrush probe --model M"
                )


OWN_CHOICE = LayerChoice()
"""The family's own choice."""
