"""Spark: SQL functions and columns, over the DataFrame API alone, so that Spark Connect works. Needs the extra ``spark``.

The key never travels: what is sent to workers is a reference (``env:NAME``, ``file:PATH``), which each resolves once, where it is. What is
sent holds no other part of sealkit, which has to be installed on the workers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions

from sealkit.columns import rotating
from sealkit.columns.reference import Reference, as_reference
from sealkit.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.udf import UserDefinedFunction

    from sealkit.columns.rotating import Rotated

    Batches = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]

_OPENED = "payload string, status string, key string"
_SEALED = "blob string, status string, key string"
_LACKS = "this Spark worker lacks {}: install sealkit with its extra spark on every worker; --py-files cannot carry native code"
_TOLD = "counted string, times long, problem string"
_PART = 2048  # files that one task rotates: they are replaced in groups of up to half as many
_RECORD_GLOBS = ("*.md", "*.markdown", "*.yml", "*.yaml", "*.json", "*.jsonl")


def register(spark: SparkSession, keys: Reference | str, *, seal_foreign: bool = False) -> None:
    """Give a session the SQL functions ``unseal(text)``, ``unseal_row(text)``, ``seal(text)`` and ``reseal(text)``.

    ``unseal_row`` is a structure of ``payload``, ``status`` and ``key``, ``unseal`` its payload: null where a row does not open. ``seal`` and
    ``reseal`` are null where they fail, as ``seal`` does for another program's ciphertext unless ``seal_foreign``. The keys are not looked for here, but where rows are. Raises ``Usage`` for what is no reference.
    """
    reference = _checked(keys)
    spark.udf.register("unseal", _function(reference, "decrypt_column", "payload", "string"))
    spark.udf.register("unseal_row", _function(reference, "decrypt_column", None, _OPENED))
    sealing = _function(reference, "seal_column", "blob", "string", seal_foreign=seal_foreign)
    spark.udf.register("seal", sealing.asNondeterministic())
    spark.udf.register("reseal", _function(reference, "rotate_column", "blob", "string").asNondeterministic())


def decrypt(column: str | Column, keys: Reference | str) -> Column:
    """Return a column of structures: ``payload``, ``status``, ``key``."""
    return _function(_checked(keys), "decrypt_column", None, _OPENED)(column)


def seal(column: str | Column, keys: Reference | str, *, seal_foreign: bool = False) -> Column:
    """Return a column of structures: ``blob``, ``status``, ``key``. Another program's ciphertext is sealed only with ``seal_foreign``."""
    return _function(_checked(keys), "seal_column", None, _SEALED, seal_foreign=seal_foreign).asNondeterministic()(column)


def rotate(column: str | Column, keys: Reference | str, to: str | None = None) -> Column:
    """Return a column of structures: ``blob``, ``status``, ``key``. Where a row fails, ``blob`` is null."""
    return _function(_checked(keys), "rotate_column", None, _SEALED, to=to).asNondeterministic()(column)


def verify(column: str | Column, keys: Reference | str) -> Column:
    """Return a column of structures: ``status``, ``key``."""
    return _function(_checked(keys), "verify_column", None, "status string, key string")(column)


def decrypt_tree(spark: SparkSession, path: str, keys: Reference | str, field: str = "secured") -> DataFrame:
    """Return a table of the records below a folder that Spark reads: ``path``, ``line``, ``field``, ``payload``, ``status``, ``key``.

    A row for each record and field; a file that is no record, or a record without the field, has its error as status. Records are
    read with no policy and bound to nothing.
    """
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(path).select("path", "content")
    named = files.where(" or ".join(f"path like '%{glob[1:]}'" for glob in _RECORD_GLOBS))
    schema = "path string, line int, field string, payload string, status string, key string"
    return named.mapInArrow(_records(_checked(keys), field), schema)


