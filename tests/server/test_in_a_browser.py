"""What a person does on the page, in a headless Chromium that reaches nothing but the server."""

import io

import pytest
from PIL import Image

from helpers.browser import (
    current,
    drop,
    edit,
    fetched,
    grow,
    made_by,
    needs_chromium,
    opened,
    ready,
    serving,
)

pytestmark = [
    needs_chromium,
    pytest.mark.filterwarnings("ignore::wordbrush.errors.PromptWarning"),  # the page says it
]


@pytest.fixture(scope="module")
def address(quick_editor):
    with serving(quick_editor) as address:
        yield address


@pytest.fixture
def page(browser, address):
    """The page of a new person, after its first picture and edit."""
    with opened(browser, address) as page:
        yield page


def test_it_opens_with_a_picture_and_its_edit(page):
    assert page.get_attribute("#before", "alt") == "Before: a dog on a farm"
    assert page.get_attribute("#after", "alt") == "After: a lion on a farm"
    assert page.locator("#strip li").count() == 2
    assert page.evaluate("document.getElementById('after').naturalWidth") == 128


def test_the_difference_is_shown_while_it_is_typed(page):
    page.fill("#target", "a (smiling:1.5) lion on a hill")
    page.wait_for_selector("#chips .word >> text=hill")
    chips = {c.get_attribute("aria-label"): c.get_attribute("class") for c in page.locator("#chips .word").all()}
    assert "replaced" in chips["hill: replaced, instead of farm"]
    assert "smiling: replaced, instead of dog, weight 1.5" in chips
    page.fill("#target", "a dog on a farm")
    page.wait_for_selector("#does >> text=change a word")
    page.fill("#target", "a [dog:cat:0.5] on a farm")
    page.wait_for_selector("#does >> text=is not a word at some steps: give the word a time of its own")


def test_a_word_shows_its_map_by_pointer_and_by_keyboard(page):
    dog = page.locator("#source-words .word", has_text="dog")
    dog.hover()
    assert page.is_visible("#heat")
    assert page.inner_text("#map-of") == "dog"
    page.mouse.move(5, 5)
    page.wait_for_selector("#heat", state="hidden")
    page.locator("#chips .word", has_text="lion").focus()
    assert page.is_visible("#heat")
    # The map is of the word: its strongest place is where the maps of the API have theirs.
    strongest = page.evaluate(
        """async () => {
          const id = document.getElementById("after").src.match(/pictures\\/([^/]+)/)[1];
          const maps = await (await fetch(`/api/pictures/${id}/maps`)).json();
          const values = maps.words.find((word) => word.word === "lion").values.flat();
          const at = values.indexOf(Math.max(...values));
          const heat = document.getElementById("heat");
          const size = heat.width / maps.width;
          const x = (at % maps.width + 0.5) * size, y = (Math.floor(at / maps.width) + 0.5) * size;
          const alpha = (x, y) => heat.getContext("2d").getImageData(x, y, 1, 1).data[3];
          return [alpha(x, y), Math.min(alpha(1, 1), alpha(heat.width - 2, 1))];
        }"""
    )
    assert strongest[0] > strongest[1]


def test_a_weight_a_region_and_a_window_of_a_word_reach_the_picture(page):
    page.click("#chips .word.replaced")
    page.fill("#hold", "80")
    page.fill("#weight", "2")
    page.check("#only-here")
    page.check("#own-window")
    page.fill("#own-end", "40")
    edit(page)
    request = page.evaluate("async (id) => (await fetch(`/api/pictures/${id}`)).json()", current(page))["request"]
    options = request["edit"]["options"]
    assert options["equalizer"] == {"lion": 2}
    assert options["cross_replace_steps"] == {"default_": [0, 0.8], "lion": [0, 0.4]}
    assert options["local_blend"]["words"] == ["dog", "lion"]
    assert page.text_content("#chips .word.replaced") == "dog → lion×2"


