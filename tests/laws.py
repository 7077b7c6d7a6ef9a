"""The laws that the package is held to, as functions from its folder to the list of violations."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ARCHITECTURE = Path(__file__).parents[1] / "docs" / "architecture.md"
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "tools", "shared"}
LATE = ("cryptography", "multiprocessing", "pyarrow", "asyncio")
# The package's own name, which imports lazily whatever is public, and the way in for python -m.
DOORS = {"__init__", "__main__"}


# --- what is looked at -----------------------------------------------------------------------------------------------
def rooms():
    """The table of docs/architecture.md: for each row its modules (a folder ends in a dot) and the packages it owns."""
    table = []
    for line in ARCHITECTURE.read_text().splitlines():
        match = re.match(r"\| (`[^|]+`) \| .* \| ([^|]+) \|$", line)
        if match is None:
            continue
        names = re.findall(r"`([^`]+)`", match[1])
        folder = names[0].rpartition("/")[0]
        paths = [name if "/" in name or not folder else f"{folder}/{name}" for name in names]
        table.append(([path.removesuffix(".py").replace("/", ".") for path in paths], re.findall(r"`([^`]+)`", match[2])))
    return table


def modules(package):
    """Every module: its dotted name without the package's, its path and its tree."""
    for path in sorted(package.rglob("*.py")):
        yield ".".join(path.relative_to(package).with_suffix("").parts), path, ast.parse(path.read_bytes())


def row_of(name, table):
    """The number of the row of a module, None if it is in none."""
    for number, (names, _) in enumerate(table):
        if name in names or any(room.endswith(".") and name.startswith(room) for room in names):
            return number
    return None


