#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns sql/migrations/NUMBER_name.sql into a C table, so that the program needs no files.

    migrations.py OUTPUT FILE...

A file may stand in a transaction of its own, so that it can be pasted into an SQL editor: its first
statement is then BEGIN; and its last one COMMIT;, each on a line of its own. Both are left out
here, because `waybill migrate` runs all files in one transaction. Any other statement that begins
or ends a transaction is an error.
"""
import pathlib
import re
import sys

# What may stand between statements; then literals, in which nothing is a statement.
SKIP = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<tag>\$\w*\$).*?(?P=tag)""", re.DOTALL
)
CONTROL = re.compile(r"(?:^|;)\s*(BEGIN|START|COMMIT|END|ROLLBACK|ABORT)\b[^;]*", re.IGNORECASE)


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def body(path):
    """The file's text without its outer BEGIN; and COMMIT;."""
    text = path.read_text(encoding="utf-8")
    if "\0" in text:
        sys.exit(f"{path}: holds a NUL")
    bare = SKIP.sub(blank, text)
    found = [(m[1].upper(), m.start(1), m.end()) for m in CONTROL.finditer(bare)]
    words = [word for word, _, _ in found]
    if not words:
        return text
    first, last = found[0], found[-1]
    whole = words == ["BEGIN", "COMMIT"]
    if not whole or bare[: first[1]].strip() or bare[last[2] :].strip(" \t\n;"):
        sys.exit(f"{path}: a transaction is BEGIN; first and COMMIT; last, or none: {words}")
    inner = text[: first[1]] + text[first[2] + 1 : last[1]]
    return inner.rstrip() + "\n"


def c_bytes(data):
    """An initialiser; string literals end at 4,095 characters in C11."""
    values = [str(byte) for byte in data + b"\0"]
    lines = [",".join(values[i : i + 24]) for i in range(0, len(values), 24)]
    return "{\n" + ",\n".join(lines) + "\n}"


def main():
    output, files = sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]]
    entries = []
    for path in files:
        name = re.fullmatch(r"(\d{3})_[a-z0-9_]+\.sql", path.name)
        if not name:
            sys.exit(f"{path}: a migration is called NUMBER_name.sql, with three digits")
        entries.append((int(name[1]), path))
    entries.sort()
    if len({number for number, _ in entries}) != len(entries):
        sys.exit("two migrations have one number")
    out = ["/* Made by migrations.py. */", '#include "cmd/migrations.h"', "", "#include <stddef.h>"]
    for number, path in entries:
        out += ["", f"static const char sql_{number}[] = {c_bytes(body(path).encode())};"]
    out += ["", "const struct migration migrations[] = {"]
    for number, path in entries:
        out.append(f'\t{{ {number}, "{path.name}", sql_{number} }},')
    out += ["\t{ 0, NULL, NULL },", "};", ""]
    pathlib.Path(output).write_text("\n".join(out), encoding="utf-8")


if __name__ == "__main__":
    main()
