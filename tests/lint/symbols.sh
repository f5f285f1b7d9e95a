#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: symbols.sh certroll.so: it exports OSSL_provider_init alone, is never unloaded, and brings no network library, nor
# Jansson, whose names hosts use for functions of their own.
set -eu
so=$1
exported=$(nm -D --defined-only "$so" | awk '$2 ~ /[A-Z]/ {print $3}' | sed 's/@.*//')
[ "$exported" = OSSL_provider_init ] || { echo "exports: $exported"; exit 1; }
readelf -d "$so" | grep -q NODELETE || { echo "not linked with -z nodelete"; exit 1; }
needed=$(readelf -d "$so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for lib in $needed; do
    case $lib in
    ld-linux*.so.* | libcrypto.so.3 | libp11-kit.so.0 | libc.so.6 | libpthread.so.0 | libasan.so.* | libubsan.so.* | libtsan.so.*) ;;
    *) echo "links to $lib"; exit 1 ;;
    esac
done
echo "exports OSSL_provider_init alone; needs: $(tr '\n' ' ' <<<"$needed")"
