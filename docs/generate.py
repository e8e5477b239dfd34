#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes docs/codes.md from the tables in the code, and the matrix in docs/clients.md from what the tests
measured (docs/clients.json); --check only says whether they are up to date."""

import json
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


# docs/clients.json: its keys, as columns
CLIENT_COLUMNS = {
    "client": "client",
    "version": "version",
    "runtime": "runtime",
    "way": "way",
    "get": "GET",
    "post": "POST",
    "refused": "POST, 4xx",
    "rows": "rows",
    "stopped": "proxy stopped",
    "fail_open": "fail-open",
}
CLIENTS = ROOT / "docs" / "clients.md"
CLIENTS_BEGIN, CLIENTS_END = "<!-- matrix: made by the tests -->\n", "<!-- end of the matrix -->\n"


def clients():
    """docs/clients.md with its matrix anew."""
    text = CLIENTS.read_text(encoding="utf-8")
    before, _, rest = text.partition(CLIENTS_BEGIN)
    _, _, after = rest.partition(CLIENTS_END)
    lines = json.loads((ROOT / "docs" / "clients.json").read_text(encoding="utf-8"))
    table = ["| " + " | ".join(CLIENT_COLUMNS.values()) + " |", "|---" * len(CLIENT_COLUMNS) + "|"]
    for line in lines:
        table.append("| " + " | ".join(str(line[name]) or "–" for name in CLIENT_COLUMNS) + " |")
    return before + CLIENTS_BEGIN + "\n" + "\n".join(table) + "\n\n" + CLIENTS_END + after


def main():
    status = 0
    for path, text in ((PAGE, page()), (CLIENTS, clients())):
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"docs/{path.name} is out of date: run docs/generate.py", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
