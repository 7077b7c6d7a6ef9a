"""What the tests of the keys room share: looking for a secret everywhere it could have leaked."""

from __future__ import annotations

import base64
import traceback

CANARY = bytes.fromhex("c0ffee11d00dfeedcafebabe8badf00d5ca1ab1e0ddba11ca55e77e0f00dbabe")


def spellings(secret):
    """Every way in which some of a secret could stand in a text: hex, base64, repr of bytes, characters; halves suffice."""
    found = []
    for part in (secret[:12], secret[-12:]):
        found += [part.hex(), part.hex().upper(), base64.b64encode(part).decode(), repr(part)[2:-1], repr(bytearray(part))[12:-2]]
        found.append(part.decode("latin-1"))
    middle = base64.b64encode(secret).decode()
    return [*found, middle[:12], middle[-12:], secret.hex()[8:40]]


def leaks(secret, *texts):
    return [(spelling, text) for spelling in spellings(secret) for text in texts if spelling in text]


def everything_said(error):
    """All that a reporter of errors could print of one: with its causes, and with the locals of every frame below the test's."""
    report = traceback.TracebackException(type(error), error, error.__traceback__.tb_next, capture_locals=True)
    texts = ["".join(report.format()), str(error), repr(error), repr(vars(error))]
    return [*texts, repr(error.__context__), repr(error.__cause__)]
