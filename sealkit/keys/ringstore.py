"""Ring files written: a key is on the disk, and read back, before anything is sealed with it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypedDict, TypeVar

from sealkit import outfile
from sealkit.errors import ChangedUnderneath, ConfigError, IsLink, NoUsableKey, StoreError, TreeBusy
from sealkit.keys import files, ringedit, ringfile
from sealkit.keys.access import Access
from sealkit.keys.key import Key, check_attributes, check_id, random_secret
from sealkit.keys.newfile import SECRET_MODE, folder_of, make_folder, sync_folder, write_new
from sealkit.keys.remembered import throughout
from sealkit.keys.ring import EXAMPLE_KEYS, MAX_RING_FILE, KeyRing, read_ring
from sealkit.opaque import opaque
from sealkit.ownership import exposure
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Unpack

    from sealkit.keys.access import Source

    Ask = Callable[[str], str] | None

T = TypeVar("T")
_LABEL = "key ring"
_OTHERS = 0o077
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class Attributes(TypedDict, total=False):
    """What a key that is added seals in, what it accepts, and whether it becomes the primary."""

    format: str
    accept: str
    primary: bool


@opaque
def add_key(path: str, key_id: str, bits: int = 256, *, format: str = "plain", accept: str = "any", primary: bool = False) -> Key:
    """Make a key of 128, 192 or 256 random bits, write it to a ring file, read it back, and return it.

    A file that is not there is made (mode 0600, its folder 0700) with the key as primary. To one that is there the key is added as
    the last entry, every other byte unchanged; with ``primary`` it becomes the primary. When this returns, the file and its folder
    are synced. Raises ``ConfigError`` (the id is taken, a ring that cannot be added to), ``NoUsableKey`` (a ring open to other
    users), ``StoreError`` and ``TreeBusy`` (another sealkit changes the ring).
    """
    check_id(key_id)
    check_attributes(key_id, format=format, accept=accept, state="enabled")
    secret = random_secret(bits)
    try:
        if not os.path.lexists(path):
            _create(path, ringfile.new_ring(key_id, secret, format=format, accept=accept), None)
        else:
            _change(
                path,
                lambda data: _as_primary(ringedit.with_key(data, key_id, secret, format=format, accept=accept), key_id, primary),
                secret=True,
            )
        return _read_back(path, key_id, secret)
    finally:
        wipe(secret)


@opaque
def add_source(
    path: str,
    key_id: str,
    source: str,
    *,
    format: str = "plain",
    accept: str = "any",
    primary: bool = False,
    ask: Ask = None,
) -> None:
    """Add a key whose source is a flow mapping, such as ``{env: NAME, encoding: hex}``; it is read before the ring is replaced.

    A ring that is not there is made, with the key as its primary. ``ask`` is called with a question when somebody has to type something.
    Raises as ``add_key``, and ``NoUsableKey`` if the bytes of a key of the new ring cannot be had, or are those of another key.
    """
    if not os.path.lexists(path):
        _create(path, ringfile.ring_of(key_id, source, format=format, accept=accept), ask)
        return

    def edit(data: bytes) -> bytes:
        return _as_primary(ringedit.with_entry(data, key_id, source, format=format, accept=accept), key_id, primary)

    _change(path, edit, secret=False, loads=True, ask=ask)


@opaque
def add_wrapped(path: str, key_id: str, under: str, bits: int = 256, *, ask: Ask = None, **attributes: Unpack[Attributes]) -> None:
    """Make a key of random bits and add it to a ring, wrapped under another key of it (AES-KW, RFC 3394). Raises as ``add_source``."""
    from sealkit.keys.wrapped import wrapped_source

    secret = random_secret(bits)
    access = Access(os.environ, ask=ask)
    with throughout():
        try:
            _located(path, lambda: read_ring(path, access))
            if under not in access.others:
                raise NoUsableKey(problem="the ring has no key with that id", hint="it has: " + ", ".join(access.others), path=path)
            source = wrapped_source(secret, under, access)
        finally:
            wipe(secret)
            access.close()
        add_source(path, key_id, source, ask=ask, **attributes)


@opaque
def set_primary(path: str, key_id: str, *, ask: Ask = None) -> None:
    """Make another enabled key of a ring file its primary, every other byte unchanged; its bytes must be there. Raises as ``add_source``."""
    _change(path, lambda data: ringedit.with_primary(data, key_id), secret=False, loads=True, ask=ask)


@opaque
def set_attribute(path: str, key_id: str, name: str, value: str, *, ask: Ask = None) -> None:
    """Change the ``state``, ``format`` or ``accept`` of a key. What may open from now on is read before. Raises as ``add_source``."""
    enables = name == "state" and value != "disabled"
    _change(path, lambda data: ringedit.with_attribute(data, key_id, name, value), secret=False, loads=enables, ask=ask)


@opaque
def rename(path: str, key_id: str, new_id: str) -> None:
    """Give a key another id, wherever the ring names it. Raises ``ConfigError``, ``NoUsableKey``, ``StoreError`` and ``TreeBusy``."""
    _change(path, lambda data: ringedit.with_id(data, key_id, new_id), secret=False)


@opaque
def remove(path: str, key_id: str) -> None:
    """Cut a key out of a ring that can do without it; bytes that stand in the ring are gone then. Raises as ``rename``."""
    _change(path, lambda data: ringedit.without(data, key_id), secret=False)


@opaque
def change(path: str, edit: Callable[[bytes], bytes], *, ask: Ask = None) -> None:
    """Replace a ring file by what ``edit`` makes of its text, atomically; the new ring loads before. Raises as ``add_source``."""
    _change(path, edit, secret=False, loads=True, ask=ask)


@opaque
def export_secret(path: str, key_id: str, encoding: str, target: str, *, ask: Ask = None) -> None:
    """Write the bytes of a key to a new file of their own, mode 0600, as ``hex``, ``base64`` or ``raw``; synced when this returns.

    Raises ``NoUsableKey``, ``ConfigError``, and ``StoreError`` if there is such a file.
    """
    with KeyRing.load(path, ask=ask) as ring:
        text = ring.get(key_id).encoded(encoding)
    try:
        outfile.write_new(target, text)
    finally:
        wipe(text)


def _as_primary(data: bytes, key_id: str, wanted: bool) -> bytes:
    return ringedit.with_primary(data, key_id) if wanted else data


def _read_back(path: str, key_id: str, secret: bytearray) -> Key:
    """Return the key as the file has it now, after checking that this is the key that was made."""
    content = _read(path)
    declared = {key.id: key for key in ringfile.parse(bytes(content.data), "").keys}
    found = declared.get(key_id)
    written = found.source.read(Access({})) if found is not None and found.source.literal else bytearray()
    same = written == secret
    wipe(written)
    if found is None or not same:
        raise ChangedUnderneath(problem=f"{_LABEL}: the new key {key_id} does not read back as it was written", path=path)
    return Key(key_id, secret, format=found.format, accept=found.accept, state=found.state)


def _read(path: str) -> files.Content:
    return _located(path, lambda: files.read_trusted(path, _LABEL, Access({}), limit=MAX_RING_FILE))


# --- files -----------------------------------------------------------------------------------------------------------
@contextmanager
def _store_errors(path: str, label: str = _LABEL) -> Iterator[None]:
    """Turn what the system says into a ``StoreError``."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
    except ValueError:  # a NUL or a lone surrogate in the path
        reason = "no such path can exist"
    else:
        return
    raise StoreError(problem=f"{label}: {reason}", hint="check the path, the space left, and who may write there", path=path)


