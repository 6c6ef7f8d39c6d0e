"""The meters on pictures whose answers are known: the perfect edit, no edit, and verdicts made by hand."""

import numpy as np
import pytest
from PIL import Image

from wordbrush.scenes.judge.judge import CELLS, Judge, Verdict
from wordbrush.scenes.judge.labels import NOUN_NAMES
from wordbrush_bench.case import Case, Expected, Material
from wordbrush_bench.meter import Gap
from wordbrush_bench.method import Outcome
from wordbrush_bench.scenes.cases import scene_cases
from wordbrush_bench.scenes.meters import BackgroundMeter, JudgeMeter, PerfectMeter
from wordbrush_bench.scenes.verdicts import Verdicts, colour_of, judged_mask, success


@pytest.fixture(scope="module")
def judge():
    return Judge.load()


def verdict(place=None, style=None, **cells):
    """The things are in the given slices of rows and columns."""
    shares = np.zeros((len(NOUN_NAMES), CELLS, CELLS), np.float32)
    for noun, (rows, columns) in cells.items():
        shares[NOUN_NAMES.index(noun), rows, columns] = 1
    return Verdict(shares, place, style)


def asked(**expected):
    return Case("c", "mixed", "generated", "a dog", "a cat", (), (), 0, expected=Expected(**expected))


LEFT, RIGHT, TOP, BOTTOM = slice(0, 6), slice(10, 16), slice(0, 6), slice(10, 16)
ALL = slice(0, 16)
RED = Image.new("RGB", (128, 128), (224, 40, 40))


@pytest.mark.parametrize(
    ("expected", "after", "answer"),
    [
        ({"focus": ("cat",), "absent": ("dog",)}, verdict(cat=(TOP, LEFT)), True),
        ({"focus": ("cat",), "absent": ("dog",)}, verdict(cat=(TOP, LEFT), dog=(TOP, RIGHT)), False),
        ({"focus": ("cat",)}, verdict(), False),
        ({"place": "sea"}, verdict("sea"), True),
        ({"place": "sea"}, verdict("snow"), False),
        ({"style": "sketch"}, verdict(style="sketch"), True),
        ({"grown": "dog"}, verdict(dog=(ALL, LEFT)), True),
        ({"grown": "dog"}, verdict(dog=(TOP, LEFT)), False),
        ({"shrunk": "dog"}, verdict(dog=(slice(0, 3), LEFT)), True),
        ({"arranged": ("dog", "car", "stacked")}, verdict(dog=(TOP, LEFT), car=(BOTTOM, LEFT)), True),
        ({"arranged": ("dog", "car", "stacked")}, verdict(dog=(TOP, LEFT), car=(TOP, RIGHT)), False),
        ({"arranged": ("dog", "car", "beside")}, verdict(dog=(TOP, LEFT)), False),
        ({"colour": ("dog", "red")}, verdict(dog=(TOP, LEFT)), True),
        ({"colour": ("dog", "blue")}, verdict(dog=(TOP, LEFT)), False),
    ],
)
def test_success_is_what_was_asked(expected, after, answer):
    assert success(asked(**expected), Verdicts(verdict(dog=(TOP, LEFT)), after), RED) is answer


def test_what_no_judge_can_tell_is_a_gap():
    gap = success(asked(unseen="no faces"), Verdicts(verdict(), verdict()), RED)
    assert gap == Gap("no faces")
    assert colour_of(RED, np.zeros((16, 16), bool)) is None


def test_a_judged_mask_is_the_old_thing_and_a_cell_around_it():
    case = asked(before=("dog", "car"), kept=("car",), absent=("dog",))
    before = verdict(dog=(slice(4, 6), slice(4, 6)), car=(BOTTOM, RIGHT))
    mask = judged_mask(case, before, (64, 64))
    assert mask.sum() == 4 * 4 * 16
    assert mask[12:28, 12:28].all()
    assert judged_mask(case, verdict(dog=(TOP, LEFT)), (64, 64)) == Gap("the source does not show car")
    assert isinstance(judged_mask(asked(before=("dog",), kept=("dog",)), before, (64, 64)), Gap)
    large = verdict(dog=(slice(4, 8), slice(4, 8)))
    behind = judged_mask(asked(before=("dog",), kept=("dog",), place="sea"), large, (64, 64))
    assert (~behind).sum() == 2 * 2 * 16  # at its edge a thing shares its cells with the place
    assert not behind[20:28, 20:28].any()


def test_the_perfect_edit_is_perfect_and_no_edit_is_none(judge):
    case = next(c for c in scene_cases(limit=1, kinds=["delete-object"]) if c.origin == "photograph")
    material = case.material()
    meters = (JudgeMeter(judge), BackgroundMeter(judge), PerfectMeter())
    found = {}
    for name, picture in (("perfect", material.perfect), ("none", material.photo)):
        outcome = Outcome(material.photo, picture, 0, 0)
        found[name] = {k: v for meter in meters for k, v in meter.measure(case, material, outcome).items()}
        assert set(found[name]) == {column.name for meter in meters for column in meter.columns}
    perfect, none = found["perfect"], found["none"]
    assert (perfect["success"], none["success"]) == (1, 0)
    assert (perfect["background PSNR"], perfect["zeroed SSIM"], perfect["perfect PSNR"]) == (60, 1, 60)
    assert none["layout distance"] == 0 < perfect["layout distance"]
    assert none["perfect PSNR inside"] < none["perfect PSNR"] < 60
    assert isinstance(perfect["in place"], Gap)


def test_zeroed_and_masked_means_by_hand(judge):
    before = Image.new("RGB", (32, 32), (0, 0, 0))
    mask = np.zeros((32, 32), bool)
    mask[:, :24] = True
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, :24] = 200
    pixels[:, 24:] = 51  # 0.2 of white, in a quarter of the picture
    found = BackgroundMeter(judge).measure(
        asked(), Material(before, mask), Outcome(before, Image.fromarray(pixels), 0, 0)
    )
    assert found["background MSE"] == pytest.approx(400)
    assert found["zeroed MSE"] == pytest.approx(100)
    assert found["background PSNR"] == pytest.approx(13.98, abs=0.01)
    assert found["zeroed PSNR"] == pytest.approx(20)


def test_where_all_may_change_there_is_no_background(judge):
    image = Image.new("RGB", (32, 32))
    found = BackgroundMeter(judge).measure(
        asked(), Material(image, np.ones((32, 32), bool)), Outcome(image, image, 0, 0)
    )
    assert set(found.values()) == {Gap("the edit may change all of the picture")}


def test_a_generated_source_that_does_not_show_its_prompt_leaves_a_gap(judge):
    blank = Image.new("RGB", (128, 128), (200, 200, 200))
    case = asked(before=("dog",), absent=("dog",))
    found = JudgeMeter(judge).measure(case, Material(), Outcome(blank, blank, 0, 0))
    assert found["success"] == Gap("the source does not show what its prompt says")
    assert found["source shown"] == 0
    assert JudgeMeter(judge).measure(case, Material(photo=blank), Outcome(blank, blank, 0, 0))["success"] == 1
