#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone with gcc and clang; every source passes clang's warnings too, so that a dropped cr_status
# is seen by a second compiler.
set -u
cd "$(dirname "$0")/../.." || exit 1
flags=(-std=gnu2x -D_GNU_SOURCE -I. -fsyntax-only -Wall -Wextra -Werror)

read -r -a libraries < <(pkg-config --cflags p11-kit-1 jansson libcrypto)
flags+=("${libraries[@]}")
bad=0 n=0
for header in {common,config,certs,roles,pkcs11,stores,provider,tools}/*.h; do
    for compiler in gcc clang; do
        # Through a file that includes it, as a header is no main file.
        echo "#include \"$header\"" | "$compiler" "${flags[@]}" -x c - || { echo "$header does not compile alone ($compiler)"; bad=1; }
    done
    n=$((n + 1))
done
for source in {common,config,certs,roles,pkcs11,stores,provider,tools}/*.c; do
    clang "${flags[@]}" -DCERTROLL_VERSION='"0"' "$source" || { echo "$source: clang complains"; bad=1; }
    n=$((n + 1))
done
echo "$n files"
[ $bad = 0 ] && [ $n -gt 40 ]
