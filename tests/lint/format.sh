#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything in C is formatted by .clang-format.
set -eu
cd "$(dirname "$0")/../.."
files=$(git -c "safe.directory=$PWD" ls-files '*.c' '*.h')
[ "$(wc -w <<<"$files")" -gt 60 ]
# shellcheck disable=SC2086
clang-format --dry-run -Werror $files
