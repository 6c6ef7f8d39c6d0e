"""Drawing the tries of rows: sources and edits of several rows in batches of the model that are full."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from wordbrush.editor import Editor, split_options
from wordbrush.edits.settings import EditOptions, EditSettings
from wordbrush.edits.strength import AUTO
from wordbrush.errors import IdleEditError
from wordbrush.maps.request import MapsRequest
from wordbrush.pairs.batches import full_batches
from wordbrush.pairs.lots import Lot
from wordbrush.pairs.making import Making
from wordbrush.pairs.photos import photo_picture
from wordbrush.pairs.row import PairRow
from wordbrush.pairs.tries import chosen, of_tries, seeds_of
from wordbrush.runs.results import EditResult, Source
from wordbrush.sampling.settings import GenerationOptions, GenerationSettings
from wordbrush.sampling.text_memory import TextMemory
from wordbrush.search.trials import side_by_side

DrawnTry = tuple[EditResult, EditSettings]
"""An edit, and its own settings."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """All that was drawn of a row, in order, and how many tries would have done nothing."""

    tries: Sequence[DrawnTry]
    idle: int


@dataclass(frozen=True, eq=False)
class _Asked:
    """A source of a row, and those of its edits that act; whether they run in one batch with others."""

    start: GenerationSettings | Source
    edit: EditSettings
    beside: bool


@dataclass(eq=False)
class _Row:
    """A row while it is drawn: what it asks for, what came of each of these, and what was idle or went wrong."""

    asked: Sequence[_Asked] = ()
    idle: int = 0
    error: Exception | None = None
    made: list[list[DrawnTry]] = field(default_factory=list)


class Drawing:
    """Draws the tries of the rows of a lot with one model, whose weights stay as they are.

    All batches have the same size: a row's pictures are the same whatever is drawn beside them (decision 0060).
    """

    def __init__(self, editor: Editor, making: Making) -> None:
        """Use an editor that is loaded already."""
        self._editor, self._making = editor, making
        self._texts = TextMemory()

    def __call__(self, lot: Lot, never: tuple[type[Exception], ...]) -> list[Drawn | Exception]:
        """What was drawn of each row, or the error that is its own. Raises the errors of the types `never`, which are
        no row's.
        """
        rows = [self._planned(row, address, never) for row, address in lot]
        try:
            self._draw(rows)
        except never:
            raise
        except Exception:  # one of them is to blame: each is drawn by itself, in batches of the same size
            for row in rows:
                self._draw_alone(row, never)
        return [row.error or Drawn([one for made in row.made for one in made], row.idle) for row in rows]

    def _planned(self, row: PairRow, address: str, never: tuple[type[Exception], ...]) -> _Row:
        try:
            return self._plan(row, address)
        except never:
            raise
        except Exception as error:
            return _Row(error=error)

    def _plan(self, row: PairRow, address: str) -> _Row:
        sampling = self._making.sampling.beside(row.options)
        generation, edit = split_options({**self._making.options, **row.options})
        asked, idle = list[_Asked](), 0
        for seed in seeds_of(row, address, sampling.seeds):
            generation["seed"] = seed
            start = self._start(row, generation)
            if edit.get("strength") == AUTO:
                start = self._source(start)
            every = of_tries(self._settings(row, start, edit), address, seed, sampling)
            places = [i for i in range(len(every.targets)) if not self._is_idle(start, chosen(every, [i]))]
            idle += len(every.targets) - len(places)
            if places:
                acting = chosen(every, places)
                beside = not isinstance(start, Source) and self._editor.runs_beside_others(start, acting)
                asked.append(_Asked(start, acting, beside))
        return _Row(asked, idle)

    def _start(self, row: PairRow, generation: GenerationOptions) -> GenerationSettings | Source:
        """What is drawn beside its edits, or the source that a photograph becomes, which shows the photograph itself
        and has its maps.
        """
        if row.photo is None:
            return self._editor.generation_settings(row.source, **generation)
        assert self._making.photos is not None  # a row with a photograph was refused without a folder
        photo = photo_picture(self._making.photos, row.photo, self._editor.model.native_size)
        options = {name: value for name, value in generation.items() if name != "sampler"}
        source = self._editor.invert(photo, row.source, method=self._making.inversion, **cast(Any, options))
        return replace(source, image=photo, maps=self._editor.maps(source))

    def _source(self, start: GenerationSettings | Source) -> Source:
        """The source itself, which a search for strengths looks at."""
        return start if isinstance(start, Source) else self._editor.generate(start, capture=MapsRequest())

    def _settings(self, row: PairRow, start: GenerationSettings | Source, edit: EditOptions) -> EditSettings:
        """The settings of a row's edits; with `strength="auto"` those that a search found best for each target."""
        if edit.get("strength") != AUTO:
            return self._editor.edit_settings(row.targets, start, **edit)
        assert isinstance(start, Source)  # it was made for the search
        return side_by_side([self._editor.find_strength(start, target, **edit).best.edit for target in row.targets])

    def _is_idle(self, start: GenerationSettings | Source, edit: EditSettings) -> bool:
        try:
            self._editor.preview(start, edit)
        except IdleEditError:
            return True
        return False

    def _draw_alone(self, row: _Row, never: tuple[type[Exception], ...]) -> None:
        try:
            self._draw([row])
        except never:
            raise
        except Exception as error:
            row.error = error

    def _draw(self, rows: Sequence[_Row]) -> None:
        """Draw what rows ask for: those that can, in batches with others."""
        shared: list[tuple[_Asked, list[DrawnTry]]] = []
        for row in rows:
            row.made = [[] for _ in row.asked]
            for asked, made in zip(row.asked, row.made, strict=True):
                if asked.beside:
                    shared.append((asked, made))
                else:
                    made += self._drawn_alone(asked)
        pictures = self._making.batch
        for batch in full_batches([len(asked.edit.targets) for asked, _ in shared], pictures):
            edits = [chosen(shared[share.source][0].edit, range(share.start, share.stop)) for share in batch]
            starts = [cast(GenerationSettings, shared[share.source][0].start) for share in batch]
            results = self._editor.generate_and_edit_all(
                list(zip(starts, edits, strict=True)), pictures, capture=MapsRequest(), texts=self._texts
            )
            for share, edit, found in zip(batch, edits, results, strict=True):
                shared[share.source][1].extend((result, chosen(edit, [i])) for i, result in enumerate(found))

    def _drawn_alone(self, asked: _Asked) -> list[DrawnTry]:
        """Edits of a source that cannot run beside others, as many at once as a batch has room for."""
        size, found = self._making.batch - 1, list[DrawnTry]()
        for at in range(0, len(asked.edit.targets), size):
            batch = chosen(asked.edit, range(at, min(at + size, len(asked.edit.targets))))
            if isinstance(asked.start, Source):
                results = self._editor.apply(asked.start, batch, capture=MapsRequest())
            else:
                results = self._editor.generate_and_edit(asked.start, batch, capture=MapsRequest())
            found += [(result, chosen(batch, [i])) for i, result in enumerate(results)]
        return found
