"""Command lines whose working folder cannot be told at one moment: at each of the moments at which it is asked for.

    python nowhere.py COMMANDS

COMMANDS are lists of arguments, as JSON. Each run is a child of this process, which has imported everything, in a copy of the working
folder; what became of each, as JSON, goes to stdout.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from warm import import_everything

MOST = 80  # moments


def run(args, nth, folder):
    """Run a command line in a copy of a folder, whose path cannot be told when it is asked for the n-th time."""
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(folder, Path(place) / "copy", symlinks=True)
        out, err = Path(place) / "out", Path(place) / "err"
        pid = os.fork()
        if pid == 0:
            in_child(args, nth, copy, (out, err))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return {"nth": nth, "status": status, "hit": (Path(place) / "hit").exists(), "err": err.read_text(), "out": out.read_text()}


def in_child(args, nth, copy, said):
    os.chdir(copy)
    for number, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    asked, told = 0, os.getcwd

    def getcwd():
        nonlocal asked
        asked += 1
        if asked == nth:
            (copy.parent / "hit").touch()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return told()

    os.getcwd = getcwd
    sys.argv = ["sealkit", *args]
    status = 1
    try:
        from sealkit.cli import main

        main()
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
    finally:
        if status == 1 and sys.exc_info()[0] is not None:
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        os._exit(status)


def main():
    import_everything()
    folder, found = Path.cwd(), []
    for args in json.loads(sys.argv[1]):
        for nth in range(1, MOST):
            became = run(args, nth, folder)
            if not became["hit"]:
                break
            found.append(became | {"args": args})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
