"""Peer: write every file below a folder anew, durably: temporary file, fsync, rename, fsync of the folder; the same bytes."""

import os
import sys

for top, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(top, name)
        with open(path, "rb") as file:
            data = file.read()
        with open(path + ".tmp", "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(path + ".tmp", path)
        folder = os.open(top, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
