#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: table.py --print RESULTS...
       table.py --write README RESULTS...
       table.py --check README RESULTS...
The table application x route x OpenSSL of the README, from what tests/apps wrote (results.sh). --check fails when the README
claims what the results do not show, or does not say what they show; versions may differ. A column of an OpenSSL that the results
do not have is not checked."""
import re
import sys

BEGIN, END = "<!-- applications: made by tests/apps/table.py -->", "<!-- end of applications -->"
COLUMNS = {"3.0": "OpenSSL 3.0 (Debian 12)", "3.5": "OpenSSL 3.5 (Debian 13)"}
ROUTES = {"file": "file", "uri": "URI", "string": "text", "jwks": "key set"}
IGNORED = {"control", "none"}
NOTHING = "-"


def die(text):
    sys.exit(f"table.py: {text}")


def read(paths):
    """{(app, route): {column: {"versions", "passed", "refused", "failed"}}}"""
    rows = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                fields = line.rstrip("\n").split("\t")
                if len(fields) != 6 or not all(fields) or not line.endswith("\n"):
                    die(f"{path}:{number}: not six fields with a tab between: {line!r}")
                app, version, openssl, route, check, outcome = fields
                column = ".".join(openssl.split(".")[:2])
                word, _, reason = outcome.partition(": ")
                if word not in ("pass", "fail", "refused") or (word == "refused") != bool(reason):
                    die(f"{path}:{number}: the outcome is '{outcome}'")
                if route in IGNORED and word == "pass":
                    continue
                if column not in COLUMNS:
                    die(f"{path}:{number}: no column for OpenSSL {openssl}")
                if route.split(",")[0] not in set(ROUTES) | IGNORED:
                    die(f"{path}:{number}: no route '{route}'")
                cell = rows.setdefault((app, route), {}).setdefault(
                    column, {"versions": set(), "passed": 0, "refused": {}, "failed": []})
                cell["versions"].add(re.sub(r"[-+~].*", "", version))
                if word == "pass":
                    cell["passed"] += 1
                elif word == "fail":
                    cell["failed"].append(check)
                else:
                    cell["refused"][check] = reason
    return rows


def text(cell):
    if cell is None:
        return NOTHING
    versions = ", ".join(sorted(cell["versions"]))
    if cell["failed"]:
        return f"{versions}: FAILS: " + "; ".join(cell["failed"])
    refused = "; ".join(dict.fromkeys(cell["refused"].values()))
    if not cell["passed"]:
        return f"{versions}: no: {refused}"
    return f"{versions}: works" + (f"; not {', '.join(cell['refused'])}: {refused}" if refused else "")


def name(route):
    head, _, rest = route.partition(",")
    return ROUTES.get(head, head) + ("," + rest if rest else "")


def table(rows):
    lines = ["| application | given by | " + " | ".join(COLUMNS.values()) + " |", "|---" * (2 + len(COLUMNS)) + "|"]
    for (app, route), cells in sorted(rows.items(), key=lambda r: (r[0][0].lower(), r[0][1])):
        lines.append(f"| {app} | {name(route)} | " + " | ".join(text(cells.get(c)) for c in COLUMNS) + " |")
    return lines


def split(readme):
    with open(readme, encoding="utf-8") as file:
        whole = file.read()
    if whole.count(BEGIN) != 1 or whole.count(END) != 1 or whole.index(BEGIN) > whole.index(END):
        die(f"{readme} has no place for the table: the lines '{BEGIN}' and '{END}'")
    head, rest = whole.split(BEGIN)
    body, tail = rest.split(END)
    return head, body.strip().splitlines(), tail


def cells_of(lines):
    """{(application, route): [cell, ...]} of a Markdown table, versions taken out."""
    found = {}
    for line in lines[2:]:
        cells = [c.strip() for c in line.strip().strip("|").split(" | ")]
        if len(cells) != 2 + len(COLUMNS):
            die(f"a row of the README's table has {len(cells)} cells: {line}")
        found[tuple(cells[:2])] = [re.sub(r"^[\w., ]+: ", "", c) for c in cells[2:]]
    return found


def check(readme, rows):
    said, seen = cells_of(split(readme)[1]), cells_of(table(rows))
    have = {c for cells in rows.values() for c in cells}
    wrong = []
    for i, column in enumerate(COLUMNS):
        if column not in have:
            continue
        for key in sorted(set(said) | set(seen)):
            claim = said.get(key, [NOTHING] * len(COLUMNS))[i]
            shown = seen.get(key, [NOTHING] * len(COLUMNS))[i]
            if claim != shown:
                wrong.append(f"{key[0]}, {key[1]}, OpenSSL {column}: {readme} says '{claim}', the tests '{shown}'")
    wrong += [f"{app}, {route}, OpenSSL {c}: {text(cell)}" for (app, route), cells in rows.items()
              for c, cell in cells.items() if cell["failed"]]
    if wrong:
        die("\n  " + "\n  ".join(wrong) + f"\nwrite it again: tests/apps/table.py --write {readme} RESULTS")
    print(f"{len(seen)} rows, OpenSSL {' and '.join(sorted(have))}: the README says what the tests show")


def main(mode="", *args):
    if mode == "--print" and args:
        print("\n".join(table(read(args))))
    elif mode == "--write" and len(args) > 1:
        head, _, tail = split(args[0])
        with open(args[0], "w", encoding="utf-8") as file:
            file.write(head + BEGIN + "\n\n" + "\n".join(table(read(args[1:]))) + "\n\n" + END + tail)
    elif mode == "--check" and len(args) > 1:
        rows = read(args[1:])
        if not rows:
            die("the results have no row")
        check(args[0], rows)
    else:
        die(__doc__)


main(*sys.argv[1:])
