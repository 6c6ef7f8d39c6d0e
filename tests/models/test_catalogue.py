"""Which models there are, found without loading or fetching any."""

import importlib
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wordbrush.cli.app import app
from wordbrush.models.catalogue import KNOWN, list_models
from wordbrush.models.families import FAMILIES
from wordbrush.models.folder import joint_folder


def cache(root: Path, name: str, folder: Path) -> Path:
    """A hub cache that holds a model, laid out as the hub's library does."""
    place = root / f"models--{name.replace('/', '--')}"
    snapshot = place / "snapshots" / ("0" * 40)
    shutil.copytree(folder, snapshot)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0" * 40)
    return snapshot


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "hub"
    root.mkdir()
    monkeypatch.setattr(importlib.import_module("huggingface_hub.utils._cache_manager"), "HF_HUB_CACHE", str(root))
    return root


def test_the_bundled_model_comes_first_and_known_ones_follow(hub: Path) -> None:
    listed = list_models()
    assert (listed[0].name, listed[0].where) == ("", "bundled")
    assert "words" in listed[0].note
    assert listed[1].where == "checkout"
    assert listed[1].folder == joint_folder() == Path(listed[1].name)
    assert [model.name for model in listed[2:]] == list(KNOWN)


def test_models_in_the_cache_are_listed_with_what_is_wrong_with_them(hub: Path, tiny_folder: Path) -> None:
    known = next(iter(KNOWN))
    cache(hub, known, tiny_folder)
    broken = cache(hub, "someone/broken", tiny_folder)
    shutil.rmtree(broken / "unet")
    listed = {model.name: model for model in list_models() if model.where == "local cache"}
    assert set(listed) == {known, "someone/broken"}
    assert listed[known].problem is None
    assert "unet" in (listed["someone/broken"].problem or "")
    assert sum(model.name == known for model in list_models()) == 1


def test_the_command_prints_them_all(hub: Path) -> None:
    result = CliRunner().invoke(app, ["models"])
    assert result.exit_code == 0
    for name in KNOWN:
        assert name in result.output


def test_the_command_and_the_page_name_every_family_and_no_other(hub: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+Pipeline)` \| (.+?) \|", page, re.MULTILINE))
    assert rows == {name: family.models for name, family in FAMILIES.items()}
    printed = CliRunner().invoke(app, ["models"]).output
    for name, models in rows.items():
        assert re.search(rf"^{name} +{re.escape(models)}\s*$", printed, re.MULTILINE)


def test_a_missing_cache_is_an_empty_one(hub: Path) -> None:
    hub.rmdir()
    assert len(list_models()) == 2 + len(KNOWN)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "unet" / "config.json").write_text('{"sample_size": null}'),
        lambda folder: (folder / "vae" / "config.json").write_text("{}"),
        lambda folder: (folder / "model_index.json").write_bytes(b"\xff\xfe"),
        lambda folder: shutil.rmtree(folder / "tokenizer"),
        lambda folder: shutil.rmtree(folder.parents[1] / "refs"),
        lambda folder: shutil.rmtree(folder.parent),
        lambda folder: (folder.parents[2] / "models--a").write_text(""),
    ],
    ids=["no size", "no blocks", "no text", "no tokenizer", "no refs", "no snapshots", "a file"],
)
def test_beside_a_broken_entry_the_rest_is_listed(hub: Path, tiny_folder: Path, damage) -> None:
    cache(hub, "someone/whole", tiny_folder)
    damage(cache(hub, "someone/broken", tiny_folder))
    listed = {model.name: model for model in list_models()}
    assert listed["someone/whole"].note == "32 x 32"
    assert listed["someone/whole"].problem is None


def test_the_page_of_models_names_every_family_and_no_other():
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    assert set(re.findall(r"^\| `(\w+Pipeline)`", page, re.M)) == set(FAMILIES)
