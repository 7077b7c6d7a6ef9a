"""``python -I -m sealkit``: what the console script does."""

from sealkit.cli import main

main()
