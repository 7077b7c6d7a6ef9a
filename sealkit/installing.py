"""How an extra of this sealkit is installed: from where sealkit itself came, never from an index of packages, where the name is nobody's.

An index gives a name to whoever registers it first. So what sealkit tells people to install names a place, as the metadata of the installed
package has it (PEP 610): a folder, a commit of a repository, an archive. Where that is not known, it is a clone of sealkit's repository.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sealkit.ownership import doubt_about_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = "sealkit"


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra, quoted for a shell; or in words where it is not known where sealkit came from."""
    requirement = _requirement(_origin(), extra)
    if requirement is None:
        return f"in a clone of sealkit: pip install '.[{extra}]'"
    python = f"{shlex.quote(sys.executable)} -I -m pip" if sys.executable else "pip"
    return f"{python} install {requirement}"


def _requirement(origin: Mapping[str, object], extra: str) -> str | None:
    """Return what pip is to install, None if the place is not known, or no place to install from any more."""
    url, folder, vcs, archive = (origin.get(name) for name in ("url", "dir_info", "vcs_info", "archive_info"))
    if not isinstance(url, str) or not url.isprintable():
        return None
    if isinstance(folder, dict):
        path = unquote(urlsplit(url).path)
        editable = "-e " if folder.get("editable") is True else ""
        return f"{editable}{shlex.quote(f'{path}[{extra}]')}" if url.startswith("file://") and _is_trusted(path) else None
    below = origin.get("subdirectory")
    fragment = f"#subdirectory={below}" if isinstance(below, str) and below.isprintable() else ""
    if isinstance(vcs, dict):
        kind, commit = vcs.get("vcs"), vcs.get("commit_id")
        known = isinstance(kind, str) and kind.isalpha() and isinstance(commit, str) and commit.isalnum()
        return shlex.quote(f"{_NAME}[{extra}] @ {kind}+{url}@{commit}{fragment}") if known else None
    return shlex.quote(f"{_NAME}[{extra}] @ {url}{fragment or _hash(archive)}") if isinstance(archive, dict) else None


def _hash(archive: Mapping[str, object]) -> str:
    hashes = archive.get("hashes")
    value = hashes.get("sha256") if isinstance(hashes, dict) else None
    return f"#sha256={value}" if isinstance(value, str) and value.isalnum() else ""


def _is_trusted(path: str) -> bool:
    """Tell whether a folder is there, and nobody else has a hand in it: it may be gone, and others may have put theirs in its place."""
    try:
        return Path(path, "pyproject.toml").is_file() and doubt_about_folder(path) is None
    except (OSError, ValueError):
        return False


def _origin() -> Mapping[str, object]:
    """Return where the installed package came from, nothing where that is not known; never as a file in the working folder has it."""
    from importlib import metadata

    path = [folder for folder in sys.path if Path(folder).is_absolute()]
    for found in metadata.distributions(name=_NAME, path=path):
        try:
            origin = json.loads(found.read_text("direct_url.json") or "{}")
        except ValueError:
            origin = {}
        return origin if isinstance(origin, dict) else {}
    return {}
