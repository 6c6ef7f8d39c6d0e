"""Folders as old versions, other tools and accidents leave them: what diffusers' own pipeline draws, or one line."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from diffusers.utils import logging
from safetensors.torch import load_file, save_file

from wordbrush.editor import Editor
from wordbrush.errors import ModelError, ModelWarning

Change = Callable[[Path], None]
UNET, VAE, TEXT = "unet/config.json", "vae/config.json", "text_encoder/config.json"
SCHEDULER, TOKENIZER = "scheduler/scheduler_config.json", "tokenizer/tokenizer_config.json"
WEIGHTS = {
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}
GONE = object()


def wrote(file: str, **values: object) -> Change:
    """A configuration with other values; `GONE` for a key that is missing."""

    def change(folder: Path) -> None:
        path = folder / file
        config = {**json.loads(path.read_text()), **values}
        path.write_text(json.dumps({key: value for key, value in config.items() if value is not GONE}))

    return change


def renamed(part: str, name: Callable[[str], str | None]) -> Change:
    """Weights whose tensors have other names; None for one that is missing."""

    def change(folder: Path) -> None:
        path = folder / part / WEIGHTS[part]
        tensors = {name(key): tensor for key, tensor in load_file(path).items()}
        save_file({key: tensor for key, tensor in tensors.items() if key is not None}, path, {"format": "pt"})

    return change


def more(part: str, **tensors: torch.Tensor) -> Change:
    """Weights with tensors that the network does not have."""

    def change(folder: Path) -> None:
        path = folder / part / WEIGHTS[part]
        save_file({**load_file(path), **tensors}, path, {"format": "pt"})

    return change


def reshaped(part: str) -> Change:
    def change(folder: Path) -> None:
        path = folder / part / WEIGHTS[part]
        tensors = load_file(path)
        first = min(tensors)
        save_file({**tensors, first: tensors[first][:1].clone()}, path, {"format": "pt"})

    return change


def sharded(part: str) -> Change:
    """Weights in two files with their list."""

    def change(folder: Path) -> None:
        path = folder / part / WEIGHTS[part]
        tensors, stem = load_file(path), path.name.removesuffix(".safetensors")
        path.unlink()
        names = [f"{stem}-0000{i}-of-00002.safetensors" for i in (1, 2)]
        keys = sorted(tensors)
        for name, half in zip(names, (keys[::2], keys[1::2]), strict=True):
            save_file({key: tensors[key] for key in half}, path.with_name(name), {"format": "pt"})
        of = {key: names[i % 2] for i, key in enumerate(keys)}
        size = sum(tensor.nbytes for tensor in tensors.values())
        listed = {"metadata": {"total_size": size}, "weight_map": of}
        path.with_name(f"{path.name}.index.json").write_text(json.dumps(listed))

    return change


def both(*changes: Change) -> Change:
    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


def beside(name: str, content: str = "{}") -> Change:
    """A file of another tool."""

    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)

    return change


def removed(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def copied(part: str) -> Change:
    """Weights in half precision beside the usual ones."""

    def change(folder: Path) -> None:
        path = folder / part / WEIGHTS[part]
        half = {key: tensor.half() for key, tensor in load_file(path).items()}
        save_file(half, path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")), {"format": "pt"})

    return change


def vocabulary_files(folder: Path) -> None:
    """A tokenizer as vocab.json and merges.txt alone."""
    path = folder / "tokenizer" / "tokenizer.json"
    model = json.loads(path.read_text())["model"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "tokenizer" / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    path.unlink()


def scheduler(name: str, **values: object) -> Change:
    return wrote(SCHEDULER, _class_name=name, **values)


EQUAL: dict[str, Change] = {
    "as it is": both(),
    "clip_sample": wrote(SCHEDULER, clip_sample=True),
    "clip_sample missing": wrote(SCHEDULER, clip_sample=GONE),
    "steps_offset 0": wrote(SCHEDULER, steps_offset=0),
    "steps_offset missing": wrote(SCHEDULER, steps_offset=GONE),
    "set_alpha_to_one": wrote(SCHEDULER, set_alpha_to_one=True),
    "set_alpha_to_one missing": wrote(SCHEDULER, set_alpha_to_one=GONE),
    "prediction_type missing": wrote(SCHEDULER, prediction_type=GONE),
    "v_prediction": wrote(SCHEDULER, prediction_type="v_prediction"),
    "sample": wrote(SCHEDULER, prediction_type="sample"),
    "linear betas": wrote(SCHEDULER, beta_schedule="linear"),
    "cosine betas": wrote(SCHEDULER, beta_schedule="squaredcos_cap_v2"),
    "trained betas": wrote(SCHEDULER, trained_betas=[0.001 + 0.00001 * i for i in range(1000)]),
    "other betas": wrote(SCHEDULER, beta_start=0.0001, beta_end=0.02),
    "fewer trained steps": wrote(SCHEDULER, num_train_timesteps=500),
    "trailing": wrote(SCHEDULER, timestep_spacing="trailing"),
    "linspace": wrote(SCHEDULER, timestep_spacing="linspace"),
    "zero terminal SNR": wrote(
        SCHEDULER, rescale_betas_zero_snr=True, timestep_spacing="trailing", prediction_type="v_prediction"
    ),
    "thresholding": wrote(SCHEDULER, thresholding=False, dynamic_thresholding_ratio=0.9),
    "an unknown key of the scheduler": wrote(SCHEDULER, somebody="else"),
    "a scheduler without a class": wrote(SCHEDULER, _class_name=GONE),
    "PNDM": scheduler("PNDMScheduler", skip_prk_steps=True, clip_sample=False),
    "Euler": scheduler("EulerDiscreteScheduler", clip_sample=GONE),
    "Euler ancestral": scheduler("EulerAncestralDiscreteScheduler"),
    "DDPM": scheduler("DDPMScheduler", variance_type="fixed_small"),
    "DPM-Solver": scheduler("DPMSolverMultistepScheduler", solver_order=2),
    "UniPC": scheduler("UniPCMultistepScheduler"),
    "an old sample_size": wrote(UNET, sample_size=32, _diffusers_version="0.6.0"),
    "another sample_size": wrote(UNET, sample_size=24),
    "two sides": wrote(UNET, sample_size=[16, 24]),
    "an unknown key of the U-Net": wrote(UNET, somebody="else"),
    "keys of the U-Net missing": wrote(UNET, flip_sin_to_cos=GONE, freq_shift=GONE, act_fn=GONE),
    "attention_head_dim a list": wrote(UNET, attention_head_dim=[2, 2, 2]),
    "upcast attention": wrote(UNET, upcast_attention=True),
    "no scaling_factor": wrote(VAE, scaling_factor=GONE),
    "another scaling_factor": wrote(VAE, scaling_factor=0.13025),
    "force_upcast": wrote(VAE, force_upcast=True),
    "another activation of the text": wrote(TEXT, hidden_act="gelu"),
    "architectures missing": wrote(TEXT, architectures=GONE),
    "another padding token": wrote(TOKENIZER, pad_token="!"),
    "a tokenizer of two files": vocabulary_files,
    "position_ids": more("text_encoder", **{"text_model.embeddings.position_ids": torch.arange(77)[None]}),
    "a sharded U-Net": sharded("unet"),
    "a sharded text encoder": sharded("text_encoder"),
    "a sharded autoencoder": sharded("vae"),
    "half precision beside": both(copied("unet"), copied("vae"), copied("text_encoder")),
    "a safety checker beside": beside("safety_checker/config.json"),
    "a feature extractor beside": beside("feature_extractor/preprocessor_config.json"),
    "pickles beside": beside("unet/diffusion_pytorch_model.bin", "not read"),
    "a byte of space": beside("unet/notes.txt", " "),
    "the old names of parts": wrote(
        "model_index.json", safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"]
    ),
}
"""Folders that diffusers loads: the same picture."""

MENDED: dict[str, Change] = {
    "a compiled U-Net": renamed("unet", lambda name: f"_orig_mod.{name}"),
    "a compiled text encoder": renamed("text_encoder", lambda name: f"_orig_mod.{name}"),
    "a compiled autoencoder": renamed("vae", lambda name: f"_orig_mod.{name}"),
    "a U-Net in parallel": renamed("unet", lambda name: f"module.{name}"),
    "layers with an adapter": renamed("text_encoder", lambda name: name.replace("q_proj.", "q_proj.base_layer.")),
    "layers of a U-Net with an adapter": renamed("unet", lambda name: name.replace("to_q.", "to_q.base_layer.")),
}
"""Folders that diffusers fills with random weights: the picture of the folder before."""

REFUSED: dict[str, tuple[Change, str]] = {
    "a tensor of the text is missing": (
        renamed("text_encoder", lambda name: None if "fc1.bias" in name else name),
        r"text_encoder' cannot be loaded \(the tensor 'encoder\.layers\.0\.mlp\.fc1\.bias' and 1 more is missing",
    ),
    "a tensor of the U-Net is missing": (
        renamed("unet", lambda name: None if name == "conv_in.weight" else name),
        r"unet' cannot be loaded \(the tensor 'conv_in\.weight' is missing",
    ),
    "a tensor of the autoencoder is missing": (
        renamed("vae", lambda name: None if name == "decoder.conv_out.bias" else name),
        r"vae' cannot be loaded \(the tensor 'decoder\.conv_out\.bias' is missing",
    ),
    "unknown names": (renamed("unet", lambda name: f"ema.{name}"), r"unet' cannot be loaded \(the tensor"),
    "one tensor more": (more("vae", more=torch.zeros(1)), "vae' has the tensor 'more', which a AutoencoderKL"),
    "a LoRA's tensors": (
        more("unet", **{"mid_block.attentions.0.proj_in.lora_A.weight": torch.zeros(1)}),
        "has weights of an adapter .*merge it",
    ),
    "another shape of the text": (reshaped("text_encoder"), "text_encoder' cannot be loaded"),
    "another shape of the U-Net": (reshaped("unet"), "unet' cannot be loaded"),
    "flow matching": (
        scheduler("FlowMatchEulerDiscreteScheduler"),
        "has the flow-matching scheduler FlowMatchEulerDiscreteScheduler",
    ),
    "flow sigmas": (
        scheduler("DPMSolverMultistepScheduler", use_flow_sigmas=True, prediction_type="flow_prediction"),
        "has the flow-matching scheduler DPMSolverMultistepScheduler",
    ),
    "EDM": (scheduler("EDMEulerScheduler"), "EDMEulerScheduler, which knows no beta_schedule"),
    "an unknown scheduler": (scheduler("MyScheduler"), "has the scheduler MyScheduler, which diffusers does not"),
    "a scheduler that needs another package": (scheduler("LMSDiscreteScheduler"), "LMSDiscreteScheduler, which diff"),
    "a class that is no scheduler": (scheduler("AutoencoderKL"), "has the scheduler AutoencoderKL"),
    "an unknown beta_schedule": (wrote(SCHEDULER, beta_schedule="mine"), r"scheduler' cannot be loaded \(mine"),
    "a beta_schedule of others": (
        scheduler("DDPMScheduler", beta_schedule="sigmoid"),
        "has beta_schedule 'sigmoid' in its scheduler; it may be linear",
    ),
    "an unknown prediction_type": (
        wrote(SCHEDULER, prediction_type="x0"),
        "has prediction_type 'x0' in its scheduler",
    ),
    "sample_size null": (wrote(UNET, sample_size=None), "has sample_size None in its U-Net; write"),
    "sample_size a text": (wrote(UNET, sample_size="64"), "has sample_size '64' in its U-Net|cannot be loaded"),
    "three sides": (wrote(UNET, sample_size=[1, 16, 16]), r"has sample_size .*1, 16, 16. in its U-Net"),
    "nine channels": (wrote(UNET, in_channels=9), r"conv_in\.weight"),
    "class embeddings": (wrote(UNET, num_class_embeds=3), r"class_embedding\.weight"),
    "timestep class embeddings": (wrote(UNET, class_embed_type="identity"), "has a U-Net with class embeddings"),
    "another width of the text": (wrote(UNET, cross_attention_dim=64), "unet' cannot be loaded"),
    "no model_max_length": (wrote(TOKENIZER, model_max_length=GONE), "has none as the tokenizer's model_max_length"),
    "a model_max_length of more": (wrote(TOKENIZER, model_max_length=512), "has 512 as the tokenizer's model_max"),
    "fewer positions": (wrote(TEXT, max_position_embeddings=20), "text_encoder' cannot be loaded"),
    "no configuration of the text": (removed(TEXT), "lacks 'text_encoder/config.json'"),
    "no scheduler's configuration": (removed(SCHEDULER), "lacks 'scheduler/scheduler_config.json'"),
    "an SDXL without its parts": (
        wrote("model_index.json", _class_name="StableDiffusionXLPipeline"),
        "lacks its 'text_encoder_2' folder",
    ),
    "a latent consistency model": (
        wrote("model_index.json", _class_name="LatentConsistencyModelPipeline"),
        "is a LatentConsistencyModelPipeline",
    ),
    "inpainting": (
        wrote("model_index.json", _class_name="StableDiffusionInpaintPipeline"),
        "is a StableDiffusionInpaintPipeline",
    ),
}
"""Folders that diffusers draws something else of, or fails with: one line that names what is wrong."""


@pytest.fixture(autouse=True)
def _quiet():
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    yield
    logging.set_verbosity_warning()


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_folder, tmp_path / "model")


def their_picture(folder: Path) -> tuple[Any, tuple[int, int]]:
    """What diffusers' own pipeline draws, with DDIM, from the noise of seed 3, at its own size."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = StableDiffusionPipeline.from_pretrained(
            folder, safety_checker=None, feature_extractor=None, requires_safety_checker=False, local_files_only=True
        )
        config = dict(pipeline.scheduler.config)
        # A scheduler without the option does not clip, and DDIM's own value is that it does.
        pipeline.scheduler = DDIMScheduler.from_config(config, clip_sample=config.get("clip_sample", False))
        pipeline.set_progress_bar_config(disable=True)
        size = pipeline.unet.config.sample_size
        height, width = (
            side * pipeline.vae_scale_factor for side in ((size, size) if isinstance(size, int) else size)
        )
        cells = (1, 4, height // pipeline.vae_scale_factor, width // pipeline.vae_scale_factor)
        noise = torch.randn(cells, generator=torch.Generator().manual_seed(3))
        made = pipeline("a dog on a mat", num_inference_steps=2, latents=noise, height=height, width=width)
    return np.asarray(made.images[0]), (height, width)


def our_picture(folder: Path) -> tuple[Any, tuple[int, int]]:
    editor = Editor.from_pretrained(folder, "cpu", "float32", keep_bytes=0)
    made = editor.generate("a dog on a mat", seed=3, num_inference_steps=2)
    return np.asarray(made.image), editor.model.native_size


@pytest.mark.parametrize("name", EQUAL)
def test_a_folder_draws_what_diffusers_draws(folder: Path, name: str) -> None:
    EQUAL[name](folder)
    (ours, our_size), (theirs, their_size) = our_picture(folder), their_picture(folder)
    assert our_size == their_size
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", MENDED)
def test_names_that_a_tool_prefixed_are_mended_and_said(folder: Path, name: str) -> None:
    before = our_picture(folder)[0]
    MENDED[name](folder)
    with pytest.warns(ModelWarning, match="names .* tensors with .*; they were loaded without it"):
        after = our_picture(folder)[0]
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_cannot_mean_what_it_says_is_refused_in_one_line(folder: Path, name: str) -> None:
    change, message = REFUSED[name]
    change(folder)
    with pytest.raises(ModelError, match=message) as caught:
        our_picture(folder)
    assert "\n" not in str(caught.value)


def test_the_matrix_is_as_large_as_it_should_be() -> None:
    assert len(EQUAL) + len(MENDED) + len(REFUSED) >= 60
