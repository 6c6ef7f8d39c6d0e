"""`wordbrush maps` as a user meets it."""

from pathlib import Path

import pytest
from PIL import Image

from wordbrush.maps.attention_maps import AttentionMaps

DOG = ["maps", "a dog eating an apple"]


@pytest.fixture
def run(command_line, tiny_folder):
    """Run the command line with the tiny model, unless another is given."""

    def call(*arguments: str, model: Path | None = tiny_folder):
        return command_line(*arguments, *(["--model", str(model)] if model else []))

    return call


def test_a_picture_and_its_maps(run, tmp_path):
    code, out, _, made = run(
        *DOG,
        "--words",
        "dog,apple",
        "--steps",
        "2",
        "--size",
        "32x48",
        "--per-step",
        "--self-components",
        "--out",
        "o",
    )
    assert code == 0
    names = ["1-dog-overlay", "1-dog", "2-apple-overlay", "2-apple", "overlays", "self-components", "steps", "words"]
    assert made == sorted(
        ["o/source.png", "o/record.json", "o/source-maps/maps.npz", *(f"o/source-maps/{n}.png" for n in names)]
    )
    assert "each of steps 0 to 1 of 2" in out
    maps = AttentionMaps.load(tmp_path / "o/source-maps/maps.npz")
    assert maps.words == ("dog", "apple")
    assert maps.resolutions == ((16, 24),)
    with Image.open(tmp_path / "o/source-maps/1-dog.png") as tile:
        assert tile.width * 2 == tile.height * 3


def test_an_edit_and_its_maps_and_the_same_from_its_record(run, tmp_path):
    edit = ["--target", "a cat eating an apple", "--words", "cat,apple", "--resolution", "all", "--steps", "2"]
    assert run(*DOG, *edit, "--seed", "3", "--out", "o")[0] == 0
    assert AttentionMaps.load(tmp_path / "o/source-maps/maps.npz").words == ("apple",)
    edited = tmp_path / "o/edited-maps/maps.npz"
    assert AttentionMaps.load(edited).words == ("cat", "apple")
    assert len(AttentionMaps.load(edited).arrays) == 3
    again = ["maps", "--record", "o/edited.png", "--words", "cat,apple", "--resolution", "all"]
    code, *_ = run(*again, "--out", "p", model=None)
    assert code == 0
    assert (tmp_path / "p/edited-maps/maps.npz").read_bytes() == edited.read_bytes()
    assert (tmp_path / "p/edited.png").read_bytes() == (tmp_path / "o/edited.png").read_bytes()
    code, _, err, _ = run(*again, "--out", "o", model=None)
    assert code == 2
    assert "is the folder of the record itself" in err


def test_every_word_on_one_scale_quietly(run):
    code, out, err, made = run(*DOG, "--steps", "1", "--shared-scale", "--quiet")
    assert (code, out, err) == (0, "", "")
    assert "wordbrush-maps/source-maps/5-apple.png" in made


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["maps"], "give either a PROMPT, or --record"),
        ([*DOG, "--record", "x.json"], "give either a PROMPT, or --record"),
        (["maps", "--record", "x.json"], "'x.json' cannot be read"),
        (["maps", "--record", "x.json", "--target", "a cat"], "give no other setting of it"),
        ([*DOG, "--words", "horse"], "word 'horse' is not in the prompt 'a dog eating an apple'"),
        ([*DOG, "--words", "dog,,apple"], "--words 'dog,,apple' is not WORD[,WORD]"),
        ([*DOG, "--resolution", "big"], "--resolution 'big' is not one; write 16"),
        ([*DOG, "--resolution", "64"], "no cross-attention layer has resolution 64 at this size; there are: 16 x 16"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(run, arguments, message):
    code, out, err, made = run(*arguments)
    assert (code, out, made) == (2, "", [])
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
