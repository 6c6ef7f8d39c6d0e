"""Peers on a tiny model of real classes; one that needs a checkout runs where an environment variable names it."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL.Image import Image

from helpers.rounding import assert_same_latents
from wordbrush.errors import ModelError, SettingsError
from wordbrush.models.own_settings import Defaults
from wordbrush.sampling.settings import GenerationSettings
from wordbrush_bench.case import Case, Material
from wordbrush_bench.peers.checkout import load_file
from wordbrush_bench.peers.community_null_text import CommunityNullText
from wordbrush_bench.peers.community_p2p import CommunityPrompt2Prompt, CommunityPrompt2PromptMethod
from wordbrush_bench.peers.ddpm_inversion import DDPMInversion
from wordbrush_bench.peers.ledits_pp import LEditsPP
from wordbrush_bench.peers.masactrl import MasaCtrl
from wordbrush_bench.peers.registry import NOT_RUN, PEERS, peer_methods
from wordbrush_bench.peers.shared import SharedModel
from wordbrush_bench.speed.bench import Bench
from wordbrush_bench.tiny.stable_diffusion import tiny_sd_folder

CASE = Case(
    "swap", "change-object", "generated", "a dog eating an apple", "a cat eating an apple", ("dog",), ("cat",), 7
)


def checkout(variable: str) -> Path:
    if variable not in os.environ:
        pytest.skip(f"{variable} names no checkout")
    return Path(os.environ[variable])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SharedModel:
    loaded = SharedModel.load(tiny_sd_folder(tmp_path_factory.mktemp("models") / "tiny"), "cpu", "float32")
    return replace(loaded, defaults=Defaults(num_inference_steps=3))


@pytest.fixture
def untouched(model: SharedModel):
    """The model draws the same picture after a peer as before it, by the same processors."""

    def picture() -> Image:
        return model.picture(CASE, Material())

    own = [type(processor) for processor in model.pipeline.unet.attn_processors.values()]
    before = picture()
    yield before
    assert [type(processor) for processor in model.pipeline.unet.attn_processors.values()] == own
    assert np.array_equal(picture(), before)


def differ(one: Image, other: Image) -> bool:
    return not np.array_equal(np.asarray(one), np.asarray(other))


def close(one: Image, other: Image) -> bool:
    return bool(np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).max() <= 2)


def test_ledits_pp_runs_for_real_and_leaves_nothing(model, untouched):
    method = LEditsPP("LEDITS++", model, num_inversion_steps=2)
    outcome = method.run(CASE, Material())
    assert outcome.edited.size == untouched.size
    assert differ(outcome.edited, outcome.source)
    assert outcome.seconds > 0
    assert outcome.source_seconds > 0
    again = method.run(CASE, Material())
    assert not differ(again.edited, outcome.edited)
    weaker = LEditsPP("LEDITS++", model, num_inversion_steps=2, edit_guidance=0.0).run(CASE, Material())
    assert differ(weaker.edited, outcome.edited)


def test_ledits_pp_says_what_it_was_run_with(model):
    method = LEditsPP("LEDITS++", model)
    assert method.settings["use_intersect_mask"] is False
    assert any("quarter of its latents" in note for note in method.notes)
    assert not any("channels" in note for note in method.notes)
    assert method.refusal(CASE) is None
    assert "no words" in str(method.refusal(Case("x", "mixed", "generated", "a dog", "a cat", (), (), 0)))


def test_ledits_pp_takes_a_model_of_other_channels(tmp_path):
    bundled = SharedModel.load(None, "cpu", "float32")
    method = LEditsPP("LEDITS++", bundled, num_inversion_steps=3)
    assert any("set to the model's 32" in note for note in method.notes)
    own = bundled.defaults
    assert own.num_inference_steps > 3
    photo = Material(bundled.adapter.decode(torch.zeros(1, 32, 16, 16)))
    outcome = method.run(CASE, photo)
    assert differ(outcome.edited, outcome.source)


def test_a_folder_that_is_no_checkout_is_told(tmp_path, model):
    with pytest.raises(ModelError, match=r"no checkout of diffusers: it has no examples/community/pipeline_prompt2"):
        CommunityPrompt2Prompt(tmp_path, model)
    file = tmp_path / "broken.py"
    file.write_text("import a_package_that_is_not_there")
    with pytest.raises(ModelError, match=r"cannot be executed \(ModuleNotFoundError: No module named 'a_package"):
        load_file(tmp_path, "something", "broken.py", [])
    file.write_text("def other(): ...")
    with pytest.raises(ModelError, match="has no wanted, so it is not something's file"):
        load_file(tmp_path, "something", "broken.py", ["wanted"])


def test_peers_are_asked_for_by_name(tmp_path, model):
    names = [method.name for method in peer_methods(["leditspp"], model)]
    assert len(names) == len(set(names)) == 2
    with pytest.raises(SettingsError, match="there is no peer 'nobody'; there are diffusers-p2p"):
        peer_methods(["nobody"], model)
    with pytest.raises(SettingsError, match="needs a checkout of huggingface/diffusers; give diffusers-p2p=FOLDER"):
        peer_methods(["diffusers-p2p"], model)
    with pytest.raises(SettingsError, match="cannot be run: sled-group/InfEdit"):
        peer_methods(["infedit=somewhere"], model)
    with pytest.raises(ModelError, match="no checkout"):
        peer_methods([f"masactrl={tmp_path}"], model)
    assert not set(NOT_RUN) & set(PEERS)


def test_the_community_pipeline_computes_what_ours_does(model, untouched):
    peer = CommunityPrompt2Prompt(checkout("WORDBRUSH_DIFFUSERS_CHECKOUT"), model)
    bench = Bench(model, GenerationSettings(CASE.source_prompt, "", 7, 4, 7.5, 32, 32), peer)
    ours = bench.together([CASE.target_prompt])
    assert_same_latents(bench.by_community("replace", [CASE.target_prompt]), ours)
    assert (bench.plain([CASE.source_prompt, CASE.target_prompt]) - ours).abs().max() > 1e-2


def test_the_community_pipeline_is_a_row(model, untouched):
    peer = CommunityPrompt2Prompt(checkout("WORDBRUSH_DIFFUSERS_CHECKOUT"), model)
    method = CommunityPrompt2PromptMethod("p2p", peer, model, 3, 7.5, 0.8, 0.4)
    outcome = method.run(CASE, Material())
    assert close(outcome.source, untouched)  # but for the rounding of other kernels and batches
    assert differ(outcome.edited, outcome.source)
    assert method.refusal(Case("x", "mixed", "photograph", "a dog", "a cat", (), (), 0)) == "it has no inversion"


def test_the_community_null_text_inversion_is_a_row(model, untouched):
    method = CommunityNullText("null-text", checkout("WORDBRUSH_DIFFUSERS_CHECKOUT"), model, 3, 1)
    outcome = method.run(CASE, Material())
    assert differ(outcome.edited, outcome.source)


def test_ddpm_inversion_is_a_row(model, untouched):
    method = DDPMInversion("ddpm", checkout("WORDBRUSH_DDPM_INVERSION_CHECKOUT"), model, 4, 1, 4.0)
    outcome = method.run(CASE, Material())
    assert differ(outcome.edited, outcome.source)
    assert not differ(method.run(CASE, Material()).edited, outcome.edited)


def test_masactrl_is_a_row(model, untouched):
    method = MasaCtrl("masactrl", checkout("WORDBRUSH_MASACTRL_CHECKOUT"), model, 3, 7.5)
    outcome = method.run(CASE, Material())
    assert close(outcome.source, untouched)  # but for the rounding of other kernels and batches
    other = model.picture(Case("o", "mixed", "generated", CASE.target_prompt, "", (), (), 7), Material())
    assert not close(outcome.edited, other)  # its control acted: else this would be the plain picture of the target
