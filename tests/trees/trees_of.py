"""Trees as publishers have them, made from a seed: a few dozen files each, some of them sealed, and plaintext to be planted in them.

``TREES`` makes each of them. Everything in a tree is in order until ``plants`` are put into it: files in each of which the protected field
stands open, in some syntax that a reader of such a tree knows. A plant says on which line it is to be found.
"""

from __future__ import annotations

import base64
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sealkit.crypto.blob import Blob
from sealkit.keys.key import Key

WORDS = [
    "harbour",
    "fog",
    "ledger",
    "minutes",
    "source",
    "quote",
    "draft",
    "council",
    "bridge",
    "tide",
    "archive",
    "letter",
    "witness",
    "budget",
    "permit",
]
OPEN = "the plain words of a witness"


class Plant(NamedTuple):
    """A file in which the field stands open: its name below the tree, its bytes, and the line that a finding names (0: not asserted)."""

    path: str
    data: bytes
    line: int


class Tree:
    """Files and links below a folder, by their paths; ``sealed`` has the paths of those in which blobs stand."""

    def __init__(self, seed: int, key: Key) -> None:
        self.chance = random.Random(seed)
        self.key = key
        self.files: dict[str, bytes] = {}
        self.links: dict[str, str] = {}
        self.sealed: list[str] = []
        self.ignored: list[str] = []
        self.rule = "*.md"
        self.plants: list[Plant] = []

    # --- what files are made of ------------------------------------------------------------------------------------
    def text(self, words: int = 8) -> str:
        return " ".join(self.chance.choices(WORDS, k=words))

    def blob(self) -> str:
        """A two-part blob of a payload of some length, under the tree's key."""
        iv = self.chance.randbytes(16)
        return str(Blob(self.key.cbc().encrypt(self.text(12).encode(), iv), iv))

    def binary(self, size: int = 300) -> bytes:
        return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + self.chance.randbytes(size)

    # --- what is put into a tree -----------------------------------------------------------------------------------
    def put(self, path: str, content: str | bytes) -> None:
        """Put a file into the tree; ``{blob}`` in a text is where a blob comes."""
        if isinstance(content, str):
            while "{blob}" in content:
                content = content.replace("{blob}", self.blob(), 1)
                self.sealed += [] if path in self.sealed else [path]
            content = content.encode()
        self.files[path] = content

    def plant(self, path: str, content: str | bytes, line: int) -> None:
        self.plants.append(Plant(path, content.encode() if isinstance(content, str) else content, line))

    # --- on the disk -----------------------------------------------------------------------------------------------
    def write(self, folder: Path, *, planted: bool = False) -> None:
        """Write the tree below a folder, with the plants or without."""
        files = self.files | ({plant.path: plant.data for plant in self.plants} if planted else {})
        for path, data in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        for path, target in self.links.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).symlink_to(target)


def everything_below(folder: Path) -> dict[str, bytes]:
    """What every file and link below a folder is, but for git's and our own notes."""
    found = {}
    for below, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in {".git", ".sealkit"}]
        for name in names:
            path = Path(below) / name
            found[str(path.relative_to(folder))] = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
    return found


# --- what stands open, in each syntax that can hold a field -----------------------------------------------------------------
def front(*lines: str) -> str:
    return "\n".join(["---", *lines, "---", "Text.", ""])


FIELD = f"secured: {OPEN}"
NOTEBOOK = {"cells": [{"cell_type": "code", "source": ["secured = 1\n", "print('secured: x')"]}], "nbformat": 4}

