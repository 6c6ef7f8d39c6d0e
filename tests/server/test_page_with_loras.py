"""The page of a server that was started with LoRAs and words of one's own."""

import shutil

import pytest

from helpers.adapter_files import concept, random_lora
from helpers.browser import edit, fetched, grow, made_by, needs_chromium, opened, serving
from wordbrush import Editor
from wordbrush.models.own_settings import NAME
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

pytestmark = [
    needs_chromium,
    pytest.mark.filterwarnings("ignore::wordbrush.errors.PromptWarning"),  # the page says it
]


@pytest.fixture(scope="module")
def address(tiny_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    model = shutil.copytree(tiny_folder, folder / "model")
    (model / NAME).write_text('{"num_inference_steps": 3}')
    editor = Editor.from_pretrained(model)
    editor.load_lora(random_lora(tiny_pipeline(), folder / "style.safetensors"), 0.0)
    editor.load_concept(concept(folder / "my-dog.safetensors"))
    with serving(editor) as address:
        yield address


@pytest.fixture
def page(browser, address):
    """The page of a new person, as one test may not need what another did on it."""
    with opened(browser, address) as page:
        yield page


def test_a_lora_is_edited_in(page):
    grow(page, lambda: page.click("#draw"))
    page.fill("#target", page.input_value("#prompt"))
    page.wait_for_selector("#does .wrong")  # nothing differs yet
    page.fill("#target-lora-0", "1")
    page.fill("#target-loras input[aria-label^=from]", "25")
    page.wait_for_selector("#does .wrong", state="detached")
    edit(page)
    assert made_by(page)["edit"]["options"]["target_adapters"] == [
        {"name": "style", "scale": 1, "start": 0.25, "end": 1}
    ]
    assert "with LoRA 'style' x 1 from 0.25" in page.inner_text("#said")
    before, after = (fetched(page, page.get_attribute(image, "src")) for image in ("#before", "#after"))
    assert before.tobytes() != after.tobytes()
    page.fill("#target-lora-0", "0.5")
    page.fill("#target-loras input[aria-label^=from]", "0")
    edit(page)
    page.click("#undo")
    assert page.input_value("#target-lora-0") == "1"
    assert page.input_value("#target-loras input[aria-label^=from]") == "25"


def test_a_lora_of_the_picture_is_one_of_its_edits_until_it_is_moved_there(page):
    page.fill("#source-lora-0", "0.5")
    assert page.input_value("#target-lora-0") == "0.5"
    page.fill("#target-lora-0", "1")
    page.fill("#source-lora-0", "0.25")
    assert page.input_value("#target-lora-0") == "1"  # it was moved there
    page.fill("#source-lora-0", "0.5")
    grow(page, lambda: page.click("#draw"))
    assert made_by(page)["generate"]["options"]["source_adapters"] == [
        {"name": "style", "scale": 0.5, "start": 0, "end": 1}
    ]
    page.fill("#target-lora-0", "0.5")
    page.fill("#target", "a lion in the snow")
    edit(page)
    page.click("#onward")
    assert page.input_value("#target-lora-0") == "0.5"  # an edit that is edited further keeps what it has
    page.fill("#source-lora-0", "0.75")
    assert page.input_value("#target-lora-0") == "0.75"


def test_an_own_word_is_written_by_a_press(page):
    page.fill("#target", "a ")
    page.click("#target-own-words .word")
    assert page.input_value("#target") == "a <my-dog>"
    assert page.evaluate("document.activeElement.id") == "target"
    page.wait_for_selector("#chips .word >> text=<my-dog>")


def test_its_controls_have_names(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NO AXE: install axe-playwright-python")
    found = axe.Axe().run(page).response["violations"]
    assert [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in found] == []
    assert page.get_by_label("style in the edit").get_attribute("id") == "target-lora-0"
