"""A process that holds keys leaves no core and cannot be looked into."""

from __future__ import annotations

import ast
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import needs
import pytest

import sealkit
from sealkit.keys.process import keep_in_memory, own_environment, without_secrets

PACKAGE = Path(sealkit.__file__).parent
CI = os.environ.get("SEALKIT_CI") == "1"

CHILD = """
import ctypes, os, resource, sys
from sealkit.keys.process import protect_process
protect_process()
protect_process()
print(resource.getrlimit(resource.RLIMIT_CORE))
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
reader, writer = os.pipe()
os.close(os.open(f"/proc/self/fd/{writer}", os.O_WRONLY))
print(len(os.listdir("/proc/self/fd")) > 2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_no_core_no_ptrace_and_its_own_descriptors_still_work():
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=False)
    assert done.stdout == "(0, 0)\n0\nTrue\n", done.stderr


READERS = {
    "seal": ["seal", "a.md"],
    "decrypt": ["decrypt", "a.md"],
    "verify": ["verify", "a.md"],
    "check": ["check", "--keys", "ring.yaml", "a.md"],
    "rotate": ["rotate", "--to", "k2", "a.md"],
    "diff": ["diff", "a.md", "a.md"],
    "resolve": ["resolve", "--allow-disk-temp", "a.md"],
    "import": ["import", "--openssl-legacy", "--passphrase-env", "WORDS", "a.md"],
    "textconv": ["git", "textconv", "--force", "a.md"],
    "merge": ["git", "merge-driver", "b.md", "a.md", "c.md", "7", "a.md"],
    "keys": ["keys"],
    "keys check": ["keys", "check"],
    "keys add": ["keys", "add", "k3", "--from-env", "WORDS", "--encoding", "hex"],
    "keys rename": ["keys", "rename", "k2", "k3"],
    "keys disable": ["keys", "disable", "k2"],
    "keys set-primary": ["keys", "set-primary", "k2"],
    "keys retire": ["keys", "retire", "k2", "a.md"],
    "keys remove": ["keys", "remove", "k2", "--unused"],
    "keys census": ["keys", "census", "a.md"],
    "keys identify": ["keys", "identify", "a.md"],
    "keys export": ["keys", "export", "--secret", "k2", "-o", "k2.key"],
    "keygen": ["keygen", "--keys", "ring.yaml"],
    "doctor": ["doctor"],
}


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
@pytest.mark.parametrize("verb", READERS)
def test_no_core_and_no_ptrace_before_a_ring_is_read(desk, verb):
    """strace is the outside program: it sees both switched off before the ring is opened, whatever comes of the command."""
    needs.demand_program("strace")
    desk.write("ring.yaml", b"".join(b"- {id: k%d, source: {hex: '%s'}}\n" % (n, b"%d5" % n * 16) for n in (1, 2)))
    desk.write("ring.yaml", b"version: 1\nprimary: k1\nkeys:\n" + desk.read("ring.yaml"))
    (desk.path / "ring.yaml").chmod(0o600)
    for name in ("a.md", "b.md", "c.md"):
        desk.record(name, desk.sealed(f"the payload of {name}, of some length".encode()))
    trace = desk.path / "trace"
    wrap = ["strace", "-qq", "-e", "trace=openat,open,prctl,prlimit64,setrlimit", "-o", str(trace)]
    desk.run(*READERS[verb], wrap=wrap, env={"SEALKIT_KEYS": str(desk.path / "ring.yaml"), "WORDS": "ab" * 16, "EDITOR": "true"})
    calls = trace.read_text().splitlines()
    reads = [at for at, call in enumerate(calls) if 'ring.yaml"' in call and "O_RDONLY" in call and "O_PATH" not in call]
    assert reads, calls
    for wanted in ("PR_SET_DUMPABLE, SUID_DUMP_DISABLE", "RLIMIT_CORE, {rlim_cur=0, rlim_max=0}"):
        assert any(wanted in call for call in calls[: reads[0]]), calls[reads[0]]


def test_a_system_that_refuses_is_no_error():
    child = """
import resource
def refuse(*_):
    raise ValueError("not allowed")