def test_on_a_phone_a_word_shows_its_map_before_its_weight(browser, address):
    with opened(browser, address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page:
        dog = page.locator("#source-words .word", has_text="dog")
        dog.tap()
        assert page.is_visible("#heat")
        assert page.evaluate("scrollY") == 0  # the picture is still seen
        assert page.inner_text("#word-name") == "lion"
        dog.tap()
        assert page.evaluate("scrollY") > 0
        assert "again" in page.inner_text("#words-hint")


def test_nothing_is_made_of_no_words(page):
    for text, buttons in (("#target", ("#edit", "#strengths", "#best", "#sweep")), ("#prompt", ("#draw", "#seeds"))):
        page.fill(text, "")
        for button in buttons:
            page.click(button)
            assert page.evaluate("document.activeElement.id") == text[1:], button  # the browser says what is missing
            assert page.locator("dialog[open]").count() == 0
            assert page.is_hidden("#run")


def test_undo_redo_and_edit_from_here_bring_the_settings_back(page):
    page.fill("#hold", "40")
    page.fill("#target", "a dog in the snow")
    edit(page)
    page.click("#undo")
    assert page.input_value("#target") == "a lion on a farm"
    assert page.input_value("#hold") == "80"
    page.click("#redo")
    assert page.input_value("#target") == "a dog in the snow"
    assert page.input_value("#hold") == "40"
    page.wait_for_selector("#chips .word >> text=snow")
    said = page.locator("#said li").all_inner_texts()
    assert said
    assert not set(said) & set(page.locator("#does p").all_inner_texts())  # nothing is said twice
    page.keyboard.press("Control+z")
    page.locator("#strip .entry").nth(2).click()
    assert page.get_attribute("#after", "alt") == "After: a dog in the snow"


def test_an_edit_is_edited_further(page):
    first = current(page)
    page.click("#onward")
    page.wait_for_selector("#after", state="hidden")
    assert page.get_attribute("#before", "alt") == "Before: a lion on a farm"
    page.fill("#target", "a lion in the snow")
    edit(page)
    picture = page.evaluate("async (id) => (await fetch(`/api/pictures/${id}`)).json()", current(page))
    assert picture["source"] == first
    assert page.get_attribute("#before", "alt") == "Before: a lion on a farm"
    page.click("#undo")
    assert page.get_attribute("#before", "alt") == "Before: a dog on a farm"
    assert page.input_value("#target") == "a lion on a farm"


def test_only_what_is_painted_changes(page):
    page.click("#brush")
    box = page.locator("#mask").bounding_box()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.8 * box["height"], steps=4)
    page.mouse.up()
    page.fill("#target", "a dog in the snow")
    edit(page)
    page.click("#code")
    with page.expect_download() as saving:  # the command reads it
        page.click("#code-files >> text=mask.png")
    assert Image.open(io.BytesIO(saving.value.path().read_bytes())).size == (512, 512)
    page.keyboard.press("Escape")
    before, after = (fetched(page, page.get_attribute(image, "src")) for image in ("#before", "#after"))
    left = (0, 0, 64, 128)
    assert before.crop(left).tobytes() == after.crop(left).tobytes()
    assert before.tobytes() != after.tobytes()
    page.click("#brush-back")
    assert page.evaluate("document.getElementById('mask').getContext('2d').getImageData(5, 5, 1, 1).data[3]") == 0


def test_the_brush_works_with_the_keyboard(page):
    page.click("#brush")
    page.focus("#mask")
    for key in ("ArrowRight", "ArrowUp", " ", "ArrowRight", " "):
        page.keyboard.press(key)
    held = page.evaluate("document.getElementById('mask').getContext('2d').getImageData(2, 2, 1, 1).data[3]")
    assert held > 0  # what is not painted is dimmed


def test_a_photograph_is_dropped_and_edited(page):
    photo = io.BytesIO()
    Image.new("RGB", (96, 64), (90, 140, 60)).save(photo, "JPEG")
    drop(page, photo.getvalue(), "farm.jpg", "image/jpeg")
    page.wait_for_selector("#photo-form:not([hidden])")
    page.fill("#shows", "a dog on a farm")
    page.select_option("#method", "direct")
    grow(page, lambda: page.click("#photo-form .primary"))
    assert page.get_attribute("#before", "alt") == "Before: a dog on a farm"
    assert "dB" in page.inner_text("#said")
    page.fill("#target", "a cat on a farm")
    edit(page)
    assert page.evaluate("document.getElementById('after').naturalWidth") == 96
    page.locator("#strip .remove").nth(2).click()
    page.keyboard.press("Enter")
    page.locator("#strip li").nth(2).wait_for(state="detached")
    left = page.request.get(f"{page.url}api/session").json()["pictures"]
    assert [picture["kind"] for picture in left] == ["source", "edit"]  # the photograph is not kept unseen


