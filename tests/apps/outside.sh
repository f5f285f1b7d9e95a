# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced after tests/e2e/lib.sh: clients that know nothing of us, one after the other and at once.

# handshake PORT CAFILE OPTION...: one, by an openssl without our configuration; the certificate must verify.
handshake() {
    local port=$1 ca=$2
    shift 2
    clean s_client -connect "127.0.0.1:$port" -CAfile "$ca" -verify_return_error "$@" </dev/null 2>&1
}

# handshakes PORT CAFILE OPTION...: 24 in a row, TLS 1.2 and 1.3, and 12 at once.
handshakes() {
    local port=$1 ca=$2 version i
    shift 2
    for version in -tls1_2 -tls1_3; do
        for ((i = 0; i < 12; i++)); do
            handshake "$port" "$ca" $version "$@" >shake.log || fail "handshake $i $version: $(tail -n 3 shake.log)"
            grep -q "Verify return code: 0" shake.log || fail "handshake $i $version: not verified"
        done
    done
    at_once handshake "$port" "$ca" "$@"
}

# at_once COMMAND...: twelve times at once; what each printed is in once.0 to once.11.
at_once() {
    local pids=() i
    for ((i = 0; i < 12; i++)); do
        "$@" >"once.$i" 2>&1 &
        pids+=($!)
    done
    for ((i = 0; i < 12; i++)); do wait "${pids[i]}" || fail "$* at once: $(tail -n 3 "once.$i")"; done
}
