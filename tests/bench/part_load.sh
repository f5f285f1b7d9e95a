#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Loads beside OpenSSL's floor, what others pay for an activated provider, 10,000 roles, and memory. Run by
# tests/bench/run with $BENCH and $T; prints the lines of results.tsv.
#   BENCH_MANY=10000  roles in the large state directory
#   BENCH_ROLES=100   roles that the largest process of the memory measure holds; both few where BENCH_MS is short
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/lab.sh
. "$HERE/lab.sh"
lab_new
many=${BENCH_MANY:-$((BENCH_MS < 100 ? 20 : 10000))} roles=${BENCH_ROLES:-$((BENCH_MS < 100 ? 3 : 100))}
ours=$T/certroll.softhsm.cnf

for type in rsa ec; do
    options=(-newkey rsa:2048)
    [ $type = rsa ] || options=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
    plain openssl req -x509 "${options[@]}" -nodes -keyout "$T/other.$type.key" -out "$T/other.$type.crt" -days 30 \
        -subj /CN=other 2>/dev/null
done

# program NAME MEASURE OPTION...: with a failure said and passed, as run_variant does.
program() {
    local name=$1 measure=$2
    shift 2
    OPENSSL_CONF=$T/default.cnf SOFTHSM2_CONF=$lab/softhsm2.conf "$BENCH/$name" --measure "$measure" --pair "$pair" "$@" \
        2>>"$T/failed.log" || echo "failed: $name $measure: $(tail -n 2 "$T/failed.log" | tr '\n' ' ')" >&2
}

# load MEASURE OPERATION TYPE COUNT VARIANT...: the role's own certificate is the floor's.
load() {
    program bench_load "$1" --alg "$2" --parameter "$3" --key "$3" --module "$T/$3.ref" --old "$T/$3.crt" --new "$T/$3.key" \
        --count $(($4 * BENCH_MS / 500 + 1)) "${@:5}"
}

# Turns long enough that each variant finds its own code and data in the cache.
loads() {
    local type
    for type in rsa ec; do
        load load_all all $type 5000 floor "ours=$ours"
        load load_key key $type 10000 floor "ours=$ours"
        load load_cert cert $type 5000 floor "ours=$ours"
        load load_pem pem $type 1500 floor "ours=$ours"
    done
}

others() {
    local type
    for type in rsa ec; do
        set -- --parameter $type --old "$T/other.$type.crt" --new "$T/other.$type.key" plain keymgmts floor "ours=$ours"
        program bench_load other_d2i --alg d2i --count $((2 * BENCH_MS + 1)) "$@"
        program bench_load other_pem --alg read --count $((BENCH_MS + 1)) "$@"
        program bench_load other_tls --alg tls --count $((BENCH_MS / 2 + 1)) "$@"
    done
    sed -e "s|^module = .*|module = $BENCH/nothing.so|" -e '/^certroll-config/d' "$ours" >"$T/nothing.cnf"
    for type in digest tls; do
        program bench_start other_start --parameter $type --count $((BENCH_MS / 16 + 1)) "plain=$T/default.cnf" "nothing=$T/nothing.cnf" \
            "ours=$ours"
    done
}

# The roles directory of the lab, and the same with $many more in it.
many_new() {
    cp -r "$lab/state" "$T/many"
    /usr/bin/python3 -c '
import pathlib, sys
roles = pathlib.Path(sys.argv[1])
text = (roles / "rsa.json").read_text()
for i in range(1, int(sys.argv[2]) + 1):
    (roles / f"rsa{i}.json").write_text(text.replace("\"rsa\"", f"\"rsa{i}\""))' "$T/many/roles" "$many"
    sed "s|^state = .*|state = $T/many|" "$T/certroll.softhsm.conf" >"$T/many.conf"
    sed "s|^certroll-config = .*|certroll-config = $T/many.conf|" "$ours" >"$T/many.cnf"
    chmod --reference="$lab/certroll.conf" "$T/many.conf"
}

crowd() {
    load many_load all rsa 1000 "few=$ours" "many=$T/many.cnf"
    load many_sign sign rsa 500 "few=$ours" "many=$T/many.cnf"
}

memory_new() {
    local i
    for ((i = 1; i <= roles; i++)); do
        plain openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/m.key" -out "$T/m.crt" -days 30 \
            -subj "/CN=m$i" 2>/dev/null
        cat "$T/m.key" "$T/m.crt" >"$T/m.pem"
        $certroll import "$T/m.pem" "m$i" --use token --yes >/dev/null
    done
}

memory() {
    local n conf variant
    for n in plain 0 1 "$roles"; do
        conf=$ours variant=ours
        [ "$n" != plain ] || conf=$T/default.cnf variant=plain
        OPENSSL_CONF=$conf SOFTHSM2_CONF=$lab/softhsm2.conf "$BENCH/bench_memory" --measure memory --variant $variant \
            --parameter "${n/plain/0}" --pair "$pair" --key m --count "${n/plain/0}"
    done
}

many_new
memory_new
for pair in $(seq "$BENCH_PAIRS"); do
    loads
    others
    crowd
    memory
    echo "part_load: pair $pair of $BENCH_PAIRS" >&2
done
