#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll generate: a key pair made inside the token, and a certificate that it signs itself.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
echo "some text" >data

# leaf ROLE: the current certificate into ROLE.crt
leaf() { openssl storeutl -certs -noout -text "certroll://$1;object=cert" >"$1.txt" && certroll pem "$1" --bundle | clean x509 -out "$1.crt"; }
counts() { certroll certs --json | /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); print(len(d["certs"]), len(d["keys"]))'; }
key_objects() { pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --login --pin "$(cat lab/pin)" --list-objects --type privkey 2>/dev/null; }

# ---- each kind signs, and says of itself what was asked for
for kind in rsa:2048 rsa:3072 ec:P-256 ec:P-384 ec:P-521 ed25519; do
    role=R-${kind/:/-}
    run certroll generate "$role" --days 30 --key "$kind" --use token --subject "CN=$role,O=Example\\, Inc.,C=DE" \
        --san "dns:www.example.org, dns:*.example.org,ip:192.0.2.1,ip:2001:db8::1,email:a@example.org,uri:https://example.org/x" \
        --eku serverAuth,1.3.6.1.5.5.7.3.2
    out_has "key created on the token"
    leaf "$role"
    clean x509 -in "$role.crt" -noout -text | sed 's/ = /=/g; s/"//g' >text # OpenSSL 3.2 and later have no blanks and quotes there
    for want in "C=DE, O=Example, Inc., CN=$role" "DNS:www.example.org, DNS:*.example.org, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, email:a@example.org, URI:https://example.org/x" \
        "TLS Web Server Authentication, TLS Web Client Authentication" "CA:FALSE" "Digital Signature"; do
        grep -qF -- "$want" text || fail "$kind: the certificate lacks '$want': $(cat text)"
    done
    clean verify -CAfile "$role.crt" "$role.crt" >out 2>&1 || fail "$kind: $(cat out)"
    clean x509 -in "$role.crt" -noout -pubkey >pub
    if [ "$kind" = ed25519 ]; then
        openssl pkeyutl -sign -rawin -inkey "certroll://$role" -in data -out sig
        clean pkeyutl -verify -rawin -pubin -inkey pub -in data -sigfile sig >/dev/null
    else
        openssl dgst -sha256 -sign "certroll://$role" -out sig data
        clean dgst -sha256 -verify pub -signature sig data >/dev/null
    fi
    # CKA_ID is the SHA-1 of the public key bits, as import makes it: the key identifier of the certificate, too
    id=$(clean x509 -in "$role.crt" -noout -ext subjectKeyIdentifier | tail -n 1 | tr -d ' :' | tr A-F a-f)
    grep -qi "$id" <(certroll show "$role" --json | tr -d '%') || fail "$kind: the location has not the id $id"
    grep -qi "ID: *$id" <(key_objects) || fail "$kind: the token has not the id $id"
done
! grep -E 'Access:' <(key_objects) | grep -qv 'sensitive, always sensitive, never extractable, local' || fail "a key is not as it should be: $(key_objects)"
same "$(counts)" "6 0" "a key without certificate"
ok "six kinds"

# ---- dates
seconds() { date -d "$(clean x509 -in "$1" -noout "-$2date" | cut -d= -f2)" +%s; }
same "$(($(seconds R-rsa-2048.crt end) - $(seconds R-rsa-2048.crt start)))" $((30 * 86400 + 300)) "valid from five minutes ago"

# ---- defaults; a role with a current gets a next by a date
run certroll generate OAuthTokenIssuer --days 2
leaf OAuthTokenIssuer
same "$(clean x509 -in OAuthTokenIssuer.crt -noout -subject -nameopt RFC2253)" "subject=CN=OAuthTokenIssuer"
grep -q '(3072 bit)' <(clean x509 -in OAuthTokenIssuer.crt -noout -text) || fail "the default is not rsa:3072"
run certroll generate OAuthTokenIssuer --days 3 --effective-date +1d --json --reason "a new one"
same "$(json 'd["changed"], len(d["roles"])')" "[true, 1]"
certroll show OAuthTokenIssuer --json >"$T/out"
same "$(json 'd["roles"][0]["next"]["subject"]')" "CN=OAuthTokenIssuer"
run certroll history --json
out_has '"generate"'
out_has 'a new one'
run certroll history verify
ok "defaults, a roll, history"

