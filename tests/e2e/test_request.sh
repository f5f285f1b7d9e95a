#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll request: a key made inside the token, a CSR out, the answer imported, or the request cancelled.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
echo "some text" >data

clean req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 99 -subj /CN=ca 2>/dev/null
answer() { # CSR-FILE NAME: NAME.crt, as a CA answers that copies the wanted extensions
    clean x509 -req -in "$1" -CA ca.crt -CAkey ca.key -CAcreateserial -days 60 -copy_extensions copyall -out "$2.crt" 2>log || fail "$(cat log)"
}
counts() { # certificates, pending requests, keys without either
    certroll certs --json | /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); print(len(d["certs"]), len(d["requests"]), len(d["keys"]))'
}
key_objects() { pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --login --pin "$(cat lab/pin)" --list-objects --type privkey 2>/dev/null; }
nkeys() { key_objects | grep -c 'Private Key Object' || true; }
signs() { # ROLE CERT
    clean x509 -in "$2" -noout -pubkey >pub
    openssl dgst -sha256 -sign "certroll://$1" -out sig data
    clean dgst -sha256 -verify pub -signature sig data >/dev/null || fail "role $1 does not sign with the key of $2"
}

# ---- a request, its answer
run certroll request WebServicesExternal Default --subject "CN=www.example.org,O=Example,C=DE" --key rsa:2048 \
    --san dns:www.example.org --san ip:192.0.2.1 --eku serverAuth,clientAuth --out web.csr --json
same "$(json 'd["changed"]')" true
id=$(json 'd["id"]')
clean req -in web.csr -noout -verify >log 2>&1 || fail "the request does not verify: $(cat log)"
clean req -in web.csr -noout -text | sed 's/ = /=/g' >text # OpenSSL 3.2 and later have no blanks there
for want in "C=DE, O=Example, CN=www.example.org" "DNS:www.example.org, IP Address:192.0.2.1" "Digital Signature, Key Encipherment" \
    "TLS Web Server Authentication, TLS Web Client Authentication" "(2048 bit)"; do
    grep -qF -- "$want" text || fail "the request lacks '$want': $(cat text)"
done
same "$(counts)" "0 1 0"
run certroll certs
out_has "$id  rsa:2048   requested"
out_has "pending for Default"
out_has "CN=www.example.org,O=Example,C=DE"
out_lacks "no certificate"
certroll certs --json >out
same "$(json 'd["requests"][0]["roles"], d["requests"][0]["key_present"]' out)" '[["WebServicesExternal", "Default"], true]'
! key_objects | grep 'Access:' | grep -qv 'sensitive, always sensitive, never extractable, local' || fail "$(key_objects)"
for name in "$id" Default; do
    run certroll request --again "$name" --out again.csr
    cmp again.csr web.csr
    run certroll request --again "$name" --out again.csr --yes --json
    same "$(json 'd["changed"], d["id"], d["spki"][:len(d["id"])]')" "[false, \"$id\", \"$id\"]"
    run certroll request --again "$name" --out -
    cmp "$T/out" web.csr
done
answer web.csr web
run certroll import web.crt --dry-run
out_has "would be closed"
same "$(counts)" "0 1 0" "a dry run closed the request"
cat web.crt ca.crt >web.pem
run certroll import web.pem
out_has "request $id closed"
out_has "WebServicesExternal: changed"
out_has "Default: changed"
same "$(counts)" "1 0 0"
signs Default web.crt
signs WebServicesExternal web.crt
run certroll import web.pem Default
out_has "already so"
grep -q 'Certificate Object' <(pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --list-objects --type cert 2>/dev/null) || fail "no certificate beside the key"
ok "request and answer"

# ---- other kinds; the command line's roles go before the request's; a date
for kind in ec:P-256 ec:P-521 ed25519; do
    run certroll request "A${kind//[:-]/}" --use tls --subject "/O=x/CN=$kind" --key "$kind" --out k.csr
    clean req -in k.csr -noout -verify >log 2>&1 || fail "$kind: $(cat log)"
done
answer k.csr k
refused 1 "" certroll import k.crt Other --effective-date +1d --use tls # a roll of an empty role
same "$(counts)" "1 3 0"
run certroll import k.crt Other
same "$(counts)" "2 2 0"
check 1 certroll show Aed25519
run certroll show Other
run certroll request Default --subject CN=www.example.org --key rsa:2048 --out next.csr
answer next.csr next
run certroll import next.crt --effective-date +1h
certroll show Default --json >out
same "$(json 'd["roles"][0]["next"]["thumbprint_sha256"]' out)" "$(thumb next)"
signs Default web.crt
ok "kinds, other roles, a date"

