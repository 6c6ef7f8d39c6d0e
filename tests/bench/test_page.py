"""The page of cases: worst first, self-contained, every text escaped."""

import re

from helpers.benchmark_parts import grey, row
from wordbrush_bench.page import MOST_CASES, cases_page

EVIL = "<script>alert('x')</script> & \"quoted\""


def page(rows, folder):
    return cases_page(rows, folder, "Title <b>", ["about & all"], ["background PSNR"])


def test_the_worst_come_first_and_errors_are_the_worst(tmp_path):
    rows = [
        row("good", values={"success": 1.0}),
        row("bad", values={"success": 0.0}),
        row("broken", values={}, error="RuntimeError: it broke"),
    ]
    places = [page(rows, tmp_path).index(f", {name}</small>") for name in ("broken", "bad", "good")]
    assert places == sorted(places)


def test_every_text_is_escaped(tmp_path):
    html = page(
        [row(EVIL, method=EVIL, kind=EVIL, prompts=(EVIL, EVIL), notes=(EVIL,)), row("e", values={}, error=EVIL)],
        tmp_path,
    )
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;quoted&#34;") >= 6
    assert "Title &lt;b&gt;" in html


def test_pictures_are_inside_and_nothing_else_is_fetched(tmp_path):
    (tmp_path / "pictures").mkdir()
    grey(9).save(tmp_path / "pictures" / "x.webp")
    html = page([row("a", values={"success": 1.0, "background PSNR": 21.5})], tmp_path)
    sources = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert len(sources) == 1
    assert sources[0].startswith("data:image/webp;base64,")
    assert "default-src 'none'" in html
    assert "background PSNR 21.5" in html
    assert "✓" in html


def test_only_pictures_of_the_run_are_read(tmp_path):
    secret = tmp_path / "secret.webp"
    grey(9).save(secret)
    html = page([row("a", pictures={"edited": "../secret.webp"})], tmp_path / "run")
    assert "data:image/webp" not in html


def test_a_long_run_shows_its_worst(tmp_path):
    html = page([row(f"c{i}") for i in range(MOST_CASES + 5)], tmp_path)
    assert html.count("<section>") == MOST_CASES
    assert f"the {MOST_CASES} worst of {MOST_CASES + 5}" in html
