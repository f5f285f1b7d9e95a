#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every command has a man page, and every option that --help knows stands in it; the pages are clean mdoc.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

run certroll --help
commands=$(sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' "$T/out")
[ "$(wc -w <<<"$commands")" -ge 13 ] || fail "--help names too few commands"
for command in $commands; do
    page=$TOP/man/certroll-$command.1
    [ -f "$page" ] || fail "no man page for $command"
    grep -q "Xr certroll-$command 1" "$TOP/man/certroll.1" || fail "certroll.1 does not name $command"
    run certroll "$command" --help
    for option in $(sed -n 's/^  --\([a-z-]*\).*/\1/p' "$T/out"); do
        grep -q "^\.It Fl -$option\b" "$page" || fail "certroll-$command.1 lacks --$option"
    done
    for option in $(sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p' "$page"); do
        out_has "--$option"
    done
    awk 'length > 80 { bad = 1; print FILENAME ": " $0 } END { exit bad }' "$T/out" || fail "--help of $command is too wide"
done
command -v mandoc >/dev/null || skip "mandoc is not installed"
for page in "$TOP"/man/*.[157]; do
    bad=$(mandoc -Tlint "$page" | grep -vE 'referenced manual not found|outdated mandoc.db' || true)
    [ -z "$bad" ] || fail "$bad"
done
ok "man pages"
