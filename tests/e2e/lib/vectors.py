# SPDX-License-Identifier: MIT
"""Wire vectors (../shared/vectors/http.json): placeholders, and what is to be run."""

import json
import re

FORMS = ("plain", "tunnel")
MODES = ("whole", "bytes")

_FILL = re.compile(r"@FILL:([0-9a-fA-F]{2}):(\d+)@")
_REPEAT = re.compile(r"@REP:(\d+)\{(.*?)\}REP@", re.DOTALL)


def load(shared):
    document = json.loads((shared / "vectors" / "http.json").read_text("utf-8"))
    return document["vectors"]


def expand(text, authority, form):
    """The bytes of a vector's text (latin-1) for an authority host:port."""
    text = _FILL.sub(lambda m: chr(int(m.group(1), 16)) * int(m.group(2)), text)
    text = _REPEAT.sub(lambda m: m.group(2) * int(m.group(1)), text)
    text = text.replace("@BASE@", f"http://{authority}" if form == "plain" else "")
    text = text.replace("@AUTHUPPER@", authority.upper())
    text = text.replace("@AUTH@", authority)
    text = text.replace("@HOST@", authority.rsplit(":", 1)[0])
    return text.encode("latin-1")


def cases(vectors, egress):
    """(id, vector, form, mode) for everything that applies."""
    found = []
    for vector in vectors:
        if vector.get("egress") and not egress:
            continue
        for form in vector.get("forms", FORMS):
            for mode in MODES:
                found.append((f"{vector['id']}-{form}-{mode}", vector, form, mode))
    return found
