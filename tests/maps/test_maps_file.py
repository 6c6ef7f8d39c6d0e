import json
import zipfile

import numpy as np
import pytest

from helpers.some_maps import some_maps
from wordbrush.errors import RecordError
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.maps.file import save_maps


@pytest.fixture
def path(tmp_path):
    save_maps(some_maps(((8, 12), (4, 6))), tmp_path / "maps.npz")
    return tmp_path / "maps.npz"


@pytest.mark.parametrize("components", [0, 3])
def test_maps_come_back_as_they_were(tmp_path, components):
    maps = some_maps(((8, 12), (4, 6)), components=components)
    save_maps(maps, tmp_path / "new" / "maps.npz")
    again = AttentionMaps.load(tmp_path / "new" / "maps.npz")
    assert again.info == maps.info
    assert [array.tobytes() for array in again.arrays] == [array.tobytes() for array in maps.arrays]
    assert (again.components is None) == (maps.components is None)
    if components:
        np.testing.assert_array_equal(again.components, maps.components)


def test_numpy_alone_reads_them_and_the_header_says_what_they_are(path):
    with np.load(path, allow_pickle=False) as archive:
        header = json.loads(archive["header"].tobytes())
        assert archive["maps_1"].shape == (3, 3, 2, 4, 6)
    assert header["aggregation"] == some_maps(((8, 12), (4, 6))).aggregation
    assert header["maps"]["words"] == ["a", "dog", "cat[1]"]
    assert header["maps"]["picture_size"] == [32, 48]


def test_the_same_maps_are_the_same_file(path, tmp_path):
    save_maps(AttentionMaps.load(path), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_every_truncation_is_told(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(RecordError, match=r"give a maps\.npz|is damaged"):
            AttentionMaps.load(path)


def test_damaged_bytes_are_told_or_do_no_harm(path):
    whole = path.read_bytes()
    for at in range(0, len(whole), 61):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        try:
            assert AttentionMaps.load(path).words
        except RecordError:
            continue


def rewritten(path, **members):
    """The file with some of its arrays replaced; None leaves one out."""
    with np.load(path) as archive:
        arrays = {**archive, **members}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def header(path, change) -> np.ndarray:
    with np.load(path) as archive:
        plain = json.loads(archive["header"].tobytes())
    change(plain)
    return np.frombuffer(json.dumps(plain).encode(), np.uint8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: {"header": None}, "has no wordbrush header"),
        (lambda p: {"header": np.zeros(1 << 21, np.uint8)}, "has no wordbrush header"),
        (lambda p: {"header": np.frombuffer(b"no json", np.uint8)}, "does not hold maps"),
        (lambda p: {"header": np.frombuffer(b"[]", np.uint8)}, "is not a maps file"),
        (lambda p: {"header": np.array([{}], dtype=object)}, "has 'header' that is not uint8"),
        (lambda p: {"header": header(p, lambda h: h.update(format="other"))}, "is not a maps file"),
        (lambda p: {"header": header(p, lambda h: h.update(schema=99))}, "has schema 99, and this wordbrush reads 1"),
        (lambda p: {"header": header(p, lambda h: h["maps"].pop("words"))}, "has no 'words'"),
        (lambda p: {"header": header(p, lambda h: h["maps"].update(steps="all"))}, "maps.steps is 'all'"),
        (lambda p: {"header": header(p, lambda h: h["maps"].update(stacks=[]))}, "has no maps in it"),
        (lambda p: {"header": header(p, lambda h: h["maps"].update(words=["a"]))}, "for 1 words; it is damaged"),
        (lambda p: {"header": header(p, lambda h: h["shapes"].pop("maps_1"))}, "does not hold maps"),
        (
            lambda p: {"header": header(p, lambda h: h["shapes"].update(maps_1=[1 << 40]))},
            "of a size that does not fit",
        ),
        (lambda p: {"header": header(p, lambda h: h["shapes"].update(maps_1=3))}, "does not hold maps"),
        (lambda p: {"maps_0": None}, "does not hold maps"),
        (lambda p: {"maps_0": np.zeros((3, 3, 2, 8, 12))}, "of a size that does not fit"),
        (lambda p: {"maps_0": np.zeros((3, 3, 2, 12, 8), np.float32)}, "it is damaged"),
        (lambda p: {"maps_0": np.zeros((3, 3, 2, 8, 12), np.int32)}, "is not float32"),
        (lambda p: {"components": np.zeros((1, 24, 12), np.float32)}, "it is damaged"),
    ],
)
def test_what_is_no_file_of_maps_is_told(path, change, message):
    rewritten(path, **change(path))
    with pytest.raises(RecordError, match=message):
        AttentionMaps.load(path)


def test_other_files_are_told(tmp_path):
    files = {"none.npz": None, "empty.npz": b"", "text.npz": b"maps", "folder": "folder"}
    for name, content in files.items():
        if content == "folder":
            (tmp_path / name).mkdir()
        elif content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(RecordError, match=r"give a maps\.npz that wordbrush wrote"):
            AttentionMaps.load(tmp_path / name)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(RecordError, match="File is not a zip file"):
        AttentionMaps.load(tmp_path / "one.npy")


def test_a_member_that_unpacks_to_more_is_not_unpacked(path):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        names = archive.namelist()
    assert "maps_0.npy" in names
    with np.load(path) as archive:
        arrays = dict(archive)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array)
                if name == "maps_0":
                    member.write(bytes(1 << 24))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(RecordError, match="'maps_0' of a size that does not fit"):
        AttentionMaps.load(path)
