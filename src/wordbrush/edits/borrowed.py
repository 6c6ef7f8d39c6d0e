"""What targets take over from inside the source at each step, besides its cross-attention maps."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.edits.schedule import Window
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import IdleEditError

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Borrowed:
    """Layers by module name, for one step of one target.

    In `maps` the self-attention map is the source's (its queries and keys) in rows with the prompt, in `negative_maps`
    in rows with the negative prompt. In `content` self-attention reads the source's keys and values, in both rows; it
    waits where a layer's map is the source's already. `features` are residual blocks whose output is the source's, in
    both rows.
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
        """Self-attention layers of whose map the source's queries and keys are needed."""
        return self.maps | self.negative_maps

    def calls(self, *, guided: bool) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """How many rows a target has edited in a model call, by layer: of self-attention, of features."""
        rows = 2 if guided else 1
        image = Counter(self.maps)
        image.update(self.negative_maps if guided else ())
        image.update(dict.fromkeys(self.content, rows))
        return image, dict.fromkeys(self.features, rows)


def plan_borrowed(
    settings: EditSettings, self_replace_steps: tuple[float, float], layers: EditableLayers, num_steps: int
) -> tuple[Borrowed, ...]:
    """What a target takes over at each of the steps, with the window of its self-attention.

    Raises `ControlError` for a model that has none of the layers that are asked for, and `IdleEditError` for a method
    that is asked for and would act at no step.
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
        raise IdleEditError(f"Plug-and-Play selects none of the {num_steps} steps; widen a window of it")
    if mutual is not None and not any(content):
        raise IdleEditError(
            f"mutual self-attention acts in no layer at none of the {num_steps} steps; widen its window, or shorten "
            "self_replace_steps, which goes before it"
        )
    rows = zip(injected, spatial, content, features, strict=True)
    return tuple(Borrowed(maps | held, held, read, block) for maps, held, read, block in rows)


def _by_step(window: Window, num_steps: int, select: Callable[[], frozenset[str]]) -> list[frozenset[str]]:
    steps = window.self_steps(num_steps)
    chosen = select() if steps else _NONE  # a window of no step asks nothing of the model
    return [chosen if step in steps else _NONE for step in range(num_steps)]
