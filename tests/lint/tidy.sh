#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy with .clang-tidy over every source but the tests. One or two minutes, so tests/run alone asks for it.
set -euo pipefail
cd "$(dirname "$0")/../.."
read -r -a flags < <(pkg-config --cflags p11-kit-1 jansson libcrypto)
flags+=(-std=gnu2x -D_GNU_SOURCE -I. '-DCERTROLL_VERSION="0"')
files=({common,config,certs,roles,pkcs11,stores,provider,tools}/*.c)
[ ${#files[@]} -gt 40 ]
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The count of suppressed warnings is noise, a finding has its check's name in brackets.
printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -n 4 sh -c 'clang-tidy --quiet "$@" 2>&1' tidy "${flags[@]/#/--extra-arg=}" \
    >"$log" || { grep -vE '^[0-9]+ warnings? ' "$log" | head -n 200; exit 1; }
echo "${#files[@]} files"