resource.setrlimit = refuse
import ctypes
ctypes.CDLL = lambda _: object()
from sealkit.keys.process import protect_process
protect_process()
print("done")
"""
    assert subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False).stdout == "done\n"


def test_the_module_costs_nothing_until_it_is_called():
    child = "import sys; import sealkit.keys.process; print(sorted({'ctypes', 'resource'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True).stdout == "[]\n"


# --- core dumps ------------------------------------------------------------------------------------------------------
ABORTS = """
import os, signal, sys
if sys.argv[1] == "protected":
    from sealkit.keys.process import protect_process
    protect_process()
os.kill(os.getpid(), signal.SIGABRT)
"""


def dies(how, folder):
    """Let a process be aborted where cores may be dumped without limit; say whether the kernel dumped one."""
    child = subprocess.Popen(
        [sys.executable, "-c", ABORTS, how],
        cwd=folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
        stderr=subprocess.DEVNULL,
    )
    _, status = os.waitpid(child.pid, 0)
    child.returncode = 0
    assert os.WTERMSIG(status) == signal.SIGABRT
    return os.WCOREDUMP(status)


_, hard = resource.getrlimit(resource.RLIMIT_CORE)


def test_a_protected_process_that_is_aborted_leaves_no_core(tmp_path):
    assert not dies("protected", tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(hard == 0, reason="this system dumps no cores at all, whoever dies")
def test_an_unprotected_process_would_leave_one(tmp_path):
    """What shows that the test above can fail."""
    if not dies("as it is", tmp_path):
        pytest.skip("NOT TESTED: this system dumps no cores (core_pattern), whoever dies")


# --- swap ------------------------------------------------------------------------------------------------------------
LOCKS = """
from sealkit.keys.key import Key
from sealkit.keys.process import keep_in_memory, protect_process
print(keep_in_memory(bytearray(32)))
protect_process()
key = Key("k1", bytes(range(32)))
print(keep_in_memory(bytearray(32)), keep_in_memory(bytearray()))
print(next(line for line in open("/proc/self/status") if line.startswith("VmLck")).split()[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="as Linux counts what is locked")
def test_keys_are_locked_in_memory():
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if 0 <= soft < 1 << 16 and os.geteuid():
        pytest.skip("this system lets nobody lock memory (ulimit -l)")
    done = subprocess.run([sys.executable, "-c", LOCKS], capture_output=True, text=True, check=True)
    before, after, locked = done.stdout.splitlines()
    assert (before, after) == ("False", "True False")
    assert int(locked) > 0


def test_a_system_that_locks_nothing_is_no_error():
    child = """
import resource
resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
import os
if not os.geteuid():
    os.setgid(65534), os.setuid(65534)
print(KEY.bits, keep_in_memory(bytearray(32)))
"""
    head = "import sealkit.crypto.cipher\nfrom sealkit.keys.key import Key\nfrom sealkit.keys.process import keep_in_memory, protect_process\n"
    made = child.replace("print(KEY.bits", 'protect_process()\nKEY = Key("k1", bytes(32))\nprint(KEY.bits')
    done = subprocess.run([sys.executable, "-c", head + made], capture_output=True, text=True, check=False)
    assert done.stdout == "256 False\n", done.stderr


def test_an_unprotected_process_locks_nothing():
    assert keep_in_memory(bytearray(32)) is False


# --- copies ----------------------------------------------------------------------------------------------------------
HOLDS = """
import gc, os, sys
from sealkit.keys.process import protect_process
protect_process()
from sealkit import KeyRing, Sealer
ring = KeyRing.load(sys.argv[1], environ={})
for form in ("plain", "tagged", "synthetic"):
    sealer = Sealer(ring, format=form)
    blob = sealer.seal(b"a payload of more than one block")
    assert sealer.unseal(blob).payload
ring.get("k1").kid
print("open", flush=True)
sys.stdin.readline()
ring.close()
del sealer, ring
gc.collect()
print("closed", flush=True)
sys.stdin.readline()
"""


def copies(pid, secret):
    """Count what there is of a secret, any eight bytes of it, in all of a process's memory: what is freed loses its first bytes."""
    parts = [secret[at : at + 8] for at in range(0, len(secret), 8)]
    found = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            begin, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if "r" in rights and "[v" not in line:
                memory.seek(int(begin, 16))
                try:
                    content = memory.read(int(end, 16) - int(begin, 16))
                except OSError:
                    continue
                found += max(content.count(part) for part in parts)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/PID/mem is Linux's")
@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize("source", ["file", "with a mac"])
def test_no_copy_of_a_key_from_a_raw_file_is_left_in_memory(tmp_path, bits, source):
    secret, mac = os.urandom(bits // 8), os.urandom(32)
    for name, data in (("k1.key", secret), ("k1.mac", mac)):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o600)
    more = "    mac: {file: k1.mac, encoding: raw}\n" if source == "with a mac" else ""
    ring = tmp_path / "keys.yaml"
    ring.write_text(f"version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {{file: k1.key, encoding: raw}}\n{more}")
    ring.chmod(0o600)
    child = subprocess.Popen([sys.executable, "-c", HOLDS, str(ring)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "open\n"
        try:
            while_open = copies(child.pid, secret)
        except PermissionError:
            said = "NOT TESTED: no process may look into another's memory here, so that copies of keys cannot be counted"
            pytest.fail(said) if CI else pytest.skip(said)
        assert while_open > 0, "the key is there as long as it is used"
        child.stdin.write("close\n")
        child.stdin.flush()
        assert child.stdout.readline() == "closed\n"
        assert (copies(child.pid, secret), copies(child.pid, mac)) == (0, 0)
    finally:
        child.stdin.close()
        child.wait(timeout=30)
        child.stdout.close()


# --- what children inherit -------------------------------------------------------------------------------------------
def test_what_children_inherit(monkeypatch):
    mine = {"SEALKIT_SECRET": "x", "SEALKIT_SECRET_K1": "x", "SEALKIT_PASSPHRASE": "x", "SEALKIT_K2_SECRET": "x"}
    kept = {"PATH": "/bin", "SEALKIT_KEYS": "k", "AWS_SECRET_ACCESS_KEY": "not ours", "SEALKIT_DEBUG": "1"}
    assert without_secrets(mine | kept) == kept
    monkeypatch.setenv("SEALKIT_SECRET_K1", "x")
    assert "SEALKIT_SECRET_K1" not in own_environment()
    assert os.environ["SEALKIT_SECRET_K1"] == "x"


def unguarded(source):
    """The lines that start a program and do not say which environment it gets."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"subprocess.run", "subprocess.Popen", "subprocess.check_output", "subprocess.call"}
        and "env" not in {keyword.arg for keyword in node.keywords}
    ]


def test_every_program_that_is_started_is_told_what_it_inherits():
    assert unguarded('import subprocess\nsubprocess.run(["git"])\nsubprocess.run(["git"], env={})\n') == [2]
    found = {str(path.relative_to(PACKAGE)): unguarded(path.read_text()) for path in PACKAGE.rglob("*.py")}
    assert {name: lines for name, lines in found.items() if lines} == {}


SPY = """#!/bin/sh
env >> "$SPIED"
exec {git} "$@"
"""


def test_git_inherits_no_key(tmp_path):
    """Every git that a verb starts is looked at: with no ring read (inspect), and with one that takes its key from a variable."""
    import shutil

    (tmp_path / "bin").mkdir()
    spy = tmp_path / "bin" / "git"
    spy.write_text(SPY.format(git=shutil.which("git")))
    spy.chmod(0o755)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.md").write_text("---\nsecured: words of a payload, more than one block\n---\n")
    ring = "version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {env: SEALKIT_SECRET_K1, encoding: hex}\n"
    (tmp_path / "keys.yaml").write_text(ring + "  - id: k2\n    source: {env: OTHER, encoding: hex}\n")
    secrets = {"SEALKIT_SECRET_K1": "5ec1" * 8, "OTHER": "5ec2" * 8, "SEALKIT_SECRET": "hex:" + "5ec3" * 8}
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "SPIED": str(tmp_path / "spied"),
        "SEALKIT_KEYS": str(tmp_path / "keys.yaml"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    git = [environment["PATH"].split(":")[0] + "/git", "-c", "user.name=t", "-c", "user.email=t@e"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *arguments], cwd=tmp_path / "tree", env=environment, check=True)
    (tmp_path / "spied").unlink()
    verbs = [["seal", "--since", "HEAD", "tree"], ["keys", "census", "--git", "tree"], ["check", "--staged", "tree"]]
    verbs += [
        ["check", "--history", "tree"],
        ["inspect", "--since", "HEAD", "tree"],
        ["rotate", "--bless", "HEAD", "--to", "k2", "tree"],
    ]
    (tmp_path / "tree" / "a.md").write_text("---\nsecured: other words of a payload, more than one\n---\n")
    for verb in verbs:
        subprocess.run(
            [sys.executable, "-m", "sealkit", *verb], cwd=tmp_path, env=environment | secrets, check=False, capture_output=True
        )
    spied = (tmp_path / "spied").read_text()
    assert spied.count("SEALKIT_KEYS=") >= len(verbs)
    assert not [line for line in spied.splitlines() if "5ec1" in line or "5ec3" in line]
    readers = spied.count("OTHER=")
    assert readers < spied.count("SEALKIT_KEYS="), "once the ring was read, what it names is gone, whatever it is called"


# --- from Python -----------------------------------------------------------------------------------------------------
LOADS = """
import ctypes, os, resource, sys
from sealkit import Key, KeyRing
from sealkit.keys.access import Access
from sealkit.keys.given import KeyFile

ring, key = sys.argv[1:]
given = {"K": "hex:" + "5e" * 16, "SEALKIT_KEYS": ring}
calls = {
    "load": lambda **protect: KeyRing.load(ring, **protect),
    "find": lambda **protect: KeyRing.find(ring, **protect),
    "find, where the environment says": lambda **protect: KeyRing.find(environ=given, **protect),
    "find, the one key of the environment": lambda **protect: KeyRing.find(environ={"SEALKIT_SECRET": given["K"]}, **protect),
    "from_variable": lambda **protect: KeyRing.from_variable("K", given, **protect),
    "single": lambda **protect: KeyRing.single(KeyFile(key, "raw", "k"), Access({}), **protect),
    "a ring that is not there": lambda **protect: KeyRing.load(ring + "s", **protect),
    "a key made of bytes": lambda **protect: KeyRing([Key("k1", bytes(16))], primary="k1"),
}

def state():
    locked = next(line for line in open("/proc/self/status") if line.startswith("VmLck")).split()[1]
    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
    return dumpable, resource.getrlimit(resource.RLIMIT_CORE) == (0, 0), locked != "0"

for name, call in calls.items():
    for protect in ({}, {"protect": True}, {"protect": False}):
        sys.stdout.flush()
        if not os.fork():
            try:
                call(**protect)
            except Exception as error:
                assert name == "a ring that is not there", error
            print(name, *protect.values(), *state(), sep="|", flush=True)
            os._exit(0)
        assert os.wait()[1] == 0
"""
PROTECTED_BY = [
    "load",
    "find",
    "find, where the environment says",
    "find, the one key of the environment",
    "from_variable",
    "single",
]


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_whoever_reads_keys_from_python_is_protected_unless_they_say_otherwise(tmp_path):
    (tmp_path / "k").write_bytes(bytes(range(32)))
    (tmp_path / "k").chmod(0o600)
    ring = tmp_path / "keys.yaml"
    ring.write_text("version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {file: k, encoding: raw}\n")
    done = subprocess.run(
        [sys.executable, "-c", LOADS, str(ring), str(tmp_path / "k")],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, hard)),
    )
    assert done.returncode == 0, done.stderr
    found = [line.split("|") for line in done.stdout.splitlines()]
    states = {tuple(line[:-3]): (line[-3], line[-2]) for line in found}
    as_it_was = ("1", str(hard == 0))
    wanted = {(name, *said): ("0", "True") for name in PROTECTED_BY for said in ((), ("True",))}
    wanted |= {(name, "False"): as_it_was for name in PROTECTED_BY}
    absent, bytes_alone = "a ring that is not there", "a key made of bytes"
    wanted |= {(absent,): ("0", "True"), (absent, "True"): ("0", "True"), (absent, "False"): as_it_was}
    wanted |= {(bytes_alone, *said): as_it_was for said in ((), ("True",), ("False",))}
    assert states == wanted
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if not 0 <= soft < 1 << 16 or not os.geteuid():
        assert {tuple(line[:-3]): line[-1] for line in found if line[0] in PROTECTED_BY} == {
            (name, *said): str(said != ("False",)) for name in PROTECTED_BY for said in ((), ("True",), ("False",))
        }
