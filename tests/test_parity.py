"""Every option of an edit is taken by every face: what is added to `EditOptions` must be added here, and to each."""

import inspect
from dataclasses import fields
from typing import get_type_hints

import pytest
import typer
from PIL import Image

from wordbrush.cli.app import app
from wordbrush.cli.command import spellings
from wordbrush.cli.edit_flags import EditFlags
from wordbrush.cli.flags import GenerationFlags
from wordbrush.editor import Editor, RunOptions
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.mutual_self_attention import MutualSelfAttention
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.edits.settings import EditOptions, EditSettings
from wordbrush.figures.spec import Change
from wordbrush.notebook import EditPanel
from wordbrush.panel.state import PanelState
from wordbrush.sampling.settings import GenerationOptions
from wordbrush.sweep import Axis, plan_sweep
from wordbrush.sweep.axes import parameters
from wordbrush_bench.edit_methods import EditMethod

OPTIONS = list(EditOptions.__annotations__)
MASK = Image.new("L", (64, 64), 255)
SAMPLES = {
    "edit": "refine",
    "cross_replace_steps": 0.6,
    "self_replace_steps": (0.1, 0.5),
    "self_replace_max_pixels": 1024,
    "equalizer": {"cat": 2.0},
    "local_blend": LocalBlend("cat", threshold=0.4),
    "mask": MASK,
    "mutual_self_attention": MutualSelfAttention(start_step=0.2),
    "plug_and_play": PlugAndPlay(feature_replace_steps=0.6),
    "weight_region": "noun",
    "resize": 1.5,
    "new_word_factor": 2.0,
    "text_mass": "target",
    "recipe": "auto",
    "strength": 0.8,
    "fast": "balanced",
    "target_adapters": (),
}
TYPED = {
    "edit": {"edit": "refine"},
    "cross_replace_steps": {"cross_replace_steps": "0.6"},
    "self_replace_steps": {"self_replace_steps": "0.1..0.5"},
    "self_replace_max_pixels": {"self_replace_max_pixels": 1024},
    "equalizer": {"equalizer": ("cat=2",)},
    "local_blend": {"local_blend": "cat", "local_blend_threshold": 0.4},
    "mask": {"mask": MASK},
    "mutual_self_attention": {"mutual_self_attention": True, "mutual_self_attention_start_step": 0.2},
    "plug_and_play": {"plug_and_play": True, "plug_and_play_feature_replace_steps": 0.6},
    "weight_region": {"weight_region": "noun"},
    "resize": {"resize": "1.5"},
    "new_word_factor": {"new_word_factor": 2.0},
    "text_mass": {"text_mass": "target"},
    "recipe": {"recipe": "auto"},
    "strength": {"strength": "0.8"},
    "fast": {"fast": "balanced"},
    "target_adapters": {"target_adapters": ("none",)},
}


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32")


@pytest.fixture(params=OPTIONS)
def option(request) -> str:
    assert request.param in SAMPLES, f"give '{request.param}' a sample value here, and to every face"
    return request.param


def settled(editor: Editor, **options) -> EditSettings:
    return editor.edit_settings("a cat", editor.generation_settings("a dog", num_inference_steps=2), **options)


def asked(editor: Editor, option: str) -> EditSettings:
    return settled(editor, **{option: SAMPLES[option]})


def test_a_sample_is_not_the_default(editor, option):
    assert asked(editor, option) != settled(editor)


def test_the_editor_takes_it():
    methods = (Editor.edit, Editor.generate_and_edit, Editor.edit_settings, Editor.find_strength, Editor.candidates)
    for method in (*methods, Editor.explore, plan_sweep, EditPanel.__init__):
        taken = inspect.signature(method).parameters["options"].annotation.__args__[0]
        assert taken in (EditOptions, RunOptions), method
    assert RunOptions.__annotations__ == EditOptions.__annotations__ | GenerationOptions.__annotations__


def test_the_flags_take_it(editor, option):
    assert option in {field.name for field in fields(EditFlags)}
    given = EditFlags(**TYPED[option]).options()
    assert settled(editor, **given) == asked(editor, option)


@pytest.mark.parametrize("command", ["edit", "sweep", "maps", "explore"])
def test_the_commands_take_it(command, option):
    params = typer.main.get_command(app).commands[command].params
    spelt = {spelling for param in params for spelling in param.opts}
    assert f"--{option.replace('_', '-')}" in spelt
    assert set(spellings(EditFlags, option)) <= spelt


def test_a_sweep_takes_it(editor, option):
    axes = [Axis("weight", (2.0, 3.0), "a")]
    sweep = plan_sweep(editor, "a dog", "a cat", axes, num_inference_steps=2, **{option: SAMPLES[option]})
    assert sweep.edit == asked(editor, option)


def test_a_panel_takes_it_and_its_code_shows_it(editor, option):
    panel = EditPanel(editor, "a dog", "a cat", num_inference_steps=2, **{option: SAMPLES[option]})
    arguments = panel.state.edit_arguments()
    windows = editor.edit_settings("a cat", cross_replace_steps=0.8, self_replace_steps=0.4)
    both = {"cross_replace_steps": (0.0, 0.8), "self_replace_steps": (0.0, 0.4), option: SAMPLES[option]}
    assert windows.targets == ("a cat",)
    assert settled(editor, **arguments) == settled(editor, **both)
    assert f"{option}=" in panel.code
    names = {"mask": MASK}
    exec(panel.code.split("editor = ")[0], names)
    called = panel.code.split("result = ")[1].replace("editor.edit(", "dict(", 1).replace("source,", "", 1)
    shown = eval(called.replace('"a cat",', "", 1), names)
    assert settled(editor, **shown) == settled(editor, **both)


def test_figures_and_the_benchmark_hold_it():
    assert get_type_hints(Change)["options"] is EditOptions
    assert get_type_hints(EditMethod)["options"] is EditOptions
    assert get_type_hints(PanelState)["more"] is EditOptions


def test_the_flags_of_a_generation_are_its_options():
    assert {field.name for field in fields(GenerationFlags)} == set(GenerationOptions.__annotations__)


WHOLE = {
    "self_replace_max_pixels": (256.0, 1024.0),
    "local_blend.pool": (1.0, 3.0),
    "fast.cache_interval": (1.0, 3.0),
    "fast.negative_interval": (1.0, 3.0),
    "fast.region_interval": (1.0, 3.0),
    "fast.region_cache_interval": (1.0, 3.0),
    "fast.region_halo": (1.0, 3.0),
    "fast.early_interval": (1.0, 3.0),
}


@pytest.mark.parametrize("parameter", sorted(set(parameters()) - {"weight"}))
def test_every_number_of_an_edit_can_be_an_axis(editor, parameter):
    values = WHOLE.get(parameter, (0.25, 0.5))
    nested = {**SAMPLES, "local_blend": LocalBlend("cat", fill_steps=0.5, outlined=True)}
    option, _, field = parameter.partition(".")
    given = {option: nested[option]} if field else {}
    axes = [Axis(parameter, values), Axis("weight", (2.0, 3.0), "a")]
    sweep = plan_sweep(editor, "a dog", "a cat", axes, num_inference_steps=4, **given)
    edits = [cell.edit for cell in sweep.cells(0)]
    assert len({repr(edit) for edit in edits}) == 4
    found = [getattr(getattr(edit, option), field) if field else getattr(edit, option) for edit in edits[::2]]
    if option == "cross_replace_steps":
        found = [windows["default_"] for windows in found]
    assert tuple(f[1] if isinstance(f, tuple) else f for f in found) == values
