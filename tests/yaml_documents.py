"""Random YAML documents around one field, for the tests that compare the fast scan with the full parse.

Most documents of plain noise do not parse, and a comparison needs one that does. So they are made of lines and values that belong
together, with a few faults: quotes left open, brackets over several lines, look-alikes, odd line ends.
"""

from __future__ import annotations

import random

BLOBS = ("QQ==;QQ==", "QUJD;QUJD", "ab+/;cd==;ef", "x;y", "QQ;")
FIELD_VALUES = ('"QQ==;QQ=="', "'QQ==;QQ=='", "QQ==;QQ==", "QUJD;QUJD", '"x;y"', "'x;y'", "x;y")
ODD_FIELD_VALUES = (
    *(
        "",
        "~",
        "12",
        '"x;y" # c',
        "x;y # c",
        "!!str x;y",
        "&a x;y",
        "*a",
        "|\n  x;y",
        ">-\n x;y",
        '"x;\\\n  y"',
        '"x;y',
        "'x;y",
        "x;y\n  z",
    ),
    *("[x;y]", "{a: x;y}", '"x;y" z', "x;y:", "x;y: z", '"x;\ty"', '"x;\\x79"', "x;y,", "x;y]", "x;y}"),
)
LOOKS = (
    *("Secured", "SECURED", "\uff53ecured", "s\u0435cured", "se\u00adcured", "sec\u200bured", '"secured"', "'secured'", "secured "),
    *(
        '"s\\x65cured"',
        '"secured\\\n"',
        "? secured",
        "&k secured",
        "!!str secured",
        "*k ",
        "<<",
        "secure",
        "secureds",
        "xsecured",
        "- secured",
    ),
)
KEYS = (
    "a",
    "b",
    "title",
    "k-1",
    "Z_",
    '"q"',
    "'s'",
    '"a\\"b"',
    "x y",
    "1",
    "~",
    "é",
    "[f]",
    "{g: h}",
    "? c",
    "a.b",
    "- d",
    "&a a",
    "!t a",
    "<<",
    "?",
    "-",
    "*a ",
)
VALUES = (
    *(
        "v",
        "1",
        "",
        '"dq"',
        "'sq'",
        "plain text",
        "it's",
        'say "hi"',
        "a#b",
        "a:b",
        "http://x/y",
        "a;b",
        "é",
        "\u00a0",
        "日本",
        "🎉",
    ),
    *("[a, b]", "{a: b}", "[]", "{}", "[", "]", "{", "}", "[a,", "b]", "{a: b,", "c: d}", '["a"]', "['a", "b']", '{"a": "b"}'),
    *(
        '"',
        "'",
        '"open',
        "'open",
        'close"',
        "close'",
        '"a" b',
        '"a\\"',
        "'a''",
        "'a''b'",
        '"a\\\\"',
        '"\\u0041"',
        '"\\/"',
        '"a\\',
        "\\",
    ),
    *(
        "|",
        ">",
        "|-",
        ">+",
        "|2",
        ">1-",
        "&a x",
        "&a",
        "*a",
        "!!str x",
        "!t",
        "!",
        "# c",
        "x # c",
        '"x" # "',
        "x #'c",
        "- x",
        "? x",
        ": x",
    ),
    *(
        "secured",
        "secured: x",
        '"secured"',
        "the secured one",
        "Secured: x;y",
        "{secured: x;y}",
        "[secured]",
        "&a secured",
        "<<: *a",
        "{<<: *a}",
    ),
    *("%x", "@x", "`x", ",", "-", "--", "---", "...", "?", ":", "::", "a,b", "a]", "a}", "$x", "(x)", "+1", "/x", "_"),
    *(
        "\u2028",
        "a\u2028secured: x;y",
        "a\u0085b",
        "\ufeff",
        "a\tb",
        "\t",
        "a\x7f",
        "a\x00",
        "a\u0080",
        "\ufffe",
        "s\u0435cured",
        "\u00ad",
    ),
)
INDENTS = ("", "", "", "", "  ", "  ", " ", "    ", "- ", "  - ", "- - ", "\t", "? ", ": ", "      ")
ENDS = ("\n",) * 60 + ("\r\n", "\r", " \n", "  \n", "\n\n", "\n \n", "\n# c\n", "\n  # 'c\n", "\t\n", "\n\n\n", "\u2028", "\x85")
SOUP = (
    *(
        "secured: ",
        "\nsecured: ",
        '\nsecured: "x;y"\n',
        "\nsecured: 'x;y'\n",
        "\nsecured: x;y\n",
        '"x;y"',
        "x;y",
        "a: ",
        "b",
        "\n",
        "\n",
        "\n  ",
        " ",
    ),
    *(
        '"',
        "'",
        "[",
        "]",
        "{",
        "}",
        ",",
        ": ",
        "? ",
        "- ",
        "|\n",
        ">-\n",
        "&a ",
        "*a",
        "!t ",
        "# ",
        "\\",
        "\\\n",
        "''",
        '\\"',
        "<<: ",
        "\r\n",
        "\t",
        "é",
    ),
    *(
        "%",
        "...\n",
        "--- ",
        "#",
        ":",
        "-",
        "?",
        "\nsecured:\n",
        "Secured: ",
        "null",
        "~",
        "secured",
        "]\n",
        "}\n",
        '"\n',
        "'\n",
        "*a : ",
        "&a\n",
        "|",
        "!!map\n",
    ),
)


