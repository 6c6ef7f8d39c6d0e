"""What is decided from the processor: dtypes, threads, and how threads wait."""

import os
import subprocess
import sys
import warnings
from pathlib import Path
from threading import Event, Thread

import pytest
import torch

from wordbrush.errors import SlowDtypeWarning
from wordbrush.models.load import choose_device
from wordbrush.models.processor import (
    LARGE,
    fastest_dtype,
    is_slow,
    thread_count,
    threads_for,
    use_threads_for,
    weight_bytes,
)

ASK = """
from wordbrush.models.processor import LARGE, fastest_dtype, is_slow
print([fastest_dtype("cpu", LARGE), is_slow("float32"), is_slow("bfloat16"), is_slow("float16")])
"""


def test_a_processor_held_to_avx2_is_fast_in_float32_alone():
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "['float32', False, True, True]"


def test_the_chosen_dtype_is_one_that_this_processor_is_fast_in():
    assert not is_slow(fastest_dtype("cpu", LARGE))
    assert fastest_dtype("cpu", LARGE - 1) == "float32"
    assert fastest_dtype("cuda", 0) == fastest_dtype("mps", LARGE) == "float16"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_dtype_that_this_processor_is_slow_in_warns_and_stands(dtype):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert choose_device("cpu", dtype, 0) == ("cpu", dtype)
    told = [f"this CPU has no instructions for {dtype} and is many times slower in it; use float32"]
    assert [str(warning.message) for warning in caught] == (told if is_slow(dtype) else [])
    assert all(warning.category is SlowDtypeWarning for warning in caught)


def test_the_command_line_says_it_in_one_line(command_line, tiny_folder):
    code, _, err, _ = command_line("generate", "a dog", "--model", str(tiny_folder), "--steps", "1", "--device", "cpu")
    assert (code, err.count("warning: this CPU")) == (0, 0)
    code, _, err, _ = command_line(
        *("generate", "a dog", "--model", str(tiny_folder), "--steps", "1", "--device", "cpu", "--dtype", "bfloat16")
    )
    assert (code, err.count("warning: this CPU has no instructions for bfloat16")) == (0, int(is_slow("bfloat16")))


def test_the_bundled_model_and_the_tiny_one_are_small(tiny_folder):
    from wordbrush.models.folder import bundled_folder

    assert 0 < weight_bytes(tiny_folder) < weight_bytes(bundled_folder()) < LARGE
    assert (threads_for(LARGE - 1, 8), threads_for(LARGE, 8)) == (1, 8)


def test_a_program_takes_the_threads_that_its_model_gains_from(monkeypatch, tiny_folder):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        use_threads_for(tiny_folder)
        assert torch.get_num_threads() == 2
        monkeypatch.delenv("OMP_NUM_THREADS")
        use_threads_for(tiny_folder)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_the_command_line_lets_threads_sleep_and_the_library_leaves_them(tmp_path: Path):
    code = "import os, sys; {}; print(os.environ.get('OMP_WAIT_POLICY'), 'torch' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}

    def said(statements: str, **more: str) -> str:
        command = [sys.executable, "-c", code.format(statements)]
        done = subprocess.run(command, env={**environment, **more}, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()[-1]

    run = "sys.argv = ['wordbrush', '--version']\ntry: wordbrush.cli.app.main()\nexcept SystemExit: pass"
    runs = f"import wordbrush.cli.app; exec({run!r})"
    assert said(runs) == "passive False"
    assert said(runs, OMP_WAIT_POLICY="active") == "active False"
    assert said("import wordbrush; wordbrush.Editor") == "None True"


def test_a_scope_of_threads_is_bounded_and_leaves_what_it_found():
    before = torch.get_num_threads()
    with thread_count(1_000_000):
        assert torch.get_num_threads() == max(before, os.cpu_count() or 1)
    with thread_count(0):
        assert torch.get_num_threads() == 1
    with pytest.raises(ValueError), thread_count(before + 1):
        raise ValueError
    assert torch.get_num_threads() == before


def test_two_scopes_in_two_threads_take_turns():
    """The second would else find the first one's number, and leave it behind."""
    before = torch.get_num_threads()
    inside, leave = Event(), Event()
    found = []

    def first() -> None:
        with thread_count(1):
            inside.set()
            leave.wait()

    def second() -> None:
        with thread_count(2):
            found.append(torch.get_num_threads())

    torch.set_num_threads(max(before, 2))
    try:
        threads = [Thread(target=first), Thread(target=second)]
        threads[0].start()
        inside.wait()
        threads[1].start()
        threads[1].join(timeout=0.2)
        assert not found
        leave.set()
        for thread in threads:
            thread.join()
        assert found == [2]
        fresh = Thread(target=lambda: found.append(torch.get_num_threads()))
        fresh.start()
        fresh.join()
        assert found == [2, max(before, 2)]
    finally:
        torch.set_num_threads(before)