def rotate_tree(
    spark: SparkSession,
    path: str,
    keys: Reference | str,
    to: str | None = None,
    *,
    fields: Sequence[str] | None = None,
    partial: bool = False,
) -> Rotated:
    """Re-encrypt the blobs of all records below a folder under the ring's primary key, or ``to``, as ``sealkit rotate`` does.

    The folder is on a file system that the driver and all workers have at the same path; the keys are where the workers are. The driver
    holds the tree's lock; every field is opened before the first one is written (what does not open is returned, and nothing was written,
    unless ``partial``); each file's line is in the journal before the file is replaced. After an interruption the same call goes on, and
    so does ``sealkit rotate``, with ``--status`` and ``--rollback``. A key that the reference names is the one that opens, with ``to``.

    Raises ``Usage`` for what is no folder here, ``TreeBusy``, ``JournalError``, and what Spark raises where a worker finds no keys.
    """
    reference = _checked(keys)

    def engine(paths: pa.Table | None, share: rotating.Share) -> list[pa.Table]:
        share_out = _rotation(tuple(reference), tuple(share), conducts=paths is None)
        if paths is None:
            return [spark.range(1).mapInArrow(share_out, _TOLD).toArrow()]
        if not len(paths):
            return []
        # By range, so that a worker has whole folders: it opens each once.
        rows = spark.createDataFrame(paths).repartitionByRange(len(paths) // _PART + 1, "path")
        return [rows.mapInArrow(share_out, _TOLD).toArrow()]

    return rotating.rotate(engine, str(Path(path).absolute()), to, fields, partial=partial)


def _checked(keys: Reference | str) -> Reference:
    reference = as_reference(keys)
    if reference.payload == "binary":
        raise Usage(problem="payloads that are binary have no SQL text", hint="decrypt them with mapInArrow and decrypt_column")
    return reference


def _function(
    reference: Reference, job: str, part: str | None, kind: str, *, to: str | None = None, seal_foreign: bool = False
) -> UserDefinedFunction:
    """Return a function on batches of rows: over Arrow arrays where this Spark has them (4.1), else over pandas series."""
    more: dict[str, Any] = {"to": to} if to is not None else {}
    if job == "rotate_column":
        more["on_error"] = "null"
    if seal_foreign:
        more["seal_foreign"] = True
    batch = _batch(tuple(reference), job, part, more)
    if hasattr(functions, "arrow_udf"):
        import pyarrow as pa

        def over_arrow(column: pa.Array) -> pa.Array:
            return batch(column)

        # The types are what Spark goes by; as text, which they are here, it would have to find them again.
        over_arrow.__annotations__ = {"column": pa.Array, "return": pa.Array}
        return functions.arrow_udf(over_arrow, kind)
    import pandas as pd

    def over_pandas(column: pd.Series) -> pd.Series:
        import pyarrow

        made = batch(pyarrow.Array.from_pandas(column))
        return made.to_pandas() if part is not None else pandas_frame(made)

    def pandas_frame(made: pa.Array) -> pd.DataFrame:
        import pyarrow

        return pyarrow.Table.from_struct_array(made).to_pandas()

    over_pandas.__annotations__ = {"column": pd.Series, "return": pd.Series if part is not None else pd.DataFrame}
    return functions.pandas_udf(over_pandas, kind)


def _batch(reference: tuple[Any, ...], job: str, part: str | None, more: dict[str, Any]) -> Callable[[pa.Array], pa.Array]:
    """Return what workers do to a batch; it holds nothing but text, and so it is sent by value and imports sealkit where it runs."""

    def batch(column: pa.Array) -> pa.Array:
        try:
            import pyarrow

            from sealkit.columns import core
            from sealkit.columns.reference import Reference
        except ImportError as error:
            raise RuntimeError(_LACKS.format(error.name)) from None
        made = getattr(core, job)(column, Reference(*reference), **more)
        names = [field.name for field in made.type]
        parts = [one.cast(pyarrow.string()) for one in made.flatten()]
        return parts[names.index(part)] if part is not None else pyarrow.StructArray.from_arrays(parts, names=names)

    return batch


def _rotation(given: tuple[Any, ...], told: tuple[Any, ...], *, conducts: bool) -> Batches:
    """Return what workers do to batches of paths; like ``_batch``, it holds nothing but text."""

    def batches(some: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            from pyspark import TaskContext

            from sealkit.columns import rotating
            from sealkit.columns.reference import Reference
        except ImportError as error:
            raise RuntimeError(_LACKS.format(error.name)) from None
        share, task = rotating.Share(*told), TaskContext.get()
        if conducts:
            yield from (rotating.conduct(Reference(*given), share) for batch in some if batch.num_rows)
            return
        again = share.again or (task is not None and task.attemptNumber() > 0)
        yield from rotating.work(some, Reference(*given), share._replace(again=again))

    return batches


def _records(reference: Reference, field: str) -> Batches:
    given: tuple[Any, ...] = tuple(reference)

    def batches(some: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            from sealkit.columns.records import opened
            from sealkit.columns.reference import Reference
        except ImportError as error:
            raise RuntimeError(_LACKS.format(error.name)) from None
        for batch in some:
            yield opened(batch, Reference(*given), field)

    return batches