KINDS: dict[str, tuple[str, str | bytes, int]] = {
    # front matter, whatever the file is called
    "front matter": ("a.md", front("title: t", FIELD), 3),
    "front matter, quoted": ("b.markdown", front(f'"secured": "{OPEN}"', "title: t"), 2),
    "front matter, CRLF": ("c.md", front("title: t", FIELD).replace("\n", "\r\n"), 3),
    "front matter, a mapping": ("d.html", front("title: t", "secured:", "  a: 1", "  b: words"), 0),
    "front matter, a list": ("e.md", front("title: t", "secured: [a, b]"), 3),
    "front matter, a number": ("f.md", front("secured: 20240101", "title: t"), 2),
    "front matter, a block": ("g.txt", front("secured: |", f"  {OPEN}", "title: t"), 0),
    "front matter of Quarto": ("h.qmd", front("title: t", "format: html", FIELD), 4),
    "front matter of R Markdown": ("i.Rmd", front("output: github_document", FIELD), 3),
    "front matter in a feed": ("j.xml", front("layout: null", FIELD).replace("Text.", "<rss/>"), 3),
    "front matter in RSS": ("k.rss", front(FIELD), 2),
    "front matter in a stylesheet": ("l.scss", front("# only the front matter", FIELD), 3),
    "front matter in JSON": ("m.json", front("layout: null", FIELD).replace("Text.", '{"a": {{ site.x | jsonify }}}'), 3),
    "front matter without a suffix": ("n", front("title: t", FIELD), 3),
    "front matter in a script": ("o.js", front("title: t", FIELD).replace("Text.", "let a = 1;"), 3),
    "front matter in a manifest": ("p.webmanifest", front(FIELD, "a: b"), 2),
    "front matter with a backup's name": ("q.md~", front("title: t", FIELD), 3),
    "front matter of an unknown suffix": ("r.adoc2", front("title: t", FIELD), 3),
    # front matter that some generators read, and we do not
    "front matter that does not read": ("aa.md", front('title: "t', FIELD, "x: [", "y: }"), 0),
    "front matter with a tab": ("ab.md", front("title: t", "x:", "\ty: 1", FIELD), 0),
    "front matter with no end": ("ac.md", f"---\ntitle: t\n{FIELD}\n\nText.\n", 0),
    "front matter behind a blank line": ("ad.md", "\n" + front("title: t", FIELD), 0),
    "front matter that is a template": ("ae.md", front("title: t", "{% if x %}", FIELD, "{% endif %}"), 0),
    "front matter with a template for a value": ("af.md", front("title: {{ title }} - {{ x }}", FIELD), 0),
    "front matter without its first line": ("ag.md", f"title: t\ndate: 2024-01-01\n{FIELD}\n---\nText.\n", 0),
    "front matter without its first line, CRLF": ("ah.md", f"title: t\r\n{FIELD}\r\n---\r\nText.\r\n", 0),
    "TOML": ("ai.md", f'+++\ntitle = "t"\nsecured = "{OPEN}"\n+++\nText.\n', 0),
    "TOML, a quoted key": ("aj.md", f'+++\n"secured" = "{OPEN}"\n+++\n', 0),
    "JSON front matter": ("ak.md", f'{{\n  "title": "t",\n  "secured": "{OPEN}"\n}}\n\nText.\n', 0),
    "JSON front matter of Hexo": ("al.md", f'"title": "t",\n"secured": "{OPEN}"\n;;;\nText.\n', 0),
    # YAML
    "YAML": ("ba.yml", f"title: t\n{FIELD}\n", 2),
    "YAML, flow": ("bb.yaml", f"{{title: t, secured: {OPEN}}}\n", 1),
    "YAML, a key with an escape": ("bc.yml", f'title: t\n"\\x73ecured": {OPEN}\n', 0),
    "YAML, a long escape": ("bd.yml", f'"\\u0073ec\\U00000075red": {OPEN}\n', 0),
    "YAML, a binary key": ("be.yml", f"? !!binary {base64.b64encode(b'secured').decode()}\n: {OPEN}\n", 0),
    "YAML of two documents": ("bf.yml", f"title: t\n---\n{FIELD}\n", 0),
    "YAML of two documents, the first": ("bg.yml", f"{FIELD}\n---\ntitle: t\n", 0),
    "YAML with a template": ("bh.yaml", f"image: {{{{ .Values.image }}}}\n{FIELD}\n", 0),
    "YAML with template blocks": ("bi.yaml", f"{{{{- if .Values.on }}}}\na: 1\n{FIELD}\n{{{{- end }}}}\n", 0),
    "YAML of UTF-16": ("bj.yml", f"title: t\n{FIELD}\n".encode("utf-16"), 0),
    "YAML, twice": ("bk.yml", f"{FIELD}\nsecured: again\n", 0),
    "YAML, by a merge": ("bl.yml", f"x: &x {{{FIELD}}}\n<<: *x\n", 0),
    "YAML, looks alike": ("bm.yml", f"Secured: {OPEN}\n", 0),
    "YAML, homoglyph": ("bn.yml", f"s\u0435cured: {OPEN}\n", 0),
    "YAML, invisible": ("bo.yml", f"sec\u200bured: {OPEN}\n", 0),
    # JSON
    "JSON": ("ca.json", f'{{"title": "t", "secured": "{OPEN}"}}\n', 1),
    "JSON, several lines": ("cb.json", json.dumps({"a": 1, "secured": OPEN}, indent=2), 3),
    "JSON, an escape": ("cc.json", f'{{"\\u0073ecured": "{OPEN}"}}\n', 0),
    "JSON with comments": ("cd.json", f'{{\n  // of the desk\n  "secured": "{OPEN}"\n}}\n', 0),
    "JSON with a trailing comma": ("ce.json", f'{{\n  "secured": "{OPEN}",\n}}\n', 0),
    "JSON5": ("cf.json", f"{{\n  secured: '{OPEN}',\n}}\n", 0),
    "JSON, cut off": ("cg.json", f'{{"secured": "{OPEN}", "b": [1, 2', 0),
    "JSON of UTF-16": ("ch.json", json.dumps({"secured": OPEN}).encode("utf-16-le"), 0),
    "JSON Lines": ("ci.jsonl", f'{{"a": 1}}\n{{"secured": "{OPEN}"}}\n', 2),
    "a notebook": ("da.ipynb", json.dumps(NOTEBOOK | {"secured": OPEN}, indent=1), 0),
    "JSON of an unknown suffix": ("db.webmanifest", json.dumps({"name": "a", "secured": OPEN}, indent=1), 3),
    "JSON Lines, a broken line": ("cj.ndjson", f'{{"a": 1}}\n{{"secured": "{OPEN}"\n', 0),
}


