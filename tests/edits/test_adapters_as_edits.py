"""A LoRA in the target alone: what the source is without, edited in with the layout held."""

from pathlib import Path
from threading import Barrier, Thread

import pytest
import torch

from helpers.adapter_files import random_lora
from helpers.rounding import assert_same_latents
from wordbrush import LocalBlend, LoraWindow, PlugAndPlay, Shortcuts
from wordbrush.attention.tape import SourceTape
from wordbrush.editor import Editor
from wordbrush.errors import ControlError, IdleEditError, PromptError, RecordError, SettingsError
from wordbrush.runs.cache import InversionCache
from wordbrush_bench.tiny.joint import tiny_flux, tiny_sd3
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import tiny_xl

FAMILIES = {"sd1": tiny_pipeline, "xl": tiny_xl, "sd3": tiny_sd3, "flux": tiny_flux}
PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"
STEPS = 4
CLOSED = {"cross_replace_steps": 0.0, "self_replace_steps": 0.0}
HELD = {"cross_replace_steps": 1.0, "self_replace_steps": 0.5, "edit": "auto"}
ALONE = {"cross_replace_steps": 0.0, "self_replace_steps": 0.5}
ON, NONE = {"style": 1.0}, ()


class Made:
    """An editor of a family with a LoRA that does nothing by itself, and the options of its runs."""

    def __init__(self, build, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        self.file = random_lora(build(), folder / "style.safetensors")
        self.pipeline = build().to(dtype)
        self.editor = Editor.from_pipeline(self.pipeline)
        assert self.editor.load_lora(self.file, 0.0) == "style"
        guided = {"guidance_scale": 4.0} if hasattr(self.pipeline, "unet") else {}
        self.run = {"seed": 4, "num_inference_steps": STEPS, "size": (32, 32), **guided}


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Made:
    return Made(tiny_pipeline, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module", params=FAMILIES)
def family(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def made(family, tmp_path_factory) -> Made:
    return Made(FAMILIES[family], tmp_path_factory.mktemp(family))


@pytest.fixture(scope="module")
def exact(family, tmp_path_factory) -> Editor:
    """In double precision: a batch of other rows rounds differently, and the weights of this LoRA are steep."""
    return Made(FAMILIES[family], tmp_path_factory.mktemp(family), torch.float64).editor


@pytest.fixture(scope="module")
def editor(made) -> Editor:
    return made.editor


@pytest.fixture(scope="module")
def run(made) -> dict:
    return made.run


@pytest.fixture(scope="module")
def plain(made, family):
    """An editor without any LoRA, and one with it everywhere."""
    without, everywhere = (Editor.from_pipeline(FAMILIES[family]()) for _ in range(2))
    everywhere.load_lora(made.file)
    return without, everywhere


@pytest.fixture
def calls(editor, monkeypatch) -> list[int]:
    """The rows of every model call."""
    seen, own = [], editor._adapter.predict

    def predict(latents, *rest, **named):
        seen.append(len(latents))
        return own(latents, *rest, **named)

    monkeypatch.setattr(editor._adapter, "predict", predict)
    return seen


def scalings(made) -> list[dict]:
    return [dict(layer.scaling) for _, layer in made.editor._pipeline._loras._layers()]


def test_a_scale_of_0_is_the_plain_edit(editor, run, plain, calls):
    result = editor.generate_and_edit(PROMPT, TARGET, **run, source_adapters=NONE, target_adapters={"style": 0.0})
    assert len(calls) == STEPS
    expected = plain[0].generate_and_edit(PROMPT, TARGET, **run)
    assert torch.equal(result.latents, expected.latents)
    assert torch.equal(result.source.latents, expected.source.latents)


def test_a_window_outside_of_all_steps_has_no_effect(editor, run):
    outside = [LoraWindow("style", 1.0, 0.1, 0.2)]
    result = editor.generate_and_edit(PROMPT, TARGET, **run, target_adapters=outside)
    assert torch.equal(result.latents, editor.generate_and_edit(PROMPT, TARGET, **run).latents)


@pytest.mark.parametrize("scale", [1.0, -0.5])
def test_an_open_edit_of_the_same_prompt_is_the_picture_with_the_lora(editor, run, plain, scale):
    plain[1].scale_lora("style", scale)
    expected = plain[1].generate(PROMPT, **run)
    plain[1].scale_lora("style", 1.0)
    result = editor.generate_and_edit(PROMPT, PROMPT, **run, **CLOSED, target_adapters={"style": scale})
    assert torch.equal(result.latents, expected.latents)
    assert torch.equal(result.source.latents, plain[0].generate(PROMPT, **run).latents)
    assert not torch.allclose(result.latents, result.source.latents, atol=1e-3)


def test_the_source_has_what_it_names_and_the_target_what_is_loaded(editor, run, plain):
    result = editor.generate_and_edit(PROMPT, PROMPT, **run, **CLOSED, source_adapters=ON)
    assert torch.equal(result.source.latents, plain[1].generate(PROMPT, **run).latents)
    assert torch.equal(result.latents, plain[0].generate(PROMPT, **run).latents)


def test_a_windows_steps_have_the_weights_of_its_lora(editor, run, plain):
    """From noise to the window's end with the LoRA, then without: the same as the latents of two models, in turn."""
    half = [LoraWindow("style", 1.0, 0.0, 0.5)]
    result = editor.generate_and_edit(PROMPT, PROMPT, **run, **CLOSED, target_adapters=half)
    with_it, without = plain[1].generate(PROMPT, **run), editor.generate(PROMPT, **run)
    assert torch.equal(result.way[STEPS // 2], with_it.kept.latents[STEPS // 2])
    assert not torch.equal(result.way[-1], with_it.latents)
    assert not torch.equal(result.way[-1], without.latents)
    one = editor.generate(PROMPT, **run, source_adapters=half)
    assert_same_latents(one.latents, result.latents)


def test_layout_is_held_and_the_source_is_not_changed(editor, run, plain):
    held = editor.generate_and_edit(PROMPT, TARGET, **run, **HELD, target_adapters=ON)
    assert torch.equal(held.source.latents, plain[0].generate(PROMPT, **run).latents)
    free = editor.generate_and_edit(PROMPT, TARGET, **run, **CLOSED, target_adapters=ON)
    assert not torch.allclose(held.latents, free.latents, atol=1e-3)
    assert held.record.controlled_calls > 0
    assert torch.equal(free.latents, plain[1].generate(TARGET, **run).latents)


def test_a_kept_source_gives_what_the_batch_gives_and_costs_one_call(editor, run, calls):
    together = editor.generate_and_edit(PROMPT, TARGET, **run, **HELD, target_adapters=ON)
    assert len(calls) == 2 * STEPS
    source = editor.generate(PROMPT, **run)
    calls.clear()
    kept = editor.edit(source, TARGET, **HELD, target_adapters=ON)
    assert len(calls) == STEPS
    assert_same_latents(kept.latents, together.latents)
    assert "source and target in calls of their own at 4 of 4 steps" in together.record.acted[0][-1]
    assert kept.record.acted[0][-1] == "with LoRA 'style' x 1"


def test_calls_are_apart_only_where_the_weights_are(editor, run, calls):
    window = [LoraWindow("style", 1.0, 0.25, 0.75)]
    editor.generate_and_edit(PROMPT, TARGET, **run, **HELD, target_adapters=window)
    assert len(calls) == STEPS + 2


def test_without_a_tape_the_source_runs_again_as_it_ran(exact, run):
    source = exact.generate(PROMPT, **run, source_adapters=[LoraWindow("style", 0.5, 0.0, 0.5)])
    assert isinstance(source.kept.tape, SourceTape)
    kept = exact.edit(source, TARGET, **HELD, target_adapters=ON)
    batch = exact.generate_and_edit(
        PROMPT, TARGET, **run, **HELD, target_adapters=ON, source_adapters=source.settings.source_adapters
    )
    again = exact.edit(batch.source, TARGET, **HELD, target_adapters=ON)
    torch.testing.assert_close(kept.latents, batch.latents, rtol=0, atol=1e-8)
    torch.testing.assert_close(again.latents, batch.latents, rtol=0, atol=1e-8)
    maps = [exact.maps(one, ["dog"]).word("dog") for one in (source, batch.source)]
    torch.testing.assert_close(torch.as_tensor(maps[0]), torch.as_tensor(maps[1]), atol=1e-4, rtol=0)


def test_several_targets_are_each_alone(exact, run):
    both = exact.generate_and_edit(PROMPT, [TARGET, PROMPT], **run, **HELD, target_adapters=ON)
    for one, target in zip(both, (TARGET, PROMPT), strict=True):
        alone = exact.generate_and_edit(PROMPT, target, **run, **HELD, target_adapters=ON)
        torch.testing.assert_close(one.latents, alone.latents, rtol=0, atol=1e-8)


def test_a_blend_holds_the_source_outside_of_its_region(editor, run):
    kept = editor.generate(PROMPT, **run)
    options = {**HELD, "local_blend": LocalBlend("cat", threshold=0.8), "target_adapters": ON}
    result, later = editor.generate_and_edit(PROMPT, TARGET, **run, **options), editor.edit(kept, TARGET, **options)
    changed = (result.latents != result.source.latents).any(dim=1)
    assert 0 < changed.float().mean() < 1
    assert_same_latents(later.latents, result.latents)


def test_maps_of_the_target_are_those_of_its_own_model(editor, run):
    result = editor.generate_and_edit(PROMPT, TARGET, **run, **ALONE, target_adapters=ON)
    plain = editor.generate_and_edit(PROMPT, TARGET, **run, **ALONE)
    first, second = (torch.as_tensor(editor.maps(one, ["cat"]).word("cat")) for one in (result, plain))
    assert not torch.allclose(first, second, atol=1e-4)


def test_an_edits_result_is_edited_further_with_its_own_weights(editor, run):
    styled = editor.edit(editor.generate(PROMPT, **run), TARGET, **HELD, target_adapters=ON)
    source = editor.as_source(styled)
    assert source.settings.source_adapters == (LoraWindow("style"),)
    further = editor.edit(source, "a cat eating an orange", target_adapters=ON)
    assert torch.isfinite(further.latents).all()
    assert editor.replay(further.record)[0].image.tobytes() == further.image.tobytes()


def test_scales_are_as_before_after_a_run_and_after_an_error(made, run, monkeypatch):
    editor, before = made.editor, scalings(made)

    def fail(done: int, total: int) -> None:
        assert scalings(made) == before
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        editor.generate_and_edit(PROMPT, TARGET, **run, target_adapters=ON, on_step=fail)
    assert scalings(made) == before
    network = made.pipeline.unet if hasattr(made.pipeline, "unet") else made.pipeline.transformer
    inside = []

    def broken(module, args) -> None:
        inside.append(scalings(made))
        raise RuntimeError("broken")

    hook = network.register_forward_pre_hook(broken)
    with pytest.raises(RuntimeError, match="broken"):
        editor.generate(PROMPT, **run, source_adapters=ON)
    hook.remove()
    assert inside[0] != before
    assert scalings(made) == before


def test_records_name_what_acted_and_make_it_again(made, run, plain, family):
    windows = [LoraWindow("style", 0.8, 0.0, 0.5)]
    result = made.editor.generate_and_edit(PROMPT, TARGET, **run, **HELD, target_adapters=windows)
    assert result.record.edit.target_adapters == (LoraWindow("style", 0.8, 0.0, 0.5),)
    record = type(result.record).from_json(result.record.to_json())
    assert record == result.record
    (file,) = record.model.adapters
    assert (file.name, file.scale, len(file.sha256)) == ("style", 0.0, 64)
    other = Editor.from_pipeline(FAMILIES[family]())
    with pytest.raises(RecordError, match="made with the LoRA 'style' x 0, which is not loaded so"):
        other.replay(record)
    other.load_recorded(record)
    assert other.replay(record)[0].image.tobytes() == result.image.tobytes()
    assert "LoRA &#39;style&#39; x 0.8 until 0.5" in result._repr_html_()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"target_adapters": {"toy": 1.0}},
            "target_adapters has the LoRA 'toy', which is not loaded; loaded are: style",
        ),
        ({"source_adapters": {"toy": 1.0}}, "source_adapters has the LoRA 'toy', which is not loaded"),
        ({"target_adapters": "style"}, "give scales by name, such as"),
        ({"target_adapters": {"style": float("nan")}}, "the scale of the LoRA 'style' is nan"),
        ({"target_adapters": {"style": "much"}}, "target_adapters of 'style' is 'much'; give a number"),
        ({"target_adapters": [LoraWindow("style"), LoraWindow("style", 0.5, 0.5)]}, "'style' twice at a time"),
        ({"target_adapters": ON, "fast": "balanced"}, "does not go with LoRAs of single branches"),
        ({"target_adapters": ON, "plug_and_play": PlugAndPlay()}, "plug_and_play reads the source in the same"),
        ({"target_adapters": ON, "strength": "auto"}, "a search scores with the model as it is loaded"),
    ],
)
def test_what_cannot_be_is_told(first, options, told):
    editor, run = first.editor, first.run
    with pytest.raises((SettingsError, ControlError), match=told):
        editor.generate_and_edit(PROMPT, TARGET, **run, **options)


def test_windows_out_of_range_are_told():
    for bounds in ((0.5, 0.2), (-0.1, 1.0), (0.0, 1.5)):
        with pytest.raises(SettingsError, match="the window of the LoRA 'style' is"):
            LoraWindow("style", 1.0, *bounds)


def test_rankings_are_refused(first):
    editor, run = first.editor, first.run
    with pytest.raises(SettingsError, match="a ranking of seeds scores with"):
        editor.explore(PROMPT, TARGET, 2, target_adapters=ON)
    with pytest.raises(SettingsError, match="a ranking of candidates scores with"):
        editor.candidates(editor.generate(PROMPT, **run), TARGET, 2, target_adapters=ON)


def test_the_same_prompt_needs_other_weights(first):
    editor, run = first.editor, first.run
    with pytest.raises(PromptError, match="change a word"):
        editor.generate_and_edit(PROMPT, PROMPT, **run, target_adapters={"style": 0.0})
    with pytest.raises(IdleEditError):
        editor.generate_and_edit(PROMPT, TARGET, **run, **CLOSED, target_adapters=NONE)


def test_a_fast_edit_without_what_is_kept_goes_with_it(first):
    editor, run = first.editor, first.run
    source = editor.generate(PROMPT, **run)
    late = Shortcuts(late_start=0.25)
    result = editor.edit(source, TARGET, **HELD, target_adapters=ON, fast=late)
    assert torch.equal(result.way[1], source.kept.latents[1])


def test_kept_inversions_are_of_the_model_as_it_is_loaded(first, tmp_path):
    editor, made = first.editor, first
    photo = editor.generate(PROMPT, **made.run).image
    keep = {"method": "direct", "num_inference_steps": STEPS, "cache": InversionCache(tmp_path)}
    plain, styled = (editor.invert(photo, PROMPT, **keep) for _ in range(2))
    assert "the inversion was kept from before" in styled.notes
    edits = [editor.edit(one, TARGET, **HELD, target_adapters=ON) for one in (plain, styled)]
    assert_same_latents(edits[0].latents, edits[1].latents)
    assert editor.replay(edits[0].record, photo=photo)[0].image.tobytes() == edits[0].image.tobytes()
    editor.scale_lora("style", 0.5)
    assert "the inversion was kept from before" not in editor.invert(photo, PROMPT, **keep).notes
    editor.scale_lora("style", 0.0)


def test_an_inversion_that_compares_two_prompts_is_refused(first):
    photo = first.editor.generate(PROMPT, **first.run).image
    source = first.editor.invert(photo, PROMPT, method="h-edit", num_inference_steps=STEPS)
    with pytest.raises(SettingsError, match="compares both prompts in one model"):
        first.editor.edit(source, TARGET, target_adapters=ON)


def test_another_threads_pictures_have_none_of_it(first):
    editor, run = first.editor, first.run
    alone = editor.generate(PROMPT, **run).latents
    edited = editor.generate_and_edit(PROMPT, TARGET, **run, target_adapters=ON).latents
    start, found = Barrier(2), {}

    def draw() -> None:
        start.wait()
        found["plain"] = [editor.generate(PROMPT, **run).latents for _ in range(3)]

    def edit() -> None:
        start.wait()
        found["edited"] = [
            editor.generate_and_edit(PROMPT, TARGET, **run, target_adapters=ON).latents for _ in range(3)
        ]

    threads = [Thread(target=work) for work in (draw, edit)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(one, alone) for one in found["plain"])
    assert all(torch.equal(one, edited) for one in found["edited"])
