"""The panel without a browser: its controls are set as a user sets them."""

from threading import Event

import pytest

from helpers.pages import Page
from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.notebook import EditPanel

PROMPT = "a dog eating an apple"


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32")


@pytest.fixture
def panel(editor) -> EditPanel:
    return EditPanel(editor, PROMPT, seed=7, num_inference_steps=2)


def chip(panel: EditPanel, word: str):
    return next(chip for chip in panel.words.chips.children if chip.description == word)


def row(panel: EditPanel, word: str):
    """The weight slider and the blend toggle of a pressed word."""
    return next(row.children for row in panel.words.rows.children if row.children[0].description.startswith(word))


def slider(panel: EditPanel, word: str):
    return row(panel, word)[0]


def press_edit(panel: EditPanel) -> None:
    panel.edit_button.click()
    panel.wait()


def test_it_starts_at_the_models_own_settings(editor):
    state = EditPanel(editor, PROMPT).state
    defaults = editor.model.defaults
    assert (state.prompt, state.target, state.seed) == (PROMPT, PROMPT, 0)
    assert state.num_inference_steps == defaults.num_inference_steps
    assert state.guidance_scale == defaults.guidance_scale
    assert state.cross_replace_steps == (0.0, defaults.cross_replace_steps)
    assert state.self_replace_steps == (0.0, defaults.self_replace_steps)


def test_typing_a_target_marks_what_changes_at_once(panel):
    assert "<ins" not in panel.marks.value
    panel.target.value = "a cat eating an apple"
    assert ">cat</ins>" in panel.marks.value
    assert ">dog</del>" in panel.marks.value
    assert [c.description for c in panel.words.chips.children] == ["a", "cat", "eating", "an", "apple"]
    assert [c.button_style for c in panel.words.chips.children] == ["", "success", "", "", ""]
    assert "instead of 'dog'" in chip(panel, "cat").tooltip


def test_every_control_sets_the_state_and_the_code(panel):
    panel.prompt.value, panel.target.value = "a cat", "a big cat"
    panel.cross_window.value, panel.self_window.value = (0.1, 0.5), (0.0, 1.0)
    panel.seed.value, panel.steps.value, panel.guidance.value = 5, 3, 2.5
    chip(panel, "cat").value = True
    slider(panel, "cat").value = -1.5
    state = panel.state
    assert (state.prompt, state.target, state.seed, state.num_inference_steps) == ("a cat", "a big cat", 5, 3)
    assert (state.guidance_scale, state.cross_replace_steps, state.self_replace_steps) == (2.5, (0.1, 0.5), (0.0, 1.0))
    assert state.equalizer() == {"cat": -1.5}
    assert panel.code == state.code(panel._session.model)
    assert 'equalizer={"cat": -1.5}' in Page(panel.python.value).text


def test_a_pressed_chip_has_a_slider_and_a_released_one_has_no_weight(panel):
    assert panel.words.rows.children == ()
    chip(panel, "apple").value = True
    assert (slider(panel, "apple").min, slider(panel, "apple").max, slider(panel, "apple").value) == (-2, 10, 1)
    slider(panel, "apple").value = 4
    assert "&times;4" in panel.marks.value
    chip(panel, "apple").value = False
    assert panel.words.rows.children == ()
    assert panel.state.equalizer() == {}


def test_a_weight_comes_back_with_its_word(panel):
    chip(panel, "apple").value = True
    slider(panel, "apple").value = 4
    panel.target.value = "a dog eating an app"
    assert panel.state.equalizer() == {}
    panel.target.value = PROMPT
    assert panel.state.equalizer() == {"apple": 4}
    assert chip(panel, "apple").value
    assert slider(panel, "apple").value == 4


def test_edit_shows_pictures_and_frees_the_buttons(panel):
    panel.target.value = "a cat eating an apple"
    press_edit(panel)
    assert panel.problem.value == ""
    assert panel.pictures.value == panel.result._repr_html_()
    assert panel.result.target == "a cat eating an apple"
    assert panel.result.source is panel.source
    assert (panel.edit_button.disabled, panel.cancel_button.disabled) == (False, True)
    assert panel.bar.layout.visibility == "hidden"


def test_an_error_is_told_inline_and_goes_with_the_next_run(panel):
    press_edit(panel)
    assert 'role="alert"' in panel.problem.value
    assert "change a word" in panel.problem.value
    assert panel.pictures.value == panel.source._repr_html_()  # the source is worth seeing all the same
    panel.target.value = "a cat eating an apple"
    press_edit(panel)
    assert panel.problem.value == ""


def test_a_running_edit_can_be_cancelled_and_not_be_started_twice(panel):
    panel.target.value = "a cat eating an apple"
    reached, go_on = Event(), Event()

    def hold(change):
        reached.set()
        go_on.wait()

    panel.bar.observe(hold, names="value")
    panel.edit_button.click()
    reached.wait()
    running = (panel.edit_button.disabled, panel.cancel_button.disabled, panel.bar.layout.visibility)
    worker = panel._worker
    panel.edit()
    started_once = panel._worker is worker
    panel.cancel_button.click()
    go_on.set()
    panel.wait()
    assert running == (True, False, "visible")
    assert started_once
    assert "cancelled" in panel.problem.value
    assert panel.source is None


def test_a_word_may_be_the_only_one_that_changes(panel):
    panel.target.value = "a cat eating an apple"
    chip(panel, "cat").value = True
    assert panel.blend_threshold.layout.display == "none"
    row(panel, "cat")[1].value = True
    assert panel.blend_threshold.layout.display == "flex"
    panel.blend_threshold.value = 0.5
    assert panel.state.local_blend() == LocalBlend(("dog", "cat"), threshold=0.5)
    assert 'local_blend=wordbrush.LocalBlend(words=("dog", "cat"), threshold=0.5)' in panel.code
    press_edit(panel)
    assert panel.problem.value == ""
    assert "mask: where the picture could change, white" in panel.pictures.value
    assert "only in\N{NO-BREAK SPACE}dog, cat" in Page(panel.pictures.value).text


def test_maps_are_shown_and_go_with_the_next_picture(panel):
    panel.target.value = "a cat eating an apple"
    press_edit(panel)
    panel.maps_button.click()
    panel.wait()
    images = [attributes["alt"] for tag, attributes in Page(panel.maps.value).elements if tag == "img"]
    assert images == ["attention maps of a, cat, eating, an, apple"]
    assert "mean over" in Page(panel.maps.value).text
    panel.target.value = "a big dog"
    press_edit(panel)
    assert panel.maps.value == ""


def test_nothing_of_a_prompt_becomes_html(editor):
    prompt = "a <img src=x onerror=alert(1)> cat"
    panel = EditPanel(editor, prompt, "a <b>dog</b>", num_inference_steps=2)
    press_edit(panel)
    for html in (panel.marks, panel.python, panel.pictures):
        page = Page(html.value)
        assert prompt in page.text
        assert "a <b>dog</b>" in page.text
        assert [a for tag, a in page.elements if tag == "b" or a.get("src") == "x"] == []


def test_a_cell_shows_it(panel):
    bundle = panel._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.widget.model_id
