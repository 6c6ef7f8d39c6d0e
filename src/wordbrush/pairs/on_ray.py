"""The engine for more than one machine: Ray Data streams lots of rows through a pool of actors, each with a model.

It starts actors up to a number, holds back what comes faster than it is saved, and makes again what a lost actor or
node had. It may do that twice, which the writer does not mind.
"""

import pickle
from collections.abc import Iterable, Iterator
from typing import Any

from wordbrush.errors import MissingPackageError
from wordbrush.pairs.factory import Engine
from wordbrush.pairs.lots import Lot
from wordbrush.pairs.maker import PairMaker
from wordbrush.pairs.making import Making


def on_ray(making: Making, workers: int) -> Engine:
    """Make parts on a Ray cluster, by at most so many actors: the one that `RAY_ADDRESS` names, else a local one.

    An actor has a GPU of its own where the model is on one, and else as many CPUs as it has threads. The weights are
    read by each actor from its own node. Raises `MissingPackageError` without Ray.
    """
    try:
        import pyarrow
        import ray
    except ImportError:
        raise MissingPackageError("--engine ray takes Ray: pip install 'wordbrush[ray]'") from None

    class Actor:
        """A maker, as Ray Data calls it: with tables of lots."""

        def __init__(self) -> None:
            self._make = PairMaker.load(making)

        def __call__(self, lots: Any) -> Any:
            parts = [part for lot in lots["lot"].to_pylist() for part in self._make(pickle.loads(lot))]
            return pyarrow.table({"part": pyarrow.array(parts, pyarrow.binary())})

    def run(lots: Iterable[Lot]) -> Iterator[bytes]:
        asked = [pickle.dumps(lot) for lot in lots]
        if not asked:
            return
        tables = [pyarrow.table({"lot": pyarrow.array([lot], pyarrow.binary())}) for lot in asked]
        if not ray.is_initialized():
            ray.init(include_dashboard=False, log_to_driver=False)
        ray.data.DataContext.get_current().enable_progress_bars = False  # the command says how far it is
        on_gpu = making.model.device.startswith("cuda")
        made: Any = ray.data.from_arrow(tables).map_batches(
            Actor,
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers),
            num_gpus=1 if on_gpu else 0,
            num_cpus=0 if on_gpu else making.model.threads,
        )
        for batch in made.iter_batches(batch_size=1, batch_format="pyarrow"):
            yield from batch["part"].to_pylist()

    return run
