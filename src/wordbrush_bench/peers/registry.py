"""The peers there are, those that cannot be run, and a peer's rows from what the user names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wordbrush.errors import SettingsError
from wordbrush_bench.method import Method
from wordbrush_bench.peers.community_null_text import CommunityNullText
from wordbrush_bench.peers.community_p2p import CommunityPrompt2Prompt, CommunityPrompt2PromptMethod
from wordbrush_bench.peers.ddpm_inversion import DDPMInversion
from wordbrush_bench.peers.ledits_pp import LEditsPP
from wordbrush_bench.peers.masactrl import MasaCtrl
from wordbrush_bench.peers.shared import SharedModel


@dataclass(frozen=True)
class Peer:
    """A peer: `project` is what is to be cloned, None where an installed package has it; `rows` makes its methods."""

    project: str | None
    rows: Callable[[SharedModel, Path], list[Method]]


def peer_methods(asked: Sequence[str], model: SharedModel) -> list[Method]:
    """The rows of peers that are asked for as NAME=CHECKOUT, or NAME alone where no checkout is needed.

    Loading a checkout executes its code. Raises `SettingsError` for a name that there is not or a checkout that is
    missing, `ModelError` for a folder that is not what it should be.
    """
    methods: list[Method] = []
    for text in asked:
        name, _, checkout = text.partition("=")
        if name in NOT_RUN:
            raise SettingsError(f"'{name}' cannot be run: {NOT_RUN[name]}")
        if name not in PEERS:
            raise SettingsError(f"there is no peer '{name:.40}'; there are {', '.join(PEERS)}")
        peer = PEERS[name]
        if peer.project is not None and not checkout:
            raise SettingsError(f"'{name}' needs a checkout of {peer.project}; give {name}=FOLDER")
        methods += peer.rows(model, Path(checkout))
    return methods


def _community_p2p(model: SharedModel, checkout: Path) -> list[Method]:
    peer, own = CommunityPrompt2Prompt(checkout, model), model.defaults
    steps, scale = own.num_inference_steps, own.guidance_scale
    return [
        CommunityPrompt2PromptMethod("diffusers P2P, documented (50 steps)", peer, model, 50, 7.5, 0.4, 0.4),
        CommunityPrompt2PromptMethod(
            f"diffusers P2P, the model's settings ({steps} steps)",
            peer,
            model,
            steps,
            scale,
            own.cross_replace_steps,
            own.self_replace_steps,
        ),
    ]


def _masactrl(model: SharedModel, checkout: Path) -> list[Method]:
    steps, scale = model.defaults.num_inference_steps, model.defaults.guidance_scale
    return [
        MasaCtrl("MasaCtrl, documented (50 steps)", checkout, model, 50, 7.5),
        MasaCtrl(f"MasaCtrl, the model's settings ({steps} steps)", checkout, model, steps, scale),
    ]


PEERS: Mapping[str, Peer] = {
    "diffusers-p2p": Peer("huggingface/diffusers", _community_p2p),
    "leditspp": Peer(
        None,
        lambda model, _: [
            LEditsPP("LEDITS++, its defaults (30 steps)", model),
            LEditsPP("LEDITS++, documented example (50 steps)", model, 50, 0.1),
        ],
    ),
    "ddpm-inversion": Peer(
        "inbarhub/DDPM_inversion",
        lambda model, checkout: [
            DDPMInversion("DDPM inversion, its defaults (100 steps)", checkout, model),
            DDPMInversion(
                f"DDPM inversion, the model's guidance ({model.defaults.guidance_scale:g})",
                checkout,
                model,
                cfg_target=model.defaults.guidance_scale,
            ),
        ],
    ),
    "masactrl": Peer("TencentARC/MasaCtrl", _masactrl),
    "diffusers-null-text": Peer(
        "huggingface/diffusers",
        lambda model, checkout: [CommunityNullText("diffusers null-text, documented (50 steps)", checkout, model)],
    ),
}
"""Peers by the name that they are asked for with."""

NOT_RUN: Mapping[str, str] = {
    "google-p2p": (
        "google/prompt-to-prompt at 9c472e4 is for diffusers 0.3: its controllers are only cells of notebooks, its "
        "loop calls set_timesteps(offset=1), a TypeError today, and its registration looks for classes named "
        "CrossAttention, of which there are none, so that it would control nothing; diffusers-p2p is a port of it"
    ),
    "ddpm-inversion-p2p": (
        "inbarhub/DDPM_inversion at 58fc881 with Prompt-to-Prompt looks for classes named CrossAttention, of which "
        "today's diffusers has none, so that it would control nothing; ddpm-inversion runs without it"
    ),
    "pnp": (
        "MichalGeyer/pnp-diffusers at e9207c0 imports torchvision, loads models by their hub names on CUDA alone, and "
        "injects in up_blocks[3], an IndexError on the bundled model, which has three"
    ),
    "infedit": (
        "sled-group/InfEdit at eaac91e has its attention control in a Gradio app that fetches an LCM model when it is "
        "imported, and its inversion-free sampling is defined for consistency models alone"
    ),
}
"""Peers that were tried and cannot be run on today's diffusers, with what was seen."""
