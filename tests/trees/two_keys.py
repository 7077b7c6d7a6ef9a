"""What the tests share of keys that are to go: a desk whose ring has k2, which seals, and k1, which goes; and git in its trees."""

import re
import subprocess

from desk import Desk

RING = "version: 1\nprimary: k2\nkeys:\n" + "".join(
    f'  - id: {name}\n    source: {{hex: "{number * 32}"}}\n' for name, number in (("k2", "42"), ("k1", "41"))
)
RECORD = b'---\ntitle: t\nsecured: "a payload of two blocks, at the least"\n---\nbody\n'


def desk_in(folder):
    """A desk with that ring."""
    desk = Desk(folder)
    desk.write("ring.yaml", RING.encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    return desk


def sealed(desk, name, key):
    """Write a record under a key, and return its blob."""
    desk.write(name, RECORD)
    ran = desk.run("seal", "--key-id", key, "--", name)
    assert ran.status == 0, ran
    return re.search(rb"secured: \"?([^\"\n]+)", desk.read(name))[1].decode()


def git(desk, *args, where="tree", feed=None, may_fail=False):
    """Run git in a folder of the desk with nobody's settings, and return what it prints."""
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-c", "protocol.file.allow=always", *args]
    environment = desk.env | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    ran = subprocess.run(command, cwd=desk.path / where, check=not may_fail, capture_output=True, input=feed, env=environment)
    return ran.stdout.decode().strip()
