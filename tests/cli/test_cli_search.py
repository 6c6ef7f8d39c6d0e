"""`--strength`, `--candidates` and `wordbrush explore` as a user meets them."""

import json

import pytest

DOG, CAT = PROMPTS = ("a dog eating an apple", "a cat eating an apple")


@pytest.fixture
def run(command_line, tiny_folder):
    """Run the command line with the tiny model and few steps."""
    return lambda *arguments: command_line(*arguments, "--model", str(tiny_folder), "--steps", "4")


def test_a_strength_is_recorded(run, tmp_path):
    code, said, _, _ = run("edit", *PROMPTS, "--strength", "0.7", "--no-comparison")
    assert code == 0
    assert "strength 0.7" in said
    assert json.loads((tmp_path / "wordbrush-out" / "record.json").read_text())["edit"]["strength"] == 0.7


def test_a_search_and_its_replay(run, command_line):
    code, said, _, _ = run("edit", *PROMPTS, "--strength", "auto", "--no-comparison")
    assert code == 0
    assert "strength 0." in said
    code, said, _, _ = command_line("replay", "wordbrush-out/edited.png")
    assert code == 0
    assert "bit for bit" in said


def test_candidates_are_ranked(run, tmp_path):
    code, said, _, made = run("edit", *PROMPTS, "--candidates", "2")
    assert code == 0
    assert said.startswith("1. strength")
    assert {"wordbrush-out/sheet.png", "wordbrush-out/ranking.json"} <= set(made)
    assert len(json.loads((tmp_path / "wordbrush-out" / "ranking.json").read_text())["edits"]) == 2


def test_seeds_are_explored_and_replay(run, command_line):
    code, said, _, made = run("explore", *PROMPTS, "--seeds", "2")
    assert code == 0
    assert "seed 1: score" in said
    picture = next(name for name in made if "seed-1" in name)
    code, said, _, _ = command_line("replay", picture)
    assert code == 0
    assert "bit for bit" in said


def test_what_does_nothing_is_refused(run):
    for arguments, said in (
        (("edit", *PROMPTS, "--clip", "folder"), "--clip does nothing alone"),
        (("edit", *PROMPTS, "--strength", "much"), "--strength 'much' is not a number"),
        (("edit", DOG, "a cat", "a bear", "--candidates", "2"), "--candidates is for one TARGET"),
        (("explore", "a dog"), "no TARGET"),
    ):
        code, _, error, _ = run(*arguments)
        assert code == 2
        assert said in error


def test_a_result_is_edited_further_and_replays(run, command_line, tmp_path):
    assert run("edit", DOG, CAT, "a bear eating an apple", "--no-comparison")[0] == 0
    model = ("--model", str(json.loads((tmp_path / "wordbrush-out/record.json").read_text())["model"]["name"]))
    code, _, _, _ = command_line(
        "edit", "--further", "wordbrush-out/edited-2.png", "a bear eating an orange", "--out", "o", *model
    )
    assert code == 0
    record = json.loads((tmp_path / "o/record.json").read_text())
    assert [link["index"] for link in record["chain"]] == [1]
    code, said, _, _ = command_line("replay", "o/edited.png")
    assert code == 0
    assert "bit for bit" in said
    for arguments, said in (
        (("wordbrush-out/record.json", "a bear"), "is the record of 2 edits; give the PNG of one of them"),
        (("o/edited.png", "a bear", "--seed", "3"), "--seed is about a new picture"),
    ):
        code, _, error, _ = command_line("edit", "--further", *arguments, "--out", "p")
        assert code == 2
        assert said in error
