#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll certs: known certificates with their roles, certificates and keys that stand on the token alone.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2031
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
module=/usr/lib/softhsm/libsofthsm2.so

run certroll certs
same "$(cat out)" "" "an empty token lists something"
run certroll certs --json
same "$(json 'd')" '{"certs": [], "requests": [], "keys": []}'

cert a
cert b ec:P-256
long=$(printf 'unit%.0s' {1..30} | cut -c1-60)
cert c rsa:2048 10 -subj "/CN=c.example.org/OU=$long/O=$long"
plain openssl pkcs12 -export -inkey c.key -in c.crt -out c.pfx -passout pass:pw
run certroll import a.pfx OAuthTokenIssuer --passin pass:pw
run certroll import b.pfx WebServicesExternal --passin pass:pw
run certroll import c.pfx --passin pass:pw
COLUMNS=80 run certroll certs
out_has "$(thumb a | cut -c1-16)"
out_has "current OAuthTokenIssuer"
out_has "current WebServicesExternal"
out_has "ec:P-256"
[ "$(wc -L <out)" -le 80 ] || fail "wider than 80 columns"
run certroll certs --json
same "$(json '[c["roles"] for c in d["certs"] if c["thumbprint_sha256"] == "'"$(thumb a)"'"][0]')" \
    '[{"role": "OAuthTokenIssuer", "slot": "current"}]'
same "$(json '[c["roles"] for c in d["certs"] if c["thumbprint_sha256"] == "'"$(thumb c)"'"][0]')" '[]'
same "$(json 'all(c["known"] and c["key_present"] for c in d["certs"])')" true
same "$(json 'len(d["keys"])')" 0

# what other tools put on the token
softhsm2-util --import <(plain openssl pkcs8 -topk8 -nocrypt -in a.key) --token certroll --label lone --id cafe \
    --pin "$(cat lab/pin)" >/dev/null 2>&1 || true # a's key again, under another id: still a's
cert d
plain openssl pkcs8 -topk8 -nocrypt -in d.key -out d.p8
softhsm2-util --import d.p8 --token certroll --label lone --id beef --pin "$(cat lab/pin)" >/dev/null
run certroll certs
out_has "no certificate    rsa:2048"
out_has "beef"
run certroll certs --json
same "$(json '[k["id"] for k in d["keys"]]')" '["beef"]'
# its certificate, imported alone, finds it; another one on the token alone can be assigned too
plain openssl x509 -in d.crt -outform DER -out d.der
if command -v pkcs11-tool >/dev/null; then
    pkcs11-tool --module $module --login --pin "$(cat lab/pin)" --write-object d.der --type cert --id beef --label d \
        >/dev/null 2>&1
    run certroll certs --json
    same "$(json '[c["known"] for c in d["certs"] if c["thumbprint_sha256"] == "'"$(thumb d)"'"]')" '[false]'
    same "$(json 'len(d["keys"])')" 0
fi
run certroll import d.crt
same "$(certroll certs --json >certs.json && json 'len(d["keys"])' certs.json)" 0

# a known certificate whose key is gone says so
softhsm2-util --delete-token --token certroll >/dev/null
refused 3 "" certroll certs
refused 2 "usage" certroll certs extra
refused 3 "certroll init" certroll certs --config "$T/nowhere.conf"
ok "certs"
