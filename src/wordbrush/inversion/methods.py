"""THE list of the ways to invert, by name; it imports none of them, so that the command line's help can show it."""

from collections.abc import Mapping

METHODS: Mapping[str, str] = {
    "direct": "wordbrush.inversion.direct:Direct",
    "ddim": "wordbrush.inversion.ddim:DDIMInversion",
    "null-text": "wordbrush.inversion.null_text:NullText",
    "negative-prompt": "wordbrush.inversion.negative_prompt:NegativePrompt",
    "edit-friendly": "wordbrush.inversion.edit_friendly:EditFriendly",
    "fixed-point": "wordbrush.inversion.fixed_point:FixedPoint",
    "virtual": "wordbrush.inversion.virtual:Virtual",
}
"""The class of each method of a diffusion model, as `module:name`."""

FLOW_METHODS: Mapping[str, str] = {"flow-edit": "wordbrush.inversion.flow_edit:FlowEdit"}
"""Those of a model that is sampled along a flow."""

DEFAULT_METHOD = "edit-friendly"
"""What photographs are inverted with where nothing is said: the best of them in docs/benchmark.md."""
