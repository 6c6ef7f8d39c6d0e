"""`wordbrush figures` as a user meets it, on a model without trained weights and on the bundled one."""

import pytest

from wordbrush.figures import book
from wordbrush.figures.spec import Figure, swaps, weights

SWAP = Figure("1", "A swap.", (swaps("a dog", "dog", ("cat",), 1),))
IDLE = Figure("2", "Nothing.", (weights("a dog", "dog", (1,), 1),))


@pytest.fixture
def run(command_line):
    """Run `wordbrush figures`."""
    return lambda *arguments: command_line("figures", *arguments)


def test_the_list(run):
    code, out, _, made = run("--list")
    assert code == 0
    assert made == []
    assert out.startswith("1.1 ")
    assert len(out.splitlines()) == 20
    assert len(run("3.5", "--list")[1].splitlines()) == 1


def test_a_figure_of_the_bundled_model_is_made_once(run, tmp_path):
    arguments = ("3.3", "--model", "bundled", "--steps", "3", "--out", "o")
    code, out, _, made = run(*arguments)
    assert code == 0
    assert {"o/3.3/figure.png", "o/3.3/figure.json", "o/figures.html"} <= set(made)
    assert "o/figures.pdf" not in made
    assert "No one has looked at this one." in (tmp_path / "o/figures.html").read_text()
    before = (tmp_path / "o/3.3/figure.json").stat().st_mtime_ns
    (tmp_path / "o/figures.pdf").write_bytes(b"%PDF-")
    code, out, _, _ = run(*arguments)
    assert code == 0
    assert "figure 3.3 is there already" in out
    assert "figures.pdf is from an earlier wordbrush; print figures.html" in out
    assert (tmp_path / "o/3.3/figure.json").stat().st_mtime_ns == before


def test_what_fails_is_said_and_the_rest_is_made(run, monkeypatch, tiny_folder, tmp_path):
    monkeypatch.setattr(book, "PAPER", (SWAP, IDLE))
    monkeypatch.setattr("wordbrush.figures.paper.PAPER", (SWAP, IDLE))
    code, _, err, made = run("--model", str(tiny_folder), "--steps", "2", "--out", "o", "--quiet")
    assert code == 2
    assert "figure 2 failed: the weight of 'dog' is 1 and the prompt 'a dog' is the source's" in err
    assert err.splitlines()[-1].startswith("error: not every figure could be made: 2 (")
    assert "o/1/figure.json" in made
    assert "o/2/figure.json" not in made
    assert "so the result would be the source" in (tmp_path / "o/figures.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["9.9"], "there is no figure '9.9'"),
        (["--list", "x"], "there is no figure 'x'"),
        (["3.3", "--model", "/no/such/folder"], "there is no folder"),
        (["3.3", "--model", "bundled", "--dtype", "int4"], "dtype is 'int4'"),
    ],
)
def test_bad_input_is_one_line(run, arguments, message):
    code, out, err, made = run(*arguments)
    assert (code, out, made) == (2, "", [])
    assert message in err
    assert err.count("\n") == 1
