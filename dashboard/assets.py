#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns the page's files into a C table, so that the program needs no files.

    assets.py OUTPUT DEPFILE FOLDER

Every .html, .js, .css and .svg of FOLDER itself, and two files of uPlot, which npm brought to
FOLDER/node_modules. The ETag is made of the content.
"""
import hashlib
import pathlib
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
UPLOT = {"uplot.esm.js": "uPlot.esm.js", "uplot.css": "uPlot.min.css"}


def c_bytes(data):
    """An initialiser; string literals end at 4,095 characters in C11."""
    values = [str(byte) for byte in data + b"\0"]
    lines = [",".join(values[i : i + 24]) for i in range(0, len(values), 24)]
    return "{\n" + ",\n".join(lines) + "\n}"


def main():
    output, depfile, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    files = {path.name: path for path in sorted(folder.iterdir()) if path.suffix in TYPES}
    dist = folder / "node_modules" / "uplot" / "dist"
    for name, original in UPLOT.items():
        if not (dist / original).is_file():
            sys.exit(f"{dist / original} is not there: `./dev build` installs it, or `npm ci "
                     f"--ignore-scripts` in {folder}")
        files[name] = dist / original
    if "index.html" not in files:
        sys.exit(f"{folder}/index.html is not there")
    out = ["/* Made by assets.py. */", '#include "dashboard/static.h"', "", "#include <stddef.h>"]
    table = []
    for number, (name, path) in enumerate(sorted(files.items())):
        data = path.read_bytes()
        etag = hashlib.sha256(data).hexdigest()[:32]
        kind = TYPES[pathlib.Path(name).suffix]
        out += ["", f"static const unsigned char data_{number}[] = {c_bytes(data)};"]
        table.append(f'\t{{ "/{name}", "{kind}", "\\"{etag}\\"", data_{number}, {len(data)} }},')
    out += ["", "const struct asset assets[] = {", *table, "\t{ NULL, NULL, NULL, NULL, 0 },", "};", ""]
    pathlib.Path(output).write_text("\n".join(out), encoding="utf-8")
    # the folder too: a file that is added or removed changes it
    needs = [str(folder), *(str(path) for path in files.values())]
    needs = " ".join(name.replace(" ", "\\ ") for name in needs)
    pathlib.Path(depfile).write_text(f"{output}: {needs}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
