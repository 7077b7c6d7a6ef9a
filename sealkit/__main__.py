"""``python -m sealkit``."""

from sealkit.cli import main

main()
