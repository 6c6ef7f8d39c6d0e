"""Half precision is used where the processor has it, and nowhere else."""

from pathlib import Path

import pytest
import torch

from training.precision import autocast, half_is_fast

CPU = Path("/proc/cpuinfo")


@pytest.mark.skipif(not CPU.exists(), reason="Linux alone says what its processor can")
def test_half_precision_is_used_where_the_processor_has_it() -> None:
    assert half_is_fast("cpu") == ("avx512_bf16" in CPU.read_text())


def test_products_come_in_the_precision_that_is_fast() -> None:
    with autocast("cpu"):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if half_is_fast("cpu") else torch.float32)
