"""What is the same model: the parts that are used, as they are used, wherever they lie."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from wordbrush.editor import Editor
from wordbrush.errors import RecordError
from wordbrush.models.folder_fingerprint import folder_fingerprint, is_earlier_fingerprint

WEIGHTS = Path("unet") / "diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_folder, tmp_path / "model")


def earlier_fingerprint(folder: Path) -> str:
    """What versions before recorded of a folder: of all its files, whole where they are small."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".json", ".safetensors"):
            continue
        content = path.read_bytes()
        if path.suffix == ".safetensors":
            size, sample = len(content), 1 << 16
            starts = (0, size // 3, 2 * size // 3, max(0, size - sample))
            content = str(size).encode() + b"".join(content[start : start + sample] for start in starts)
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def put_beside(folder: Path) -> None:
    for name in ("safety_checker/config.json", "feature_extractor/preprocessor_config.json", "unet/notes.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    shutil.copy(folder / WEIGHTS, (folder / WEIGHTS).with_suffix(".fp16.safetensors"))


def written_otherwise(folder: Path) -> None:
    for path in folder.rglob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()), indent=7, sort_keys=True))


def from_elsewhere(folder: Path) -> None:
    path = folder / "unet" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "_name_or_path": "x", "_diffusers_version": "0"}))


def saved_in_another_order(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    save_file(dict(reversed(tensors.items())), folder / WEIGHTS, {"format": "pt", "by": "another tool"})


def in_two_files(folder: Path) -> None:
    tensors = sorted(load_file(folder / WEIGHTS).items())
    (folder / WEIGHTS).unlink()
    names = [f"diffusion_pytorch_model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    for name, half in zip(names, (tensors[::2], tensors[1::2]), strict=True):
        save_file(dict(half), folder / "unet" / name)
    listed = {"metadata": {}, "weight_map": {key: names[i % 2] for i, (key, _) in enumerate(tensors)}}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(listed))


@pytest.mark.parametrize(
    "change", [put_beside, written_otherwise, from_elsewhere, saved_in_another_order, in_two_files]
)
def test_what_changes_nothing_of_the_model_changes_no_fingerprint(folder: Path, tiny_folder: Path, change) -> None:
    change(folder)
    assert folder_fingerprint(folder) == folder_fingerprint(tiny_folder)


@pytest.mark.parametrize("name", ["unet/config.json", "scheduler/scheduler_config.json", "tokenizer/tokenizer.json"])
def test_every_configuration_counts(folder: Path, tiny_folder: Path, name: str) -> None:
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), "more": 1}))
    assert folder_fingerprint(folder) != folder_fingerprint(tiny_folder)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_every_tensor_counts(folder: Path, tiny_folder: Path, part: str) -> None:
    (path,) = (folder / part).glob("*.safetensors")
    tensors = load_file(path)
    for name in (min(tensors), max(tensors)):
        save_file({**tensors, name: tensors[name] + 1}, path)
        assert folder_fingerprint(folder) != folder_fingerprint(tiny_folder), name


def test_little_is_read_of_large_weights(folder: Path) -> None:
    size = 1 << 32
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    with (folder / WEIGHTS).open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + size)  # sparse: 4 GiB in name
    first = folder_fingerprint(folder)
    with (folder / WEIGHTS).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    assert folder_fingerprint(folder) != first


def test_records_of_earlier_versions_still_find_their_model(folder: Path) -> None:
    editor = Editor.from_pretrained(folder, "cpu", "float32")
    record = editor.generate("a dog", num_inference_steps=1).record
    earlier = replace(record, model=replace(record.model, fingerprint=earlier_fingerprint(folder)))
    assert editor.replay(earlier).record.image_sha256 == record.image_sha256
    put_beside(folder)
    assert is_earlier_fingerprint(folder, earlier.model.fingerprint)
    assert editor.replay(earlier).record.image_sha256 == record.image_sha256
    other = replace(record, model=replace(record.model, fingerprint="0" * 64))
    with pytest.raises(RecordError, match="the record was made with"):
        editor.replay(other)
