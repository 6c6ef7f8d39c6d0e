"""Deaths of a larger job of `wordbrush pairs`: at each write, fsync, rename and unlink, or at random moments.

    PYTHONPATH=src:tests python tools/pairs_crashes.py FOLDER [--rows 100] [--minutes 10] [--kills 0] [--tiny]

Each death is followed by a run to the end, and the bytes of the set are compared with those of a run that was not
stopped. `FOLDER/done.txt` has the operations that were died at, so that a run that is started again goes on; they are
taken in an order drawn by lot, so that a part of them is spread over the job. With `--kills` the deaths fall at random
moments of a run that makes its rows anew, until there were so many. Each run is a process of its own, forked from one
that has loaded the model. With `--tiny` the model is a tiny one with random weights, and the files are small; in a
folder of memory (tmpfs) a job then takes a fraction of a second.
"""

import argparse
import json
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from helpers.crash import child_that_dies, child_that_is_killed
from helpers.pair_sets import LENIENT, KnownParts, contents
from wordbrush.pairs.choice import choose_model
from wordbrush.pairs.factory import Task, make_set
from wordbrush.pairs.local import in_this_process
from wordbrush.pairs.maker import PairMaker
from wordbrush.pairs.making import Making
from wordbrush.pairs.tries import Sampling
from wordbrush_bench.tiny.stable_diffusion import tiny_sd_folder

_OPTIONS = {"num_inference_steps": 1, "cross_replace_steps": 1.0, "self_replace_steps": 1.0}


def main() -> None:
    """Take what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * asked.minutes
    captions = asked.folder / "captions.jsonl"
    row = {"source": "a dog on a farm", "target": "a cat on a farm"}
    captions.write_text("".join(json.dumps({**row, "seed": seed}) + "\n" for seed in range(asked.rows)))
    model = None
    if asked.tiny:
        model = str(tiny_sd_folder(asked.folder / "model"))
    making = Making(choose_model(model, "cpu", None, 1), _OPTIONS, Sampling(1, 1, None), LENIENT)
    task = Task(captions, asked.folder / "set", making, shard_rows=10)
    maker = PairMaker.load(making)
    parts = KnownParts(maker)
    shutil.rmtree(task.out, ignore_errors=True)
    make_set(task, parts)
    whole = contents(task)
    if asked.kills:
        kill(task, maker, whole, asked.kills, until)
    else:
        die_everywhere(task, parts, whole, asked.folder / "done.txt", until)


def die_everywhere(task: Task, parts: KnownParts, whole: dict[str, bytes], state: Path, until: float) -> None:
    """Die at each operation that was not died at before, as long as there is time."""
    done = set(map(int, state.read_text().split())) if state.exists() else set()
    count = 64
    while fresh(task) and child_that_dies(lambda: make_set(task, parts), count):
        count *= 2  # at the most, twice as many as there are
    places = [at for at in range(1, count + 1) if at not in done]
    random.Random(0).shuffle(places)
    beyond = count + 1
    for at in places:
        if time.monotonic() > until:
            break
        if at >= beyond:
            continue
        fresh(task)
        if not child_that_dies(lambda: make_set(task, parts), at):
            beyond = min(beyond, at)  # the job has fewer operations
            continue
        make_set(task, parts)
        assert contents(task) == whole, f"the run that died at operation {at} is another"
        done.add(at)
        with state.open("a") as file:
            file.write(f"{at}\n")
    died = sorted(at for at in done if at < beyond)
    of = f"all {died[-1]} operations" if len(died) == died[-1] else f"different operations of the first {died[-1]}"
    print(f"{len(died)} deaths at {of}, {len(whole)} files; every set was the whole run's, to the byte")


def fresh(task: Task) -> bool:
    """Begin a set anew."""
    shutil.rmtree(task.out, ignore_errors=True)
    return True


def kill(task: Task, maker: PairMaker, whole: dict[str, bytes], kills: int, until: float) -> None:
    """Kill runs of a real maker at random moments, as long as there is time."""
    sets, fallen = 0, 0
    for after in moments():
        if fallen >= kills or time.monotonic() > until:
            break
        if child_that_is_killed(lambda: make_set(task, in_this_process(maker)), after):
            fallen += 1
            continue
        assert contents(task) == whole, f"after {fallen} kills the set is another"
        sets += 1
        fresh(task)
    make_set(task, in_this_process(maker))
    assert contents(task) == whole
    print(f"{fallen} kills in {sets + 1} sets of {len(whole)} files; every set was the whole run's, to the byte")


def moments() -> Iterator[float]:
    """Seconds after which a run is killed, drawn by lot."""
    chance = random.Random(0)
    while True:
        yield chance.uniform(0.05, 4.0)


if __name__ == "__main__":
    main()
