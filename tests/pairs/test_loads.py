"""What is written is what others read: `datasets` loads all three kinds of files."""

import io

import numpy as np
import pytest
from PIL import Image

from helpers.pair_sets import contents, write_rows
from wordbrush.pairs.factory import Task, make_set
from wordbrush.pairs.sample import read_tar

datasets = pytest.importorskip("datasets")

LOADED = {
    "webdataset": ("webdataset", {"data_files": "*.tar"}, ("before.png", "after.png")),
    "parquet": ("parquet", {"data_files": "*.parquet"}, ("before", "after")),
    "folder": ("imagefolder", {}, ("before", "after")),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("format", LOADED)
def test_datasets_loads_the_pairs(making, known_parts, tmp_path, format):
    task = Task(write_rows(tmp_path / "rows.jsonl"), tmp_path / "set", making, format, shard_rows=2)
    totals = make_set(task, known_parts)
    tars = Task(task.captions, tmp_path / "tars", making, shard_rows=2)
    make_set(tars, known_parts)
    files = dict(file for name, tar in contents(tars).items() if name.startswith("data/") for file in read_tar(tar))
    builder, options, pictures = LOADED[format]
    datasets.disable_progress_bars()
    options = {**options, "data_dir": str(task.out / "data"), "cache_dir": str(tmp_path / "cache")}
    loaded = datasets.load_dataset(builder, split="train", **options)
    assert len(loaded) == totals.pairs == 3
    for row in loaded:
        about = row.get("json", row)
        assert about["instruction"] in ("make it a cat", "")
        for kind, column in zip(("before", "after"), pictures, strict=True):
            expected = Image.open(io.BytesIO(files[f"{about['key']}.{kind}.png"]))
            np.testing.assert_array_equal(np.asarray(row[column]), np.asarray(expected))
