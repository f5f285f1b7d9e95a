#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# curl's client certificate, asked for by a server that knows nothing of us: a reference file or a bundle as the key, and
# --engine certroll --key-type PROV with a URI where curl has it (8.12 and later; before, the refusal is its own). An ordinary
# key file passes the same checks first.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/apps/outside.sh
. "$(dirname "$0")/outside.sh"
# shellcheck source=tests/apps/results.sh
. "$(dirname "$0")/results.sh"
command -v curl >/dev/null || skip "no curl"
lab
cd "$T"
without=(env -u OPENSSL_CONF -u CERTROLL_CONFIG -u SOFTHSM2_CONF)
version=$(curl --version | sed -n '1s/curl \([0-9.]*\).*/\1/p') app=curl
results_begin

# asks PORT OPTION...: curl with a client certificate; the server says whose it has verified.
asks() {
    local port=$1
    shift
    curl --silent --show-error --noproxy '*' --max-time 20 --cacert server.crt --resolve "localhost:$port:127.0.0.1" \
        "$@" "https://localhost:$port/"
}
several() { # NAME PORT COMMAND...: 24 in a row, TLS 1.2 and 1.3, and 12 at once
    local name=$1 port=$2 i tls
    shift 2
    for tls in 1.2 1.3; do
        for ((i = 0; i < 12; i++)); do
            run "$@" "$port" --tlsv$tls --tls-max $tls "${key[@]}"
            grep -q "subject=.*$name.example.org\|Subject:.*$name.example.org" out || fail "TLS $tls: the server does not name $name"
        done
    done
    at_once "$@" "$port" "${key[@]}"
}
without_us() { OPENSSL_CONF='' CERTROLL_CONFIG='' asks "$@"; }
# without openssl.cnf: the provider is found by name, and finds its configuration itself
by_name() { OPENSSL_CONF=/etc/ssl/openssl.cnf OPENSSL_MODULES=$CERTROLL_BUILD/provider asks "$@"; }

cert server rsa:2048 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost
for type in rsa:2048 ec:P-256; do
    name=${type%%:*}
    cert "$name" "$type"
    run certroll import "$name.pfx" "Curl-$name" --use tls --passin pass:pw
    run certroll pem "Curl-$name" --out "$name.pem"
    run certroll pem "Curl-$name" --bundle --out "$name.bundle"
    port=$(free_port)
    start_server "${without[@]}" openssl s_server -accept "$port" -cert server.crt -key server.key -CAfile "$name.crt" -Verify 1 \
        -verify_return_error -www
    wait_port "$port"
    ! without_us "$port" --tls-max 1.2 >out 2>err || fail "the server takes anybody"
    key=(--cert "$name.crt" --key "$name.key")
    several "$name" "$port" without_us
    key=(--cert "$name.crt" --key "$name.pem")
    several "$name" "$port" asks
    key=(--cert "$name.bundle")
    several "$name" "$port" asks
    route="file"
    result "$name: client certificate, reference and bundle" pass
    route=uri
    key=(--cert "$name.crt" --key-type PROV --key "certroll://Curl-$name")
    if [ "$(printf '%s\n' 8.12 "$version" | sort -V | head -n 1)" = 8.12 ]; then
        key=(--engine certroll "${key[@]}") # the provider's name: curl loads it into a context of its own
        several "$name" "$port" by_name
        OPENSSL_MODULES=$CERTROLL_BUILD/provider several "$name" "$port" asks
        result "$name: client certificate" pass
    else
        check 58 asks "$port" "${key[@]}"
        err_has "not supported file type for private key"
        result "$name: client certificate" refused "--key-type PROV came with curl 8.12"
    fi
    stop_server
done
