# shellcheck shell=bash disable=SC2034,SC2120
# SPDX-License-Identifier: Apache-2.0
# Sourced by every tests/e2e/test_*.sh: a scratch directory $T that goes at the end, and checks that name their line.
# The build directory comes as $CERTROLL_BUILD (ctest sets it), as the first argument, or is build/dev.
set -euo pipefail

CERTROLL_BUILD=$(cd "${CERTROLL_BUILD:-${1:-$(dirname "${BASH_SOURCE[0]}")/../../build/dev}}" && pwd)
PATH=$CERTROLL_BUILD/tools:$PATH
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
T=$(mktemp -d "${TMPDIR:-/tmp}/certroll-e2e.XXXXXX")
work=$T
unset OPENSSL_CONF CERTROLL_CONFIG SOFTHSM2_CONF
umask 022
exec </dev/null # started by hand, too, nothing asks a question
# for builds with sanitizers: suppressions by library want whole stacks
export ASAN_OPTIONS=${ASAN_OPTIONS:-fast_unwind_on_malloc=0} LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$HERE/lsan.supp:print_suppressions=0}

# reachable_build: a copy of the tool and the module that another user can run, where the build folder is private.
reachable_build() {
    chmod 755 "$T"
    mkdir -p "$T/build/tools" "$T/build/provider"
    cp "$CERTROLL_BUILD/tools/certroll" "$T/build/tools/"
    [ ! -f "$CERTROLL_BUILD/provider/certroll.so" ] || cp "$CERTROLL_BUILD/provider/certroll.so" "$T/build/provider/"
    chmod -R a+rX "$T/build"
    PATH=$T/build/tools:$PATH
}

