#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Node with a reference file: signatures, PSS, ieee-p1363, key details, public key, decryption, key agreement, https; an https
# server of several workers, seen from outside. An ordinary key file passes the same checks first (but for the two that say that a private key is not exported).
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/apps/outside.sh
. "$(dirname "$0")/outside.sh"
# shellcheck source=tests/apps/results.sh
. "$(dirname "$0")/results.sh"
command -v node >/dev/null || skip "no node"
app=Node version=$(node --version) version=${version#v}
results_begin
route="file"
lab
cd "$T"
features=$TOP/tests/apps/node/features.js
for type in rsa:2048 ec:P-256; do
    name=${type%%:*}
    cert "$name" "$type"
    sed '/is not exported/d; /assert.throws/d' "$features" >control.js
    plain node control.js "$name.key" "$name.crt" "$name.control" >out 2>err || fail "the control, an ordinary $type key, fails"
    controls=$(grep -c '^ok' out)
    run certroll import "$name.pfx" "Node-$name" --use token --passin pass:pw
    run certroll pem "Node-$name" --out "$name.pem"
    run node --openssl-shared-config "$features" "$name.pem" "$name.crt" "$name"
    sed "s/^/$type /" out
    same "$(grep -c '^ok' out)" $((controls + 1)) "checks"
    printf 'some text to sign' >data
    clean x509 -in "$name.crt" -noout -pubkey >pub
    clean dgst -sha256 -verify pub -signature "$name.sig" data >/dev/null || fail "an outside eye does not verify"
done
# asked PORT NAME: which worker answered.
asked() {
    printf 'GET / HTTP/1.0\r\n\r\n' |
        clean s_client -connect "127.0.0.1:$1" -CAfile "$2.crt" -verify_return_error -quiet 2>/dev/null | grep '^worker '
}
server_of() { # NAME KEY COMMAND...: three workers
    local name=$1 key=$2 port until
    shift 2
    port=$(free_port)
    start_server "$@" "$TOP/tests/apps/node/tls.js" "$port" "$key" "$name.crt" 3
    wait_port "$port"
    handshakes "$port" "$name.crt"
    until=$((SECONDS + 30)) # the port is there with the first worker
    at_once asked "$port" "$name"
    while [ "$(sort -u once.* | wc -l)" -lt 2 ]; do
        [ $SECONDS -lt $until ] || fail "one worker answered all: $(cat once.*)"
        at_once asked "$port" "$name"
    done
    stop_server
}
for name in rsa ec; do
    server_of "$name" "$name.key" env -u OPENSSL_CONF -u CERTROLL_CONFIG -u SOFTHSM2_CONF node
    server_of "$name" "$name.pem" node --openssl-shared-config
done
result "https server, three workers, RSA and EC" pass
clean dgst -sha256 -sigopt rsa_padding_mode:pss -verify <(clean x509 -in rsa.crt -noout -pubkey) -signature rsa.pss data \
    >/dev/null || fail "an outside eye does not verify PSS"
result "sign, PSS, ieee-p1363, details, public key, decrypt, ECDH, https" pass
# What an application does that wants the private numbers: none come out, and Node does not outlive it.
! node --openssl-shared-config -e 'const { createPrivateKey } = require("crypto");
console.log(createPrivateKey(require("fs").readFileSync("rsa.pem")).export({ format: "jwk" }))' >out 2>err || fail "an export: $(cat out)"
! grep -q '"\?d"\?:' out || fail "private numbers: $(cat out)"
result "private JWK" refused "there are no private numbers to export, and Node ends itself"
route=uri
! node --openssl-shared-config -e 'require("crypto").createPrivateKey("certroll://Node-rsa")' >out 2>err || fail "Node takes a URI: say so in the table"
result createPrivateKey refused "Node takes PEM and DER alone"
