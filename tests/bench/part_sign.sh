#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Signatures: throughput, CPU time, calls of the token, forks, rolls. Run by tests/bench/run with $BENCH and $T; prints the
# lines of results.tsv.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/lab.sh
. "$HERE/lab.sh"
lab_new

ours=(live pinned reference)
peers=()
[ ! -f "$peer" ] || peers=(peer tuned uncached)
read -ra threads <<<"${BENCH_THREADS:-1 8 32 64}"
loads=(--ms "$BENCH_MS")

# A network HSM of 1 ms a call; then the processor time of a signature by a token that takes none.
sleeping() {
    local t v a
    for t in "${threads[@]}"; do
        for v in raw noop "${ours[@]}" "${peers[@]}"; do
            CERTROLL_SLEEP_US=1000 run_variant bench_sign "$v" sleep rsa --measure hsm --parameter "$t" --pair "$1" \
                --threads "$t" "${loads[@]}" | { grep -v _cpu || true; } # a peer may fail
        done
    done
    for a in "${algs[@]}"; do
        for v in noop "${ours[@]}" "${peers[@]}"; do
            CERTROLL_SLEEP_US=0 run_variant bench_sign "$v" sleep "$a" --measure zero --parameter "$a" --pair "$1" \
                --ms $((BENCH_MS / 3 + 1))
        done
    done
}

softhsm() {
    local t v a
    for a in "${algs[@]}"; do
        for t in "${threads[@]}"; do
            [ "$a" = rsa ] || [ "$t" -le 8 ] || continue
            for v in raw copy file "${ours[@]}" copied "${peers[@]}"; do
                run_variant bench_sign "$v" softhsm "$a" --measure "softhsm_$a" --parameter "$t" --pair "$1" \
                    --threads "$t" --ms $((BENCH_MS * 2 / 5 + 1)) | { grep -v _cpu || true; }
            done
        done
    done
}

forks() {
    local v a
    for a in rsa ec; do
        for v in raw live pinned "${peers[@]}"; do
            run_variant bench_fork "$v" softhsm "$a" --measure fork --parameter "$a" --pair "$1" --count 1
        done
    done
}

resolve() {
    run_variant bench_resolve live softhsm rsa --key rsa --config "$lab/certroll.conf" --measure resolve --pair "$1" \
        --count $((BENCH_MS * 400))
}

thumbprint() { plain openssl x509 -in "$T/$1.crt" -noout -fingerprint -sha256 | sed 's/.*=//;s/://g'; }

# A role of its own, assigned rsa, that rolls to rsa2 in the middle of the run.
roll() {
    local role=roll$1$2 flip
    $certroll assign "$role" --thumbprint "$(thumbprint rsa)" --use token --force >/dev/null 2>&1
    flip=$(($(date +%s) + 2))
    $certroll roll "$role" --thumbprint "$(thumbprint rsa2)" --effective-date "$(date -u -d @$flip +%FT%TZ)" --force >/dev/null 2>&1
    variant live "$1" rsa
    OPENSSL_CONF=$conf CERTROLL_SLEEP_TOKEN=$T/sleep.token CERTROLL_SLEEP_US=1000 "$BENCH/bench_roll" --variant live \
        --alg rsa --key "certroll://$role" --threads 8 --ms $(((flip - $(date +%s)) * 1000 + 700)) --flip $flip \
        --measure "roll_$1" --pair "$2" "${@:3}"
}

# total COUNT SIGNATURES OPTION...: "NAME CALLS" of a process of its own.
calls() {
    rm -f "$T/counts"
    OPENSSL_CONF=$conf CERTROLL_MOCK_TARGET=$softhsm CERTROLL_MOCK_COUNTS=$T/counts SOFTHSM2_CONF=$lab/softhsm2.conf \
        "$BENCH/bench_calls" "${args[@]}" --count "$1" --signatures "$2" 2>>"$T/failed.log" || return 0
    "$BUILD/tests/mock/mock_counts" "$T/counts"
}
sum() { awk '{n += $2} END {print n + 0}'; }
line() { printf '%s\t%s\t%s\t0\t%s\t1\n' "$@"; }

# Exact: the difference between runs of which one signs, or loads, once more.
counted() {
    local v a one
    for v in live pinned "${peers[@]}"; do
        for a in "${algs[@]}"; do
            variant "$v" count "$a"
            line calls_signature "$v" "$a" $((($(calls 1 21 | sum) - $(calls 1 1 | sum)) / 20))
        done
        for a in rsa ec ed25519; do
            variant "$v" count "$a"
            # of the peers the URI of everything with this id, for the certificate too
            args=("${args[@]/;type=private/}")
            one=$(calls 1 0)
            line calls_first "$v" "$a" "$(sum <<<"$one")"
            line calls_warm "$v" "$a" $((($(calls 11 0 | sum) - $(sum <<<"$one")) / 10))
            awk -v v="$v" -v a="$a" '{printf "calls_named\t%s\t%s %s\t0\t%d\t1\n", v, a, $1, $2}' <<<"$one"
        done
    done
}

# System calls of a signature of the whole process, of which the live resolve is one.
syscalls() {
    local n
    variant live sleep rsa
    for n in 1000 3000; do
        OPENSSL_CONF=$conf CERTROLL_SLEEP_TOKEN=$T/sleep.token CERTROLL_SLEEP_US=0 strace -f -c -U calls,name -o "$T/strace.$n" \
            "$BENCH/bench_sign" "${args[@]}" --count $n >/dev/null 2>&1 || return 0
    done
    awk 'NR == FNR {had[$2] = $1; next} $1 ~ /^[0-9]+$/ && $2 != "total" && $1 - had[$2] > 20 {
        printf "syscalls\tlive\t%s\t0\t%.2f\t1\n", $2, ($1 - had[$2]) / 2000}' "$T/strace.1000" "$T/strace.3000"
}

counted
syscalls
for pair in $(seq "$BENCH_PAIRS"); do
    sleeping "$pair"
    softhsm "$pair"
    forks "$pair"
    resolve "$pair"
    roll softhsm "$pair" --old "$T/rsa.key" --new "$T/rsa2.key"
    roll sleep "$pair"
    echo "part_sign: pair $pair of $BENCH_PAIRS" >&2
done