def test_a_picture_that_was_saved_brings_its_settings_back(page):
    page.fill("#hold", "50")
    edit(page)
    with page.expect_download() as saving:
        page.click("#download")
    saved = saving.value.path().read_bytes()
    page.fill("#target", "something else")
    page.fill("#hold", "90")
    grow(page, lambda: drop(page, saved, "edited.png", "image/png"), by=2)
    assert page.input_value("#target") == "a lion on a farm"
    assert page.input_value("#hold") == "50"
    again = fetched(page, page.get_attribute("#download", "href"))
    assert again.tobytes() == Image.open(io.BytesIO(saved)).convert("RGB").tobytes()


def test_a_picture_is_seen_while_it_is_made(page):
    page.evaluate(
        """() => {
          window.seen = { before: [], after: [] };
          for (const id of ["before", "after"])
            new MutationObserver(() => {
              const image = document.getElementById(id);
              window.seen[id].push([image.src.slice(0, 15), image.hidden]);
            }).observe(document.getElementById(id), { attributeFilter: ["src"] });
        }"""
    )
    page.fill("#target", "a dog in the snow")
    edit(page)
    grow(page, lambda: page.click("#draw"))
    seen = page.evaluate("window.seen")
    assert ["data:image/jpeg", False] in seen["after"]
    assert ["data:image/jpeg", False] in seen["before"]
    assert page.is_hidden("#after")
    assert page.get_attribute("#before", "src").startswith("/api/pictures/")


def test_a_run_is_cancelled(page):
    page.locator("#make summary").click()
    page.fill("#steps", "250")
    page.click("#draw")
    page.click("#cancel")
    page.wait_for_selector("#run", state="hidden")
    assert page.locator("#strip li").count() == 2
    for image in ("#before", "#after"):  # what was shown before the run is shown again
        assert page.get_attribute(image, "src").startswith("/api/pictures/")


def test_a_reload_loses_nothing(page):
    page.fill("#target", "a dog in the snow")
    edit(page)
    shown = current(page)
    page.reload()
    ready(page)
    assert page.locator("#strip li").count() == 3
    assert current(page) == shown
    assert page.input_value("#target") == "a dog in the snow"


def test_what_is_copied_is_what_is_shown(page):
    page.click("#code")
    page.wait_for_selector("#code-dialog")
    assert page.inner_text("#command").startswith("wordbrush edit 'a dog on a farm' 'a lion on a farm'")
    assert "editor.edit(" in page.inner_text("#python")
    page.keyboard.press("Escape")
    assert page.is_hidden("#code-dialog")


def test_strengths_are_chosen_from_a_sheet(page):
    grow(page, lambda: page.click("#strengths"), by=4)
    page.locator("#sheet-pictures button").nth(1).click()
    assert page.is_hidden("#sheet")
    assert page.input_value("#hold") == "45"


def test_the_best_strength_is_found_and_the_others_can_be_taken(page):
    page.click("#best")
    page.wait_for_selector("#sheet-pictures img[src^='data:']")  # what is tried is seen
    grow(page, lambda: None)
    page.wait_for_selector("#sheet-pictures button[aria-current=true]")
    said = page.locator("#sheet-pictures button").all_inner_texts()
    assert 3 <= len(said) <= 5
    assert sum(one.startswith("best: strength") for one in said) == 1
    assert all("score" in one for one in said)
    found = made_by(page)["edit"]["options"]
    assert page.input_value("#strength") == str(round(100 * found["strength"]))
    grow(page, lambda: page.locator("#sheet-pictures button:not([aria-current])").first.click())
    other = made_by(page)["edit"]["options"]
    assert (other["strength"], other["recipe"]) != (found["strength"], found["recipe"])
    assert page.is_hidden("#sheet")


def test_two_people_see_their_own_pictures_alone(page, browser, address):
    with opened(browser, address) as other:
        theirs = other.request.get(f"{address}api/pictures/{current(page)}")
        assert theirs.status == 404
        other.fill("#target", "a dog in the snow")
        edit(other)
        page.reload()
        ready(page)
        assert page.locator("#strip li").count() == 2