# ---- cancel
keys=$(nkeys)
run certroll request --cancel AecP256 --dry-run
out_has "would be"
same "$(nkeys)" "$keys"
run certroll request --cancel AecP256
same "$(nkeys)" $((keys - 1))
check 1 certroll request --cancel AecP256
run certroll request Twice --use tls --subject CN=a --key ec:P-256 --out t1.csr
run certroll request Twice --use tls --subject CN=b --key ec:P-256 --out t2.csr
refused 1 "names two" certroll request --cancel Twice
answer t1.csr t1
same "$(counts)" "3 3 0"
cp -r lab/state state.pending
run certroll import t1.crt
same "$(counts)" "4 2 0"
# as after a kill between the last two steps: assigned, and still pending
cp -n state.pending/certs/*.request.json lab/state/certs/
same "$(counts)" "4 3 0"
id=$(certroll certs --json | /usr/bin/python3 -c 'import json, sys; print([r["id"] for r in json.load(sys.stdin)["requests"] if r["subject"] == "CN=a"][0])')
refused 1 "role Twice holds the key" certroll request --cancel "$id"
signs Twice t1.crt
run certroll import t1.crt
out_has "request $id closed"
same "$(counts)" "4 2 0"
cp -n state.pending/certs/"$id"*.request.json lab/state/certs/
run certroll request --cancel "$id" --force --reason "a test"
check 1 openssl dgst -sha256 -sign "certroll://Twice" -out sig data
run certroll history --json
out_has "role Twice holds the key"
run certroll history verify
ok "cancel"

# ---- a damaged entry is told of, and the others are listed
for file in lab/state/certs/*.request.json; do break; done
cp "$file" kept.json
echo '{"format": 1}' >"$file"
run certroll certs
err_has ".request.json"
cp kept.json "$file"
sed -i 's/"format": 1/"format": 9/' "$file"
run certroll certs
err_has ".request.json"
cp kept.json "$file"

# ---- refused before the token makes anything
before=$(counts)
for words in "" "R" "R --out x" "R --subject CN=a" "R --subject a --out x --use tls" "R --subject CN=a --out x" "R --again R --out x" \
    "--cancel R --out x" "--cancel R --again R" "R --subject CN=a --out - --json --use tls" "R --subject CN=a --out x --key rsa:1024" "R --subject CN=a --out x --san a"; do
    # shellcheck disable=SC2086
    check 2 certroll request $words
done
refused 1 "only in case" certroll request default --subject CN=a --out x --use tls
sed -i 's/^\(state = .*\)/\1\nrequire-domain = example.org/' lab/certroll.conf
refused 1 "require-domain" certroll request Default --subject CN=a --out x
run certroll request Default --subject CN=www.example.org --out x --dry-run
[ ! -e x ] || fail "a dry run wrote the request"
sed -i '/^require-domain/d' lab/certroll.conf
same "$(counts)" "$before" "a refused request left something"
refused 3 "pending, 'certroll request --again" certroll request Default --subject CN=a --key ec:P-256 --out /none/x
same "$(counts | cut -d' ' -f3)" 0
ok "refusals"

# ---- the key of a run killed before its request was kept
pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --login --pin "$(cat lab/pin)" --keypairgen --key-type EC:prime256v1 --id 0102030405060708 --label "certroll Lost" >log 2>&1 || fail "$(cat log)"
pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --login --pin "$(cat lab/pin)" --keypairgen --key-type EC:prime256v1 --id 1102030405060708 --label "somebody's" >log 2>&1 || fail "$(cat log)"
run certroll certs
out_has "id 0102030405060708, certroll Lost"
refused 1 "--force" certroll request --cancel 0102030405060708
refused 1 "no pending" certroll request --cancel 1102030405060708 --force
run certroll request --cancel 0102030405060708 --force
run certroll certs
out_lacks 0102030405060708
out_has 1102030405060708
ok "the key of a killed run"

# ---- killed at each write of the state
if command -v strace >/dev/null; then
    killed=0
    for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
        rm -f kill.csr
        (strace -f -qq -o /dev/null -e trace=fsync,rename,renameat,renameat2 -e inject=fsync,rename,renameat,renameat2:signal=KILL:when=$n \
            certroll request Killed$n --use tls --subject CN=k --key ec:P-256 --out kill.csr || echo killed) >out 2>err
        ! grep -q killed out || killed=$((killed + 1))
        keys=$(nkeys)
        run certroll certs --json
        seen=$(json 'sum(c["key_present"] for c in d["certs"]) + sum(r["key_present"] for r in d["requests"]) + len(d["keys"])')
        same "$seen" "$keys" "keys seen after a kill at call $n"
        if [ "$(json "sum('Killed$n' in r['roles'] for r in d['requests'])")" = 1 ]; then
            run certroll request --again Killed$n --out kill.csr
            answer kill.csr kill
            # the import is killed too, then done again
            (strace -f -qq -o /dev/null -e trace=fsync,rename,renameat,renameat2 -e inject=fsync,rename,renameat,renameat2:signal=KILL:when=$n \
                certroll import kill.crt || :) >out 2>err
            run certroll import kill.crt Killed$n --use tls
            signs Killed$n kill.crt
            run certroll certs
            out_lacks "pending for Killed$n"
        fi
    done
    [ "$killed" -ge 4 ] || fail "only $killed runs were killed"
    ok "killed at each write"
fi

# ---- another token
if "$TOP/tests/tokens/nss" start "$T/nss" >"$T/nss.log" 2>&1; then
    cleanup_hooks+=("'$TOP/tests/tokens/nss' stop '$T/nss'")
    mkdir state
    { printf '[certroll_sect]\nstate = %s\ntokens = t\n\n[token_t]\n' "$T/state" && cat nss/token.conf; } >nss.conf
    sed "s|^module = certroll.so|module = $CERTROLL_BUILD/provider/certroll.so|" "$TOP/conf/openssl.cnf" >nss.cnf
    export CERTROLL_CONFIG=$T/nss.conf OPENSSL_CONF=$T/nss.cnf
    for kind in rsa:2048 ec:P-256; do
        role=N${kind//[:-]/}
        run certroll request "$role" --use tls --subject "CN=$role" --key "$kind" --out n.csr
        clean req -in n.csr -noout -verify >log 2>&1 || fail "$kind: $(cat log)"
        answer n.csr n
        run certroll import n.crt
        signs "$role" n.crt
        run certroll request "$role" --subject "CN=$role" --key "$kind" --out n.csr
        run certroll request --cancel "$role"
    done
    same "$(counts)" "2 0 0"
    ok "NSS softokn"
else
    [ -z "${CI:-}" ] || fail "no NSS: $(cat nss.log)"
    echo "SKIP: $(cat nss.log)"
fi
