# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the parts. $BENCH: folder of the programs, $T: scratch. Keys rsa, rsa2 (the next of a roll), ec and ed25519
# in a SoftHSM token, in files, in roles of the same names, and in a token that only sleeps; a peer where it was unpacked.
set -euo pipefail
BENCH_MS=${BENCH_MS:-400}
BENCH_PAIRS=${BENCH_PAIRS:-10}
softhsm=/usr/lib/softhsm/libsofthsm2.so
lab=$T/lab
pin=$T/pin
# shellcheck disable=SC2034 # for the parts
algs=(rsa pss ec ed25519)
BUILD=$(cd "$BENCH/../.." && pwd)
certroll=$BUILD/tools/certroll
umask 022

key_of() { case $1 in pss) echo rsa ;; *) echo "$1" ;; esac; }

# lab_key NAME OPTION...: NAME.key, NAME.crt, in the token and in the role NAME, of use token (live).
lab_key() {
    local name=$1
    shift
    plain openssl req -x509 "$@" -nodes -keyout "$T/$name.key" -out "$T/$name.crt" -days 30 -subj "/CN=$name" 2>/dev/null
    cat "$T/$name.key" "$T/$name.crt" >"$T/$name.pem"
    $certroll import "$T/$name.pem" "$name" --use token --yes >/dev/null
}
plain() { env -u OPENSSL_CONF -u CERTROLL_CONFIG "$@"; }

lab_new() {
    local name
    "$certroll" init --dir "$lab" --provider "$BUILD/provider/certroll.so" >"$T/init.log" 2>&1 || { cat "$T/init.log"; exit 1; }
    # shellcheck disable=SC1091
    . "$lab/env"
    lab_key rsa -newkey rsa:2048
    lab_key rsa2 -newkey rsa:2048
    lab_key ec -newkey ec -pkeyopt ec_paramgen_curve:P-256
    lab_key ed25519 -newkey ed25519
    for name in rsa ec ed25519; do
        $certroll pem $name --out "$T/$name.ref" >/dev/null
        $certroll pem $name --bind pinned --out "$T/$name.pinned" >/dev/null
    done
    sed -n 's/^pin-source *= *//p' "$lab/certroll.conf" | sed 's/^file://' | head -n 1 >"$T/pin.path"
    cp "$(cat "$T/pin.path")" "$pin"
    /usr/bin/python3 "$HERE/sleep_token.py" "$T" "$certroll"
    # shellcheck disable=SC1091
    . "$T/token" # token_label, id_rsa ...
    lab_configs
    copied_config
}

# One openssl.cnf a variant, over SoftHSM, over SoftHSM counted (count), and over the sleeping token.
lab_configs() {
    local token module name
    printf 'openssl_conf = i\n[i]\nproviders = p\n[p]\ndefault = d\n[d]\nactivate = 1\n' >"$T/default.cnf"
    for token in softhsm count sleep; do
        case $token in softhsm) module=$softhsm ;; count) module=$BUILD/tests/mock/mock_count.so ;; *) module=$BENCH/mock_sleep.so ;; esac
        sed "s|^module = .*|module = $module|; /^key-copy/d" "$lab/certroll.conf" >"$T/certroll.$token.conf"
        chmod --reference="$lab/certroll.conf" "$T/certroll.$token.conf"
        sed "s|^certroll-config = .*|certroll-config = $T/certroll.$token.conf|" "$lab/openssl.cnf" >"$T/certroll.$token.cnf"
        for name in peer tuned uncached; do
            {
                printf 'openssl_conf = i\n[i]\nproviders = p\n[p]\ndefault = d\npkcs11 = k\n[d]\nactivate = 1\n[k]\nmodule = %s\n' "$peer"
                # the PIN of a throw-away token: this peer cannot read one as long from a file
                printf 'pkcs11-module-path = %s\npkcs11-module-token-pin = %s\n' "$module" "$(cat "$pin")"
                [ $name = peer ] || printf 'pkcs11-module-cache-sessions = 64\n'
                [ $name != uncached ] || printf 'pkcs11-module-cache-keys = false\n'
                printf 'activate = 1\n'
            } >"$T/$name.$token.cnf"
        done
    done
}

# Over SoftHSM with key-copy = always.
copied_config() {
    cp -p "$T/certroll.softhsm.conf" "$T/certroll.copied.conf"
    sed -i 's/^\[token_.*\]$/&\nkey-copy = always/' "$T/certroll.copied.conf"
    sed "s|^certroll-config = .*|certroll-config = $T/certroll.copied.conf|" "$lab/openssl.cnf" >"$T/certroll.copied.cnf"
}

peer=${BENCH_PEERS:-$BUILD/peers}/usr/lib/$(gcc -print-multiarch)/ossl-modules/pkcs11.so

# variant NAME TOKEN ALG: sets conf, args for a program of $BENCH: backend and key.
variant() {
    local key
    key=$(key_of "$3")
    conf=$T/default.cnf
    case $1 in
    raw | copy | noop)
        local id=id_$key module=$softhsm
        [ "$2" = softhsm ] || module=$BENCH/mock_sleep.so
        args=(--backend "$1" --module "$module" --pin "$pin" --label "$token_label" --id "${!id}")
        ;;
    file) args=(--key "$T/$key.key") ;;
    copied) conf=$T/certroll.copied.cnf args=(--key "certroll://$key") ;;
    live) conf=$T/certroll.$2.cnf args=(--key "certroll://$key") ;;
    pinned) conf=$T/certroll.$2.cnf args=(--key "certroll://$key;bind=pinned") ;;
    reference) conf=$T/certroll.$2.cnf args=(--key "$T/$key.ref") ;;
    peer | tuned | uncached)
        local uri=uri_$key
        conf=$T/$1.$2.cnf args=(--key "${!uri}")
        ;;
    esac
    args+=(--variant "$1" --alg "$3")
}

# run_variant PROGRAM NAME TOKEN ALG OPTION...: in a process of its own.
run_variant() {
    local program=$1 name=$2 token=$3 alg=$4
    shift 4
    variant "$name" "$token" "$alg"
    OPENSSL_CONF=$conf CERTROLL_SLEEP_TOKEN=$T/sleep.token SOFTHSM2_CONF=$lab/softhsm2.conf \
        "$BENCH/$program" "${args[@]}" "$@" 2>>"$T/failed.log" ||
        echo "failed: $program $name $token $alg $*: $(tail -n 2 "$T/failed.log" | tr '\n' ' ')" >&2
}
