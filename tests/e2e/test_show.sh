#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll show: what is where, at a glance and as JSON; without the token, without write access, for anybody.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer

run certroll show
out_has "No role has a certificate."
run certroll show --json
same "$(json 'd')" '{"roles": []}'
refused 1 "there is no role $R" certroll show $R

cert a
cert b
plain openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout u.key -out u.crt -days 20 -utf8 \
    -subj "/O=$(printf 'Größe%.0s' {1..12})/CN=zürich.example.org" 2>/dev/null
plain openssl pkcs12 -export -inkey u.key -in u.crt -out u.pfx -passout pass:pw
run certroll import a.pfx $R --passin pass:pw
run certroll import b.pfx $R --passin pass:pw --at +1s
sleep 1.2
run certroll import a.pfx $R --passin pass:pw --at +30d
run certroll import u.pfx Default --passin pass:pw

# ---- for people
run certroll show $R
same "$(grep -oE '^  (previous|current|next)' "$T/out" | tr -d ' ' | paste -sd ' ')" "previous current next"
out_has "$(thumb b | cut -c1-16)  rsa:2048  expires"
out_has "verifies until"
grep -qE '\(in (29|30) days\)' "$T/out" || fail "no distance"
out_has "takes over"
out_has "in jwks since"
out_has "days left"
out_has "O=Example"
COLUMNS=80 run certroll show
out_has "WARNING: current expires in 19 days and no next is scheduled"
/usr/bin/python3 - "$T/out" <<'PY' || fail "a line is over 80 columns"
import sys
sys.exit(any(len(line.rstrip("\n")) > 80 for line in open(sys.argv[1], encoding="utf-8")))
PY
out_has "zürich"

# ---- for programs
run certroll show $R Default $R --json
same "$(json '[r["role"] for r in d["roles"]]')" '["OAuthTokenIssuer", "Default"]'
same "$(json 'sorted(d["roles"][0])')" \
    '["binding", "current", "generation", "next", "previous", "role", "scope", "use", "warnings"]'
members="issuer key kid locations not_after not_before serial subject thumbprint_sha1 thumbprint_sha256"
for s in current previous next; do
    same "$(json "' '.join(m for m in '$members'.split() if m in d['roles'][0]['$s'])")" "$members"
done
same "$(json 'd["roles"][0]["current"]["thumbprint_sha256"]')" "$(thumb b)"
same "$(json 'd["roles"][0]["current"]["thumbprint_sha1"]')" "$(thumb1 b)"
same "$(json '"effective_date" in d["roles"][0]["next"] and "until" in d["roles"][0]["previous"]')" true
same "$(json 'd["roles"][1]["current"]["key"] + " " + d["roles"][1]["use"] + " " + d["roles"][1]["binding"]')" \
    "ec:P-384 tls pinned"
same "$(json 'd["roles"][1]["previous"]')" null

# ---- only some
shown_by() { # ROLES OPTION...
    local want=$1
    shift
    run certroll show --json "$@"
    same "$(json '" ".join(r["role"] for r in d["roles"])')" "$want" "$*"
}
shown_by Default --expires-before +30d
shown_by "Default $R" --expires-before +400d
shown_by "" --expires-before +5d
shown_by "$R" --subject B.EXAMPLE
shown_by "$R" --subject a.example --issuer o=example # a self-signed one, in the slots previous and next
shown_by Default --issuer ZüRICH --expires-before 9999-01-01T00:00:00Z
shown_by "" --subject b.example --issuer a.example # of one certificate, not of two
shown_by "" $R --expires-before +5d
run certroll show --subject nobody
out_has "No role has such a certificate."
refused 2 "RFC 3339" certroll show --expires-before soon
refused 2 "is empty" certroll show --subject ''

# ---- empty roles are hidden
run certroll unassign Default
run certroll show
out_lacks Default
run certroll show --json
same "$(json 'len(d["roles"])')" 1
run certroll show --all
out_has "nothing assigned"
run certroll show Default --json
same "$(json 'd["roles"][0]["current"]')" null

# ---- without token, lock, write access, as nobody
mv lab/tokens lab/away
exec 9>>lab/state/.lock 2>/dev/null || true
run certroll show
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$T" lab
    reachable_build
    before=$(find lab/state -newer "$T/out" | wc -l)
    run setpriv --reuid 65534 --regid 65534 --clear-groups certroll show
    out_has "$R"
    same "$(find lab/state -newer "$T/out" | wc -l)" "$before"
fi
mv lab/away lab/tokens

# ---- a damaged record is named, the others are shown, and the exit code tells
echo '{' >lab/state/roles/Broken.json
check 3 certroll show
out_has "$R"
err_has Broken
check 1 certroll show Broken
rm lab/state/roles/Broken.json

# ---- a full disk is no success
check 3 sh -c 'certroll show >/dev/full'
ok "show"
