#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every source starts with its SPDX line, stays under 600 lines, and nothing generated is in git."""
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
LINE = "SPDX-License-Identifier: Apache-2.0"
NO_SPDX = {".md", ".json", ".txt", ".in", ".supp", ".xml"}
DEBIAN = {"debian/certroll.README.Debian", "debian/changelog", "debian/copyright", "debian/source/format"}
GENERATED = {".o", ".a", ".so", ".log", ".pyc"}


def tracked():
    run = subprocess.run(["git", "-c", f"safe.directory={TOP}", "ls-files", "-z"], cwd=TOP, capture_output=True, check=True)
    return [p for p in run.stdout.decode().split("\0") if p]


def main():
    bad, seen = [], 0
    for name in tracked():
        path = TOP / name
        if not path.is_file() or name == "LICENSE" or "/corpus/" in name:
            continue
        if path.suffix in GENERATED:
            bad.append(f"{name}: generated files do not belong in git")
        if path.suffix in NO_SPDX and path.name != "CMakeLists.txt" or path.name in (".gitignore", ".clang-format", ".clang-tidy") or name in DEBIAN:
            continue
        seen += 1
        lines = path.read_text(encoding="utf-8").splitlines()
        if not any(LINE in line for line in lines[:3]):
            bad.append(f"{name}: no SPDX line at the top")
        if path.suffix in (".c", ".h") and len(lines) > 600:
            bad.append(f"{name}: {len(lines)} lines, more than 600")
    print("\n".join(bad + [f"{seen} files"]))
    sys.exit(1 if bad or seen < 100 else 0)


main()
