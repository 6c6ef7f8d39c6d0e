import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from helpers.single_file import save_single_file
from wordbrush.editor import Editor
from wordbrush.errors import ModelError
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

RUN = {"seed": 4, "num_inference_steps": 3, "guidance_scale": 4.0}
PROMPT = "a dog eating an apple"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return save_single_file(tiny_pipeline(), tmp_path / "any-name.safetensors")


@pytest.fixture
def cached(tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache with the small files of the model whose layout the checkpoint has."""
    repository = tmp_path / "hub" / "models--stable-diffusion-v1-5--stable-diffusion-v1-5"
    ignored = shutil.ignore_patterns("*.safetensors")
    shutil.copytree(tiny_folder, repository / "snapshots" / "0", ignore=ignored)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return repository


@pytest.mark.usefixtures("cached")
def test_it_draws_and_edits_as_its_folder(checkpoint: Path, tiny_folder: Path) -> None:
    editor, expected = Editor.from_pretrained(checkpoint, "cpu"), Editor.from_pretrained(tiny_folder, "cpu")
    source = editor.generate(PROMPT, **RUN)
    assert torch.equal(source.latents, expected.generate(PROMPT, **RUN).latents)
    result = editor.edit(source, "a cat eating an apple")
    assert result.record.model.name == str(checkpoint)
    assert editor.replay(result.record)[0].image.tobytes() == result.image.tobytes()
    other = save_single_file(tiny_pipeline(seed=1), checkpoint.with_name("other.safetensors"))
    assert Editor.from_pretrained(other, "cpu").model.fingerprint != editor.model.fingerprint


def test_what_to_fetch_is_told(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    with pytest.raises(ModelError, match=r"fetch them once .*: hf download stable-diffusion-v1-5/stable-diffusion"):
        Editor.from_pretrained(checkpoint, "cpu")


def test_other_files_are_told(tmp_path: Path) -> None:
    lora = tmp_path / "lora.safetensors"
    save_file({"lora_unet_down_blocks_0.lora_up.weight": torch.zeros(2)}, lora)
    with pytest.raises(ModelError, match="is no checkpoint of StableDiffusionPipeline"):
        Editor.from_pretrained(lora, "cpu")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="is not a safetensors file"):
        Editor.from_pretrained(broken, "cpu")
    pickled = tmp_path / "model.ckpt"
    pickled.write_bytes(b"")
    with pytest.raises(ModelError, match="is no safetensors file; give one"):
        Editor.from_pretrained(pickled, "cpu")
