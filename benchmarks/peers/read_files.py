"""Peer: read every file below a folder as anybody would, with open and read, and do nothing else."""

import os
import sys

for top, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(top, name), "rb") as stream:
            stream.read()
