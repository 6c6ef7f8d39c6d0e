"""Parts that do not fit each other, in the families whose network is a transformer: one line each."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
)

from wordbrush.editor import Editor
from wordbrush.errors import ModelError
from wordbrush_bench.tiny.joint import tiny_flux, tiny_sd3
from wordbrush_bench.tiny.pixart import tiny_pixart

Pipeline = Any
BUILD: dict[str, Callable[..., Pipeline]] = {"sd3": tiny_sd3, "flux": tiny_flux, "pixart": tiny_pixart}
FLOW_SIGMAS = DPMSolverMultistepScheduler(use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=3.0)


def built(**network: object) -> Callable[[str], Pipeline]:
    """A pipeline whose transformer is another."""
    return lambda family: BUILD[family](**network)


def given(**parts: object) -> Callable[[str], Pipeline]:
    """A pipeline in which parts were replaced."""

    def change(family: str) -> Pipeline:
        pipeline = BUILD[family]()
        for name, part in parts.items():
            setattr(pipeline, name, part)
        return pipeline

    return change


def configured(part: str, **values: object) -> Callable[[str], Pipeline]:
    """A pipeline one of whose configurations says something else."""

    def change(family: str) -> Pipeline:
        pipeline = BUILD[family]()
        getattr(pipeline, part).register_to_config(**values)
        return pipeline

    return change


def limited(tokenizer: str, length: int) -> Callable[[str], Pipeline]:
    """A pipeline with a tokenizer of another length."""

    def change(family: str) -> Pipeline:
        pipeline = BUILD[family]()
        getattr(pipeline, tokenizer).model_max_length = length
        return pipeline

    return change


def with_words(tokenizer: str) -> Callable[[str], Pipeline]:
    """A pipeline to whose tokenizer words were added, and no vectors."""

    def change(family: str) -> Pipeline:
        pipeline = BUILD[family]()
        getattr(pipeline, tokenizer).add_tokens([f"<new-{i}>" for i in range(9)])
        return pipeline

    return change


NO_LENGTH = 10**30
"""What transformers has where a folder says no model_max_length."""
MISFITS: list[tuple[str, Callable[[str], Pipeline], str]] = [
    ("sd3", built(joint_attention_dim=32), "has a T5 of width 24 and a transformer that reads 32"),
    (
        "sd3",
        built(t5=False, joint_attention_dim=16),
        "has CLIP text encoders of width 20 and a transformer that reads 16",
    ),
    ("sd3", built(pooled_projection_dim=24), "has pooled texts of width 20 and a transformer that reads 24"),
    ("sd3", built(in_channels=8, out_channels=8), "has a transformer of 8 channels and an autoencoder of 4"),
    ("sd3", built(out_channels=8), "has a transformer that reads 4 channels and gives 8"),
    ("sd3", configured("transformer", sample_size=None), "has sample_size None in its transformer; write"),
    ("sd3", configured("transformer", sample_size=[16, 16]), r"has sample_size .16, 16. in its transformer"),
    ("sd3", configured("transformer", sample_size=True), "has sample_size True in its transformer"),
    ("sd3", limited("tokenizer", NO_LENGTH), "has none as the tokenizer's model_max_length"),
    ("sd3", limited("tokenizer_2", 512), "has 512 as the tokenizer's model_max_length, and its text encoder reads 77"),
    ("sd3", limited("tokenizer_2", 60), "has tokenizers with 60 and 77 as model_max_length"),
    ("sd3", with_words("tokenizer"), "has a tokenizer of .* tokens and a text encoder of"),
    ("sd3", with_words("tokenizer_3"), "has a tokenizer of .* tokens and a text encoder of"),
    (
        "sd3",
        given(scheduler=DDIMScheduler()),
        "has the scheduler DDIMScheduler, and this model is sampled along a flow",
    ),
    ("sd3", given(scheduler=FLOW_SIGMAS), "has the scheduler DPMSolverMultistepScheduler, and this model is sampled"),
    ("sd3", given(scheduler=FlowMatchEulerDiscreteScheduler(stochastic_sampling=True)), "has stochastic_sampling"),
    ("sd3", given(scheduler=FlowMatchEulerDiscreteScheduler(invert_sigmas=True)), "has invert_sigmas"),
    ("sd3", given(tokenizer_3=None), "has one of text_encoder_3 and tokenizer_3"),
    ("sd3", given(text_encoder_2=None), "has no text_encoder_2"),
    ("flux", built(joint_attention_dim=32), "has a T5 of width 24 and a transformer that reads 32"),
    ("flux", built(pooled_projection_dim=16), "has a pooled text of width 8 and a transformer that reads 16"),
    ("flux", built(in_channels=64), "has a transformer of 64 channels and an autoencoder of 4 in each of 4 cells"),
    ("flux", built(in_channels=32, out_channels=16), "has a transformer that reads 32 channels and gives 16"),
    ("flux", limited("tokenizer", NO_LENGTH), "has none as the tokenizer's model_max_length"),
    ("flux", with_words("tokenizer"), "has a tokenizer of .* tokens and a text encoder of"),
    ("flux", with_words("tokenizer_2"), "has a tokenizer of .* tokens and a text encoder of"),
    (
        "flux",
        given(scheduler=DDIMScheduler()),
        "has the scheduler DDIMScheduler, and this model is sampled along a flow",
    ),
    ("flux", given(text_encoder=None), "has no text_encoder "),
    ("flux", given(tokenizer_2=None), "has no tokenizer_2"),
    ("flux", given(vae=None), "has no vae"),
    ("pixart", configured("transformer", sample_size=None), "has sample_size None in its transformer; write"),
    ("pixart", configured("transformer", sample_size=[16, 16]), r"has sample_size .16, 16. in its transformer"),
    ("pixart", with_words("tokenizer"), "has a tokenizer of .* tokens and a text encoder of"),
    ("pixart", given(scheduler=FlowMatchEulerDiscreteScheduler()), "has the flow-matching scheduler"),
    ("pixart", given(text_encoder=None), "has no text_encoder"),
]


@pytest.mark.parametrize(("family", "change", "said"), MISFITS, ids=[f"{f}: {said:.40}" for f, _, said in MISFITS])
def test_parts_that_do_not_fit_are_one_line(family, change, said):
    with pytest.raises(ModelError, match=said) as caught:
        Editor.from_pipeline(change(family))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("family", "file", "values", "said"),
    [
        ("sd3", "scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler"}, "is sampled along a flow"),
        ("sd3", "transformer/config.json", {"sample_size": None}, "sample_size|cannot be loaded"),
        ("sd3", "tokenizer_2/tokenizer_config.json", {"model_max_length": 512}, "has 512 as the tokenizer's"),
        ("flux", "scheduler/scheduler_config.json", {"_class_name": "EulerDiscreteScheduler"}, "along a flow"),
        ("flux", "tokenizer/tokenizer_config.json", {"model_max_length": 512}, "has 512 as the tokenizer's"),
        ("pixart", "transformer/config.json", {"sample_size": None}, "sample_size|cannot be loaded"),
    ],
)
def test_a_folder_is_checked_as_a_pipeline_is(family, file, values, said, tmp_path: Path):
    BUILD[family]().save_pretrained(tmp_path)
    path = tmp_path / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    with pytest.raises(ModelError, match=said) as caught:
        Editor.from_pretrained(tmp_path, "cpu", "float32")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("family", ["sd3", "flux"])
def test_another_flow_scheduler_keeps_its_shift(family):
    """Its steps are Euler's, on the levels that it was shifted to."""
    pipeline = BUILD[family]()
    run = {"seed": 3, "num_inference_steps": 2, "size": (32, 32)}
    pipeline.scheduler = FlowMatchEulerDiscreteScheduler(shift=5.0)
    expected = Editor.from_pipeline(pipeline).generate("a dog", **run).latents
    pipeline.scheduler = FlowMatchHeunDiscreteScheduler(shift=5.0)
    made = Editor.from_pipeline(pipeline).generate("a dog", **run).latents
    assert made.equal(expected)
    pipeline.scheduler = FlowMatchEulerDiscreteScheduler(shift=1.0)
    assert not Editor.from_pipeline(pipeline).generate("a dog", **run).latents.equal(expected)
