#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll jwks, read by an independent library: which keys, which kid, which certificate.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer

# Every entry must be what jwcrypto makes of the certificate in its x5c.
verify() {
    /usr/bin/python3 - "$T/out" "${1:-}" <<'PY' || fail "the key set is wrong"
import base64, hashlib, json, sys
from cryptography import x509
from jwcrypto import jwk
text = open(sys.argv[1]).read()
keys = jwk.JWKSet.from_json(text)
rows = json.loads(text)["keys"]
assert len({r["kid"] for r in rows}) == len(rows), "a kid twice"
b64url = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=").decode()
for r in rows:
    key = keys.get_key(r["kid"])
    assert not key.has_private
    der = [base64.b64decode(c, validate=True) for c in r["x5c"]]
    pub = jwk.JWK.from_pyca(x509.load_der_x509_certificate(der[0]).public_key())
    assert pub.thumbprint() == key.thumbprint(), "x5c is another key"
    assert r["x5t"] == b64url(hashlib.sha1(der[0]).digest())
    assert r["x5t#S256"] == b64url(hashlib.sha256(der[0]).digest())
    assert r["use"] == "sig"
    crv = r.get("crv", "RSA")
    assert r["alg"] == {"RSA": "RS256", "P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}[crv]
    if sys.argv[2] != "own":
        assert r["kid"] == pub.thumbprint(), "kid is not the RFC 7638 thumbprint"
PY
}
names() { # the CN of each entry's leaf
    /usr/bin/python3 - "$T/out" <<'PY'
import base64, json, sys
from cryptography import x509
for r in json.load(open(sys.argv[1]))["keys"]:
    cert = x509.load_der_x509_certificate(base64.b64decode(r["x5c"][0]))
    print(cert.subject.rfc4514_string().split("CN=")[1].split(".")[0], end=" ")
PY
}

for name in a b c; do cert $name; done
refused 1 "there is no role" certroll jwks $R
refused 2 "usage" certroll jwks
run certroll import a.pfx $R --passin pass:pw
run certroll jwks $R
verify
same "$(names)" "a "
run certroll import b.pfx $R --passin pass:pw --at +20d
run certroll jwks $R
verify
same "$(names)" "a b " "next is published at once"
run certroll roll $R --now
run certroll import c.pfx $R --passin pass:pw --at +30d
run certroll jwks $R
verify
same "$(names)" "b c a "

# ---- kinds of key
i=0
for kind in ec:P-256 ec:P-384 ec:P-521 ed25519 rsa:4096; do
    i=$((i + 1))
    cert "k$i" "$kind"
    run certroll import "k$i.pfx" "Kind$i" --use token --passin pass:pw
done
run certroll jwks Kind1 Kind2 Kind3 Kind4 Kind5 $R Kind1
verify
same "$(json 'len(d["keys"])')" 8

# ---- a renewal with the same key is one entry, with the newest certificate
plain openssl x509 -in a.crt -signkey a.key -days 500 -out renewed.crt 2>/dev/null
sleep 1
plain openssl req -x509 -key a.key -out renewed.crt -days 500 -subj /CN=renewed.example.org 2>/dev/null
run certroll import renewed.crt
run certroll cancel $R
run certroll roll $R --thumbprint "$(thumb renewed)" --at +30d
run certroll jwks $R
verify
same "$(names)" "b renewed "
run certroll assign WsFedTokenTransfer --from $R:previous
run certroll jwks WsFedTokenTransfer $R
verify
same "$(json 'len(d["keys"])')" 2 "two roles share a key: one entry"

# ---- a kid of its own
cert own
run certroll import own.pfx Own --use token --kid my-kid --passin pass:pw
run certroll jwks Own
verify own
same "$(json 'd["keys"][0]["kid"]')" my-kid
cert own2
run certroll import own2.pfx Own2 --use token --kid my-kid --passin pass:pw
refused 1 "one kid 'my-kid'" certroll jwks Own Own2

# ---- kid-format is the role's, from its first assignment on
for format in x5t x5t-hex; do
    sed "s/^kid-format *=.*/kid-format = $format/" lab/certroll.conf >$format.conf
    run certroll import c.pfx "By-$format" --use token --passin pass:pw --config "$T/$format.conf"
    run certroll jwks "By-$format"
    verify own
done
same "$(json 'd["keys"][0]["kid"]')" "$(thumb1 c | tr a-f A-F)"
run certroll jwks By-x5t
same "$(json 'd["keys"][0]["kid"] == d["keys"][0]["x5t"]')" true

# ---- nothing to publish, files, no token
run certroll unassign Own
run certroll jwks Own
err_has "empty"
same "$(json 'd["keys"]')" "[]"
mv lab/tokens lab/away
run certroll jwks $R --out jwks.json
same "$(cat "$T/out")" ""
same "$(json 'len(d["keys"])' jwks.json)" 2
same "$(stat -c %a jwks.json)" 644
ok "jwks"
