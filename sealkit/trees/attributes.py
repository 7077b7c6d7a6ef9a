"""Everything of a file but its content, given to the file that takes its place: owner, group, mode, extended attributes, ACLs.

What cannot be kept is an error: a record that silently changes hands or becomes readable is worse than one that is not rotated.
"""

from __future__ import annotations

import errno
import os
import stat

from sealkit.errors import StoreError

_ABOUT_CONTENT = frozenset({"security.ima", "security.evm"})  # hashes of the content, which the kernel makes anew
_ACCESS_LIST = "system.posix_acl_access"
_NO_ATTRIBUTES = frozenset({errno.EOPNOTSUPP, errno.ENOSYS})


def keep(old: int, status: os.stat_result, new: int, path: str) -> os.stat_result:
    """Give the open file ``new`` the attributes of the open file ``old``, whose ``fstat`` is ``status``; return the new one's.

    To be called after the content is written: until then the file is for its maker only. ``StoreError``, ``OSError``.
    """
    made = os.fstat(new)
    is_like = (made.st_uid, made.st_gid, made.st_mode) == (status.st_uid, status.st_gid, status.st_mode)
    if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
        _keep_owner(status, new, path)
    if _keep_extended(old, new, path) or not is_like:
        os.fchmod(new, stat.S_IMODE(status.st_mode))
        made = os.fstat(new)
    if (made.st_uid, made.st_gid, made.st_mode) != (status.st_uid, status.st_gid, status.st_mode):
        raise StoreError(
            problem="its owner, group or mode cannot be kept; nothing was changed",
            hint="run it as the file's owner, where the file system keeps them",
            path=path,
        )
    return made


def _keep_owner(status: os.stat_result, new: int, path: str) -> None:
    try:
        os.fchown(new, status.st_uid, status.st_gid)
    except PermissionError:
        pass
    else:
        return
    if os.fstat(new).st_uid != status.st_uid:
        what, hint = "owner", f"run it as the file's owner, uid {status.st_uid}"
    else:
        what = "group"
        hint = (
            f"it is of group {status.st_gid}, which you are not in: give it one of yours with chgrp, "
            "or run it as somebody in that group"
        )
    raise StoreError(problem=f"its {what} cannot be kept; nothing was changed", hint=hint, path=path)


def has_access_list(fd: int) -> bool:
    """Say whether an open file has an access list besides its mode; ``OSError``."""
    return _ACCESS_LIST in names(fd)


def _keep_extended(old: int, new: int, path: str) -> bool:
    """Give ``new`` the extended attributes of ``old``, and say whether there are any, which may have changed its mode."""
    wanted, present = names(old), names(new)
    for name in sorted((wanted | present) - _ABOUT_CONTENT):
        try:
            if name not in wanted:  # given by a default of the folder
                os.removexattr(new, name)
                continue
            value = os.getxattr(old, name)
            if name not in present or os.getxattr(new, name) != value:
                os.setxattr(new, name, value)
        except OSError as error:
            reason = (error.strerror or "no reason given").lower()
        else:
            continue
        raise StoreError(
            problem=f"its attribute {name!r} cannot be kept ({reason}); nothing was changed",
            hint=f"run it as root, or take it from the file: setfattr -x {name} FILE",
            path=path,
        )
    return bool(wanted or present)


def names(fd: int) -> set[str]:
    """Return the names of an open file's extended attributes, access lists among them; none where there are no such things; ``OSError``."""
    if not hasattr(os, "listxattr"):  # macOS
        return set()
    try:
        return set(os.listxattr(fd))
    except OSError as error:
        if error.errno in _NO_ATTRIBUTES:
            return set()
        raise