def plant_all(tree: Tree, folders: list[str]) -> None:
    """Plant the field in each kind of file, somewhere in these folders."""
    for number, (name, content, line) in enumerate(KINDS.values()):
        tree.plant(f"{folders[number % len(folders)]}/planted-{name}", content, line)


def plant_what_is_passed_over(tree: Tree) -> None:
    """Put in what names the field and stands open nowhere: programs, prose, a notebook, pictures; and what git ignores or is hidden."""
    tree.put("tools/seal.py", f'secured = "x"\nrecord = {{\n    "secured": None,\n}}\nprint(record)  # {OPEN}\n')
    tree.put("tools/env.sample", "# secured: not here\nSECURED=no\n")
    tree.put("tools/notes.txt", "It is secured: nobody reads it.\nThe word secured; and more.\n")
    tree.put("tools/analysis.ipynb", json.dumps(NOTEBOOK, indent=1))
    tree.put("tools/manual.md", "# How to seal\n\nWrite\n\n```yaml\ntitle: t\nsecured: something\n```\n\nand run it.\n")
    tree.put("tools/page.md", front("title: t") + "secured: of the body\n---\nsecured: of the body too\n")
    tree.put("tools/commented.md", front("title: t", "# secured: a comment", "x: 'secured: quoted'"))
    tree.put("assets/a.png", tree.binary())
    tree.put("assets/b.json", tree.binary() + b'"secured": "x"')
    tree.put("empty.json", b"")
    tree.put("empty.md", b"")
    tree.put(".gitignore", "build/\n*.log.md\n")
    for path in ("build/page.md", "notes.log.md"):
        tree.put(path, front("title: t", FIELD))
        tree.ignored.append(path)
    tree.put(".hidden/page.md", front("title: t", FIELD))


