"""Figures are made whole and proved, are not made twice, and their page says only what is true of them."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from wordbrush import read_record
from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.errors import PromptError, SettingsError
from wordbrush.figures.book import BookEntry, choose, figures_for
from wordbrush.figures.bundled import BUNDLED
from wordbrush.figures.comments import UNSEEN, Comment, _comments
from wordbrush.figures.made import figure_key, load_made
from wordbrush.figures.make import SHEET, make_figure
from wordbrush.figures.page import html_page
from wordbrush.figures.paper import PAPER
from wordbrush.figures.spec import Change, EditRow, Figure, MapsRow, NoiseRow, swaps, weights
from wordbrush.models.folder import bundled_folder
from wordbrush.models.own_settings import read_own_settings
from wordbrush.tokens.unknown_words import unknown_words
from wordbrush.tokens.words import find_all_words

DOG, CAT = "a dog eating an apple", "a cat eating an apple"
STEPS = 3
SMALL = Figure(
    "9.9",
    "<b>Shown</b> & told",
    (
        replace(swaps(DOG, "dog", ("cat",), 1, self_replace_steps=0.5), with_plain=True),
        weights(DOG, "apple", (4,), 1),
        EditRow(DOG, (Change(CAT, "blended", {"local_blend": LocalBlend(threshold=0.9)}),), 1),
        NoiseRow(DOG, 1, count=3),
        MapsRow(DOG, 1),
    ),
    note="A note with <script>alert(1)</script>",
)


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu")


@pytest.fixture(scope="module")
def entry(editor, tmp_path_factory) -> BookEntry:
    folder = tmp_path_factory.mktemp("figures") / SMALL.name
    made = make_figure(editor, SMALL, folder, num_inference_steps=STEPS)
    return BookEntry(SMALL, folder, made, None)


def test_a_figure_has_all_its_pictures_with_their_records(entry):
    lines = {(line.label, tuple(p.caption for p in line.pictures)) for line in entry.made.lines}
    assert lines == {
        ("plain, same seed", (f"'{DOG}'", f"'{CAT}'")),
        ("wordbrush", (f"'{DOG}'", f"'{CAT}'")),
        ("", (f"'{DOG}'", "apple x 4")),
        ("", (f"'{DOG}'", "blended", "white may change")),
        ("forward", (f"'{DOG}'", "noise of step 2", "noise of step 0")),
        ("reverse", ("before step 0", "before step 2", f"'{DOG}'")),
        ("", (f"'{DOG}'", "a", "dog", "eating", "an", "apple")),
    }
    for line in entry.made.lines:
        assert line.details.startswith(f"seed 1, {STEPS} steps, guidance 7.5")
        for picture in line.pictures:
            assert (entry.folder / picture.file).exists()
            if "edit" in picture.file:
                record = read_record(entry.folder / picture.file)
                assert f"{record.controlled_calls} calls" in picture.details
                assert "dB to the source" in picture.details
    assert (entry.folder / SHEET).exists()
    assert read_record(entry.folder / "1-edit-1.png").edit.self_replace_steps == (0.0, 0.5)


def test_noise_comes_and_goes(editor):
    source = editor.generate(DOG, num_inference_steps=STEPS)
    assert editor.latents_picture(source, STEPS).tobytes() == source.image.tobytes()
    assert editor.latents_picture(source, 0).tobytes() != source.image.tobytes()

    def distance(image: Image.Image) -> int:
        return sum(abs(a - b) for a, b in zip(image.tobytes(), source.image.tobytes(), strict=True))

    assert distance(editor.noised_picture(source, STEPS - 1)) < distance(editor.noised_picture(source, 0))


def test_a_made_figure_is_known_again_until_something_of_it_changes(editor, entry, tmp_path):
    info = editor.model
    key = figure_key(SMALL, info.fingerprint, info.dtype, STEPS)
    assert load_made(entry.folder, key) == entry.made
    assert figure_key(replace(SMALL, shows="other words"), info.fingerprint, info.dtype, STEPS) == key
    others = {
        figure_key(replace(SMALL, rows=SMALL.rows[:1]), info.fingerprint, info.dtype, STEPS),
        figure_key(replace(SMALL, rows=(replace(SMALL.rows[0], seed=2),)), info.fingerprint, info.dtype, STEPS),
        figure_key(SMALL, "another model", info.dtype, STEPS),
        figure_key(SMALL, info.fingerprint, "bfloat16", STEPS),
        figure_key(SMALL, info.fingerprint, info.dtype, STEPS + 1),
    }
    assert len(others | {key}) == 6
    assert load_made(entry.folder, others.pop()) is None
    assert load_made(tmp_path, key) is None


@pytest.mark.parametrize("damage", ["gone", "other pixels", "no picture", "no json"])
def test_a_damaged_figure_is_not_taken_for_a_made_one(entry, tmp_path, damage):
    for path in entry.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    victim = tmp_path / "1-edit-1.png"
    if damage == "gone":
        victim.unlink()
    elif damage == "other pixels":
        Image.new("RGB", (32, 32)).save(victim)
    elif damage == "no picture":
        victim.write_bytes(victim.read_bytes()[:200])
    else:
        (tmp_path / "figure.json").write_text("{")
    assert load_made(tmp_path, entry.made.key) is None


def test_an_edit_that_does_not_show_fails_loudly(editor, tmp_path):
    same = Figure("8", "", (weights(DOG, "apple", (1,), 1),))
    with pytest.raises(SettingsError, match="the weight of 'apple' is 1 and the prompt"):
        make_figure(editor, same, tmp_path / "8", num_inference_steps=STEPS)
    assert not (tmp_path / "8" / "figure.json").exists()
    nothing = Figure(
        "8", "", (EditRow(DOG, (Change(CAT, options={"cross_replace_steps": 0.0, "self_replace_steps": 0.0}),), 1),)
    )
    with pytest.raises(SettingsError, match="select none of the"):
        make_figure(editor, nothing, tmp_path / "8", num_inference_steps=STEPS)


def test_words_that_a_model_never_saw_are_refused(tmp_path):
    with pytest.raises(PromptError, match=r"figure 3\.7 has words that this model never saw: medieval, "):
        make_figure(Editor.from_pretrained(), choose(PAPER, ["3.7"])[0], tmp_path)
    assert not list(tmp_path.iterdir())


def test_every_figure_has_a_twin_in_the_bundled_models_words():
    assert [figure.name for figure in BUNDLED] == [figure.name for figure in PAPER]
    assert (figures_for(small_vocabulary=True), figures_for(small_vocabulary=False)) == (BUNDLED, PAPER)
    _, vocabulary = read_own_settings(bundled_folder())
    for figure in BUNDLED:
        for prompt in figure.prompts():
            assert not unknown_words([prompt], vocabulary, {}), prompt
    for figure in (*PAPER, *BUNDLED):
        for row in figure.rows:
            for change in row.changes if isinstance(row, EditRow) else ():
                assert change.target != row.source or change.options.get("equalizer"), change
                assert all(
                    len(find_all_words(change.target, word)) == 1 for word in change.options.get("equalizer", ())
                )


def test_comments_are_on_figures_that_there_are():
    assert set(_comments()) <= {figure.name for figure in BUNDLED}
    assert all(comment.good and comment.bad for comment in _comments().values())


def test_names():
    with pytest.raises(SettingsError, match=r"there is no figure '3\.2'; give some of 1\.1, 2\.2"):
        choose(PAPER, ["3.2"])
    assert choose(PAPER, []) == PAPER


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.urls += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "action")]


def test_the_page_stands_alone_and_escapes_every_text(entry):
    failed = BookEntry(
        replace(SMALL, name="<i>"), Path("nowhere"), None, None, failure='"><img src=x onerror=alert(1)>'
    )
    seen = replace(entry, comment=Comment(entry.made.key, "<u>good</u>", "bad & worse"))
    for page in (html_page([entry, failed], "<title>"), html_page([seen], "t")):
        parser = Links()
        parser.feed(page)
        assert not {"script", "b", "i", "u", "link", "iframe"} & set(parser.tags)
        assert all(url.startswith(("data:image/", "#figure-")) for url in parser.urls)
        assert "default-src 'none'" in page
        for path in entry.folder.glob("1-*.png"):
            assert str(path) not in page
    assert UNSEEN in html_page([entry], "t")
    assert UNSEEN not in html_page([seen], "t")
    page = html_page([seen], "t")
    for text in ("&lt;u&gt;good&lt;/u&gt;", "bad &amp; worse", "&#39;a dog eating an apple&#39;", "fingerprint"):
        assert text in page
    assert page.count("<img ") == sum(len(line.pictures) for line in entry.made.lines)


def test_large_pictures_go_in_small(entry, tmp_path):
    picture = replace(entry.made.lines[0].pictures[0], file="large.png")
    Image.effect_noise((512, 512), 80).convert("RGB").save(tmp_path / "large.png")
    line = replace(entry.made.lines[0], pictures=(picture,))
    page = html_page([BookEntry(SMALL, tmp_path, replace(entry.made, lines=(line,)), None)], "t")
    assert "data:image/jpeg;base64," in page
    assert len(page) < (tmp_path / "large.png").stat().st_size


def test_the_page_is_dark_or_light_and_prints(entry):
    page = html_page([entry], "t")
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert "@page" in page


def test_the_json_of_a_figure_is_plain(entry):
    plain = json.loads((entry.folder / "figure.json").read_text())
    assert plain["name"] == "9.9"
    assert plain["model"]["fingerprint"] == entry.made.model.fingerprint
    assert "torch" in plain["versions"]
