#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes docs/codes.md from the tables in the code; --check only says whether it is up to date."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "codes.md"


def rows(path, macro):
    """The arguments of every MACRO(…) line; strings without their quotes."""
    text = (ROOT / path).read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for call in re.finditer(macro + r"\((.*?)\)\s*$", text, flags=re.M | re.S):
        yield [part.strip().strip('"') for part in
            re.findall(r'\s*("(?:[^"\\]|\\.)*"|[^,"\s]+)\s*', call.group(1))]


def page():
    lines = [
        "# Codes",
        "",
        "Made by `docs/generate.py` from the tables in the code.",
        "",
        "## Transport codes",
        "",
        "`error_code` of a call that got no whole answer, and the status waybill answers with.",
        "Such an answer carries the code in the header `X-Waybill-Error`.",
        "",
        "| code | status | meaning |",
        "|---|---|---|",
    ]
    for symbol, status, text in rows("record/outcome.def", "OUTCOME"):
        lines.append(f"| `{symbol}` | {status if status != '0' else '–'} | {text} |")
    lines += ["", "## Counters", "",
        "Every call begun is a row, in flight, skipped by its route's rule, or a counted loss.", "",
        "| counter | what it counts |", "|---|---|"]
    for _, metric, text in rows("base/counter.def", "COUNTER"):
        lines.append(f"| `{metric}` | {text} |")
    return "\n".join(lines) + "\n"


def main():
    text = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print("docs/codes.md is out of date: run docs/generate.py", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