# ---- refused before the token makes anything
before=$(counts)
for words in "R" "R --days 0" "R --days x" "R --days 1x" "R --days 99999" "R --days 1 --key rsa:1024" "R --days 1 --key rsa:3071" \
    "R --days 1 --key ec:P-224" "R --days 1 --key dsa" "R --days 1 --subject x" "R --days 1 --subject CN=" "R --days 1 --subject XX=a" \
    "R --days 1 --subject C=Germany" "R --days 1 --subject CN=a, --use tls" "R --days 1 --san www" "R --days 1 --san dns:a..b" \
    "R --days 1 --san ip:300.1.1.1" "R --days 1 --san dns:ü.example" "R --days 1 --san dns:a,,dns:b" "R --days 1 --eku nonsense" \
    "R --days 1 --token none" "R --days 1 --use none" "r.x/y --days 1" "R R --days 1 --use tls" "R --days 1"; do
    # shellcheck disable=SC2086
    check 2 certroll generate $words
done
refused 1 "only in case" certroll generate oauthtokenissuer --days 1 --use token
check 4 certroll generate OAuthTokenIssuer --days 1 --if-generation 1
run certroll generate R --days 1 --use tls --subject "/O=x/CN=y" --dry-run
out_has "would generate"
out_has "CN=y,O=x"
run certroll generate R --days 1 --use tls --dry-run --json
same "$(json 'd["changed"], d["dry_run"], d["key"]')" '[true, true, "rsa:3072"]'
check 1 certroll show R
sed -i 's/^\(state = .*\)/\1\nrequire-domain = example.org/' lab/certroll.conf
refused 1 "require-domain" certroll generate R --days 1 --use tls
same "$(counts)" "$before" "a refused generate left a key"
run certroll generate R --days 1 --use tls --san dns:www.example.org
ok "refusals leave nothing"

# ---- killed while it writes what it made: the key is listed, and the next run works. Not while SoftHSM writes: it loses
# the whole token then.
if command -v strace >/dev/null; then
    killed=0
    for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
        (strace -f -qq -o /dev/null -e trace=fsync,rename,renameat,renameat2 \
            -e inject=fsync,rename,renameat,renameat2:signal=KILL:when=$n \
            certroll generate R --days 5 --force --san dns:www.example.org --key ec:P-256 || echo killed) >out 2>err
        ! grep -q killed out || killed=$((killed + 1))
        run certroll certs --json
        same "$(json 'all(k["label"] == "certroll R" for k in d["keys"])')" true "an unknown key"
        keys=$(key_objects | grep -c 'Private Key Object')
        seen=$(json 'sum(len(c["locations"]) for c in d["certs"] if c["key_present"]) + len(d["keys"])')
        [ "$seen" = "$keys" ] || fail "after a kill at call $n certs shows $seen of $keys keys"
    done
    [ "$killed" -ge 6 ] || fail "only $killed runs were killed"
    run certroll generate R --days 5 --force --san dns:www.example.org --key ec:P-256
    ok "killed while it generates"
fi

# ---- another token
if "$TOP/tests/tokens/nss" start "$T/nss" >"$T/nss.log" 2>&1; then
    cleanup_hooks+=("'$TOP/tests/tokens/nss' stop '$T/nss'")
    mkdir state
    { printf '[certroll_sect]\nstate = %s\ntokens = t\n\n[token_t]\n' "$T/state" && cat nss/token.conf; } >nss.conf
    sed "s|^module = certroll.so|module = $CERTROLL_BUILD/provider/certroll.so|" "$TOP/conf/openssl.cnf" >nss.cnf
    export CERTROLL_CONFIG=$T/nss.conf OPENSSL_CONF=$T/nss.cnf
    for kind in rsa:2048 ec:P-256 ec:P-384 ec:P-521; do
        run certroll generate "N-${kind/:/-}" --days 30 --key "$kind" --use tls
        openssl dgst -sha256 -sign "certroll://N-${kind/:/-}" -out sig data
        leaf "N-${kind/:/-}"
        clean x509 -in "N-${kind/:/-}.crt" -noout -pubkey >pub
        clean dgst -sha256 -verify pub -signature sig data >/dev/null
    done
    got=0
    certroll generate N-ed --days 30 --key ed25519 --use tls >out 2>err || got=$?
    # that of Debian 12 cannot make such a key, that of Debian 13 makes one and cannot sign with it
    case $got in
    1) err_has 'cannot be generated' ;;
    3) err_has 'C_Sign' ;;
    *) fail "Ed25519 by NSS: $got, $(cat err)" ;;
    esac
    same "$(counts)" "4 0" "NSS has a key without certificate"
    ok "NSS softokn"
else
    [ -z "${CI:-}" ] || fail "no NSS: $(cat nss.log)"
    echo "SKIP: $(cat nss.log)"
fi
