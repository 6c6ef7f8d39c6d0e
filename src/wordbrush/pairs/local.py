"""Engines of one machine: a thread beside the writer, or processes of which any may be lost."""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from threading import Thread
from typing import Any

from wordbrush.errors import WordbrushError
from wordbrush.pairs.factory import Engine
from wordbrush.pairs.lots import Job, Lot
from wordbrush.pairs.maker import PairMaker
from wordbrush.pairs.making import Making
from wordbrush.pairs.part import Outcome, Part

AHEAD = 2
"""Lots that wait for each worker: more would be made again after a stop, fewer would let a worker wait."""
Rows = tuple[int, ...]
"""The numbers of a lot's rows."""
DEATHS = 3
"""How often a row may end a worker that makes nothing else, until it is given up."""


def in_this_process(maker: PairMaker) -> Engine:
    """Make parts with a maker that is loaded already, while others are saved."""

    def run(lots: Iterable[Lot]) -> Iterator[bytes]:
        with _stopped_at_once(ThreadPoolExecutor(1)) as executor:
            for _, future in _as_made(executor, maker, iter(lots), AHEAD):
                yield from future.result()

    return run


def in_processes(making: Making, workers: int) -> Engine:
    """Make parts in processes, each with a model of its own, and a GPU of its own where there are several.

    A process that dies takes nothing with it: its rows are made again. A lot that ends its worker alone is made row by
    row, and a row that ends its worker several times, alone, is given up with an error.
    """

    def run(lots: Iterable[Lot]) -> Iterator[bytes]:
        left = iter(lots)
        suspects: list[Lot] = []
        deaths: Counter[Rows] = Counter()
        while suspects or (suspects := list(islice(left, 1))):
            lost: list[Lot] = []
            if not deaths.total():
                # Nothing died yet, or nothing since all suspects were made: as many as there are.
                yield from _until_broken(making, workers, AHEAD * workers, chain(suspects, left), lost)
                suspects, deaths = lost, Counter(map(_rows, lost))
                continue
            one_by_one = iter(suspects)
            yield from _until_broken(making, 1, 1, one_by_one, lost)
            suspects = [*lost, *one_by_one]
            deaths.update(map(_rows, lost))
            if lost and len(lost[0]) > 1:
                suspects[:1] = [(job,) for job in lost[0]]
                deaths.update((row.number,) for row, _ in lost[0])
            elif lost and deaths[_rows(lost[0])] > DEATHS:
                yield _given_up(suspects.pop(0)[0])
            if not suspects:
                deaths.clear()

    return run


def _until_broken(making: Making, workers: int, ahead: int, lots: Iterator[Lot], lost: list[Lot]) -> Iterator[bytes]:
    """Make parts until there are no lots, or a process dies: then `lost` has the lots that it may have had."""
    context = multiprocessing.get_context("spawn")
    taken = context.Value("i", 0)
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(making, taken))
    with _stopped_at_once(executor):
        for lot, future in _as_made(executor, _make, lots, ahead, lost):
            try:
                parts = future.result()
            except BrokenProcessPool:
                lost.append(lot)
            else:
                yield from parts


def _as_made(
    executor: Executor,
    make: Callable[[Lot], list[bytes]],
    lots: Iterator[Lot],
    ahead: int,
    broken: list[Lot] | None = None,
) -> Iterator[tuple[Lot, "Future[list[bytes]]"]]:
    """Submit lots, a few ahead, and give each with its finished future; none is taken once any lot is `broken`."""
    running: dict[Future[list[bytes]], Lot] = {}
    while True:
        if not broken:
            for lot in islice(lots, ahead - len(running)):
                try:
                    running[executor.submit(make, lot)] = lot
                except BrokenProcessPool:
                    assert broken is not None
                    broken.append(lot)
                    break
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future


class _stopped_at_once:
    """A scope at whose end an executor is stopped: after an error without waiting for what it does."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def __enter__(self) -> Executor:
        return self._executor

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        processes = list((getattr(self._executor, "_processes", None) or {}).values())
        self._executor.shutdown(wait=kind is None, cancel_futures=True)
        if kind is not None:
            for process in processes:
                process.terminate()


_maker: PairMaker | WordbrushError | None = None
"""This process's own, in a process that makes parts."""


def _begin(making: Making, taken: Any) -> None:
    """Load the model of a process that makes parts. An error waits for the first lot, which raises it."""
    global _maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the writer is asked too, and ends this process
    Thread(target=_end_with_parent, daemon=True).start()
    with taken.get_lock():
        number = taken.value
        taken.value += 1
    try:
        import torch

        torch.set_num_threads(making.model.threads)
        several = making.model.device == "cuda" and torch.cuda.device_count() > 1
        _maker = PairMaker.load(making, f"cuda:{number % torch.cuda.device_count()}" if several else None)
    except WordbrushError as error:
        _maker = error


def _make(lot: Lot) -> list[bytes]:
    if isinstance(_maker, WordbrushError):
        raise _maker
    assert _maker is not None
    return _maker(lot)


def _end_with_parent() -> None:
    """A writer that is killed leaves nobody behind."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _rows(lot: Lot) -> Rows:
    return tuple(row.number for row, _ in lot)


def _given_up(job: Job) -> bytes:
    row, address = job
    error = f"the row ended {DEATHS} workers, as one does that runs out of memory; use a smaller batch or size"
    return Part(Outcome(row.number, row.id, address, error=error)).to_bytes()
