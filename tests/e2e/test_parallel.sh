#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Processes that start at the same moment all reach the token: SoftHSM rewrites its files at each login, and whoever reads
# them meanwhile sees no token.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab
cert p
run certroll import "$T/p.pfx" P --passin pass:pw --use token
clean x509 -in "$T/p.crt" -pubkey -noout >"$T/p.pub"
cd "$T" || exit 1
echo "some text to sign" >data

# together N COMMAND...: N at once, each with @ in its arguments replaced by its number; all must succeed.
together() {
    local n=$1 i pids=() failed=0
    shift
    for ((i = 0; i < n; i++)); do
        "${@//@/$i}" >"out.$i" 2>"err.$i" &
        pids+=($!)
    done
    for ((i = 0; i < n; i++)); do
        wait "${pids[i]}" || failed=$((failed + 1))
    done
    [ $failed = 0 ] || fail "$failed of $n '$*' failed: $(sort -u err.*)"
}

for round in 1 2 3 4 5 6 7 8 9 10; do
    together 8 openssl dgst -sha256 -sign certroll://P -out sig.@ data
    for i in 0 1 2 3 4 5 6 7; do
        clean dgst -sha256 -verify p.pub -signature sig.$i data >/dev/null || fail "round $round: signature $i"
        rm sig.$i
    done
done
ok "10 rounds of 8 processes sign"

for _ in 1 2 3 4 5; do
    together 6 certroll certs --json
    for i in 1 2 3 4 5; do
        cmp -s out.0 out.$i || fail "certroll certs says two things: $(diff out.0 out.$i)"
    done
done
ok "5 rounds of 6 'certroll certs' say the same"

# Without the token the wait is short and the sentence the same.
sed 's/token=certroll/token=nothere/' "$CERTROLL_CONFIG" >missing.conf
cmp -s missing.conf "$CERTROLL_CONFIG" && fail "the token's URI is not in $CERTROLL_CONFIG"
start=$(date +%s%N)
refused 3 "has no initialized token" env CERTROLL_CONFIG="$T/missing.conf" certroll certs
[ $((($(date +%s%N) - start) / 1000000)) -lt 30000 ] || fail "a missing token took too long"
ok "a missing token is refused soon"
