"""What targets take over from the source at each step, in addition to its cross-attention maps."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.window import Window
from wordbrush.errors import IdleEditError

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Borrowed:
    """The layers in which one target takes something over at one step, by module name.

    - `maps`: self-attention layers that use the source's map (its queries and keys) in rows with the prompt.
    - `negative_maps`: the same for rows with the negative prompt.
    - `content`: self-attention layers that read the source's keys and values, in both rows. Layers that already use
      the source's map are not among them.
    - `features`: residual blocks whose output is the source's, in both rows.
    """

    maps: frozenset[str] = _NONE
    negative_maps: frozenset[str] = _NONE
    content: frozenset[str] = _NONE
    features: frozenset[str] = _NONE

    @property
    def acts(self) -> bool:
        """Whether anything is taken over at this step."""
        return bool(self.maps or self.negative_maps or self.content or self.features)

    @property
    def self_layers(self) -> frozenset[str]:
        """The self-attention layers that need the source's queries and keys for their map."""
        return self.maps | self.negative_maps

    def calls(self, *, guided: bool) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """How many of a target's rows are edited in a model call, by layer: for self-attention, and for features."""
        rows = 2 if guided else 1
        image = Counter(self.maps)
        image.update(self.negative_maps if guided else ())
        image.update(dict.fromkeys(self.content, rows))
        return image, dict.fromkeys(self.features, rows)


def plan_borrowed(
    settings: EditSettings, self_replace_steps: tuple[float, float], layers: EditableLayers, num_steps: int
) -> tuple[Borrowed, ...]:
    """What a target takes over at each step; `self_replace_steps` is the window of its self-attention maps.

    Raises `ControlError` if the model has none of the layers asked for, and `IdleEditError` for a method that would
    act at no step.
    """
    injected = _by_step(
        Window(*self_replace_steps),
        num_steps,
        lambda: layers.self_up_to(settings.self_replace_max_pixels),
    )
    spatial = features = content = [_NONE] * num_steps
    if (pnp := settings.plug_and_play) is not None:
        spatial = _by_step(pnp.attention_window, num_steps, lambda: layers.decoder_self_from(pnp.start_layer))
        features = _by_step(
            pnp.feature_window, num_steps, lambda: frozenset({layers.decoder_block_at(pnp.feature_layer)})
        )
    if (mutual := settings.mutual_self_attention) is not None:
        content = _by_step(mutual.window, num_steps, lambda: layers.decoder_self_from(mutual.start_layer))
    content = [read - one - other for read, one, other in zip(content, injected, spatial, strict=True)]
    if pnp is not None and not any(spatial) and not any(features):
        raise IdleEditError(f"Plug-and-Play selects none of the {num_steps} steps; widen one of its windows")
    if mutual is not None and not any(content):
        raise IdleEditError(
            f"mutual self-attention acts in no layer at any of the {num_steps} steps; widen its window, or shorten "
            "self_replace_steps, which takes precedence"
        )
    rows = zip(injected, spatial, content, features, strict=True)
    return tuple(Borrowed(maps | held, held, read, block) for maps, held, read, block in rows)


def _by_step(window: Window, num_steps: int, select: Callable[[], frozenset[str]]) -> list[frozenset[str]]:
    steps = window.steps(num_steps)
    chosen = select() if steps else _NONE  # an empty window needs no layers
    return [chosen if step in steps else _NONE for step in range(num_steps)]