def imports(tree):
    """Every module that is imported anywhere in a module: its dotted name and its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def type_only(tree):
    """The lines under ``if TYPE_CHECKING``."""
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {line for block in blocks for line in range(block.lineno, block.body[-1].end_lineno + 1)}


def is_package(name, package):
    return (
        name.endswith("__init__") and len(ast.parse((package / Path(*name.split("."))).with_suffix(".py").read_bytes()).body) <= 1
    )


# --- laws ------------------------------------------------------------------------------------------------------------
def law_1_imports_go_down(package):
    """A room imports only from lines above it; types may be named from anywhere. Every module has its line."""
    table, found = rooms(), []
    known = {name for name, _, _ in modules(package)}
    for name, _, tree in modules(package):
        row = row_of(name, table)
        if name in DOORS or is_package(name, package):
            continue
        if row is None:
            found.append(f"{name}: in no line of the table")
            continue
        types = type_only(tree)
        for target, line in imports(tree):
            room = longest_known(target, known)
            if room is None or line in types:
                continue
            if room == "__init__":
                if name.partition(".")[0] != "cli":
                    found.append(f"{name}:{line}: imports the package's front door")
            elif not (0 <= (row_of(room, table) or 0) <= row):
                found.append(f"{name}:{line}: {room} is not above it")
    rows = {room for names, _ in table for room in names if not room.endswith(".")}
    return found + [f"{room}: in the table, but not in the package" for room in sorted(rows - known)]


def longest_known(target, known):
    """The module of the package that an import leads to; None for other packages."""
    if target.partition(".")[0] != "sealkit":
        return None
    parts = target.split(".")[1:]
    while parts and ".".join(parts) not in known:
        if ".".join([*parts, "__init__"]) in known:
            return ".".join([*parts, "__init__"])
        parts.pop()
    return ".".join(parts) or "__init__"


def law_1_no_cycles(package):
    """What a module imports when it is imported never leads back to it."""
    known = {name for name, _, _ in modules(package)}
    graph = {}
    for name, _, tree in modules(package):
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        targets = {longest_known(target, known) for node in top for target, _ in imports(node)}
        graph[name] = {target for target in targets if target is not None and not target.endswith("__init__")}
    return [f"{name}: imports itself in the end" for name in graph if name in reachable(graph, name)]


def reachable(graph, name):
    seen, pending = set(), list(graph[name])
    while pending:
        one = pending.pop()
        if one not in seen:
            seen.add(one)
            pending += graph.get(one, ())
    return seen


def law_2_packages_have_one_room(package):
    """A package from elsewhere is imported in the room that owns it; multiprocessing, which no room owns, nowhere."""
    table, found = rooms(), []
    owners = {name: names for names, owned in table for name in owned}
    for name, _, tree in modules(package):
        for target, line in imports(tree):
            top = target.partition(".")[0]
            foreign = top not in sys.stdlib_module_names and top not in {"sealkit", "__future__"}
            if not foreign and top not in {"multiprocessing", "concurrent"}:
                continue
            if not any(name == room or (room.endswith(".") and name.startswith(room)) for room in owners.get(top, ())):
                found.append(f"{name}:{line}: imports {top}")
    return found


def law_3_only_the_command_line_speaks(package):
    """No print, exit or prompt, and no use of the standard streams, outside cli."""
    found = []
    for name, _, tree in modules(package):
        if name.startswith("cli."):
            continue
        for node in ast.walk(tree):
            text = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
            if text in {
                "print",
                "input",
                "exit",
                "quit",
                "breakpoint",
                "sys.exit",
                "sys.stdout",
                "sys.stderr",
                "sys.stdin",
                "getpass",
            }:
                found.append(f"{name}:{node.lineno}: {text}")
    return found


def law_5_names_say_something(package):
    """No module called utils, helpers, common, misc or base."""
    return [name for name, _, _ in modules(package) if BANNED_NAMES & set(name.lstrip("_").split("."))]


def law_6_a_light_start(package):
    """``--version`` and ``inspect`` import nothing heavy, whatever the record."""
    found = []
    folder = package.parent
    record = folder / "law 6.md"
    for content in ("---\nsecured: plain\n---\n", "---\nsecured: >-\n  folded\n  text\n---\n"):
        record.write_text(content)
        for arguments in (["--version"], ["inspect", record.name], ["inspect", "--json", "-"]):
            command = [sys.executable, "-X", "importtime", "-m", "sealkit", *arguments]
            ran = subprocess.run(command, cwd=folder, input=content, capture_output=True, text=True, check=False, timeout=60)
            if "Traceback" in ran.stderr or "sealkit.cli" not in ran.stderr:
                found.append(f"{arguments[0]}: did not run: {ran.stderr[-300:]}")
            imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines() if "|" in line}
            found += [f"{arguments[0]}: imports {late}" for late in LATE if late in imported]
    record.unlink()
    return found


def law_7_only_our_errors(package):
    """Nothing but a SealkitError escapes a public call, whatever the bytes."""
    return run_script(package, "laws_garbage.py")


def law_8_nothing_is_shown(package):
    """Neither repr, str, vars, pickle nor a traceback with locals shows a key or a payload."""
    return run_script(package, "laws_shown.py")


def run_script(package, name):
    script = Path(__file__).parent / name
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(package.parent)!r}); exec(open({str(script)!r}).read())"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    found = ran.stdout.splitlines()
    return found if ran.returncode == 0 else [*found, ran.stderr[-2000:]]


DOOR = "cli.show"
"""The one module that writes to stdout, stderr and the terminal."""
SPEAKS = re.compile(
    r"(print|input|breakpoint|sys\.(__)?(stdout|stderr)(__)?|sys\.(displayhook|excepthook)|(getpass\.)?getpass|pprint(\.pprint)?"
    r"|click\.(echo|echo_via_pager|secho|prompt|confirm|pause|progressbar|getchar|clear|style|edit|get_(text|binary)_stream)"
    r"|warnings\.(warn|warn_explicit|showwarning)|logging|traceback\.print_\w+|faulthandler)"
)
WRITES, NUMBERS = {"os.write", "os.writev", "os.fdopen", "open", "io.open"}, (["1"], ["2"])
STREAMS = re.compile(r"/dev/(tty|stdout|stderr|fd/[12]|console)|/proc/self/fd/[12]")


def law_13_one_door_for_what_is_printed(package):
    """Nothing but ``cli/show.py`` writes to stdout, stderr or the terminal, by whatever name Python gives to them."""
    found = []
    for name, _, tree in modules(package):
        if name == DOOR:
            continue
        known = {alias.asname or alias.name: f"{node.module}.{alias.name}" for node in from_imports(tree) for alias in node.names}
        for node in ast.walk(tree):
            text = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
            if SPEAKS.fullmatch(known.get(text, text)):
                found.append(f"{name}:{node.lineno}: {text}")
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and STREAMS.fullmatch(node.value):
                found.append(f"{name}:{node.lineno}: {node.value}")
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) in WRITES
                and [ast.unparse(one) for one in node.args[:1]] in NUMBERS
            ):
                found.append(f"{name}:{node.lineno}: writes to a standard stream by its number")
    return found


def from_imports(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module is not None]


def rule_no_catch_all(package):
    """An exception is never passed over whatever it is."""
    found = []
    for name, _, tree in modules(package):
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                wide = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
                raises = any(isinstance(part, ast.Raise) for part in ast.walk(node))
                if wide and not raises:
                    found.append(f"{name}:{node.lineno}: passes over everything")
    return found


FORBIDDEN_CALLS = {
    "os.walk": "errors of folders are passed over in silence",
    "yaml.load": "it constructs objects",
    "yaml.safe_load": "it constructs objects, and crashes on deep nesting",
    "yaml.full_load": "it constructs objects",
    "eval": "it runs text",
    "exec": "it runs text",
    "os.system": "it runs a shell",
    "os.popen": "it runs a shell",
    "pickle.loads": "it runs what it reads",
    "marshal.loads": "it trusts what it reads",
    "random.random": "it is predictable",
    "tempfile.mktemp": "somebody else may take the name",
}
# What a process says to its own fork, through a pipe that nobody else has.
ALLOWED = {("trees.messages", "pickle.loads"), ("trees.messages", "marshal.loads")}
FORBIDDEN_METHODS = {"rglob", "glob", "iglob", "safe_load"}


def rule_no_dangerous_calls(package):
    """No os.walk, glob, yaml.load, shell, eval; no file opened for writing outside trees and keys."""
    found = []
    for name, _, tree in modules(package):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in FORBIDDEN_CALLS and (name, called) not in ALLOWED:
                found.append(f"{name}:{node.lineno}: {called}: {FORBIDDEN_CALLS[called]}")
            if called.rpartition(".")[2] in FORBIDDEN_METHODS:
                found.append(f"{name}:{node.lineno}: {called}: errors of folders are passed over in silence")
            if any(word.arg == "shell" and ast.unparse(word.value) != "False" for word in node.keywords):
                found.append(f"{name}:{node.lineno}: {called} with a shell")
            if called in {"open", "io.open"} and opens_for_writing(node) and not name.startswith("trees."):
                found.append(f"{name}:{node.lineno}: {called} for writing")
    return found


def opens_for_writing(call):
    modes = [part.value for part in ast.walk(call) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any(re.fullmatch(r"[wax+][bt+]*|r[bt]*\+[bt]*", mode) for mode in modes)


ONE_LINE = {"out", "note", "warning", "hint"}


def rule_one_line_is_one_line(package):
    """What is printed as one line has no line end written into it: it would be shown as an escape. ``show.page`` prints several."""
    found = []
    for name, _, tree in modules(package):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {f"show.{one}" for one in ONE_LINE}:
                texts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))
                if any("\n" in text for text in texts):
                    found.append(f"{name}:{node.lineno}: {ast.unparse(node.func)} with a line end")
    return found


STARTERS = {"git.program", "git.trial", "keys.command", "desk.editor"}
"""The modules that start programs: git; what git is told to run, tried; what a ring names; somebody's editor."""
STARTS = re.compile(r"(subprocess|os\.(exec|spawn|posix_spawn)\w*|pty\.(spawn|fork)|asyncio\.(create_)?subprocess\w*)(\.|$)")
GIT = re.compile(r"(.*/)?git(-[a-z-]+)?")


