"""The kinds of files that pairs are written as. The bytes depend on the pairs alone."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wordbrush.errors import MissingPackageError, OutputError
from wordbrush.files import partial_of, sync_folder, written_atomically
from wordbrush.pairs.sample import Sample, json_line, write_tar

Samples = Iterator[Sample]


def _tar(samples: Samples, path: Path) -> None:
    with written_atomically(path) as file:
        write_tar((one for sample in samples for one in sample.files()), file)


def _parquet(samples: Samples, path: Path) -> None:
    need_pyarrow()
    import pyarrow
    from pyarrow import parquet

    picture = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    texts = ("key", "id", "source", "target", "instruction", "about")
    schema = pyarrow.schema([("before", picture), ("after", picture), *((name, pyarrow.string()) for name in texts)])
    # What the `datasets` library reads its types from: both pictures are decoded.
    types = {"before": {"_type": "Image"}, "after": {"_type": "Image"}}
    types |= {name: {"dtype": "string", "_type": "Value"} for name in texts}
    schema = schema.with_metadata({"huggingface": json.dumps({"info": {"features": types}})})
    with written_atomically(path) as file, parquet.ParquetWriter(file, schema, compression="none") as writer:
        for sample in samples:
            row: dict[str, Any] = {
                "before": {"bytes": sample.before, "path": f"{sample.key}.before.png"},
                "after": {"bytes": sample.after, "path": f"{sample.key}.after.png"},
                "about": json_line(sample.about).decode().rstrip(),
                **{name: sample.about[name] for name in texts[:-1]},
            }
            writer.write_table(pyarrow.Table.from_pylist([row], schema=schema))


def _folder(samples: Samples, path: Path) -> None:
    partial = partial_of(path)
    try:
        partial.mkdir(parents=True)
        lines = []
        for sample in samples:
            names = {"before_file_name": f"{sample.key}.before.png", "after_file_name": f"{sample.key}.after.png"}
            _write(partial / names["before_file_name"], sample.before)
            _write(partial / names["after_file_name"], sample.after)
            kept = {name: sample.about[name] for name in ("key", "id", "source", "target", "instruction")}
            lines.append(json_line({**names, **kept, "about": json_line(sample.about).decode().rstrip()}))
        _write(partial / "metadata.jsonl", b"".join(lines))
        sync_folder(partial)
        shutil.rmtree(path, ignore_errors=True)  # one that is there is not whole, or this would not be written
        os.replace(partial, path)
        sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written ({error.strerror}); choose another folder") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


FORMATS: Mapping[str, tuple[str, Callable[[Samples, Path], None]]] = {
    "webdataset": (".tar", _tar),
    "parquet": (".parquet", _parquet),
    "folder": ("", _folder),
}
"""By name: how a shard's name ends, and what writes it whole or not at all."""


def need_pyarrow() -> None:
    """Raise `MissingPackageError` where Parquet cannot be read or written."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingPackageError("Parquet takes the package pyarrow: pip install 'wordbrush[pairs]'") from None


def sha256_of(path: Path) -> str | None:
    """A hash of a file, or of a folder's names and files; None where there is none."""
    digest = hashlib.sha256()
    try:
        if path.is_dir():
            for file in sorted(path.iterdir()):
                digest.update(f"{file.name} {sha256_of(file)}\n".encode())
        else:
            with path.open("rb") as opened:
                while block := opened.read(1 << 20):
                    digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()


def size_of(path: Path) -> int:
    """The bytes of a file, or of a folder's files."""
    return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
