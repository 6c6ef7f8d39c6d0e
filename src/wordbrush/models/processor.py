"""What this processor computes fast: the dtype of a large model, and the threads that a small one gains from.

`benchmarks/processor.py` measures all that is decided here, and docs/cost.md says what it found.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import RLock

LARGE = 200 * 1024**2
"""Bytes of weights from which a model is large: its time is that of its matrix products.

Below, time goes into starting many small operations. A second thread then gains little on a quiet machine and loses
much on a busy one, and a narrower dtype gains nothing.
"""

_thread_count_lock = RLock()


def weight_bytes(model: Path, variant: str | None = None) -> int:
    """The bytes of the weights that loading a model's folder, or its one file, reads."""
    from wordbrush.models.folder import used_files  # which needs torch, and `wait_passively` is before that

    if model.is_file():
        return model.stat().st_size
    files = (path for part in used_files(model, variant).values() for path in part)
    return sum(path.stat().st_size for path in files if path.suffix == ".safetensors")


def fastest_dtype(kind: str, num_bytes: int) -> str:
    """The dtype for a model of `num_bytes` of weights on "cpu", "cuda" or "mps".

    On a CPU it is float32, but bfloat16 for a large model where the CPU has instructions for products in it.
    """
    if kind != "cpu":
        return "float16"
    return "bfloat16" if num_bytes >= LARGE and _multiplies_bfloat16() else "float32"


@cache
def is_slow(dtype: str) -> bool:
    """Whether this CPU has no instructions for products in a dtype, and is many times slower in it than in float32."""
    import torch

    if dtype == "float32" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return dtype != "float32"
    asked = {"bfloat16": "_is_mkldnn_bf16_supported", "float16": "_is_mkldnn_fp16_supported"}[dtype]
    return not getattr(torch.ops.mkldnn, asked)()


def threads_for(num_bytes: int, available: int) -> int:
    """How many of the `available` threads a model of `num_bytes` of weights should use: one, unless it is large."""
    return available if num_bytes >= LARGE else 1


def wait_passively() -> None:
    """Let OpenMP's threads sleep while they wait for each other, unless the environment says otherwise.

    They spin by default: beside another busy program each of them then waits for a core that another one spins on. It
    acts only before torch is loaded, and on the whole process, so that programs call it and a library does not.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def use_threads_for(folder: Path) -> None:
    """Set this process's number of threads to what a model's folder gains from, unless the environment sets it.

    For programs, as `wait_passively` is.
    """
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads_for(weight_bytes(folder), torch.get_num_threads()))


@contextmanager
def thread_count(count: int) -> Iterator[None]:
    """A scope in which torch computes with `count` threads, or as many as the machine has, if that is fewer.

    The number is the calling thread's own, but a thread that first computes meanwhile takes it over; so one scope is
    open at a time and others wait, and every scope leaves the number that it found.
    """
    import torch

    with _thread_count_lock:
        before = torch.get_num_threads()
        torch.set_num_threads(max(1, min(count, max(before, os.cpu_count() or 1))))
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _multiplies_bfloat16() -> bool:
    import torch

    # Asked of oneDNN too, which multiplies: it can be held to fewer instructions than the CPU has.
    return not is_slow("bfloat16") and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