# --- the trees ---------------------------------------------------------------------------------------------------------
def jekyll(tree: Tree) -> None:
    """A site of Jekyll with feeds and JSON files that are templates."""
    tree.rule = "_posts/*.md"
    for number in range(12):
        tree.put(
            f"_posts/2024-01-{number + 1:02}-{tree.text(1)}.md", front(f"title: {tree.text(3)}", 'secured: "{blob}"', "tags: [a]")
        )
    for name in ("search.json", "feed.json", "api/posts.json", "api/tags.json"):
        tree.put(name, "---\nlayout: null\n---\n[{% for p in site.posts %}{{ p | jsonify }},{% endfor %}]\n")
    tree.put("feed.xml", "---\nlayout: null\n---\n<feed>{% for p in site.posts %}{{ p.title }}{% endfor %}</feed>\n")
    tree.put("assets/main.scss", "---\n---\n@import 'base';\n")
    tree.put("podcast.rss", front("layout: null", "secured: '{blob}'").replace("Text.", "<rss/>"))
    tree.put("_layouts/post.html", "<html>{{ content }}</html>\n")
    tree.put("_config.yml", "title: site\nplugins: [jekyll-feed]\n")
    tree.put("_data/people.yml", "- name: a\n- name: b\n")
    tree.put("_data/list.json", "[1, 2, 3]\n")


def hugo(tree: Tree) -> None:
    """A site of Hugo whose front matter is TOML here and YAML there."""
    tree.rule = "content/sealed/*.md"
    for number in range(10):
        tree.put(f"content/posts/{number}.md", f'+++\ntitle = "{tree.text(3)}"\ndraft = false\n+++\n{tree.text()}\n')
        tree.put(f"content/sealed/{number}.md", front(f"title: {tree.text(2)}", "secured: {blob}"))
    tree.put("config.toml", 'baseURL = "https://example.org/"\n[params]\na = 1\n')
    tree.put("content/json.md", '{\n  "title": "t"\n}\n\nText.\n')
    tree.put("layouts/index.json", '{{ $x := dict "a" 1 }}{{ $x | jsonify }}\n')
    tree.put("data/numbers.json", "[[1, 2], [3, 4]]\n")
    tree.put("i18n/en.yaml", "- id: a\n  translation: b\n")


def quarto(tree: Tree) -> None:
    """A book of Quarto and R Markdown."""
    tree.rule = "chapters/*.qmd"
    tree.put("_quarto.yml", "project:\n  type: book\nbook:\n  chapters: [index.qmd]\n")
    tree.put("index.qmd", front("title: t", "execute:", "  echo: false") + "```{r}\n#| label: a\nx <- 1\n```\n")
    for number in range(10):
        tree.put(f"chapters/{number}.qmd", front(f"title: {tree.text(2)}", "secured: '{blob}'") + "```{python}\n1\n```\n")
        tree.put(f"reports/{number}.Rmd", front("output: html_document", "secured: {blob}" if number % 2 else "a: b"))
    tree.put("styles.scss", "/*-- scss:defaults --*/\n$a: 1;\n")
    tree.put("_metadata.yml", "")


def hexo(tree: Tree) -> None:
    """A blog of Hexo, whose front matter may begin without a line of its own."""
    tree.rule = "source/_posts/s*.md"
    for number in range(10):
        tree.put(f"source/_posts/p{number}.md", f"title: {tree.text(2)}\ndate: 2024-01-0{number}\n---\n{tree.text()}\n")
        tree.put(f"source/_posts/s{number}.md", front(f"title: {tree.text(2)}", 'secured: "{blob}"'))
    tree.put("source/_posts/j.md", '"title": "t"\n;;;\nText.\n')
    tree.put("_config.yml", "title: blog\npermalink: :year/:title/\n")
    tree.put("scaffolds/post.md", "---\ntitle: {{ title }}\ndate: {{ date }}\ntags:\n---\n")
    tree.put("package.json", '{"name": "blog", "private": true}\n')


