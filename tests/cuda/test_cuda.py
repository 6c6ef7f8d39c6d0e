"""What must hold on a CUDA device too. Each test is skipped where there is none; `make test-cuda` runs them."""

from collections.abc import Iterator

import pytest
import torch

from wordbrush.editor import Editor
from wordbrush.maps.request import MapsRequest
from wordbrush.peak import allocation_peak
from wordbrush_bench.speed.bench import Bench
from wordbrush_bench.speed.comparisons import OURS, PIPELINE, PLAIN, TWIN, case_names, comparisons
from wordbrush_bench.speed.measure import load_bench, speed_settings

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"
RUN = {"seed": 7, "num_inference_steps": 10}
DTYPES = ["float32", "float16", "bfloat16"]
MEMORY_GOAL = 1.02


@pytest.fixture(autouse=True)
def _whole_float32() -> Iterator[None]:
    """Convolutions of float32 without TF32, whose ten bits would be all that parity could be measured in."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@pytest.fixture(scope="module", params=DTYPES)
def editor(request: pytest.FixtureRequest) -> Editor:
    return Editor.from_pretrained(None, "cuda", request.param)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return load_bench(speed_settings(None, None, 10, None, 1, "cuda", "float32", None))


@pytest.fixture(scope="module", params=DTYPES)
def large(request: pytest.FixtureRequest) -> Bench:
    return load_bench(speed_settings(None, "sd14", 3, 512, 1, "cuda", request.param, None))


def test_nothing_said_is_half_precision_on_the_device():
    model = Editor.from_pretrained().model
    assert (model.device, model.dtype) == ("cuda", "float16")


@pytest.mark.parametrize("name", case_names())
def test_all_variants_of_a_case_make_the_same_pictures(bench, name):
    """Parity in float32: with diffusers' pipeline, and with the published algorithm on formed maps."""
    made = {variant: run() for variant, run in comparisons(bench, [name])[name].runs.items()}
    assert (made[PIPELINE] - made[PLAIN]).abs().max() < 1e-2
    if TWIN in made:
        assert (made[TWIN][-len(made[OURS]) :] - made[OURS]).abs().max() < 1e-2


def test_the_device_gives_what_a_cpu_gives():
    there, here = (
        Editor.from_pretrained(None, device, "float32").generate_and_edit(PROMPT, TARGET, **RUN)
        for device in ("cuda", "cpu")
    )
    scale = here.latents.abs().max()
    assert (there.latents.cpu() - here.latents).abs().max() < 1e-2 * scale
    assert there.record.acted == here.record.acted
    assert there.record.controlled_calls == here.record.controlled_calls


def test_an_edit_acts_in_every_dtype(editor):
    source = editor.generate(PROMPT, **RUN)
    edit, plain = editor.edit(source, TARGET), editor.regenerate(source, TARGET)
    exact = Editor.from_pretrained(None, "cuda", "float32")
    expected = exact.edit(exact.generate(PROMPT, **RUN), TARGET)
    assert edit.record.acted == (("'dog' -> 'cat'",),)
    assert torch.isfinite(edit.latents).all()
    apart = (edit.latents.float() - expected.latents).norm()
    assert apart < 0.5 * (plain.latents.float() - expected.latents).norm(), "rounding is far below what an edit does"


def test_records_say_what_it_was_made_on_and_replay_bit_for_bit(editor):
    source = editor.generate(PROMPT, **RUN)
    photo = editor.invert(source.image, PROMPT, num_inference_steps=10)
    for made, picture in (
        (source, None),
        (editor.edit(source, TARGET), None),
        (editor.generate_and_edit(PROMPT, TARGET, **RUN, local_blend="auto"), None),
        (editor.edit(photo, TARGET), source.image),
    ):
        assert (made.record.model.device, made.record.model.dtype) == ("cuda", editor.model.dtype)
        again = editor.replay(made.record, photo=picture)
        again = again[0] if isinstance(again, list) else again
        assert again.record.image_sha256 == made.record.image_sha256


def test_maps_are_those_of_a_cpu():
    maps = []
    for device in ("cuda", "cpu"):
        made = Editor.from_pretrained(None, device, "float32").generate(PROMPT, capture=MapsRequest(["dog"]), **RUN)
        maps.append(torch.from_numpy(made.maps.averaged().word("dog").copy()))
    assert (maps[0] - maps[1]).abs().max() < 1e-2 * maps[1].max()


@pytest.mark.parametrize("name", ["swap", "add", "three", "later-swap", "later-add", "blend", "maps-word"])
def test_an_edit_takes_the_memory_of_plain_pictures(name, large):
    runs = comparisons(large, [name])[name].runs
    for variant in (PLAIN, OURS):
        runs[variant]()
    held = {variant: allocation_peak(runs[variant], torch.device("cuda")) for variant in (PLAIN, OURS)}
    assert held[OURS] <= MEMORY_GOAL * held[PLAIN]
