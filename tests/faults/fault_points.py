"""Every system call of a run, one after the other: the fault is moved on until a run is not hit by it any more."""

from __future__ import annotations

# Calls that get errors. The others cannot fail for reasons of files (memory, signals, identities), or are the process's own end.
FALLIBLE = frozenset(
    [
        "access",
        "chmod",
        "close",
        "copy_file_range",
        "creat",
        "dup",
        "dup2",
        "dup3",
        "faccessat",
        "faccessat2",
        "fadvise64",
        "fallocate",
        "fchdir",
        "fchmod",
        "fchmodat",
        "fchown",
        "fchownat",
        "fcntl",
        "fdatasync",
        "fgetxattr",
        "flistxattr",
        "flock",
        "fremovexattr",
        "fsetxattr",
        "fstat",
        "fstatfs",
        "fsync",
        "ftruncate",
        "getcwd",
        "getdents64",
        "getxattr",
        "ioctl",
        "link",
        "linkat",
        "listxattr",
        "lseek",
        "lstat",
        "mkdir",
        "mkdirat",
        "newfstatat",
        "open",
        "openat",
        "openat2",
        "pipe2",
        "poll",
        "pread64",
        "preadv",
        "pwrite64",
        "pwritev",
        "read",
        "readlink",
        "readlinkat",
        "readv",
        "rename",
        "renameat",
        "renameat2",
        "rmdir",
        "setxattr",
        "stat",
        "statfs",
        "statx",
        "symlink",
        "symlinkat",
        "sync_file_range",
        "syncfs",
        "truncate",
        "unlink",
        "unlinkat",
        "utimensat",
        "write",
        "writev",
    ]
)
ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS", "EMFILE", "ENOMEM", "EINTR")


class Points:
    """The fault points of a scenario; ``every`` yields the run and the log of each."""

    def __init__(self, scenario, calls=None):
        self.scenario = scenario
        scenario.prepare()
        scenario.reset()
        run, log = scenario.place.traced(*scenario.args, settings=scenario.settings)
        assert run.status in scenario.statuses, f"goes wrong without a fault: {run}"
        assert not log.imports(), f"modules that fault_warm should import: {log.imports()}"
        self.calls = {name: count for name, count in log.calls().items() if calls is None or name in calls}

    def every(self, fault, first=0, step=1):
        """Inject ``fault`` into each ``step``-th call of every kind, from the call ``first`` on, until a run is over before it."""
        for offset, name in enumerate(self.calls):
            number = 1 + (first - offset) % step
            while True:
                hit = yield from self._one(name, number, fault)
                if not hit:
                    break
                number += step

    def some(self, fault, amount):
        """Inject it into about so many, spread over all."""
        points = [(name, number) for name, count in self.calls.items() for number in range(1, count + 1)]
        for name, number in points[:: max(1, len(points) // amount)]:
            yield from self._one(name, number, fault)

    def _one(self, name, number, fault):
        scenario = self.scenario
        scenario.reset()
        run, log = scenario.place.traced(
            *scenario.args, inject=f"{name}:{fault}:when={number}", calls=name, settings=scenario.settings
        )
        if log.was_hit:
            yield f"{name} no. {number} {fault}", run, log
        return log.was_hit


class Violations:
    """What went wrong at which fault point; all of it is shown at the end."""

    def __init__(self, most=40):
        self.points = 0
        self.found: list[str] = []
        self.most = most

    def watch(self, place, check):
        """Count a fault point and note what ``check`` asserts in vain."""
        self.points += 1
        try:
            check()
        except AssertionError as error:
            self.found.append(f"{place}: {str(error)[:1500]}")

    def end(self, least=1):
        assert self.points >= least, f"only {self.points} fault points"
        shown = "\n".join(self.found[: self.most])
        assert not self.found, f"{len(self.found)} violations at {self.points} fault points:\n{shown}"