def test_a_person_with_a_keyboard_alone_edits(page):
    """From the top of the page: each control is reached by Tab, says what it is, and does it by a key."""
    names, page_focus = [], "document.activeElement"
    for _ in range(80):
        page.keyboard.press("Tab")
        names.append(page.evaluate(f"{page_focus}.id"))
        if names[-1] == "target":
            break
    assert names[0] == ""  # the link that skips to the edited prompt
    assert page.evaluate("document.querySelector('.skip').getAttribute('href')") == "#target"
    order = [
        "prompt",
        "seed",
        "dice",
        "draw",
        "seeds",
        "file",
        "compare",
        "undo",
        "brush",
        "download",
        "code",
        "target",
    ]
    assert [name for name in names if name in order] == order
    page.keyboard.press("Control+a")
    page.keyboard.type("a dog in the snow")
    page.wait_for_selector("#chips .word >> text=snow")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate(f"{page_focus}.textContent").endswith("snow"):
            break
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(f"{page_focus}.id") == "weight"
    page.keyboard.press("ArrowRight")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate(f"{page_focus}.id") == "edit":
            break
    grow(page, lambda: page.keyboard.press("Enter"))
    assert made_by(page)["edit"]["options"]["equalizer"] == {"snow": 1.25}
    page.keyboard.press("Control+z")
    assert page.input_value("#target") == "a lion on a farm"


def test_a_picture_is_named(page):
    page.locator("#strip .name").nth(1).click()
    page.fill("#name", "my lion")
    page.keyboard.press("Enter")
    page.wait_for_selector("#strip .caption >> text=my lion")
    page.reload()
    ready(page)
    assert page.locator("#strip .caption").all_inner_texts() == ["a dog on a farm", "my lion"]


def test_a_picture_is_removed_after_a_question(page):
    lion = current(page)
    page.fill("#target", "a dog in the snow")
    edit(page)
    snow = current(page)
    page.locator("#strip .remove").nth(1).click()
    assert page.inner_text("#remove-said") == "“a lion on a farm”"
    assert page.is_hidden("#remove-edits")
    page.get_by_role("button", name="Keep it").click()
    assert page.locator("#strip li").count() == 3
    page.locator("#strip .remove").nth(1).click()
    page.keyboard.press("Enter")
    page.locator("#strip li").nth(2).wait_for(state="detached")
    assert page.request.get(f"{page.url}api/pictures/{lion}").status == 404
    assert current(page) == snow  # what is shown stays
    assert page.evaluate("document.activeElement.className") == "entry"


def test_the_edits_of_a_picture_are_removed_with_it_by_the_keyboard_alone(page):
    page.locator("#strip .entry").first.focus()
    page.keyboard.press("Delete")
    assert page.inner_text("#remove-edits") == "The edit that was made of it goes too."
    page.keyboard.press("Escape")
    assert page.locator("#strip li").count() == 2
    page.keyboard.press("Delete")  # the focus is back where it was
    page.keyboard.press("Enter")
    page.wait_for_selector("#history", state="hidden")
    assert page.is_visible("#empty")
    for gone in ("#before", "#after", "#download", "#code", "#onward", "#words-hint"):
        assert page.is_hidden(gone), gone
    assert page.is_disabled("#edit")
    assert page.is_disabled("#brush")
    assert page.evaluate("document.activeElement.id") == "prompt"
    grow(page, lambda: page.click("#draw"))
    edit(page)
    assert page.locator("#strip li").count() == 2


def test_what_is_made_of_a_removed_picture_is_cancelled(page):
    page.locator("#make summary").click()
    page.fill("#steps", "30")
    grow(page, lambda: page.click("#draw"))
    page.click("#edit")
    page.wait_for_selector("#after[src^='data:']")
    page.locator("#strip .remove").last.click()
    page.keyboard.press("Enter")
    page.wait_for_selector("#run", state="hidden")
    assert page.is_hidden("#problem")
    assert page.locator("#strip li").count() == 2


