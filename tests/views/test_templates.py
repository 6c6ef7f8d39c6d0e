"""Every variable of every template is filled with hostile text, and none of it becomes more than text."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import Environment, nodes
from jinja2.ext import Extension
from markupsafe import Markup

from helpers.benchmark_parts import grey, row
from helpers.pages import Page
from wordbrush.editor import Editor
from wordbrush.figures.book import BookEntry
from wordbrush.figures.comments import Comment
from wordbrush.figures.make import make_figure
from wordbrush.figures.page import html_page
from wordbrush.figures.spec import Figure, swaps
from wordbrush.views import notebook, templates
from wordbrush.views.notebook import ShownPicture, code_html, marks_html, problem_html, record_html, result_html
from wordbrush.views.prompts import marked_prompts, unmarked
from wordbrush_bench.page import cases_page

ROOT = Path(templates.__file__).parents[2]
TEMPLATES = sorted(ROOT.glob("*/**/templates/*.html"))
HOSTILE = "</bdi></style></title>\"'><script>alert(1)</script><img src=x onerror=alert(1)> --> $x$ \0"
VARIABLE = re.compile(r"\{\{-?(.+?)-?\}\}", re.DOTALL)

unchanged_environment = templates.environment.__wrapped__

filled: set[tuple[str, str]] = set()


def hostile(value: object, template: str, place: str) -> object:
    """What a template made stays; everything else that it shows is replaced."""
    filled.add((template, place))
    return value if isinstance(value, Markup) else HOSTILE


class FillHostile(Extension):
    """Passes every variable of a template through `hostile`."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return VARIABLE.sub(lambda found: f"{{{{ ({found[1]}) | hostile({name!r}, {found[1].strip()!r}) }}}}", source)


def hostile_environment(package: str) -> Environment:
    made = unchanged_environment(package)
    made.filters["hostile"] = hostile
    made.add_extension(FillHostile)
    return made


@pytest.fixture(scope="module")
def entry(tiny_folder, tmp_path_factory) -> BookEntry:
    folder = tmp_path_factory.mktemp("figures") / "1"
    figure = Figure("1", "shows", (replace(swaps("a dog", "dog", ("cat",), 1), with_plain=True),), note="note")
    made = make_figure(Editor.from_pretrained(tiny_folder, "cpu"), figure, folder, num_inference_steps=2)
    return BookEntry(figure, folder, made, Comment(made.key, "good", "bad"))


@pytest.fixture(scope="module")
def photo_edit(tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, "cpu")
    source = editor.invert(grey(90, 32), "a dog", num_inference_steps=2)
    return editor.edit(source, "a cat")


def pages(entry: BookEntry, photo_edit, folder: Path) -> Iterator[tuple[str, str]]:
    """Everything that is shown as HTML, by name."""
    failed = replace(entry, made=None, comment=None, failure="why")
    yield "figures", html_page([entry, replace(entry, comment=None), failed], "title")
    rows = [
        row("a", values={"success": 1.0, "psnr": 2.0}, notes=("note",)),
        row("b", values={"success": 0.0}),
        row("c", values={}, error="why"),
    ]
    yield "cases", cases_page(rows, folder, "title", ["about"], ["psnr"])
    picture = ShownPicture(b"png", 8, 8, "alt", unmarked("caption"))
    yield "result", result_html([picture], [("a", "b")], acted=["c", "d"], controlled_calls=3, warnings=["e", "f"])
    yield "record", record_html(photo_edit.record)
    yield "marks", marks_html(*marked_prompts("a dog", "a cat", {"cat": 2}), ["warning"])
    yield "sheet", notebook.sheet_html(picture)
    yield "code", code_html("code")
    yield "problem", problem_html("problem")


def structure(html: str) -> list[tuple[str, list[str]]]:
    """Elements, the names of their attributes, and those values that a browser would fetch or follow."""
    page = Page(re.sub(r"(?s)^<!doctype html>|<style>.*?</style>|<meta[^>]*>", "", html))
    for _, attributes in page.elements:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("data:image/", "#"))
    return [(tag, sorted(attributes)) for tag, attributes in page.elements]


def test_hostile_text_in_any_variable_stays_text(entry, photo_edit, tmp_path, monkeypatch):
    (tmp_path / "pictures").mkdir()
    grey(9).save(tmp_path / "pictures" / "x.webp")
    harmless = {name: structure(html) for name, html in pages(entry, photo_edit, tmp_path)}
    for module in (templates, notebook):
        monkeypatch.setattr(module, "environment", hostile_environment)
    filled.clear()
    for name, html in pages(entry, photo_edit, tmp_path):
        assert structure(html) == harmless[name], name
        assert "<script" not in html
        assert "\0" not in html
    everything = {
        (path.name, found[1].strip())
        for path in TEMPLATES
        for found in VARIABLE.finditer(path.read_text(encoding="utf-8"))
    }
    assert filled == everything, "a variable that no page of this test fills"


def test_no_template_can_switch_escaping_off():
    assert {path.name for path in TEMPLATES} == {"page.html", "figures.html", "notebook.html", "cases.html"}
    for path in TEMPLATES:
        environment = templates.environment("wordbrush.views")
        assert environment.autoescape is True
        tree = environment.parse(path.read_text(encoding="utf-8"))
        assert not [found.name for found in tree.find_all(nodes.Filter) if found.name in ("safe", "escape", "e")]
        assert not list(tree.find_all(nodes.ScopedEvalContextModifier))
        assert not list(tree.find_all(nodes.EvalContextModifier))


def test_only_page_html_has_a_head_and_nothing_is_fetched():
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        assert ("<head" in text) == (path.name == "page.html")
        assert not re.search(r"<script|<link|<iframe|@import|url\(|https?:", text)
