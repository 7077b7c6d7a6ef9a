"""Engines that share out a rotation: in this process, and in others that know nothing but what they are sent."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pyarrow as pa

from sealkit.columns import rotating
from sealkit.columns.reference import Reference


def job(rows, share, keys):
    """What a worker does; ``rows`` are plain values."""
    batches = [pa.RecordBatch.from_pylist(rows, schema=rotating.PATHS)]
    return [batch.to_pylist() for batch in rotating.work(batches, Reference(*keys), rotating.Share(*share))]


class Engine:
    """``size`` files at a time; ``stop`` after so many shares of writing, as if the driver or a worker had died."""

    def __init__(self, keys, size=7, stop=None, processes=0):
        self.keys, self.size, self.stop, self.processes = Reference(*keys), size, stop, processes
        self.shares = []

    def __call__(self, paths, share):
        self.shares.append(share)
        if paths is None:
            return [pa.Table.from_batches([rotating.conduct(self.keys, share)])]
        rows = paths.to_pylist()
        some = [rows[at : at + self.size] for at in range(0, len(rows), self.size)]
        return self._done(some, tuple(share))

    def _done(self, some, share):
        stop = self.stop if share[3] is not None else None
        if self.processes:
            with ProcessPoolExecutor(self.processes, multiprocessing.get_context("spawn")) as pool:
                told = list(pool.map(job, some, [share] * len(some), [tuple(self.keys)] * len(some)))
        else:
            told = []
            for number, rows in enumerate(some):
                if number == stop:
                    raise InterruptedError
                told.append(job(rows, share, tuple(self.keys)))
        for batches in told:
            for rows in batches:
                yield pa.Table.from_pylist(rows, schema=rotating.TOLD)
