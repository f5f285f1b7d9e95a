#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll token-test: a JWT minted by the installed provider and verified by the published key set, for every kind of key and
# in each slot. Two libraries that know nothing of certroll verify it again.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"

outside() { # ROLE ALG: the token in out, by jwcrypto and PyJWT and the output of `certroll jwks`
    certroll jwks "$1" >set.json || fail "jwks"
    plain /usr/bin/python3 - out set.json "$2" <<'PY' || fail "others do not verify it"
import json, sys
import jwt
from jwcrypto import jwk, jws
token = open(sys.argv[1]).read()
assert token.endswith("\n") and token.count("\n") == 1 and "=" not in token, "not one line"
token = token.strip()
keys = json.load(open(sys.argv[2]))["keys"]
header = jwt.get_unverified_header(token)
assert header["alg"] == sys.argv[3] and header["typ"] == "JWT", header
row = next(r for r in keys if r["kid"] == header["kid"])
assert header["x5t"] == row["x5t"] and header["x5t#S256"] == row["x5t#S256"], "x5t"
one = jws.JWS()
one.allowed_algs = [sys.argv[3]]
one.deserialize(token)
one.verify(jwk.JWK(**row))
claims = json.loads(one.payload)
algorithm = jwt.algorithms.get_default_algorithms()[sys.argv[3]]
two = jwt.decode(token, algorithm.from_jwk(json.dumps(row)), algorithms=[sys.argv[3]],
                 options={"verify_aud": False, "verify_exp": False})
assert two == claims
json.dump(claims, open("claims.json", "w"))
PY
}

cert rsa rsa:2048
cert next rsa:3072
cert p256 ec:P-256
cert p384 ec:P-384
cert p521 ec:P-521
cert ed ed25519
run certroll import rsa.pfx OAuthTokenIssuer --passin pass:pw
for row in "p256 ES256" "p384 ES384" "p521 ES512" "ed EdDSA" "rsa RS256"; do
    read -r name alg <<<"$row"
    run certroll import "$name.pfx" "R-$name" --use token --passin pass:pw
    for i in 1 2 3; do # short r and s come up now and then
        run certroll token-test "R-$name"
        err_lacks certroll
        outside "R-$name" "$alg"
    done
done
same "$(json 'd["exp"] - d["iat"], d["iss"], sorted(d)' claims.json)" '[300, "R-rsa", ["exp", "iat", "iss", "jti", "sub"]]'
ok "every kind of key signs by its own algorithm, and others verify it"

run certroll token-test OAuthTokenIssuer --alg PS256
err_has "the key set says RS256"
outside OAuthTokenIssuer PS256
refused 1 "does not sign by ES256" certroll token-test OAuthTokenIssuer --alg ES256
refused 1 "does not sign by RS256" certroll token-test R-ed --alg RS256
refused 2 "'none' is none of" certroll token-test OAuthTokenIssuer --alg none
refused 2 "--slot" certroll token-test OAuthTokenIssuer --slot last
refused 2 "usage: certroll token-test ROLE" certroll token-test
ok "PS256 on demand, another kind's algorithm is refused"

# claims
printf '{"iss": "https://issuer.example", "aud": ["a", "b"], "name": "J\\u00e4ger \\u2603", "n": 1.5, "iat": 1700000000, "x": {"y": [null, true]}}' >in.json
run certroll token-test OAuthTokenIssuer --claims in.json
outside OAuthTokenIssuer RS256
same "$(json '{k: v for k, v in d.items() if k not in ("jti", "exp")} == json.load(open("in.json")), d["exp"], len(d["jti"])' claims.json)" \
    '[true, 1700000300, 22]'
jti=$(json 'd["jti"]' claims.json)
run certroll token-test OAuthTokenIssuer --claims - <in.json
outside OAuthTokenIssuer RS256
differ "$(json 'd["jti"]' claims.json)" "$jti"
run certroll token-test OAuthTokenIssuer --claims <(echo '{"jti": "mine", "exp": 1, "iat": 0}')
outside OAuthTokenIssuer RS256
same "$(json '[d["jti"], d["exp"], d["iat"]]' claims.json)" '["mine", 1, 0]'
for bad in '[]' '{"a": 1' '{"a": 1, "a": 2}' '{} x' '' '{"iat": "now"}' '{"exp": -1}' '{"exp": 1e300}' '{"jti": 7}' '{"sub": null}' $'{"a": "\xff"}'; do
    printf '%s' "$bad" >bad.json
    refused 1 "bad.json" certroll token-test OAuthTokenIssuer --claims bad.json
    same "$(wc -c <out) $(grep -c . err)" "0 1" "$bad"
done
/usr/bin/python3 -c 'print("{\"a\": \"" + "x" * 70000 + "\"}")' >bad.json
refused 1 "larger than 65536" certroll token-test OAuthTokenIssuer --claims bad.json
/usr/bin/python3 -c 'print("{\"a\": \"" + "x" * 60000 + "\"}")' >big.json
run certroll token-test OAuthTokenIssuer --claims big.json
outside OAuthTokenIssuer RS256
/usr/bin/python3 -c 'print("{\"a\": [" + ",".join(["0.1"] * 15000) + "]}")' >bad.json # each becomes 20 bytes
refused 1 "shorten the claims" certroll token-test OAuthTokenIssuer --claims bad.json
refused 1 "nothing.json" certroll token-test OAuthTokenIssuer --claims nothing.json
ok "claims are read strictly, and completed"

# slots, and what it says in JSON
run certroll import next.pfx OAuthTokenIssuer --passin pass:pw --at +30d
run certroll token-test OAuthTokenIssuer --slot next --json
same "$(json '[d["slot"], d["verified"], d["thumbprint_sha256"], d["key"], d["header"]["alg"], d["header"]["kid"] == d["kid"], d["claims"]["iss"]]')" \
    "[\"next\", true, \"$(thumb next)\", \"rsa:3072\", \"RS256\", true, \"OAuthTokenIssuer\"]"
refused 1 "has no previous certificate" certroll token-test OAuthTokenIssuer --slot previous
run certroll roll OAuthTokenIssuer --now
run certroll token-test OAuthTokenIssuer --slot previous --json
same "$(json 'd["thumbprint_sha256"]')" "$(thumb rsa)"
run certroll token-test OAuthTokenIssuer --json
same "$(json 'd["thumbprint_sha256"]')" "$(thumb next)"
ok "current, previous and next"

# refusals
run certroll import rsa.pfx Web --use tls --passin pass:pw
refused 1 "is for tls" certroll token-test Web
refused 1 "there is no role Nobody" certroll token-test Nobody
printf 'openssl_conf = x\n[x]\n' >no.cnf
refused 1 "OAuthTokenIssuer" certroll token-test OAuthTokenIssuer --openssl-conf no.cnf
mv lab/tokens lab/gone
refused 1 "softhsm" certroll token-test OAuthTokenIssuer
out_lacks "."
err_lacks "role OAuthTokenIssuer: role"
mv lab/gone lab/tokens
run certroll revoke --thumbprint "$(thumb next)"
refused 1 "revoked" certroll token-test OAuthTokenIssuer
refused 3 "standard output" bash -c 'certroll token-test R-rsa >/dev/full'
ok "what cannot be minted is refused with the reason"