def _create(path: str, data: bytes, ask: Ask) -> None:
    """Make a ring file that is there with all its content, and loads, or not at all: nothing can be added to half a ring."""
    with _store_errors(path):
        make_folder(folder_of(path))
        _located(path, lambda: files.check_folder(folder_of(path), _LABEL))
        _sweep(path)
        temporary = _temporary(path)
        write_new(temporary, data, SECRET_MODE)
        try:
            _load(temporary, path, ask)
            os.link(temporary, path)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            write_new(path, data, SECRET_MODE)
        finally:
            with suppress(FileNotFoundError):  # somebody who makes the same ring has swept it away
                os.unlink(temporary)
        sync_folder(path)


def _change(path: str, edit: Callable[[bytes], bytes], *, secret: bool, loads: bool = False, ask: Ask = None) -> None:
    """Replace a ring file by its edited text, atomically, while no other sealkit does; the mode is kept, but for a ring with key bytes.

    With ``loads``, the new ring must load, from the disk, before it takes the place of the old one.
    """
    with _store_errors(path), _locked(path) as before:
        content = _read(path)
        _sweep(path)
        data = bytes(content.data)
        reason = exposure(content.status)
        if reason is not None and (secret or _holds_secret(data)):
            problem = f"{_LABEL}: a key cannot be in a file that is {reason}"
            raise NoUsableKey(problem=problem, hint="chmod 600 the ring file, and make sure that you own it", path=path)
        changed = _located(path, lambda: edit(data))
        if changed != data:
            _replace(path, changed, before, loads=loads, ask=ask)
        elif loads:
            KeyRing.load(path, ask=ask).close()


