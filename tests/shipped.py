"""What sealkit ships and documents for others to run in the trees of third parties: found in its files, and run as their readers run it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_bytes())
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_bytes())}
RELEASE = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_bytes())


def page_block(page, heading):
    """The YAML of a page whose first line is a comment with the file's name."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (block,) = re.findall(rf"```yaml\n# {re.escape(heading)}\n(.*?)```", text, re.DOTALL)
    return yaml.safe_load(block)


class Ran(NamedTuple):
    """What came of a step: status, and stdout and stderr together."""

    status: int
    text: str


def run(command, cwd, env, timeout=300):
    """Run a command line in an environment that holds nothing but what is given."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=timeout,
    )
    return Ran(done.returncode, done.stdout.decode(errors="replace"))


def base_environment(home):
    """What a runner's environment holds of this machine: where programs, packages and certificates are."""
    kept = (
        "PATH",
        "LANG",
        "PIP_CERT",
        "PIP_FIND_LINKS",
        "PIP_INDEX_URL",
        "SSL_CERT_FILE",
        "https_proxy",
        "HTTPS_PROXY",
        "no_proxy",
    )
    return {name: os.environ[name] for name in kept if name in os.environ} | {"HOME": str(home), "PIP_NO_INPUT": "1"}


# --- the steps ----------------------------------------------------------------------------------------------------------
def act(tree, clone, temporary, env, **given):
    """Run the steps of the action as GitHub's runner does, with the inputs in the place of its expressions."""
    known = {f"inputs.{name}": given.pop(name, one["default"]) for name, one in ACTION["inputs"].items()}
    assert not given
    temporary.mkdir(exist_ok=True)
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"], "what others can name must not become part of a script"
        assert step["shell"] == "bash"
        more = {name: re.sub(r"\$\{\{ (\S+) \}\}", lambda match: known[match[1]], text) for name, text in step["env"].items()}
        assert not any("${{" in text for text in more.values())
        script = temporary / "step.sh"
        script.write_text(step["run"])
        places = {"GITHUB_ACTION_PATH": str(clone), "GITHUB_WORKSPACE": str(tree), "RUNNER_TEMP": str(temporary)}
        ran = run(["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], tree, env | places | more)
        if ran.status:
            break
    return ran


def gitlab(tree, clone, temporary, env):
    """Run the job of docs/ci.md as a GitLab runner does: its lines one after the other, in the tree."""
    job = page_block("docs/ci.md", ".gitlab-ci.yml")["sealkit"]
    temporary.mkdir(exist_ok=True)
    commit = run(["git", "rev-parse", "HEAD"], clone, env).text.strip()
    script = "\n".join(job["script"])
    assert "https://example.org/sealkit.git" in script
    assert "/opt/sealkit" in script
    script = script.replace("https://example.org/sealkit.git", shlex.quote(f"file://{clone}")).replace(
        "/opt/sealkit", str(temporary / "opt")
    )
    variables = {name: str(value) for name, value in job["variables"].items()} | {
        "SEALKIT_COMMIT": commit,
        "CI_PROJECT_DIR": str(tree),
    }
    return run(["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], tree, env | variables)


def hook(name, programs, tree, env, *paths):
    """Run a hook's command line as pre-commit does: the programs that it installed come first on the path."""
    entry = [*shlex.split(HOOKS[name]["entry"]), *HOOKS[name]["args"], *paths]
    return run(entry, tree, env | {"PATH": f"{programs}:{env['PATH']}"})


# --- law ------------------------------------------------------------------------------------------------------------------
# In sealkit's own clone nothing is a stranger's: README's two commands, and those that repeat the figures.
IN_OUR_CLONE = {"README.md", "docs/performance.md"}
# An interpreter with an argument that is not -I; a program of Python's that does not come behind python -I -m; sealkit's own script, which
# takes modules from $PYTHONPATH.
CARELESS = (
    re.compile(r"""(?<![\w.:@-])(?:[\w./~$"'{}-]*/)?["']?\$?\{?python(?:3(?:\.\d+)?)?\}?["']?[ \t]+(?!-I[ \t])[^\s;|&)]"""),
    re.compile(r"""(?<!-I -m )(?<![\w.-])(?:pip3?|virtualenv|pipx|uvx?|ensurepip|venv)["']?[ \t]+[\w-]"""),
    re.compile(r"""bin/sealkit["']?[ \t]"""),
)


def shipped_texts(root=ROOT):
    """Everything that others are to run in trees of their own: the name of each file, and its text or its blocks of code."""
    yield "action.yml", (root / "action.yml").read_text(encoding="utf-8")
    hooks = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_bytes())
    yield ".pre-commit-hooks.yaml", "\n".join(shlex.join([*shlex.split(one["entry"]), *one["args"]]) for one in hooks)
    for folder in ("gate", ".github/workflows"):
        for path in sorted((root / folder).iterdir()):
            if path.suffix in {".sh", ".yml", ".yaml"}:
                yield str(path.relative_to(root)), path.read_text(encoding="utf-8")
    for path in [root / "README.md", root / "SECURITY.md", *sorted((root / "docs").rglob("*.md"))]:
        name = str(path.relative_to(root))
        if name not in IN_OUR_CLONE:
            text = path.read_text(encoding="utf-8")
            yield name, "\n".join(re.findall(r"```(?:sh|bash|console|yaml|toml)\n(.*?)```", text, re.DOTALL))


def careless_starts(text):
    """Where a text starts Python, or something of it, so that it looks for modules or settings in the folder it is started in."""
    lines = [(number, re.sub(r"(^|\s)#.*", "", line)) for number, line in enumerate(text.splitlines(), 1)]
    return [f"{number}: {line.strip()}" for number, line in lines if any(pattern.search(line) for pattern in CARELESS)]


def paths_without_dashes(text):
    """Where a text gives paths to check or seal, with no -- before them."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    runs = re.compile(r"""-m sealkit (?:check|seal)\b(?P<rest>[^;|&#\n]*)""")
    return [line.strip() for line in lines if (run := runs.search(line)) and not re.search(r"(^|\s)--(\s|$)|\$@", run["rest"])]
