"""``python -I -m sealkit``: without ``-I`` Python looks for modules, this one too, in the folder that it is started in."""

from sealkit.cli import main

main()
