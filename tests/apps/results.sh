# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
# Sourced after tests/e2e/lib.sh by the scripts of applications: what each application did goes into one file, from which
# tests/apps/table.py makes the README's table. A script says `app` and `version`, then `route`: file (a reference or a
# bundle), string, uri, jwks, or control for ordinary keys.
results=${CERTROLL_APPS_RESULTS:-$CERTROLL_BUILD/apps-results.tsv}
openssl_version=$(plain openssl version | cut -d' ' -f2)

results_begin() { # lines of an earlier run go
    touch "$results"
    flock "$results.lock" sed -i "/^$app\t$version\t$openssl_version\t/d" "$results"
}

# result CHECK pass|fail|refused [REASON]: one line of that file.
result() {
    local line
    printf -v line '%s\t%s\t%s\t%s\t%s\t%s' "$app" "$version" "$openssl_version" "$route" "$1" "$2${3:+: $3}"
    flock "$results.lock" tee -a "$results" <<<"$line" >/dev/null # never into a file that sed is about to replace
    [ "$2" = fail ] || ok "$app $version, $route: $1 $2"
}