def helm(tree: Tree) -> None:
    """Charts of Helm: YAML that is a template."""
    tree.rule = "values/*.yaml"
    for chart in ("api", "web"):
        tree.put(f"charts/{chart}/Chart.yaml", f"apiVersion: v2\nname: {chart}\nversion: 0.1.0\n")
        tree.put(f"charts/{chart}/values.yaml", "image: {repository: a, tag: b}\nreplicas: 2\n")
        for kind in ("deployment", "service", "ingress", "configmap"):
            body = f'kind: {kind}\nmetadata:\n  name: {{{{ include "{chart}.name" . }}}}\n  labels: {{{{- toYaml .Values.l | nindent 4 }}}}\n'
            tree.put(f"charts/{chart}/templates/{kind}.yaml", f"{{{{- if .Values.{kind} }}}}\n{body}{{{{- end }}}}\n")
        tree.put(f"charts/{chart}/templates/_helpers.tpl", f'{{{{- define "{chart}.name" -}}}}x{{{{- end -}}}}\n')
        tree.put(f"charts/{chart}/templates/NOTES.txt", "Installed {{ .Release.Name }}.\n")
    for name in ("dev", "stage", "prod", "spare"):
        tree.put(f"values/{name}.yaml", f"replicas: 1\nsecured: {{blob}}\nurl: https://{name}.example.org\n")
    tree.put("crds/all.yaml", "kind: A\n---\nkind: B\n---\nkind: C\n")


def sigma(tree: Tree) -> None:
    """Rules of Sigma: YAML of one and of several documents."""
    tree.rule = "cases/*.yml"
    for number in range(12):
        rule = f"title: {tree.text(2)}\nid: {number}\ndetection:\n  selection:\n    EventID: {number}\n  condition: selection\n"
        tree.put(f"rules/windows/{number}.yml", rule if number % 3 else f"action: global\n---\n{rule}---\n{rule}")
    for number in range(8):
        tree.put(f"cases/{number}.yml", f"title: {tree.text(2)}\nsecured: '{{blob}}'\ntags:\n  - attack.t1\n")
    tree.put("rules/broken.yml", "title: 'x\n  - y: [\n")


def dataset(tree: Tree) -> None:
    """JSON files of all kinds, most of which are no records."""
    tree.rule = "records/*.json"
    for number in range(8):
        tree.put(f"arrays/{number}.json", json.dumps([tree.chance.randrange(100) for _ in range(20)]))
        tree.put(f"records/{number}.json", json.dumps({"title": tree.text(2), "secured": "{blob}"}, indent=number % 3 or None))
    tree.put("arrays/objects.json", json.dumps([{"id": n, "name": tree.text(1)} for n in range(10)]))
    tree.put("tsconfig.json", '{\n  // for the build\n  "compilerOptions": {"strict": true,},\n}\n')
    tree.put(".eslintrc.json", '{"root": true /* yes */}\n')
    tree.put("package.json", '{"name": "data", "scripts": {"test": "x"}}\n')
    tree.put("package-lock.json", json.dumps({"packages": {f"p{n}": {"version": "1"} for n in range(40)}}, indent=2))
    tree.put("scalar.json", "42\n")
    tree.put("cut.json", '{"a": [1, 2')
    tree.put("geo.json", '{"type": "FeatureCollection", "features": []}')
    tree.put("blank.json", "\n \n")
    tree.put("feed.jsonl", "".join(json.dumps({"id": n, "secured": "{blob}"}) + "\n" for n in range(5)))
    tree.put("log.ndjson", '{"a": 1}\n[1]\n\nnot JSON\n')


