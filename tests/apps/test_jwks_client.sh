#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An outside eye: Java, with nothing but its own library, verifies JWTs of RSA, EC and Ed25519 keys against `certroll jwks`, before and
# after a roll. Ordinary keys, minted and published by another library, pass first.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/../e2e/lib.sh"
if ! command -v javac >/dev/null || ! javac -version >/dev/null 2>&1; then skip "no Java compiler"; fi
# shellcheck source=tests/apps/results.sh
. "$(dirname "$0")/results.sh"
app="Java, as verifier" version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9.]*\).*/\1/p') route=jwks
results_begin
lab
cd "$T"
javac -d classes "$TOP/tests/apps/java/VerifyTokens.java" >javac.log 2>&1 || fail "$(cat javac.log)"
verify() { plain java -Xshare:auto -XX:TieredStopAtLevel=1 -cp classes VerifyTokens "$1" <"$2"; }
b64url() { base64 -w 0 | tr '+/' '-_' | tr -d =; }

# The control: keys, set and tokens of jwcrypto, whose own keys our provider, active here, must leave alone.
/usr/bin/python3 - >control.tokens <<'END' || fail "jwcrypto"
import json
from jwcrypto import jwk, jwt
keys = []
for kind, algs in ((dict(kty="RSA", size=2048), ("RS256", "PS256")), (dict(kty="EC", crv="P-256"), ("ES256",)), (dict(kty="OKP", crv="Ed25519"), ("EdDSA",))):
    key = jwk.JWK.generate(**kind)
    key.update(kid=key.thumbprint())
    keys.append(json.loads(key.export_public()))
    for alg in algs:
        token = jwt.JWT(header={"alg": alg, "kid": key.thumbprint()}, claims={"iss": "x"})
        token.make_signed_token(key)
        print(token.serialize())
json.dump({"keys": keys}, open("control.jwks", "w"))
END
run verify control.jwks control.tokens
same "$(wc -l <out)" 4 "tokens of the control"
sed 's/.$/A/; s/^\(.\{60\}\)../\1xx/' control.tokens >forged.tokens
! verify control.jwks forged.tokens >out 2>err || fail "the outside eye takes a forged token"

# mint ALG ROLE: one token by the openssl command line, its kid read from the set that is published.
mint() {
    local how=$1 role=$2 bits=${1#??} input options=()
    input=$(printf '{"alg":"%s","typ":"JWT","kid":"%s"}' "$how" "$(kid_of "$role")" | b64url).$(printf '{"iss":"x"}' | b64url)
    [[ $how != PS* ]] || options=(-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest)
    printf %s "$input" >input
    if [ "$how" = EdDSA ]; then
        openssl pkeyutl -sign -rawin -inkey "$role.pem" -in input -out sig || fail "pkeyutl -sign $role"
    else
        openssl dgst "-sha$bits" "${options[@]}" -sign "$role.pem" -out sig input || fail "dgst -sign $role"
    fi
    [[ $how != ES* ]] || to_p1363 "$bits"
    printf '%s.%s\n' "$input" "$(b64url <sig)"
}
kid_of() { certroll show "$1" --json >show.json && json 'd["roles"][0]["current"]["kid"]' show.json; }
to_p1363() { # r and s as two numbers of one length; P-521 with 512 bits of digest has 66 bytes each
    /usr/bin/python3 - "$1" <<'END'
import sys
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
n = {"256": 32, "384": 48, "512": 66}[sys.argv[1]]
r, s = decode_dss_signature(open("sig", "rb").read())
open("sig", "wb").write(r.to_bytes(n, "big") + s.to_bytes(n, "big"))
END
}
roles=(rsa ec p384 p521 ed)
types=(rsa:2048 ec:P-256 ec:P-384 ec:P-521 ed25519)
for i in "${!roles[@]}"; do
    role=${roles[i]}
    cert "$role" "${types[i]}"
    cert "$role-next" "${types[i]}"
    run certroll import "$role.pfx" "$role" --use token --passin pass:pw
    run certroll pem "$role" --out "$role.pem"
done
mint_all() {
    for alg in RS256 RS384 RS512 PS256 PS384 PS512; do mint $alg rsa; done
    mint ES256 ec
    mint ES384 p384
    mint ES512 p521
    mint EdDSA ed
}
run certroll jwks "${roles[@]}" --out jwks.json
mint_all >before.tokens
run verify jwks.json before.tokens
same "$(wc -l <out)" 10 tokens

# Both sides of a roll verify with the set published before it, and with the one published after.
for role in "${roles[@]}"; do run certroll import "$role-next.pfx" "$role" --passin pass:pw --effective-date +3s; done
run certroll jwks "${roles[@]}" --out jwks.json
sleep 3.2
mint_all >after.tokens
cat before.tokens after.tokens >both.tokens
run verify jwks.json both.tokens
same "$(cut -d' ' -f1 out | sort -u | wc -l)" 10 "kids"
run certroll jwks "${roles[@]}" --out jwks.json
run verify jwks.json both.tokens
same "$(wc -l <out)" 20 tokens
result "RS, PS and ES with three digests each, and EdDSA, over a roll" pass
