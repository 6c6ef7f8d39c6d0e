"""The one list of inversion methods, by name. It imports none of them, so the command line's help stays fast."""

from collections.abc import Mapping

METHODS: Mapping[str, str] = {
    "direct": "wordbrush.inversion.direct:Direct",
    "ddim": "wordbrush.inversion.ddim:DDIMInversion",
    "null-text": "wordbrush.inversion.null_text:NullText",
    "negative-prompt": "wordbrush.inversion.negative_prompt:NegativePrompt",
    "edit-friendly": "wordbrush.inversion.edit_friendly:EditFriendly",
    "h-edit": "wordbrush.inversion.h_edit:HEdit",
    "h-edit-direct": "wordbrush.inversion.h_edit_direct:HEditDirect",
    "fixed-point": "wordbrush.inversion.fixed_point:FixedPoint",
    "virtual": "wordbrush.inversion.virtual:Virtual",
    "chord": "wordbrush.inversion.chord:Chord",
}
"""The class of each method for diffusion models, as `module:name`."""

FLOW_METHODS: Mapping[str, str] = {
    "flow-edit": "wordbrush.inversion.flow_edit:FlowEdit",
    "rf-inversion": "wordbrush.inversion.rf_inversion:RFInversion",
    "rf-solver": "wordbrush.inversion.rf_solver:RFSolver",
    "uni-edit": "wordbrush.inversion.uni_edit:UniEdit",
    "chord": "wordbrush.inversion.chord:Chord",
}
"""The class of each method for models that are sampled along a flow."""

DEFAULT_METHOD = "edit-friendly"
"""The method for photographs of diffusion models if none is given: the best of them in docs/benchmark.md."""
