#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every shell script passes shellcheck.
set -eu
cd "$(dirname "$0")/../.."
mapfile -t files < <(git -c "safe.directory=$PWD" ls-files | while read -r f; do
    [ -f "$f" ] && head -n 1 "$f" | grep -qE '^#!.*\b(ba)?sh$' && echo "$f"
done)
[ ${#files[@]} -ge 15 ]
shellcheck -x -P SCRIPTDIR -P . "${files[@]}" conf/certroll.bash-completion
echo "${#files[@]} scripts"