def law_9_one_module_starts_git(package):
    """Programs are started in few modules, and git in one: nowhere else is a command made that begins with it."""
    found = []
    for name, _, tree in modules(package):
        types = type_only(tree)
        used = [(ast.unparse(node), node.lineno) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        for target, line in [*imports(tree), *used]:
            if name not in STARTERS and line not in types and STARTS.match(target):
                found.append(f"{name}:{line}: {target} starts a program")
        for node in ast.walk(tree):
            first = node.elts[0] if isinstance(node, ast.List | ast.Tuple) and node.elts else None
            if isinstance(node, ast.Call) and STARTS.match(ast.unparse(node.func)) and node.args:
                first = node.args[0]
            text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            words = text.split() if isinstance(node, ast.Call) else [text]
            if name != "git.program" and words and GIT.fullmatch(words[0]):
                found.append(f"{name}:{node.lineno}: a command of git's")
    return found


VISITORS = re.compile(r"records\..*|trees\.before|compat")


def law_12_one_way_from_bytes_to_fields(package):
    """``records.visit`` alone splits a file into records and lists the fields that a path names in them."""
    found = []
    for name, _, tree in modules(package):
        if VISITORS.fullmatch(name):
            continue
        for target, line in imports(tree):
            if target == "sealkit.records.record.split":
                found.append(f"{name}:{line}: splits files itself")
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "paths" and node.args:
                found.append(f"{name}:{node.lineno}: lists fields itself")
    return found


SHIPPED = ("*.md", "docs/**/*.md", "action.yml", ".pre-commit-hooks.yaml", "sealkit/**/*.py", ".github/**/*.yml")
MODULE_RUN = re.compile(r"-m\s+sealkit\b")
ISOLATED = re.compile(r"-I\s+(-[A-Za-z]+\s+)*$")


def law_10_python_runs_sealkit_isolated(package):
    """Nothing shipped says ``-m sealkit`` without ``-I``: Python would take modules, ours too, from the folder it is started in."""
    root = package.parent if (package.parent / "README.md").exists() else ARCHITECTURE.parents[1]
    paths = [path for pattern in SHIPPED if not pattern.startswith("sealkit/") for path in sorted(root.glob(pattern))]
    found = []
    for path in [*paths, *sorted(package.rglob("*.py"))]:
        text = path.read_text(encoding="utf-8")
        for match in MODULE_RUN.finditer(text):
            if not ISOLATED.search(text[: match.start()]):
                found.append(f"{path.name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]} without -I")
    return found


def law_11_the_judge_alone_says_authentic(package):
    """Only the judge says of a blob that it is authentic, or makes what says so: elsewhere the word is compared with, or is one of a list."""
    found = []
    for name, _, tree in modules(package):
        if name == "sealing.judge":
            continue
        above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        made = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module in {"sealkit.unsealed", "sealkit.sealer", "sealkit.sealing.judge"}
            for alias in node.names
            if alias.name in VERDICTS
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (
                (isinstance(node.func, ast.Name) and node.func.id in made)
                or (isinstance(node.func, ast.Attribute) and node.func.attr in VERDICTS - {"Unsealed"})
            ):
                found.append(f"{name}:{node.lineno}: makes a verdict: {ast.unparse(node.func)}")
            if says_authentic(node) and not is_looked_for(node, above) and not (name == "unsealed" and is_defined(node, above)):
                found.append(f"{name}:{node.lineno}: says authentic")
    return found


VERDICTS = {"Unsealed", "Checked", "Proved"}


def says_authentic(node):
    """Whether a node is the verdict, by its name or as text."""
    named = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return named == "AUTHENTIC" or (isinstance(node, ast.Constant) and node.value == "authentic")


def is_looked_for(node, above):
    """Whether the word stands where it can only be compared with, or in a list of words that a module begins with."""
    parent = above[node]
    if isinstance(parent, ast.Tuple | ast.List | ast.Set):
        while parent in above and not isinstance(parent, ast.Compare | ast.FunctionDef | ast.Lambda):
            parent = above[parent]
        return isinstance(parent, ast.Compare | ast.Module)
    return isinstance(parent, ast.Compare)


def is_defined(node, above):
    """Whether this is where the word gets its name."""
    parent = above[node]
    return isinstance(parent, ast.AnnAssign) and ast.unparse(parent.target) == "AUTHENTIC" and isinstance(above[parent], ast.Module)


LAWS = [
    law_1_imports_go_down,
    law_1_no_cycles,
    law_2_packages_have_one_room,
    law_3_only_the_command_line_speaks,
    law_5_names_say_something,
    law_6_a_light_start,
    law_7_only_our_errors,
    law_8_nothing_is_shown,
    law_9_one_module_starts_git,
    law_10_python_runs_sealkit_isolated,
    law_11_the_judge_alone_says_authentic,
    law_12_one_way_from_bytes_to_fields,
    law_13_one_door_for_what_is_printed,
    rule_no_catch_all,
    rule_no_dangerous_calls,
    rule_one_line_is_one_line,
]