def _holds_secret(data: bytes) -> bool:
    """Say whether key bytes that not everybody knows stand in a ring text."""
    for declared in ringfile.parse(data, "").keys:
        for source in (declared.source, declared.mac):
            if source is not None and source.literal and not _is_example(source):
                return True
    return False


def _is_example(literal: Source) -> bool:
    try:
        secret = literal.read(Access({}))
    except NoUsableKey:  # no key as it stands, but who knows what it is half of
        return False
    known = any(secret == example for example in EXAMPLE_KEYS)
    wipe(secret)
    return known


def _located(path: str, step: Callable[[], T]) -> T:
    """Return what a step gives; its errors say which ring they speak of."""
    try:
        return step()
    except (ConfigError, NoUsableKey) as error:
        error.at(path=path)
        raise


@contextmanager
def _locked(path: str) -> Iterator[os.stat_result]:
    """Hold the lock on the file that has the path now; the kernel frees it when the process dies."""
    if os.path.islink(path):
        raise IsLink(problem=f"{_LABEL}: a symbolic link, which replacing would cut", path=path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = os.path.samestat(os.fstat(descriptor), os.lstat(path))
        except BlockingIOError:
            free = False
        if not free:
            raise TreeBusy(problem=f"{_LABEL}: another sealkit changes it", path=path)
        yield os.fstat(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _holding(path: str) -> Iterator[None]:
    """Hold the lock on a file that nobody else knows yet: under its new name nobody changes it before it was read back."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _replace(path: str, data: bytes, before: os.stat_result, *, loads: bool, ask: Ask) -> None:
    temporary = _temporary(path)
    placed = False
    mode = stat.S_IMODE(before.st_mode)
    write_new(temporary, data, mode & ~_OTHERS if _holds_literals(data) else mode, owner=before)
    try:
        with _holding(temporary):
            if loads:
                _load(temporary, path, ask)
            _check_unchanged(path, before)
            os.replace(temporary, path)
            placed = True
            sync_folder(path)
            _check_written(path, data)
    except BaseException:
        if not placed:
            os.unlink(temporary)
        raise


def _check_written(path: str, data: bytes) -> None:
    if _read(path).data != data:
        raise ChangedUnderneath(problem=f"{_LABEL}: it does not read back as it was written", path=path)


def _holds_literals(data: bytes) -> bool:
    return any(key.source.literal or (key.mac is not None and key.mac.literal) for key in ringfile.parse(data, "").keys)


def _load(temporary: str, path: str, ask: Ask) -> None:
    """Load a ring that is to take the place of another, from the disk, with the bytes of all its enabled keys."""
    try:
        KeyRing.load(temporary, ask=ask).close()
    except (ConfigError, NoUsableKey) as error:
        error.path, error.line = path, None  # it speaks of a ring that nobody sees
        raise


def _temporary(path: str) -> str:
    return os.path.join(folder_of(path), f"{_own_prefix(path)}{os.urandom(8).hex()}")


def _own_prefix(path: str) -> str:
    return f".{os.path.basename(path)}.sealkit-tmp-"


def _sweep(path: str) -> None:
    """Remove the temporary files, keys in them, of runs that were killed.

    Of those that change a ring only the holder of its lock is alive; of two that make the same one, the later wins.
    """
    for left in left_beside(path):
        os.unlink(left)


def left_beside(path: str) -> list[str]:
    """Return the temporary files beside a ring file; while none changes it, runs that were killed have left them."""
    try:
        names = os.listdir(folder_of(path))
    except FileNotFoundError:
        return []
    return [os.path.join(folder_of(path), name) for name in names if name.startswith(_own_prefix(path))]


def _check_unchanged(path: str, before: os.stat_result) -> None:
    now = os.lstat(path)
    if not os.path.samestat(now, before) or (now.st_mtime_ns, now.st_size) != (before.st_mtime_ns, before.st_size):
        raise ChangedUnderneath(problem=f"{_LABEL}: somebody else changed it meanwhile", path=path)
