#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The house rules that no compiler checks. One line per check: "ok NAME" or "FAILED NAME".

layers          no file includes a header of a folder that its own folder may not know
headers         every header compiles alone
functions       no function is longer than 100 lines (60 is the aim: longer ones are named)
comments        no // comments
spdx            the first line of each .c and .h is the licence
docs            docs/codes.md says what the tables in the code say
python          pyflakes finds no name that is not defined, and none that is not used

Besides, and never failing: a note for each file over 450 lines, and the size of the whole.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

REPO = pathlib.Path(__file__).resolve().parents[2]

# Who may know whom. A folder knows itself; cmd/, tests/ and bench/ know all.
KNOWS = {
    "base": set(),
    "tls": {"base"},
    "routes": {"base"},
    "sql": {"base"},
    "record": {"routes", "sql", "base"},
    "proxy": {"routes", "tls", "record", "base"},
    "alerts": {"sql", "base"},
    "dashboard": {"sql", "base"},
}
EVERYWHERE = ["cmd", "tests", "bench", "clients"]

FUNCTION_LIMIT = 100
FUNCTION_AIM = 60
FILE_AIM = 450

TOKEN = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE,
)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]', re.MULTILINE)


def sources():
    """Every C source, header and table of the project, in order."""
    found = list(REPO.glob("*.[ch]"))
    for folder in [*KNOWS, *EVERYWHERE]:
        for path in (REPO / folder).rglob("*"):
            if path.suffix in (".c", ".h", ".def") and "node_modules" not in path.parts:
                found.append(path)
    return sorted(found)


def name(path):
    return str(path.relative_to(REPO))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_layers(files):
    bad = []
    for path, text in files.items():
        folder = path.relative_to(REPO).parts[0]
        if folder not in KNOWS:
            continue
        for match in INCLUDE.finditer(text):
            # what the compiler would find: beside the file first, then from the root
            target = (path.parent / match[1]).resolve()
            if not target.exists():
                target = (REPO / match[1]).resolve()
            if not target.exists() or REPO not in target.parents:
                continue
            other = target.relative_to(REPO).parts[0]
            if other != folder and other not in KNOWS[folder]:
                where = f"{name(path)}:{line_of(text, match.start())}"
                bad.append(f"{where}: {folder}/ may not know {other}/ ({match[1]})")
    return bad


def check_headers(files):
    compiler = os.environ.get("CC", "cc").split()
    flags = "-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -fsyntax-only".split()
    flags += subprocess.run(["pkg-config", "--cflags", "libpq"], capture_output=True, text=True,
        check=True).stdout.split()

    def compile_alone(path):
        with tempfile.NamedTemporaryFile(suffix=".c", mode="w") as unit:
            # included twice: a header without a guard fails too
            unit.write(f'#include "{path}"\n#include "{path}"\n')
            # ISO C wants a declaration in each unit, and a header may be all macros
            unit.write("extern int waybill_header_check;\n")
            unit.flush()
            done = subprocess.run(
                [*compiler, *flags, f"-I{REPO}", unit.name], capture_output=True, text=True
            )
        return "" if done.returncode == 0 else f"{name(path)}:\n{done.stderr.rstrip()}"

    headers = [path for path in files if path.suffix == ".h"]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return [message for message in pool.map(compile_alone, headers) if message]


def functions(text):
    """(first line, number of lines) of each function: in this layout a body is the only thing
    whose braces both stand alone in column 0."""
    start = None
    for number, line in enumerate(text.split("\n"), 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            yield start, number - start + 1
            start = None


def check_functions(files):
    bad = []
    for path, text in files.items():
        for line, length in functions(text):
            if length > FUNCTION_LIMIT:
                bad.append(f"{name(path)}:{line}: a function of {length} lines")
            elif length > FUNCTION_AIM:
                print(f"note: {name(path)}:{line}: a function of {length} lines")
    return bad


def check_comments(files):
    bad = []
    for path, text in files.items():
        for match in TOKEN.finditer(text):
            if match[0].startswith("//"):
                bad.append(f"{name(path)}:{line_of(text, match.start())}: a // comment")
    return bad


def check_spdx(files):
    return [
        f"{name(path)}:1: the first line is not the SPDX line"
        for path, text in files.items()
        if path.suffix != ".def" and not text.startswith("/* SPDX-License-Identifier: MIT */\n")
    ]


def check_docs(files):
    """docs/codes.md says what the tables in the code say."""
    run = subprocess.run([sys.executable, str(REPO / "docs" / "generate.py"), "--check"],
        capture_output=True, text=True, check=False)
    return run.stderr.splitlines() if run.returncode else []


def check_python(files):
    del files
    scripts = [path for folder in [*KNOWS, *EVERYWHERE, "docs", "packaging"]
               for path in (REPO / folder).rglob("*.py") if "node_modules" not in path.parts]
    run = subprocess.run([sys.executable, "-m", "pyflakes", *scripts], capture_output=True, text=True,
        cwd=REPO, check=False)
    if run.returncode and not run.stdout:
        return [run.stderr.rstrip()]
    return run.stdout.splitlines()


def report_sizes(files):
    total = 0
    for path, text in files.items():
        lines = text.count("\n")
        if not name(path).startswith("tests/"):
            total += lines
        if lines > FILE_AIM:
            print(f"note: {name(path)}: {lines} lines")
    print(f"note: {len(files)} C files, {total} lines outside tests/")


CHECKS = {
    "layers": check_layers,
    "headers": check_headers,
    "functions": check_functions,
    "comments": check_comments,
    "spdx": check_spdx,
    "docs": check_docs,
    "python": check_python,
}


def main():
    files = {path: path.read_text(encoding="utf-8") for path in sources()}
    if not files:
        print("FAILED: no sources found")
        return 1
    failed = False
    for title, check in CHECKS.items():
        bad = check(files)
        for message in bad:
            print(message)
        print(f"FAILED {title}" if bad else f"ok {title}")
        failed = failed or bool(bad)
    report_sizes(files)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
