import json
import shutil
from pathlib import Path

import pytest
import torch

from helpers.loaded import load_model
from wordbrush.errors import ModelError, SettingsError
from wordbrush.models.own_settings import Defaults


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be changed."""
    return shutil.copytree(tiny_folder, tmp_path / "model")


def own(folder: Path, **settings: object) -> None:
    (folder / "wordbrush.json").write_text(json.dumps(settings))


def test_a_model_is_described(tiny_folder: Path) -> None:
    adapter, info = load_model(tiny_folder, "cpu", None)
    assert info.name == str(tiny_folder)
    assert (info.device, info.dtype) == ("cpu", "float32")
    assert info.native_size == (32, 32)  # 16 latent cells of 2 pixels
    assert info.defaults == Defaults()
    assert info.vocabulary is None
    assert adapter.dtype == torch.float32


def test_nothing_of_it_trains(tiny_folder: Path) -> None:
    adapter, _ = load_model(tiny_folder, "cpu", None)
    modules = [part for part in vars(adapter).values() if isinstance(part, torch.nn.Module)]
    assert len(modules) == 3
    assert not any(module.training or any(p.requires_grad for p in module.parameters()) for module in modules)


@pytest.mark.filterwarnings("ignore::wordbrush.errors.SlowDtypeWarning")
def test_a_dtype_holds_for_all_of_it(tiny_folder: Path) -> None:
    adapter, info = load_model(tiny_folder, "cpu", "bfloat16")
    modules = [part for part in vars(adapter).values() if isinstance(part, torch.nn.Module)]
    assert {p.dtype for module in modules for p in module.parameters()} == {torch.bfloat16}
    assert info.dtype == "bfloat16"


@pytest.mark.parametrize(
    ("device", "dtype", "message"),
    [
        ("tpu", None, "device is 'tpu'; give one of cpu, cuda, mps"),
        ("cpu:x", None, "device is 'cpu:x'; give one of cpu, cuda, mps"),
        ("cpu:", None, "device is 'cpu:'; give one of cpu, cuda, mps"),
        ("CPU", None, "device is 'CPU'; give one of cpu, cuda, mps"),
        ("cpu:1", None, "device is 'cpu:1', which this machine does not have"),
        ("cuda:99999999999", None, "give one of cpu, cuda, mps"),
        ("cpu", "int8", "dtype is 'int8'; give one of float32, float16, bfloat16"),
    ],
)
def test_unknown_devices_and_dtypes_are_refused(
    tiny_folder: Path, device: str, dtype: str | None, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        load_model(tiny_folder, device, dtype)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused(tiny_folder: Path) -> None:
    with pytest.raises(SettingsError, match="which this machine does not have"):
        load_model(tiny_folder, "cuda", None)


@pytest.mark.parametrize("name", ["unet", "vae", "text_encoder"])
def test_a_truncated_weight_file_is_named_in_one_line(folder: Path, name: str) -> None:
    (weights,) = (folder / name).glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_model(folder, "cpu", None)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    config = folder / "unet" / "config.json"
    config.write_text(config.read_text().replace('"in_channels": 4', '"in_channels": 9'))
    with pytest.raises(ModelError, match=r"conv_in\.weight"):
        load_model(folder, "cpu", None)


def test_a_missing_scheduler_configuration_is_named(folder: Path) -> None:
    (folder / "scheduler" / "scheduler_config.json").unlink()
    with pytest.raises(ModelError, match=r"lacks 'scheduler/scheduler_config\.json'"):
        load_model(folder, "cpu", None)


def test_a_folder_may_bring_its_own_defaults_and_words(folder: Path) -> None:
    own(folder, num_inference_steps=25, guidance_scale=4, vocabulary=["cat", "dog"])
    _, info = load_model(folder, "cpu", None)
    assert info.defaults == Defaults(num_inference_steps=25, guidance_scale=4)
    assert info.vocabulary == {"cat", "dog"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_inference_steps", 2.5),
        ("num_inference_steps", 0),
        ("num_inference_steps", True),
        ("guidance_scale", "7"),
        ("guidance_scale", -1),
        ("guidance_scale", float("inf")),
        ("cross_replace_steps", 1.5),
        ("cross_replace_steps", [0, 1]),
        ("self_replace_steps", None),
        ("vocabulary", "cat"),
        ("vocabulary", [1]),
        ("vocabulary", {"cat": 1}),
        ("steps", 3),
    ],
)
def test_own_settings_that_are_wrong_are_named(folder: Path, field: str, value: object) -> None:
    own(folder, **{field: value})
    with pytest.raises(ModelError, match=rf"wordbrush\.json' has .*{field}"):
        load_model(folder, "cpu", None)


@pytest.mark.parametrize(
    ("spacing", "offset", "most"), [("leading", 1, 999), ("leading", 0, 999), ("trailing", 1, 1000)]
)
def test_the_most_steps_that_are_taken_run_and_one_more_is_refused(
    folder: Path, spacing: str, offset: int, most: int
) -> None:
    config = folder / "scheduler" / "scheduler_config.json"
    config.write_text(
        json.dumps({**json.loads(config.read_text()), "timestep_spacing": spacing, "steps_offset": offset})
    )
    adapter, _ = load_model(folder, "cpu", None)
    for steps in (1, most // 2, most - 1, most):
        solver = adapter.solver(steps, 32, 32)
        latents = torch.zeros(1, 4, 2, 2)
        for timestep in solver.timesteps[[0, -1]]:
            assert torch.isfinite(solver.step(latents, timestep, latents)).all()
    with pytest.raises(SettingsError, match=f"this model takes 1 to {most}$"):
        adapter.solver(most + 1, 32, 32)