def obsidian(tree: Tree) -> None:
    """A vault of notes whose keys are words of people, emoji among them."""
    tree.rule = "sealed/*.md"
    keys = ("✅ done", "❤️", "👩‍💻 author", "🏷️", "⭐️ rating", "Straße", "naïve", "日付")
    for number in range(10):
        lines = [f"{tree.chance.choice(keys)}: {tree.text(2)}", f'"{tree.chance.choice("🔒🗝️")} {number}": x']
        tree.put(f"notes/{tree.text(1)} {number}.md", front(*lines, "aliases: []") + f"[[{tree.text(1)}]] #tag\n")
        tree.put(f"sealed/🔒 {number}.md", front(*lines, 'secured: "{blob}"'))
    tree.put(".obsidian/app.json", '{"a": true}\n')
    tree.put("board.canvas", '{"nodes": [], "edges": []}')
    tree.put("Untitled.md", "secured, as they say\n")


def persian(tree: Tree) -> None:
    """Records whose keys are Persian, with the joiners that belong into such words."""
    tree.rule = "پست‌ها/*.md"
    words = ("می‌شود", "نوشته‌ها", "عنوان", "کتاب‌خانه", "به‌روز", "دسته‌بندی")
    for number in range(10):
        lines = [f"{word}: {tree.text(1)}" for word in tree.chance.sample(words, 3)]
        tree.put(f"پست‌ها/{number}.md", front(*lines, "secured: '{blob}'") + "این نوشته‌ها است\n")
        tree.put(f"داده/{number}.yml", "\n".join(lines) + "\n")
    tree.put("داده/a.json", json.dumps({word: number for number, word in enumerate(words)}, ensure_ascii=False))
    tree.put("هندی.yml", "क्‍ष: 1\nশ্‌: 2\n")


def docs_site(tree: Tree) -> None:
    """Documentation with links in it, as agents' notes and translations have them."""
    tree.rule = "docs/sealed/*.md"
    tree.put("AGENTS.md", "# Notes\n\nBuild with make.\n")
    tree.links["CLAUDE.md"] = "AGENTS.md"
    tree.links["docs/README.md"] = "../AGENTS.md"
    tree.links["docs/latest"] = "v2"
    tree.links["docs/gone.md"] = "not-there.md"
    for number in range(8):
        tree.put(f"docs/v2/{number}.md", front(f"title: {tree.text(2)}", "sidebar_position: 1"))
        tree.put(f"docs/sealed/{number}.md", front(f"title: {tree.text(2)}", 'secured: "{blob}"').replace("\n", "\r\n"))
    tree.links["docs/sealed.md"] = "sealed/0.md"
    tree.put("mkdocs.yml", "site_name: x\nmarkdown_extensions:\n  - x: !!python/name:y.z\n")
    tree.put("docs/mdx.mdx", "import A from './a'\n\n<A/>\n")
    tree.put("openapi.yaml", "openapi: 3.0.0\npaths: {}\n")


FOLDERS: dict[Callable[[Tree], None], list[str]] = {
    jekyll: ["_posts", "_data", "api", "new"],
    hugo: ["content/posts", "content/sealed", "data"],
    quarto: ["chapters", "reports", "."],
    hexo: ["source/_posts", "scaffolds"],
    helm: ["charts/api/templates", "values", "charts/web"],
    sigma: ["rules/windows", "cases", "rules"],
    dataset: ["records", "arrays", "more/deep"],
    obsidian: ["notes", "sealed", "🗂️"],
    persian: ["پست‌ها", "داده"],
    docs_site: ["docs/v2", "docs/sealed", "docs"],
}


def make(maker: Callable[[Tree], None], key: Key, seed: int = 0) -> Tree:
    """Make one of ``TREES``: what its maker puts in, what is to be passed over, and the plants, which are not yet in it."""
    tree = Tree(seed, key)
    maker(tree)
    plant_what_is_passed_over(tree)
    plant_all(tree, FOLDERS[maker])
    return tree


TREES = {maker.__name__: maker for maker in FOLDERS}