cleanup_hooks=() # commands run, newest first, before the scratch directory goes
cleanup() {
    local status=$? i
    set +e
    for ((i = ${#cleanup_hooks[@]} - 1; i >= 0; i--)); do eval "${cleanup_hooks[i]}"; done
    if [ -n "${KEEP:-}" ]; then echo "kept: $T"; else rm -rf "$T"; fi
    exit $status
}
trap cleanup EXIT
trap 'echo "FAIL ${BASH_SOURCE[0]##*/}:$LINENO: \"$BASH_COMMAND\" returned $?" >&2' ERR

# fail SENTENCE: ends the test, naming the line of the test script.
fail() {
    local i=0
    while [ "${BASH_SOURCE[i]##*/}" = lib.sh ]; do i=$((i + 1)); done
    printf 'FAIL %s:%s: %s\n' "${BASH_SOURCE[i]##*/}" "${BASH_LINENO[i - 1]}" "$*" >&2
    [ ! -f "$T/out" ] || { echo '--- stdout'; head -c 4000 "$T/out"; echo '--- stderr'; head -c 4000 "$T/err"; } >&2
    exit 1
}

# check STATUS COMMAND...: runs it with stdout in $T/out and stderr in $T/err; it must exit with STATUS.
check() {
    local want=$1 got=0
    shift
    "$@" >"$T/out" 2>"$T/err" || got=$?
    [ "$got" = "$want" ] || fail "'$*' exited $got, not $want"
}

run() { check 0 "$@"; }

# ok SENTENCE: one line for what has just been shown.
ok() { echo "ok: $*"; }

# refused STATUS PART COMMAND...: exits with STATUS and says exactly one sentence on stderr that contains PART.
refused() {
    local want=$1 part=$2
    shift 2
    check "$want" "$@"
    err_has "$part"
    [ "$(grep -c '^certroll: ' "$T/err")" -ge 1 ] || fail "no 'certroll: ' line on stderr"
}

# patient COMMAND...: again where another certroll held the lock for the 10 s that one waits: so many at once on a busy machine.
patient() {
    local got said
    while got=0 && said=$("$@" 2>&1) || got=$?; do
        [[ $got != 0 && $said == *"another certroll holds the lock"* ]] || break
    done
    printf '%s\n' "$said"
    return $got
}

# What the last check printed.
out_has() { grep -qF -- "$1" "$T/out" || fail "stdout lacks '$1'"; }
out_lacks() { ! grep -qF -- "$1" "$T/out" || fail "stdout has '$1'"; }
err_has() { grep -qF -- "$1" "$T/err" || fail "stderr lacks '$1'"; }
err_lacks() { ! grep -qF -- "$1" "$T/err" || fail "stderr has '$1'"; }
same() { [ "$1" = "$2" ] || fail "'$1' is not '$2'${3:+ ($3)}"; }
differ() { [ "$1" != "$2" ] || fail "both are '$1'${3:+ ($3)}"; }

# json EXPRESSION [FILE]: a python expression over d, the JSON of the last check's stdout (or of FILE); prints its value.
json() {
    /usr/bin/python3 -c '
import json, sys
d = json.load(open(sys.argv[2]))
v = eval(sys.argv[1])
print(v if isinstance(v, str) else json.dumps(v))' "$1" "${2:-$T/out}" || fail "json $1"
}

# lab [OPTION...]: a self-contained set-up in $T/lab, its environment taken over.
lab() {
    run certroll init --dir "$T/lab" "$@"
    no_lead "$T/lab"
    # shellcheck disable=SC1091
    . "$T/lab/env"
}

# no_lead DIR: rolls in this set-up need no lead time, since nothing fetches its key sets.
no_lead() { sed -i 's/^minimum-lead = .*/minimum-lead = 0/; s/^token-lifetime = .*/token-lifetime = 0/' "$1/certroll.conf"; }

# cert NAME [rsa:BITS|ec:CURVE|ed25519] [DAYS] [OPTION...]: $T/NAME.key, NAME.crt (self-signed), NAME.pfx (passphrase
# "pw"), made by a plain openssl. Options go to 'openssl req'.
cert() {
    local name=$1 kind=${2:-rsa:2048} days=${3:-365} alg=()
    shift $(($# > 3 ? 3 : $#))
    case $kind in
    rsa:*) alg=(-newkey "$kind") ;;
    ec:*) alg=(-newkey ec -pkeyopt "ec_paramgen_curve:${kind#ec:}") ;;
    ed25519) alg=(-newkey ed25519) ;;
    *) fail "no key kind $kind" ;;
    esac
    plain openssl req -x509 "${alg[@]}" -nodes -keyout "$T/$name.key" -out "$T/$name.crt" -days "$days" \
        -subj "/CN=$name.example.org/O=Example" "$@" 2>"$T/$name.log" || fail "openssl req: $(cat "$T/$name.log")"
    plain openssl pkcs12 -export -inkey "$T/$name.key" -in "$T/$name.crt" -out "$T/$name.pfx" -passout pass:pw
}

# plain COMMAND...: without our provider.
plain() { env -u OPENSSL_CONF -u CERTROLL_CONFIG -u SOFTHSM2_CONF "$@"; }

# clean ARGUMENTS...: openssl without our configuration.
clean() { plain openssl "$@"; }

# thumb NAME: SHA-256 thumbprint of $T/NAME.crt; thumb1: SHA-1. Lower-case hex without colons.
thumb() { plain openssl x509 -in "$T/$1.crt" -noout -fingerprint -sha256 | sed 's/.*=//;s/://g' | tr A-F a-f; }
thumb1() { plain openssl x509 -in "$T/$1.crt" -noout -fingerprint -sha1 | sed 's/.*=//;s/://g' | tr A-F a-f; }

# skip SENTENCE: a printed skip on a person's machine, a failure in CI.
skip() {
    [ -z "${CI:-}" ] || fail "skipped in CI: $*"
    echo "SKIP: $*"
    exit 77
}

# free_port: a TCP port of 127.0.0.1 nobody listens on now.
free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_server COMMAND...: in the background, in a process group of its own ($!) that ends with the test.
start_server() {
    setsid "$@" >"$T/server.$#.$RANDOM.log" 2>&1 </dev/null &
    cleanup_hooks+=("kill -- -$! 2>/dev/null; wait $! 2>/dev/null")
}

# timed COMMAND...: run, and $ahead is then the seconds to an effective date that lies after the end of such a command, even
# where the next one takes three times as long.
timed() {
    local began
    began=$(date +%s%3N)
    run "$@"
    ahead=$((3 * ($(date +%s%3N) - began) / 1000 + 3))
}

# effective: the date that the last run, an import or a roll, has named, in seconds; takes_over: waits for it.
effective() {
    local when
    when=$(sed -n 's/.* takes over //p' "$T/out")
    [ -n "$when" ] || fail "no date"
    date -u -d "$when" +%s
}
takes_over() {
    local when
    when=$(effective)
    while [ "$(date +%s)" -lt "$when" ]; do sleep 0.1; done
}

# wait_port PORT: until something listens there, at most 60 s.
wait_port() {
    local i
    for ((i = 0; i < 600; i++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
        sleep 0.1
    done
    fail "nothing listens on port $1"
}

# wait_socket PATH: as it was bound, until something listens there (it is there before that), at most 60 s.
wait_socket() {
    local i
    for ((i = 0; i < 600; i++)); do
        ! grep -q " 00010000 .* $1\$" /proc/net/unix || return 0 # __SO_ACCEPTCON
        sleep 0.1
    done
    fail "nothing listens on $1"
}

# stop_server: ends the one started last.
stop_server() {
    eval "${cleanup_hooks[-1]}" || true
    unset 'cleanup_hooks[-1]'
}
