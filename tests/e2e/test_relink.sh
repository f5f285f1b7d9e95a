#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll token relink: a token is replaced by one of another label with the same keys under other ids. The keys are found by
# public key, every record learns where, a process that holds a live key goes on by itself, and a kill leaves nothing behind.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
conf=$T/lab/certroll.conf
sed -i 's|^token = .*|token = pkcs11:model=SoftHSM%20v2|' "$conf" # whatever stands there, as a replaced device would
module=/usr/lib/softhsm/libsofthsm2.so
pin=$(cat lab/pin)
sign() { # ROLE NAME: by a fresh provider, verified with NAME.crt
    local kind=(-digest sha256)
    [[ $2 != d ]] || kind=()
    run openssl pkeyutl -sign -inkey "certroll://$1" -rawin "${kind[@]}" -in a.crt -out sig
    run clean pkeyutl -verify -certin -inkey "$2.crt" -rawin "${kind[@]}" -in a.crt -sigfile sig
}
cert a rsa:2048
cert b ec:P-256
cert c ec:P-256
cert d ed25519
cert e rsa:2048
run certroll import a.pfx OAuthTokenIssuer --passin pass:pw
run certroll import b.pfx OAuthTokenIssuer --at +30d --force --passin pass:pw
run certroll import c.pfx Web --use tls --passin pass:pw
run certroll import d.pfx Ed --use token --passin pass:pw
run certroll import e.pfx --passin pass:pw # known, of no role
run certroll request Req --use tls --subject /CN=req --out req.csr
certroll token relink >out 2>err || fail "nothing to relink"
out_has "6 of 6 keys are where they are said to be"
run certroll token relink --json
same "$(json 'd["changed"], sorted({c["state"] for c in d["certs"] + d["requests"]})')" '[false, ["same"]]'
ok "on the token as it was there is nothing to do"

# A new token in the place of the old one. The old one waits in old.
mv lab/tokens old
mkdir lab/tokens
run softhsm2-util --init-token --free --label replaced --pin "$pin" --so-pin 5678
put() { # NAME ID
    clean pkcs8 -topk8 -nocrypt -in "$1.key" -out "$1.p8"
    run softhsm2-util --import "$1.p8" --token replaced --label "key $1" --id "$2" --pin "$pin"
}
p11() { run pkcs11-tool --module $module --token-label replaced --login --pin "$pin" "$@"; }
put a 0a01
put b 0b01
put c 0c01
put d 0d01
p11 --delete-object --type pubkey --id 0b01 # nothing tells whose key 0b01 is, but its signature
rm lab/tokens/*/*.lock 2>/dev/null || true

# before: nothing signs
check 1 openssl pkeyutl -sign -inkey certroll://OAuthTokenIssuer -rawin -digest sha256 -in a.crt -out sig
refused 1 "cannot sign" certroll token check

before=$(find lab/state -type f ! -name lock -exec sha256sum {} + | sort)
check 1 certroll token relink --dry-run
out_has "OAuthTokenIssuer: would change"
out_has "$(thumb a | cut -c1-16)  would be relinked"
out_has "KEY MISSING: $(thumb e | cut -c1-16)"
out_has "KEY MISSING: request"
same "$(find lab/state -type f ! -name lock -exec sha256sum {} + | sort)" "$before" "a dry run wrote"
check 1 certroll token relink --dry-run --json
same "$(json 'sorted((c["state"], len(c["before"]), len(c["after"])) for c in d["certs"])')" \
    '[["missing", 1, 1], ["relinked", 1, 1], ["relinked", 1, 1], ["relinked", 1, 1], ["relinked", 1, 1]]'
same "$(json '[r["state"] for r in d["requests"]]')" '["missing"]'
same "$(json 'sorted(r["role"] for r in d["roles"]), d["dry_run"], d["changed"]')" \
    '[["Ed", "OAuthTokenIssuer", "OAuthTokenIssuer", "Web"], true, true]'
ok "a dry run shows what it would do, and what is on no token"

# two objects of one key: by name, and the others go on
put c 0c02
check 1 certroll token relink --reason "the HSM was replaced"
err_has "$(thumb c | cut -c1-16) stays as it is: its private key stands twice on token softhsm"
err_has "id=%0C%01"
err_has "id=%0C%02"
err_has "2 of 6 keys are on no token"
out_has "OAuthTokenIssuer: changed"
out_lacks "Web: changed"
sign OAuthTokenIssuer a
sign Ed d
p11 --delete-object --type privkey --id 0c02
check 1 certroll token relink
out_has "Web: changed"
out_lacks "OAuthTokenIssuer"
sign Web c
run certroll certs --json
same "$(json 'sorted(c["locations"][0].split("token=")[1].split(";")[0] for c in d["certs"])')" \
    '["certroll", "replaced", "replaced", "replaced", "replaced"]' # e's is not lost either
run certroll show OAuthTokenIssuer --json
same "$(json '[d["roles"][0][s]["locations"] for s in ("current", "next")]')" \
    "$(json '[[c["locations"] for c in d["certs"] if c["thumbprint_sha256"] == t][0] for t in ("'"$(thumb a)"'", "'"$(thumb b)"'")]' <(certroll certs --json))"
run certroll history --json OAuthTokenIssuer
same "$(json '[(e["verb"], e["reason"], e["note"]) for e in d["entries"]][-1]')" '["location", "the HSM was replaced", "token relink"]'
run certroll history verify
check 1 certroll token relink --json
same "$(json 'd["changed"]')" false "a second relink changes nothing"
run certroll roll OAuthTokenIssuer --now --force
sign OAuthTokenIssuer b
run certroll rollback OAuthTokenIssuer --force
ok "every key is found by public key, in certs and in the records; the same key twice is refused by name"

# the missing one is imported again, the request's key comes with an id of its own
run certroll import e.pfx --passin pass:pw
check 1 certroll token relink
err_has "1 of 6 keys"
ok "a key that was missing comes back by import"
