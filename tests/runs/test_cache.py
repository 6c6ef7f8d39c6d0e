"""Kept inversions: found again by every part of their key, least recently used first out, and never trusted."""

import multiprocessing
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from wordbrush.errors import SettingsError
from wordbrush.runs.cache import InversionCache, Kept, default_folder

KEY = {"photo": "ab12", "prompt": "a cat", "method": {"name": "direct", "skip": 0.5}, "size": [128, 128]}


def kept(seed: int = 0, count: int = 500) -> Kept:
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(2, count, generator=generator)
    return Kept({"latents": latents, "text": latents[:, :3].bfloat16()}, {"seconds": 1.5, "name": "direct"})


def same(found: Kept | None, expected: Kept) -> bool:
    return (
        found is not None
        and found.facts == expected.facts
        and found.tensors.keys() == expected.tensors.keys()
        and all(torch.equal(tensor, expected.tensors[name]) for name, tensor in found.tensors.items())
    )


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_found_again_with_its_facts_in_every_dtype(tmp_path):
    cache = InversionCache(tmp_path / "new" / "folder")
    assert cache.get(KEY) == (None, None)
    assert cache.put(KEY, kept()) is None
    found, note = InversionCache(cache.folder).get(dict(reversed(KEY.items())))
    assert note is None
    assert same(found, kept())
    assert cache.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "change",
    [
        {"photo": "ab13"},
        {"prompt": "a cat "},
        {"method": {"name": "direct", "skip": 0.25}},
        {"method": {"name": "ddim", "skip": 0.5}},
        {"size": [128, 64]},
        {"more": None},
    ],
)
def test_another_key_is_another_inversion(tmp_path, change):
    cache = InversionCache(tmp_path)
    cache.put(KEY, kept())
    assert cache.get({**KEY, **change}) == (None, None)


def test_the_least_recently_used_goes_first(tmp_path):
    probe = InversionCache(tmp_path / "probe")
    probe.put(KEY, kept())
    size = only_file(probe.folder).stat().st_size
    cache = InversionCache(tmp_path / "cache", max_bytes=3 * size)
    for number in range(3):
        cache.put({"n": number}, kept(number))
        os.utime(cache._path({"n": number}), (number, number))
    assert cache.get({"n": 0})[0] is not None  # used now, so 1 is the oldest
    cache.put({"n": 3}, kept(3))
    assert [cache.get({"n": number})[0] is not None for number in range(4)] == [True, False, True, True]


def test_what_is_larger_than_the_cache_is_not_kept(tmp_path):
    cache = InversionCache(tmp_path, max_bytes=100)
    assert "more than the cache may hold" in str(cache.put(KEY, kept()))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SettingsError, match="max_bytes is -1"):
        InversionCache(tmp_path, max_bytes=-1)


def test_a_change_of_any_byte_is_seen(tmp_path):
    cache = InversionCache(tmp_path)
    cache.put(KEY, kept(count=4))
    path = only_file(tmp_path)
    content = path.read_bytes()
    for at in range(len(content)):
        for flip in (0x01,):
            path.write_bytes(content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :])
            found, note = cache.get(KEY)
            if found is None:
                assert note is not None
                assert "so the photo is inverted again" in note
                assert "\n" not in note
            else:
                assert same(found, kept(count=4))  # a space of the header


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 100, -1])
def test_a_file_cut_short_is_made_anew(tmp_path, cut):
    cache = InversionCache(tmp_path)
    cache.put(KEY, kept())
    path = only_file(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    assert cache.get(KEY)[0] is None
    assert "damaged" in str(cache.get(KEY)[1])
    cache.put(KEY, kept())
    assert same(cache.get(KEY)[0], kept())


def test_a_foreign_file_is_no_inversion_and_others_are_let_be(tmp_path):
    cache = InversionCache(tmp_path, max_bytes=20_000)
    cache.put(KEY, kept())
    path = only_file(tmp_path)
    save_file({"weights": torch.zeros(3)}, path)
    assert "not one" in str(cache.get(KEY)[1])
    path.write_bytes(b"\xff" * 8 + b"{}")
    assert "not one" in str(cache.get(KEY)[1])
    path.unlink()
    path.mkdir()
    assert cache.get(KEY)[0] is None
    assert "is not kept" in str(cache.put(KEY, kept()))
    path.rmdir()
    (tmp_path / "holiday.safetensors").write_bytes(b"x" * 15_000)
    abandoned = tmp_path / f".{'0' * 64}.safetensors.abc"
    abandoned.write_bytes(b"x")
    os.utime(abandoned, (0, 0))
    for number in range(10):
        assert cache.put({"n": number}, kept(number)) is None
    assert (tmp_path / "holiday.safetensors").exists()
    assert not abandoned.exists()


def test_a_full_disk_loses_only_the_cache(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    cache = InversionCache(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    note = cache.put(KEY, kept())
    assert note is not None
    assert "No space left on device" in note
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert "is not kept" in str(InversionCache(blocked / "cache").put(KEY, kept()))


def _work(folder: str, number: int) -> int:
    cache = InversionCache(folder, max_bytes=20_000)
    good = 0
    for turn in range(40):
        key = {"n": (number + turn) % 6}
        found, note = cache.get(key)
        assert note is None
        assert found is None or same(found, kept(key["n"]))
        good += cache.put(key, kept(key["n"])) is None
    return good


def test_processes_share_it(tmp_path):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.starmap(_work, [(str(tmp_path), number) for number in range(2)]) == [40, 40]
    assert all(path.suffix == ".safetensors" for path in tmp_path.iterdir())


def test_the_default_folder_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert InversionCache().folder == tmp_path / "wordbrush" / "inversions"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "wordbrush" / "inversions"
