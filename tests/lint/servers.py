#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each page of doc/servers says by which scripts it is tested, and every line to copy from it has its directive, option or call in
one of them; links lead to files; the overview names every page."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGES = TOP / "doc" / "servers"
UNTESTED = {"README.md", "others.md"}  # they have no line of a server to copy
CODE = {"c", "js", "php", "python"}


def words(language, line):
    """Directives and options, or functions and constants: what must be spelt right."""
    line = re.sub(r"//[^\s'\"]*|\"[^\"]*\"|'[^']*'|/\*.*\*/|#.*", " ", line)
    if language in CODE:
        return set(re.findall(r"[A-Za-z_]\w+(?=\()|\b[A-Z]{2,}_[A-Z0-9_]+\b", line))
    first = re.match(r"\s*([A-Za-z_]{4,})", line)
    return set(re.findall(r"(?<!\S)--?[a-z][a-z0-9-]+", line)) | ({first.group(1)} if first else set())


def links(page, text):
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not (page.parent / target).exists():
            yield f"{page.name}: no file {target}"


def check(page):
    text = page.read_text(encoding="utf-8")
    yield from links(page, text)
    if page.name in UNTESTED:
        return
    tested = re.search(r"<!-- tested by ([^>]+) -->", text)
    if not tested:
        yield f"{page.name}: does not say which test tries its lines"
        return
    scripts = "".join((TOP / name).read_text(encoding="utf-8") for name in tested.group(1).split())
    lines = [(language, line) for language, block in re.findall(r"```(\w+)\n(.*?)```", text, re.S)
             for line in block.splitlines()]
    if not lines:
        yield f"{page.name}: has no line to copy"
    for language, line in lines:
        for word in sorted(words(language, line)):
            if not re.search(r"(?<![\w-])" + re.escape(word) + r"(?![\w])", scripts):
                yield f"{page.name}: '{word}' stands in no test: {line.strip()}"


def main():
    pages = sorted(PAGES.glob("*.md"))
    wrong = [w for page in pages for w in check(page)]
    overview = (PAGES / "README.md").read_text(encoding="utf-8")
    wrong += [f"README.md does not name {p.name}" for p in pages if p.name != "README.md" and f"({p.name})" not in overview]
    print("\n".join(wrong) or f"{len(pages)} pages")
    sys.exit(bool(wrong) or len(pages) < 5)


main()
