#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Python's ssl with a bundle: a threaded server, a client with a certificate, and what a pair that does not match and a role
# without a certificate say. An ordinary key file passes the same checks first.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/apps/outside.sh
. "$(dirname "$0")/outside.sh"
# shellcheck source=tests/apps/results.sh
. "$(dirname "$0")/results.sh"
app="Python ssl" version=$(/usr/bin/python3 -c 'import platform; print(platform.python_version())')
results_begin
python=(/usr/bin/python3 "$TOP/tests/apps/python_tls.py")
lab
cd "$T"
without=(env -u OPENSSL_CONF -u CERTROLL_CONFIG)
for type in rsa:2048 ec:P-256; do
    name=${type%%:*}
    cert "$name" "$type"
    run certroll import "$name.pfx" "Py-$name" --use tls --passin pass:pw
    run certroll pem "Py-$name" --bundle --out "$name.bundle"
    run certroll pem "Py-$name" --out "$name.pem"
    cat "$name.crt" "$name.key" >"$name.control"
done

# server_of NAME FILE COMMAND...: handshakes without and with a client certificate.
server_of() {
    local name=$1 file=$2 port version
    shift 2
    port=$(free_port)
    start_server "$@" "${python[@]}" serve "$port" "$T/$file"
    wait_port "$port"
    handshakes "$port" "$name.crt"
    handshakes "$port" "$name.crt" -cert "$name.crt" -key "$name.key"
    stop_server
}
# client_of NAME FILE COMMAND...: Python as a client, its certificate wanted by a server that knows nothing of us.
client_of() {
    local name=$1 file=$2 port
    shift 2
    port=$(free_port)
    start_server "${without[@]}" openssl s_server -accept "$port" -cert "$T/$name.crt" -key "$T/$name.key" -CAfile "$T/$name.crt" \
        -Verify 1 -verify_return_error -rev -naccept 3
    wait_port "$port"
    run "$@" "${python[@]}" ask "$port" "$file" "$name.crt"
    same "$(cut -d' ' -f1 out | tr '\n' ' ')" "TLSv1.2 TLSv1.3 "
    same "$(cut -d' ' -f2 out | tr '\n' ' ')" "Q Q "
    stop_server
}
for name in rsa ec; do
    server_of "$name" "$name.control" "${without[@]}"
    client_of "$name" "$name.control" "${without[@]}"
    server_of "$name" "$name.bundle"
    client_of "$name" "$name.bundle"
done
route="file"
result "server and client, RSA and EC" pass
route=uri
run "${python[@]}" mismatch rsa.crt certroll://Py-rsa
out_has FileNotFoundError
result "load_cert_chain" refused "load_cert_chain takes files alone"
route="file"

# Another's certificate: as with an ordinary key, and not "no such file".
for certificate in rsa ec; do
    set -- $certificate "$([ $certificate = rsa ] && echo ec || echo rsa)"
    "${without[@]}" "${python[@]}" mismatch "$1.crt" "$2.key" >want
    grep -q '^ssl.SSLError: ' want || fail "the control: $(cat want)"
    run "${python[@]}" mismatch "$1.crt" "$2.pem"
    same "$(cat out)" "$(cat want)" "a pair that does not match"
done
cert other rsa:2048
"${without[@]}" "${python[@]}" mismatch other.crt rsa.key >want
grep -q '^ssl.SSLError: .*mismatch' want || fail "the control: $(cat want)"
run "${python[@]}" mismatch other.crt rsa.pem
same "$(cat out)" "$(cat want)" "another key of the same type"
result "a pair that does not match" pass

# Python shows the last error of the queue alone, "PEM lib", whatever stands behind it: our sentence is in the provider's log.
run certroll unassign Py-rsa
sed -i "s|^state = .*|&\nlog = $T/provider.log|" "$CERTROLL_CONFIG"
sed 's/^-----BEGIN.*/&\nbroken/' rsa.key >broken.key
"${without[@]}" "${python[@]}" mismatch rsa.crt broken.key >want
grep -q '^ssl.SSLError: ' want || fail "the control: $(cat want)"
run "${python[@]}" mismatch rsa.crt rsa.pem
same "$(cut -d'(' -f1 out)" "$(cut -d'(' -f1 want)" "a role without a certificate"
grep -q 'error: .*Py-rsa' provider.log || fail "the log does not say why: $(cat provider.log)"
ok "a role without a certificate: $(grep 'error: ' provider.log | tail -n 1 | sed 's/.*error: //')"
