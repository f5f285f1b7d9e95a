#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The README's first command, as a user runs it, twice.
set -eu
cd "$(dirname "$0")/../.."
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for _ in 1 2; do
    tools/quickstart >"$out" 2>&1 </dev/null || { cat "$out"; exit 1; }
    for line in "JWT: .* verified with kid" "signature: .* verified with kid" "What happened:"; do
        grep -q "$line" "$out" || { cat "$out"; echo "quickstart does not print: $line"; exit 1; }
    done
done
cat "$out"