def test_brackets_are_weights_and_escapes_are_letters(page):
    page.fill("#target", r"a ((lion)) [on] a \(farm\)")
    page.wait_for_selector("#chips .word b")
    weights = {
        chip.evaluate("chip => chip.firstChild.textContent"): chip.locator("b").all_inner_texts()
        for chip in page.locator("#chips .word").all()
    }
    assert page.locator("#chips .word.replaced").first.get_attribute("aria-label").startswith("lion: replaced")
    assert ["×1.21"] in weights.values()
    assert ["×0.909"] in weights.values()
    edit(page)
    request = made_by(page)["edit"]
    assert request["target"] == "a lion on a (farm)"
    assert request["options"]["equalizer"] == {"lion": 1.21, "on": 0.909}


def test_a_full_queue_says_when_to_come_back_and_all_of_it_is_cancelled(page):
    page.locator("#make summary").click()
    page.fill("#steps", "250")
    page.evaluate("for (let i = 0; i < 12; i++) document.getElementById('draw-form').requestSubmit()")
    page.wait_for_selector("#problem >> text=of your pictures wait already")
    page.wait_for_selector("#run-text >> text=more after it")
    for more in range(waiting(page) - 1, -1, -1):  # jobs that wait hold no connection open: this is answered
        page.click("#cancel")
        page.wait_for_selector(f"#run-text >> text={f'{more} more after it' if more else '/of 250$/'}")
    page.click("#cancel")
    page.wait_for_selector("#run", state="hidden")
    assert page.locator("#strip li").count() == 2


def waiting(page):
    """How many jobs wait after the one that runs."""
    jobs = page.evaluate("(async () => (await (await fetch('/api/session')).json()).jobs)()")
    return len(jobs) - 1


def test_a_sweep_is_a_sheet_over_one_setting(page):
    page.click("#sweep")
    page.select_option("#sweep-what", label="Weight of “lion”")
    page.fill("#sweep-from", "1")
    page.fill("#sweep-to", "3")
    page.fill("#sweep-count", "5")
    grow(page, lambda: page.click("#sweep-form .primary"), by=5)
    cells = page.locator("#sheet-pictures button")
    assert cells.all_inner_texts() == [f"lion × {weight}" for weight in ("1", "1.5", "2", "2.5", "3")]
    cells.nth(3).click()
    request = page.evaluate("async (id) => (await fetch(`/api/pictures/${id}`)).json()", current(page))["request"]
    assert request["edit"]["options"]["equalizer"] == {"lion": 2.5}


def test_a_sweep_over_seeds_draws_each_and_edits_it(page):
    page.click("#sweep")
    page.select_option("#sweep-what", label="Seed")
    page.fill("#sweep-to", "7")
    page.fill("#sweep-count", "2")
    grow(page, lambda: page.click("#sweep-form .primary"), by=4)
    assert page.locator("#sheet-pictures button").all_inner_texts() == ["seed 6", "seed 7"]
    page.locator("#sheet-pictures button").first.click()
    assert page.input_value("#seed") == "6"


def test_a_sheet_that_is_closed_makes_no_more(page):
    page.click("#strengths")
    page.locator("#sheet-pictures button:enabled").first.wait_for()
    page.locator("#sheet-pictures button:enabled").first.click()
    page.wait_for_selector("#run", state="hidden")
    assert page.locator("#strip li").count() < 6
    assert page.input_value("#hold") == "20"


def test_a_prompt_cannot_run_anything(page):
    page.fill("#target", "a <u>cat</u>")
    edit(page)
    page.click("#code")
    page.wait_for_selector("#code-dialog")
    assert "<u>cat</u>" in page.inner_text("#command")
    assert page.locator("u").count() == 0


def test_nothing_is_wider_than_the_window(page):
    page.click("#chips .word.replaced")
    page.click("#brush")
    for width in (1440, 820, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width


def test_accessibility_by_axe(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NO AXE: install axe-playwright-python")
    page.click("#chips .word.replaced")
    page.check("#own-window")
    page.click("#brush")
    for summary in page.locator("summary").all():
        summary.click()
    page.mouse.move(5, 5)
    for theme, width in (("Light", 1280), ("Dark", 390)):
        page.set_viewport_size({"width": width, "height": 900})
        if page.inner_text("#theme") == theme:
            page.click("#theme")
        page.wait_for_timeout(300)  # colours fade
        found = axe.Axe().run(page).response["violations"]
        assert [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in found] == [], theme
