"""Making a set: rows in, parts as they come, shards in order; stopped anywhere, it goes on where it was."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

from wordbrush.errors import DataError, SettingsError
from wordbrush.pairs.about import write_about
from wordbrush.pairs.captions import Raw, file_sha256, read_captions
from wordbrush.pairs.formats import FORMATS, need_pyarrow
from wordbrush.pairs.lots import Job, Lot, lots_of
from wordbrush.pairs.making import Making, address_of
from wordbrush.pairs.part import Outcome, Part
from wordbrush.pairs.row import check_row
from wordbrush.pairs.store import Shard, Store
from wordbrush.pairs.totals import Totals

Engine = Callable[[Iterable[Lot]], Iterator[bytes]]
"""Makes the parts of lots, in any order, each once or more often."""
Report = Callable[[Totals], None]
"""Is given the counts after each row."""


@dataclass(frozen=True)
class Task:
    """A set to be made: of which captions, in which folder, how, as what files, and with how many rows in each.

    `licence` is what the datasheet says of the set's own.
    """

    captions: Path
    out: Path
    making: Making
    format: str = "webdataset"
    shard_rows: int = 250
    licence: str | None = None

    def __post_init__(self) -> None:
        """Raise `SettingsError` for a shard without rows, `MissingPackageError` for files that cannot be written."""
        if self.shard_rows < 1:
            raise SettingsError(f"shard_rows is {self.shard_rows}; give 1 or more")
        if self.format not in FORMATS:
            raise SettingsError(f"format is '{self.format:.40}'; give one of {', '.join(FORMATS)}")
        if self.format == "parquet":
            need_pyarrow()

    def depends_on(self) -> dict[str, object]:
        """What the bytes of the set depend on, as JSON."""
        made = self.making.depends_on()
        return {**made, "captions": file_sha256(self.captions), "format": self.format, "shard_rows": self.shard_rows}


@dataclass
class _Open:
    """A shard whose rows are not all there: their numbers, what is wrong with some, and which are still missing."""

    rows: list[int] = field(default_factory=list)
    errors: dict[int, Outcome] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)


def checked_rows(
    captions: Path, depends_on: Mapping[str, object], photos: Path | None = None
) -> Iterator[Job | Outcome]:
    """The rows of a file with their addresses; one that is malformed, or repeats another, is its outcome.

    `photos` is the folder of their photographs, if they may have some.
    """
    first: dict[bytes, int] = {}
    for number, raw in enumerate(read_captions(captions), start=1):
        job = _checked(number, raw, depends_on, photos)
        if isinstance(job, Outcome):
            yield job
            continue
        row, address = job
        before = first.setdefault(bytes.fromhex(address), number)
        yield job if before == number else Outcome(number, row.id, address, error=f"the row repeats row {before}")


def make_set(task: Task, engine: Engine, report: Report = lambda totals: None) -> Totals:
    """Make a set, or go on with one that was stopped; returns its counts.

    Raises `DataError` for captions that cannot be read, `OutputError` when nothing can be written, `RecordError` when
    the folder has another set.
    """
    depends_on = task.depends_on()
    totals = Totals(sum(1 for _ in read_captions(task.captions)))
    if not totals.rows:
        raise DataError(f"'{task.captions}' has no rows; give a file of captions")
    with Store(task.out, task.format, depends_on) as store:
        shards: dict[int, Shard] = {}
        opened: dict[int, _Open] = {}

        def finish_if_whole(index: int) -> None:
            shard = opened[index]
            if not shard.missing:
                shards[index] = store.write_shard(index, shard.rows, shard.errors)
                del opened[index]

        def lots() -> Iterator[Lot]:
            rows = checked_rows(task.captions, task.making.depends_on(), task.making.photos)
            for index in count():
                entries = list(islice(rows, task.shard_rows))
                if not entries:
                    return
                if store.has_shard(index):
                    shards[index] = store.shard(index)
                    store.forget_parts([_number(entry) for entry in entries])
                    for outcome in shards[index].outcomes():
                        totals.add(outcome)
                    report(totals)
                    continue
                shard = opened[index] = _Open([_number(entry) for entry in entries])
                jobs: list[Job] = []
                for entry in entries:
                    if isinstance(entry, Outcome):
                        shard.errors[entry.row] = entry
                        totals.add(entry)
                        continue
                    jobs.append(entry)
                    if (part := store.part(entry[0].number)) is not None:
                        totals.add(part.outcome)
                    else:
                        shard.missing.add(entry[0].number)
                missing = frozenset(shard.missing)
                report(totals)
                finish_if_whole(index)
                for lot in lots_of(jobs, task.making):  # of all rows: those that are there decide what is a lot
                    if any(row.number in missing for row, _ in lot):
                        yield lot

        for content in engine(lots()):
            outcome = Part.of_bytes(content).outcome
            index = (outcome.row - 1) // task.shard_rows
            if index not in opened or outcome.row not in opened[index].missing:
                continue  # made twice: by an engine that lost a worker, or beside a row of its lot that was missing
            store.keep_part(outcome.row, content)
            opened[index].missing.remove(outcome.row)
            totals.add(outcome)
            totals.made += 1
            report(totals)
            finish_if_whole(index)
        if opened:
            raise DataError(f"the engine ended without {sum(len(s.missing) for s in opened.values())} rows; run again")
        write_about(task.out, task.making, task.format, task.licence, totals, [shards[i] for i in sorted(shards)])
        return totals


def _checked(number: int, raw: Raw, depends_on: Mapping[str, object], photos: Path | None) -> Job | Outcome:
    if isinstance(raw, str):
        return Outcome(number, error=raw)
    try:
        row = check_row(number, raw, photos)
    except DataError as error:
        return Outcome(number, error=str(error))
    return row, address_of(depends_on, row)


def _number(entry: Job | Outcome) -> int:
    return entry.row if isinstance(entry, Outcome) else entry[0].number
