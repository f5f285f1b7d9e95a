#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: man.sh CERTROLL: mandoc finds no error in the pages, and every subcommand and option of the tool is in its page.
set -u
cd "$(dirname "$0")/../.." || exit 1
certroll=$1
bad=0 n=0
for page in man/*.[1578]; do
    mandoc -Tlint -Werror "$page" || bad=1
done
for command in $("$certroll" --help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'); do
    page=man/certroll-$command.1
    [ -s "$page" ] || { echo "no page $page"; bad=1; continue; }
    text=$(mandoc -Tascii "$page" | col -b)
    for option in $("$certroll" "$command" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
        grep -qF -- "$option" <<<"$text" || { echo "$page does not say $option"; bad=1; }
        n=$((n + 1))
    done
done
echo "$n options"
[ $bad = 0 ] && [ $n -ge 20 ]
