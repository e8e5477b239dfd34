#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the man page and the completions from what the program says of itself.

    manual.py WAYBILL VERSION OUTDIR

makes waybill.1 and the completions waybill (bash), _waybill (zsh) and waybill.fish in OUTDIR. What a command is called and
which options it takes stands in one place, main.c; this reads `waybill help` and each `--help`.
"""

import pathlib
import re
import subprocess
import sys

COMMAND = re.compile(r"^  ([a-z][a-z-]*) +(\S.*)$")
OPTION = re.compile(r"^ {2}(?:-(\w), |    )--([a-z-]+)(?: ([A-Z][A-Z0-9]*))?(?:  +(.*))?$")
WORDS = re.compile(r"^[a-z]+(?:\|[a-z]+)+")
FILES = {"FILE", "PATH", "DIR"}


class Option:
    def __init__(self, short, name, value, text):
        self.short, self.name, self.value, self.text = short, name, value, text or ""


class Command:
    def __init__(self, name, summary, said):
        self.name, self.summary = name, summary
        self.usage = said.split("\n", 1)[0].removeprefix(f"usage: waybill {name}").strip()
        words = WORDS.match(self.usage)
        self.words = words[0].split("|") if words else []
        self.options = []
        self.more = []
        for line in said.split("\n")[3:]:
            found = OPTION.match(line)
            if found:
                self.options.append(Option(*found.groups()))
            elif self.options and line.startswith("   ") and line.strip():
                self.options[-1].text += " " + line.strip()
            elif line.strip():
                self.more.append(line.strip())


def ask(program):
    def run(*args):
        return subprocess.run([program, *args], stdout=subprocess.PIPE, check=True).stdout.decode()

    commands = []
    for line in run("help").split("\n"):
        found = COMMAND.match(line)
        if found:
            commands.append(Command(found[1], found[2], run("help", found[1])))
    if not commands:
        sys.exit("manual.py: `waybill help` names no command")
    return commands


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return "\\&" + text if text[:1] in (".", "'") else text


def man(commands, version):
    out = [
        f'.TH WAYBILL 1 "" "waybill {version}" "User Commands"',
        ".SH NAME",
        "waybill \\- a forward proxy that writes down every call to other people's APIs",
        ".SH SYNOPSIS", ".B waybill", ".I COMMAND", ".RI [ OPTIONS ]",
        ".SH DESCRIPTION",
        "A service sets",
        ".BR HTTPS_PROXY ;",
        "every call it makes to an API that a service file names becomes a row of the table",
        ".BR integration_logs :",
        "what was sent, what came back, how long it took, and whether it really succeeded.",
        "Credentials are masked before anything is written.",
        ".SH COMMANDS",
    ]
    for command in commands:
        out += [f".SS waybill {roff(command.name)} {roff(command.usage)}".rstrip(),
                roff(command.summary) + "."]
        for line in command.more:
            out += [".PP", roff(line)]
        for option in command.options:
            short = f"\\-{option.short}, " if option.short else ""
            value = f" \\fI{option.value}\\fP" if option.value else ""
            out += [".TP", f"\\fB{short}\\-\\-{roff(option.name)}\\fP{value}", roff(option.text)]
    out += [
        ".SH EXIT STATUS",
        "0: fine; 1: it failed; 2: the call or the configuration is wrong.",
        ".SH SIGNALS", ".TP", ".B SIGHUP",
        "reads the service files anew; a broken one keeps the old routes and says why.",
        ".TP", ".BR SIGTERM ", " SIGINT",
        "stop accepting, let calls in flight end, store all that was seen; a second one hurries.",
        ".SH FILES", ".TP", ".I /etc/waybill/waybill.yaml",
        "the configuration; every key stands in it with its default.",
        ".TP", ".I /etc/waybill/services/*.yaml", "one file a service: hosts, routes, secrets.",
        ".TP", ".I /var/lib/waybill", "the certificate authority and the store of rows.",
        ".SH SEE ALSO", "/usr/share/doc/waybill",
    ]
    return "\n".join(out) + "\n"


def bash(commands):
    cases = []
    for command in commands:
        files = "|".join(f"--{o.name}" for o in command.options if o.value in FILES)
        values = "|".join(f"--{o.name}" for o in command.options
                          if o.value and o.value not in FILES)
        words = " ".join([f"--{o.name}" for o in command.options] + command.words)
        previous = ""
        if files:
            previous += f"\n\t\t\t{files}) compopt -o default; return ;;"
        if values:
            previous += f"\n\t\t\t{values}) return ;;"
        if previous:
            previous = f'\n\t\tcase $previous in{previous}\n\t\tesac'
        after = "\n\t\tcompopt -o default" if "CMD" in command.usage else ""
        cases.append(f'\t{command.name}){previous}{after}\n\t\twords="{words}"\n\t\t;;')
    names = " ".join(c.name for c in commands)
    return f"""# bash completion for waybill
_waybill() {{
	local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} words=
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "{names} help" -- "$current")
		return
	fi
	case ${{COMP_WORDS[1]}} in
	help) words="{names}" ;;
""" + "\n".join(cases) + """
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _waybill waybill
"""


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def zsh(commands):
    def spec(option):
        text = re.sub(r"([\[\]:\\])", r"\\\1", option.text)
        value = ""
        if option.value:
            value = f":{option.value.lower()}:" + ("_files" if option.value in FILES else "")
        return quoted(f"--{option.name}[{text}]{value}")

    names = "\n".join("\t\t" + quoted(f"{c.name}:{c.summary}".replace("`", "")) for c in commands)
    cases = []
    for command in commands:
        specs = [spec(o) for o in command.options]
        if command.words:
            specs.append(quoted(f"1:what:({' '.join(command.words)})"))
        if "CMD" in command.usage:
            specs.append("'*::command:_normal'")
        cases.append(f"\t{command.name}) _arguments {' '.join(specs)} ;;")
    return f"""#compdef waybill
_waybill() {{
	local -a commands=(
{names}
	)
	if ((CURRENT == 2)); then
		_describe command commands
		return
	fi
	local name=$words[2]
	shift words
	((CURRENT--))
	case $name in
""" + "\n".join(cases) + """
	esac
}
_waybill "$@"
"""


def fish(commands):
    out = ["# fish completion for waybill", "complete -c waybill -f"]
    for command in commands:
        out.append("complete -c waybill -n __fish_use_subcommand"
                   f" -a {command.name} -d {quoted(command.summary)}")
        seen = f"-n '__fish_seen_subcommand_from {command.name}'"
        if command.words:
            out.append(f"complete -c waybill {seen} -a {quoted(' '.join(command.words))}")
        for option in command.options:
            short = f" -s {option.short}" if option.short else ""
            value = (" -r -F" if option.value in FILES else " -x") if option.value else ""
            text = f" -d {quoted(option.text)}" if option.text else ""
            out.append(f"complete -c waybill {seen}{short} -l {option.name}{value}{text}")
    return "\n".join(out) + "\n"


def main():
    program, version, folder = sys.argv[1:]
    folder = pathlib.Path(folder)
    commands = ask(program)
    (folder / "waybill.1").write_text(man(commands, version), encoding="utf-8")
    (folder / "waybill").write_text(bash(commands), encoding="utf-8")
    (folder / "_waybill").write_text(zsh(commands), encoding="utf-8")
    (folder / "waybill.fish").write_text(fish(commands), encoding="utf-8")


if __name__ == "__main__":
    main()
