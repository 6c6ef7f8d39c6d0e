from dataclasses import replace
from threading import Event

import pytest

import wordbrush
from wordbrush.editor import Editor
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.panel.session import EditSession
from wordbrush.panel.state import PanelState
from wordbrush.runs.results import EditResult, Source

STATE = PanelState("a dog eating an apple", "a cat eating an apple", 7, 3, 7.5, (0.0, 0.8), (0.0, 0.4))


class Seen:
    """A view that keeps what it is told; `stop_at` presses Cancel at a step."""

    def __init__(self, stop_at: tuple[str, int] | None = None) -> None:
        self.steps: list[tuple[str, int, int]] = []
        self.shown: list[Source | EditResult] = []
        self.maps: list[tuple[AttentionMaps, Source | EditResult]] = []
        self.problems: list[str] = []
        self.stop = Event()
        self._stop_at = stop_at

    def progress(self, what, done, total):
        self.steps.append((what, done, total))
        if (what, done) == self._stop_at:
            self.stop.set()

    def show(self, made):
        self.shown.append(made)

    def show_maps(self, maps, made):
        self.maps.append((maps, made))

    def tell(self, problem):
        self.problems.append(problem)


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32")


@pytest.fixture
def session(editor) -> EditSession:
    return EditSession(editor)


def run(session: EditSession, state: PanelState, stop_at: tuple[str, int] | None = None) -> Seen:
    seen = Seen(stop_at)
    session.edit(state, seen, seen.stop)
    return seen


def test_a_run_shows_its_steps_its_source_and_its_edit(session):
    seen = run(session, STATE)
    assert seen.steps == [("source", i, 3) for i in (1, 2, 3)] + [("edit", i, 3) for i in (1, 2, 3)]
    assert seen.shown == [session.source, session.result]
    assert seen.problems == []


@pytest.mark.parametrize(
    "change",
    [
        {"target": "a big dog"},
        {"weights": {"apple": 3.0}},
        {"cross_replace_steps": (0.2, 1.0)},
        {"self_replace_steps": (0.0, 1.0)},
        {"blend": ("cat",)},
    ],
)
def test_another_edit_of_the_same_source_runs_the_edit_alone(session, change):
    run(session, STATE)
    source = session.source
    seen = run(session, replace(STATE, **change))
    assert [what for what, _, _ in seen.steps] == ["edit"] * 3
    assert session.source is source
    assert seen.shown == [session.result]


@pytest.mark.parametrize(
    "change", [{"prompt": "a dog"}, {"seed": 8}, {"num_inference_steps": 2}, {"guidance_scale": 3.0}]
)
def test_another_source_is_made(session, change):
    run(session, STATE)
    first = session.source
    seen = run(session, replace(STATE, **change))
    assert {what for what, _, _ in seen.steps} == {"source", "edit"}
    assert session.source is not first


@pytest.mark.parametrize("change", [{"weights": {"apple": 2.0}}, {"blend": ("cat", "apple"), "blend_threshold": 0.1}])
def test_the_code_makes_the_same_pictures(session, change):
    state = replace(STATE, **change)
    run(session, state)
    made: dict[str, object] = {}
    exec(state.code(session.model), made)
    assert made["wordbrush"] is wordbrush
    assert made["source"].image.tobytes() == session.source.image.tobytes()
    assert made["result"].image.tobytes() == session.result.image.tobytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"target": STATE.prompt}, "change a word"),
        ({"prompt": "a " * 200}, "tokens"),
        ({"cross_replace_steps": (0.5, 0.5), "self_replace_steps": (0.5, 0.5)}, "widen a window"),
        ({"num_inference_steps": 0}, "num_inference_steps is 0"),
    ],
)
def test_what_cannot_be_is_told_with_its_remedy(session, change, told):
    seen = run(session, replace(STATE, **change))
    assert len(seen.problems) == 1
    assert told in seen.problems[0]
    assert session.result is None


def test_what_nobody_foresaw_is_told_too(session):
    class Broken(Seen):
        def show(self, made):
            raise ZeroDivisionError("no picture")

    seen = Broken()
    session.edit(STATE, seen, seen.stop)
    assert seen.problems == ["ZeroDivisionError: no picture"]


@pytest.mark.parametrize("where", [("source", 2), ("edit", 1)])
def test_cancel_keeps_the_pictures_from_before(session, where):
    run(session, STATE)
    before = (session.source, session.result)
    state = replace(STATE, seed=9) if where[0] == "source" else replace(STATE, target="a big dog")
    seen = run(session, state, stop_at=where)
    assert seen.steps[-1][:2] == where
    assert seen.problems == ["cancelled; what is shown was finished before"]
    assert (session.source, session.result) == before
    assert run(session, STATE).problems == []


def test_only_the_chosen_words_region_changes(session):
    run(session, replace(STATE, blend=("cat",)))
    assert session.result.record.edit.local_blend.words == ("dog", "cat")
    assert session.result.blend_masks is not None


def test_maps_of_the_latest_picture_are_shown(session):
    seen = Seen()
    session.look(seen, seen.stop)
    assert seen.problems == ["there is no picture to show the maps of; press Edit first"]
    run(session, STATE)
    seen = Seen()
    session.look(seen, seen.stop)
    (maps, made), *more = seen.maps
    assert made is session.result
    assert maps.words == ("a", "cat", "eating", "an", "apple")
    assert more == []
    assert [what for what, _, _ in seen.steps] == ["maps"] * 3


def test_another_source_forgets_the_edit_of_the_one_before(session):
    run(session, STATE)
    run(session, replace(STATE, seed=8), stop_at=("edit", 1))
    assert session.result is None
    assert session.source.settings.seed == 8


def test_unknown_words_are_hinted_at(session):
    assert session.hints(STATE) == []  # a model with no list of words knows all


def test_unknown_words_of_the_bundled_model_are_hinted_at():
    session = EditSession(Editor.from_pretrained())
    assert session.hints(replace(STATE, target="a puppy eating an apple")) == [
        "this model never saw the word 'puppy'; the nearest it knows is 'dog'"
    ]
