#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll pem: what stands in references and bundles, and how the file is replaced.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer

uri() { # FILE: the URI in the reference
    sed -n '/BEGIN CERTROLL KEY/,/END CERTROLL KEY/p' "$1" | sed '1d;$d' | base64 -d |
        clean asn1parse -inform DER | sed -n 's/.*UTF8STRING *://p'
}
count() { grep -c "BEGIN $1" "$2"; }

# a leaf under an intermediate under a root
plain openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.crt -days 99 -subj /CN=Root 2>/dev/null
plain openssl req -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=CA 2>/dev/null |
    plain openssl x509 -req -CA root.crt -CAkey root.key -days 98 -out ca.crt \
        -extfile <(echo basicConstraints=critical,CA:true) 2>/dev/null
plain openssl req -newkey rsa:2048 -nodes -keyout a.key -subj /CN=a.example.org 2>/dev/null |
    plain openssl x509 -req -CA ca.crt -CAkey ca.key -days 97 -out a.crt 2>/dev/null
plain openssl pkcs12 -export -inkey a.key -in a.crt -certfile ca.crt -out a.pfx -passout pass:pw
cert b

refused 1 "there is no role" certroll pem $R
refused 2 "usage" certroll pem
run certroll import a.pfx $R --passin pass:pw

# ---- references
run certroll pem $R
same "$(uri "$T/out")" "certroll://$R"
same "$(head -1 "$T/out")" "-----BEGIN CERTROLL KEY REFERENCE-----"
same "$(cat "$T/err")" ""
run certroll pem $R --bind pinned --slot current
same "$(uri "$T/out" | tr ';' '\n' | sort | paste -sd ' ')" "bind=pinned certroll://$R slot=current"
run certroll pem $R --slot next
err_has "does not load yet"
refused 2 "--slot" certroll pem $R --slot future
refused 2 "--bind" certroll pem $R --bind dead
refused 2 "pinned" certroll pem $R --bundle --bind live

# ---- bundles
run certroll pem $R --bundle --bind pinned
cp "$T/out" bundle.pem
same "$(uri bundle.pem | cut -d';' -f1-2)" "certroll://$R;thumbprint=$(thumb a)"
same "$(count CERTIFICATE bundle.pem)" "$(($(plain openssl pkcs12 -in a.pfx -nokeys -passin pass:pw | grep -c BEGIN)))"
same "$(plain openssl x509 -in bundle.pem -noout -fingerprint -sha256 | sed 's/.*=//;s/://g' | tr A-F a-f)" "$(thumb a)"
b64url() { plain openssl base64 -A | tr '+/' '-_' | tr -d '='; }
same "$(sed -n 's/^x5t: //p' bundle.pem)" "$(plain openssl x509 -in a.crt -outform DER | plain openssl sha1 -binary | b64url)"
same "$(sed -n 's/^x5t#S256: //p' bundle.pem)" \
    "$(plain openssl x509 -in a.crt -outform DER | plain openssl sha256 -binary | b64url)"
certroll show $R --json >show.json
same "$(sed -n 's/^kid: //p' bundle.pem)" "$(json 'd["roles"][0]["current"]["kid"]' show.json)"
plain openssl verify -CAfile root.crt -untrusted bundle.pem bundle.pem >/dev/null || fail "the bundle's chain does not verify"
refused 1 "no next" certroll pem $R --bundle --slot next
run certroll import b.pfx $R --passin pass:pw --at +30d
run certroll pem $R --bundle --slot next --out next.pem
same "$(uri next.pem | cut -d';' -f1-2)" "certroll://$R;thumbprint=$(thumb b)"

# ---- files
same "$(stat -c %a next.pem)" 644
exec 8<next.pem
inode=$(stat -c %i next.pem)
run certroll pem $R --out next.pem
differ "$(stat -c %i next.pem)" "$inode" "the file was not replaced as a whole"
grep -q 'BEGIN CERTIFICATE' <&8 || fail "a reader of the old file sees the new one"
run certroll pem $R --out -
out_has "BEGIN CERTROLL"
check 3 certroll pem $R --out /nowhere/x.pem
check 3 sh -c "certroll pem $R >/dev/full"
same "$(find . -maxdepth 1 -name '*.tmp*' -o -maxdepth 1 -name '.next*' | wc -l)" 0 "temporary files are left"

# ---- a role that 'references' does not allow
sed 's/^references *=.*/references = Other/' lab/certroll.conf >other.conf
run certroll pem $R --config "$T/other.conf"
err_has "does not allow"
mv lab/tokens lab/away
run certroll pem $R --bundle
ok "pem"
