#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns conf/redaction.yaml into a C table, so that a binary never runs without its rules.

The file has four lists (keys, harmless, query, values) in a small part of YAML: anything else in it
is an error with its line, never skipped.
"""
import re
import sys


def fail(path, number, words):
    sys.exit(f"{path}:{number}: {words}")


def scalar(path, number, text):
    """A plain, single- or double-quoted scalar, with a comment after it perhaps."""
    text = text.strip()
    quoted = re.fullmatch(r"'((?:[^']|'')*)'\s*(#.*)?", text)
    if quoted:
        return quoted.group(1).replace("''", "'")
    quoted = re.fullmatch(r'"([^"\\]*)"\s*(#.*)?', text)
    if quoted:
        return quoted.group(1)
    plain = re.fullmatch(r"([A-Za-z0-9_.-][^#:'\"]*?)\s*(\s#.*)?", text)
    if not plain:
        fail(path, number, f"cannot read the value {text}")
    return plain.group(1)


def read(path):
    lists = {"keys": [], "harmless": [], "query": [], "values": []}
    here = None
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        head = re.fullmatch(r"(\w+):\s*(#.*)?", line)
        item = re.fullmatch(r"\s+-\s+(.*)", line)
        more = re.fullmatch(r"\s+(\w+):\s+(.*)", line)
        if head and head.group(1) in lists:
            here = head.group(1)
        elif item and here in ("keys", "harmless", "query"):
            lists[here].append((number, scalar(path, number, item.group(1))))
        elif item and here == "values":
            pair = re.fullmatch(r"(\w+):\s+(.*)", item.group(1))
            if not pair or pair.group(1) != "name":
                fail(path, number, "a value begins with its name")
            name = scalar(path, number, pair.group(2))
            lists[here].append({"number": number, "name": name})
        elif more and here == "values" and lists[here] and more.group(1) in ("regex", "needs"):
            lists[here][-1][more.group(1)] = scalar(path, number, more.group(2))
        else:
            fail(path, number, "expected keys:, harmless:, query:, values: or an item of one of them")
    return lists


def literal(text):
    out = ""
    for byte in text.encode("utf-8"):
        plain = 0x20 <= byte < 0x7F and chr(byte) not in '"\\?'
        out += chr(byte) if plain else f"\\{byte:03o}"
    return f'"{out}"'


def name_row(path, number, text, query):
    """One name, normalised as names are when they are compared."""
    begin, end = text.startswith("*"), text.endswith("*")
    core = re.sub(r"[-_ ]", "", text.strip("*")).lower()
    if not core or "*" in core or not core.isascii():
        fail(path, number, f'"{text}": a * stands at an end of a name only')
    flags = ", ".join("true" if flag else "false" for flag in (begin, end, query))
    return f"\t{{ {literal(core)}, {flags} }},\n"


def harmless_row(path, number, text):
    if "*" in text:
        fail(path, number, f'"{text}": a harmless name is a whole one, without *')
    return f"\t{literal(re.sub(r'[-_ ]', '', text).lower())},\n"


def main():
    path, target = sys.argv[1], sys.argv[2]
    lists = read(path)
    out = '/* Made from conf/redaction.yaml by redaction_table.py. */\n'
    out += '#include "record/redaction_table.h"\n\n'
    out += "const struct redaction_name redaction_names[] = {\n"
    for which in ("keys", "query"):
        for number, text in lists[which]:
            out += name_row(path, number, text, which == "query")
    out += "};\n\nconst size_t redaction_name_count =\n"
    out += "    sizeof(redaction_names) / sizeof(redaction_names[0]);\n\n"
    out += "const char *const redaction_harmless[] = {\n"
    for number, text in lists["harmless"]:
        out += harmless_row(path, number, text)
    out += "};\n\nconst size_t redaction_harmless_count =\n"
    out += "    sizeof(redaction_harmless) / sizeof(redaction_harmless[0]);\n\n"
    out += "const struct redaction_value redaction_values[] = {\n"
    for value in lists["values"]:
        if "regex" not in value:
            fail(path, value["number"], f'value {value["name"]} has no regex')
        luhn = "true" if value["name"].endswith("_luhn") else "false"
        needs = literal(value.get("needs", ""))
        out += f'\t{{ {literal(value["name"])}, {literal(value["regex"])}, {needs}, {luhn} }},\n'
    out += "};\n\nconst size_t redaction_value_count =\n"
    out += "    sizeof(redaction_values) / sizeof(redaction_values[0]);\n"
    if not all(lists.values()):
        sys.exit(f"{path}: keys, harmless, query and values must each have items")
    with open(target, "w", encoding="utf-8") as file:
        file.write(out)


main()
