import os
from pathlib import Path

import pytest

from wordbrush.errors import OutputError, RecordError
from wordbrush.files import check_writable, expanded, open_regular, write_atomically
from wordbrush.maps.file import load_maps
from wordbrush.runs.cache import InversionCache, default_folder
from wordbrush.runs.png import read_record


def test_the_folder_is_made_and_old_content_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match=f"'{folder}' cannot be written to .*; choose another folder"):
            check_writable(folder)


def test_checking_leaves_an_empty_folder(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_the_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    check_writable(Path("~/made"))
    write_atomically(Path("~/made/file"), b"content")
    with open_regular("~/made/file") as file:
        assert file.read() == b"content"
    assert (tmp_path / "made" / "file").read_bytes() == b"content"


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="a folder"):
        open_regular(tmp_path)
    with pytest.raises(OSError, match="null byte"):
        open_regular("a\0b")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(tmp_path / "pipe")
        with pytest.raises(RecordError, match="not a regular file"):
            read_record(tmp_path / "pipe")
        with pytest.raises(RecordError, match="not a regular file"):
            load_maps(tmp_path / "pipe")


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_what_the_umask_leaves(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_a_user_without_a_home_has_places_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(user: object) -> None:
        raise KeyError(user)

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", none)
    assert default_folder().name == "inversions"
    assert expanded("~/x") == Path("~/x")
    assert InversionCache().get({}) == (None, None)
