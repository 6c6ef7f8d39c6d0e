import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wordbrush.errors import ModelError
from wordbrush.models.folder import check_folder, resolve_folder


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be spoilt."""
    return shutil.copytree(tiny_folder, tmp_path / "model")


def spoil(path: Path, content: object) -> None:
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_whole_model_passes(folder: Path) -> None:
    check_folder(folder)
    assert resolve_folder(folder) == resolve_folder(str(folder)) == folder


@pytest.mark.parametrize("name", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_component_is_named(folder: Path, name: str) -> None:
    shutil.rmtree(folder / name)
    with pytest.raises(ModelError, match=f"lacks its '{name}' folder"):
        check_folder(folder)


@pytest.mark.parametrize("name", ["unet", "vae", "text_encoder"])
def test_pickled_weights_are_refused_and_the_way_out_given(folder: Path, name: str) -> None:
    (weights,) = (folder / name).glob("*.safetensors")
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelError, match=rf"{name}' holds only pickled weights \(.*\.bin\).*; convert"):
        check_folder(folder)
    weights.with_suffix(".bin").unlink()
    with pytest.raises(ModelError, match=rf"{name}' has no .*\.safetensors; download"):
        check_folder(folder)


@pytest.mark.parametrize("name", ["KolorsPipeline", None, ["StableDiffusionPipeline"], {}])
def test_other_pipelines_are_named_with_what_is_supported(folder: Path, name: object) -> None:
    spoil(folder / "model_index.json", {"_class_name": name})
    with pytest.raises(ModelError, match="wordbrush edits with StableDiffusionPipeline"):
        check_folder(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "[" * 100_000])
@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json"])
def test_a_damaged_configuration_is_named(folder: Path, file: str, content: str) -> None:
    spoil(folder / file, content)
    with pytest.raises(ModelError, match=file):
        check_folder(folder)


def test_a_tokenizer_without_words_is_named(folder: Path) -> None:
    (folder / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"has no tokenizer\.json or vocab\.json"):
        check_folder(folder)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a diffusers model"):
        check_folder(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "./nowhere", "/no/where", "a/b/c", "../x", "a b/c", ""])
def test_a_path_that_is_not_there_is_not_taken_for_a_hub_id(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    with pytest.raises(ModelError, match="there is no folder"):
        resolve_folder(name or Path("nowhere"))


def test_a_file_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt").touch()
    with pytest.raises(ModelError, match="is a file"):
        resolve_folder(tmp_path / "model.ckpt")


def test_a_malformed_id_is_refused() -> None:
    with pytest.raises(ModelError, match="neither a folder nor a hub id"):
        resolve_folder("owner/na..me")


def offline_hub(model: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """The hub reads its environment when it is imported, so it gets a process of its own."""
    code = (
        "import sys\nfrom wordbrush.errors import ModelError\nfrom wordbrush.models.folder import resolve_folder\n"
        "try: print(resolve_folder(sys.argv[1]))\nexcept ModelError as error: sys.exit(f'refused: {error}')"
    )
    environment = {**os.environ, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "PYTHONPATH": "src"}
    return subprocess.run([sys.executable, "-c", code, model], env=environment, capture_output=True, text=True)


def test_an_id_without_network_is_one_line_with_a_way_out(tmp_path: Path) -> None:
    run = offline_hub("owner/name", tmp_path)
    assert run.returncode == 1
    assert run.stderr.startswith("refused: 'owner/name' is neither a folder nor in the local hub cache")
    assert run.stderr.count("\n") == 1


def test_an_id_in_the_local_cache_needs_no_network(tiny_folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "models--owner--name"
    shutil.copytree(tiny_folder, repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    run = offline_hub("owner/name", tmp_path)
    assert run.stdout.strip() == str(repository / "snapshots" / "abc"), run.stderr


@pytest.mark.parametrize("name", ["x" * 300, "~nobody/x", "owner/" + "x" * 200, "a\0b", "a/../b", "\x1b[31m"])
def test_no_name_is_too_odd_to_be_refused_in_one_line(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        resolve_folder(name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("model", ["x" * 300, "x/" + "y" * 300, "/" + "z" * 5000])
def test_a_name_of_many_letters_is_cited_in_short(model):
    with pytest.raises(ModelError) as caught:
        resolve_folder(model)
    assert len(str(caught.value)) < 250