class Documents:
    """An endless source of documents, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self) -> str:
        """Return one document."""
        chance = self._random.random()
        text = self._soup() if chance < 0.12 else "".join(self._lines(odd=0.25 if chance < 0.55 else 0.04))
        if self._random.random() < 0.15:
            text = text.replace("\n", "\r\n")
        if self._random.random() < 0.1:
            text = text.removesuffix("\n")
        if self._random.random() < 0.05:
            text = self._mutated(text)
        return text

    def _soup(self) -> str:
        draw = self._random.choice
        return "".join(draw(SOUP) for _ in range(self._random.randint(1, 14)))

    def _lines(self, odd: float) -> list[str]:
        pick = self._random
        count = pick.randint(0, 7)
        lines = [self._line(odd) for _ in range(count)]
        if pick.random() < 0.9:
            lines.insert(pick.randint(0, count), self._field(odd))
        if pick.random() < odd:
            lines.insert(pick.randint(0, len(lines)), self._field(odd))
        return lines

    def _field(self, odd: float) -> str:
        pick = self._random
        key = pick.choice(LOOKS) if pick.random() < odd * 0.4 else "secured"
        value = pick.choice(ODD_FIELD_VALUES) if pick.random() < odd else pick.choice(FIELD_VALUES)
        indent = pick.choice(INDENTS) if pick.random() < odd * 0.4 else ""
        return f"{indent}{key}: {value}{self._end(odd)}"

    def _line(self, odd: float) -> str:
        pick = self._random
        key = pick.choice(KEYS) if pick.random() < max(odd, 0.1) else f"k{pick.randint(0, 999)}"
        value = " ".join(pick.choice(VALUES) for _ in range(1 + (pick.random() < odd)))
        chance = pick.random()
        if chance < 0.62:
            return f"{pick.choice(INDENTS) if pick.random() < odd else ''}{key}: {value}{self._end(odd)}"
        if chance < 0.7:
            return f"{key}:\n{pick.choice(('  ', '- ', ' ', '  - '))}{value}{self._end(odd)}"
        if chance < 0.78:
            return f"{key}: {self._wrapped()}{self._end(odd)}"
        if chance < 0.84:
            return f"{key}: {pick.choice('|>')}{pick.choice(('', '-', '+', '1', '2'))}\n  {value}\n\n  {pick.choice(VALUES)}{self._end(odd)}"
        return f"{pick.choice(INDENTS)}{value}{self._end(odd)}"

    def _wrapped(self) -> str:
        """Return a quoted scalar or a flow collection over several lines, with a line at column 0 that may look like the field."""
        pick = self._random
        decoy = f"secured: {pick.choice(FIELD_VALUES)}" if pick.random() < 0.5 else pick.choice(VALUES)
        left, right = pick.choice(
            ('""', "''", "[]", "{}", ("{a: [", "]}"), ('["', '"]'), ("{'a': '", "'}"), ("a ", ""), ('"\\"', '"'), ("''", "'"))
        )
        return f"{left}{pick.choice(VALUES)}\n{decoy}\n{pick.choice(('', ' ', pick.choice(VALUES)))}{right}"

    def _end(self, odd: float) -> str:
        return self._random.choice(ENDS) if self._random.random() < max(odd, 0.02) else "\n"

    def _mutated(self, text: str) -> str:
        pick = self._random
        at = pick.randint(0, len(text))
        if pick.random() < 0.5:
            return text[:at] + text[at + 1 :]
        return text[:at] + pick.choice(SOUP) + text[at:]
