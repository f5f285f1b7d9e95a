#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll check: each thing that is wrong is found, with its level, what to do, and a monitoring plugin's exit code.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer
cnf=lab/openssl.cnf
conf=lab/certroll.conf
cert a
cert b
cert soon rsa:2048 20
cert now rsa:2048 5
cert e ec:P-256
cert ed ed25519
run certroll import a.pfx $R --passin pass:pw
run certroll import e.pfx Web --use tls --passin pass:pw
run certroll import ed.pfx Ed --use token --passin pass:pw

# found EXIT ID LEVEL TEXT [ARGUMENT...]: check exits so, with that finding, which says what to do.
found() {
    local want=$1 id=$2 level=$3 text=$4
    shift 4
    check "$want" certroll check --json "$@"
    T_ID=$id T_LEVEL=$level T_TEXT=$text json '[f for f in d["findings"] if f["id"] == __import__("os").environ["T_ID"] and
        f["level"] == __import__("os").environ["T_LEVEL"] and __import__("os").environ["T_TEXT"] in f["text"] and
        (f["remedy"] or f["level"] == "ok")][0]["text"]' >found.txt || fail "no such finding: $(cat out)"
}

# ---- nothing wrong
check 0 certroll check
grep -q "^CERTROLL OK - 3 roles, 0 critical, 0 unknown, 0 warnings$" out || fail "first line: $(head -n 1 out)"
for role in $R Web Ed; do grep -qE "^ok +$role, current: [0-9a-f]{16} signs$" out || fail "$role: $(cat out)"; done
check 0 certroll check Web --json
same "$(json '[d["level"], d["roles"], [f["about"] for f in d["findings"]]]')" '["ok", 1, ["Web, current"]]'
check 3 certroll check Nobody
err_has "there is no role Nobody"
check 3 certroll check --warning soon
check 3 certroll check --warning 1d --critical 2d
check 3 certroll check --nonsense

# ---- certificates
run certroll import soon.pfx Soon --use token --passin pass:pw
found 1 expiry warning "and no next is scheduled" Soon
found 2 expiry critical "expires at" Soon --warning 40d --critical 25d
found 0 sign ok "signs" Soon --warning 10d
run certroll import b.pfx Soon --passin pass:pw --effective-date +19d
certroll check Soon --json >out || [ $? = 1 ] || fail "check" # the clock of this machine may be nobody's business
same "$(json '[f["id"] for f in d["findings"] if f["id"] == "expiry"]')" '[]' "relieved by next"
run certroll import now.pfx Now --use token --passin pass:pw
found 2 expiry critical "expires at" Now
found 2 expiry critical "expires at"
printf '[ca]\ndefault_ca=c\n[c]\ndatabase=%s\nserial=%s\nnew_certs_dir=%s\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' \
    "$T/db" "$T/ser" "$T" >ca.cnf
: >db && echo 01 >ser
dated() { # NAME NOT-BEFORE NOT-AFTER
    plain openssl req -new -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1.example.org" 2>/dev/null
    plain openssl ca -config ca.cnf -batch -selfsign -keyfile "$1.key" -in "$1.csr" -out "$1.crt" -notext -startdate "$2" -enddate "$3" \
        >ca.log 2>&1 || fail "$(cat ca.log)"
    plain openssl pkcs12 -export -inkey "$1.key" -in "$1.crt" -out "$1.pfx" -passout pass:pw
}
dated expired 20200101000000Z 20210101000000Z
dated unborn 20400101000000Z 20410101000000Z
run certroll import expired.pfx Expired --use token --passin pass:pw --force
found 2 expiry critical "expired at 2021-01-01T00:00:00Z" Expired
run certroll import unborn.pfx Unborn --use token --passin pass:pw --force
found 2 not-yet-valid critical "valid only from 2040-01-01T00:00:00Z" Unborn
run certroll unassign Web --slot current
check 0 certroll check Web
run certroll assign Web --thumbprint "$(thumb e)"
run certroll revoke --thumbprint "$(thumb now)" --force
found 2 empty critical "is revoked" Now

# ---- chain: a leaf whose issuer nobody here has; the same with its chain; a chain that ends soon
cert root rsa:2048 400 -addext basicConstraints=critical,CA:TRUE
plain openssl req -new -newkey rsa:2048 -nodes -keyout mid.key -out mid.csr -subj /CN=mid 2>/dev/null
printf 'basicConstraints=critical,CA:TRUE\n' >mid.ext
plain openssl x509 -req -in mid.csr -CA root.crt -CAkey root.key -CAcreateserial -days 10 -extfile mid.ext -out mid.crt 2>/dev/null
plain openssl req -new -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf.example.org 2>/dev/null
plain openssl x509 -req -in leaf.csr -CA mid.crt -CAkey mid.key -CAcreateserial -days 300 -out leaf.crt 2>/dev/null
cat leaf.crt leaf.key >alone.pem
cat leaf.crt leaf.key mid.crt >whole.pem
run certroll import alone.pem Chain --use tls
found 1 chain warning "neither in its chain nor trusted" Chain
run certroll import whole.pem Chain --use tls
found 1 chain warning "a certificate of its chain expires at" Chain
check 0 certroll check Chain --warning 5d --critical 2d

# ---- policy, lead time, the latest safe date
sed -i 's/^max-rsa-bits/require-domain = example.com\nmax-rsa-bits/' $conf
found 1 domain warning "not of example.com" $R
sed -i '/^require-domain/d' $conf
# import refuses a key this small; a record of another tool may hold one
cert tiny rsa:1024
cert great
refused 1 "1024 bits" certroll import tiny.pfx Tiny --use tls --passin pass:pw --force
run certroll import great.pfx Tiny --use tls --passin pass:pw
softhsm2-util --import tiny.key --token certroll --label tiny --id ab01 --pin "$(cat lab/pin)" >/dev/null || fail "softhsm2-util"
plain openssl x509 -in tiny.crt -outform DER -out tiny.der
plain openssl pkey -in tiny.key -pubout -outform DER -out tiny.spki
cp lab/state/roles/Tiny.json Tiny.json
/usr/bin/python3 - <<'PY'
import base64, hashlib, json, os
der, spki, path = open("tiny.der", "rb").read(), open("tiny.spki", "rb").read(), "lab/state/roles/Tiny.json"
record = json.load(open(path))
c = record["current"]
c.update(leaf=base64.b64encode(der).decode(), thumbprint=hashlib.sha256(der).hexdigest(), sha1=hashlib.sha1(der).hexdigest(),
         spki=hashlib.sha256(spki).hexdigest(), key="rsa:1024", locations=["pkcs11:token=certroll;id=%AB%01;type=private"])
with open("Tiny.new", "w") as f:
    json.dump(record, f)
os.chmod("Tiny.new", 0o644)
os.rename("Tiny.new", path)
PY
found 2 key-size critical "its key is rsa:1024" Tiny
grep -q "at least 2048 bits" out || fail "no remedy"
mv Tiny.json lab/state/roles/Tiny.json
run certroll check Tiny
out_lacks "rsa:1024"
rm lab/state/roles/Tiny.json
sed -i 's/^minimum-lead.*/minimum-lead = 48h/; s/^token-lifetime.*/token-lifetime = 24h/' $conf
run certroll import b.pfx $R --passin pass:pw --effective-date +1h --force
found 1 lead-time warning "less than minimum-lead after it entered jwks" $R
found 1 sign ok "signs" $R
same "$(json 'sorted(f["about"] for f in d["findings"] if f["id"] == "sign")')" "[\"$R, current\", \"$R, next\"]"
run certroll cancel $R
cert long rsa:2048 800
cert short rsa:2048 20
run certroll import long.pfx $R --passin pass:pw --effective-date +8748h # half a day before a expires
err_has "the latest safe date of the roll is $(date -u -d "$(clean x509 -in a.crt -noout -enddate | cut -d= -f2) - 24 hours" +%FT%TZ)"
found 1 late warning "tokens of current outlive it from $(date -u -d "$(clean x509 -in a.crt -noout -enddate | cut -d= -f2) - 24 hours" +%FT%TZ) on" $R
run certroll cancel $R
run certroll import short.pfx $R --passin pass:pw --effective-date +40d --force
found 2 next-invalid critical "not valid when it takes over" $R
run certroll cancel $R
no_lead lab

# ---- a revocation that was killed between its journal and the record
run certroll import short.pfx Killed --use token --passin pass:pw
cp lab/state/roles/Killed.json killed.json
run certroll revoke --thumbprint "$(thumb short)"
cp killed.json lab/state/roles/Killed.json
sed -i 's/"done": true/"done": false/' lab/state/revoked.json
found 2 revocation warning "interrupted" Killed
run certroll import e.pfx Other --use tls --passin pass:pw # any change finishes it
grep -q '"done": true' lab/state/revoked.json || fail "it is not finished: $(cat lab/state/revoked.json)"
check 2 certroll check --json Killed
same "$(json '[f for f in d["findings"] if f["id"] == "revocation"]')" "[]"
run certroll unassign Other

# ---- files that pem and jwks wrote, over a roll
run certroll pem Web --bundle --out site.pem
run certroll pem $R --bind pinned --out oauth.pem
run certroll jwks $R Ed --out jwks.json
ln -s site.pem linked.pem
run certroll pem Web --bundle --out linked.pem # replaces the link
found 0 sign ok signs $R Web Ed
run certroll import b.pfx Web --passin pass:pw
run certroll import b.pfx $R --passin pass:pw
found 1 output warning "bundle is not what its role has now" $R Web Ed
same "$(json 'sorted([f["about"], f["remedy"]] for f in d["findings"] if f["id"] == "output")' out | sed "s|$T/||g")" \
    "$(printf '[["jwks.json", "certroll jwks %s Ed --out jwks.json"], ["linked.pem", "certroll pem Web --bundle --out linked.pem"], ["site.pem", "certroll pem Web --bundle --out site.pem"]]' $R)"
found 1 output warning "not what verifiers should have" Ed
rm linked.pem
read -ra remedy < <(json 'next(f["remedy"] for f in d["findings"] if f["about"].endswith("jwks.json"))' out)
run "${remedy[@]}"
run certroll pem Web --bundle --out site.pem
found 0 sign ok signs $R Web Ed
run certroll unassign Web
found 1 output warning "cannot be written again" Web
rm site.pem
run certroll import e.pfx Web --passin pass:pw
if [ "$(id -u)" = 0 ]; then # whoever may not write the state writes files all the same
    chmod 755 lab && mkdir -m 777 open
    (reachable_build && cd open && run setpriv --reuid 65534 --regid 65534 --clear-groups certroll pem Web --out other.pem)
    ! grep -q other.pem lab/state/outputs.json || fail "nobody wrote into the state directory"
fi

# ---- an alert is what is wrong, and a good result is none
cat >alert.sh <<END
#!/bin/sh
{ echo "level \$CERTROLL_LEVEL"; cat; } >>$T/alerts
END
chmod +x alert.sh
sed -i "s|^max-rsa-bits|on-alert = $T/alert.sh\nmax-rsa-bits|" $conf
: >alerts
check 0 certroll check Web --alert
same "$(cat alerts)" ""
check 1 certroll check Soon --alert --warning 40d
check 1 certroll check Chain --alert
grep -qx "level warning" alerts || fail "on-alert did not run: $(cat alerts)"
grep -q "^WARNING   Chain, current: a certificate of its chain expires" alerts || fail "on-alert has no findings: $(cat alerts)"
sed -i 's/^on-alert.*/on-alert = exit 9/' $conf
check 1 certroll check Chain --alert
err_has "warning: on-alert: the command 'exit 9' exited with 9"
sed -i '/^on-alert/d' $conf

# ---- openssl.cnf
cp $cnf good.cnf
edit() { sed "$1" good.cnf >$cnf; }
edit 's/^default = certroll_default$//; s/^certroll = certroll_provider$/certroll = certroll_provider\ndefault = certroll_default/'
found 2 openssl-conf critical "before default"
edit 's/^default = certroll_default$//'
found 2 openssl-conf critical "without the default provider"
edit '/^\[certroll_provider\]/,/^$/s/^activate = 1//'
found 2 openssl-conf critical "does not activate"
same "$(json '[f["id"] for f in d["findings"] if f["id"] == "sign"]')" '[]'
edit 's/^openssl_conf = .*//'
found 2 openssl-conf critical "does not activate"
edit 's/^\[certroll_init\]$/[certroll_init]\nalg_section = alg\n[alg]\ndefault_properties = ?provider=certroll\n[certroll_init]/'
found 2 openssl-conf critical "default_properties"
edit 's/^\[certroll_init\]$/[certroll_init/'
found 2 openssl-conf critical "cannot be read"
cp good.cnf $cnf
edit "s|^certroll-config = .*|certroll-config = /etc/other.conf|"
found 2 openssl-conf warning "use the configuration /etc/other.conf"
edit "s|^module = .*|module = /nowhere/certroll.so|"
found 2 module critical "No such file"
cp good.cnf $cnf
found 0 sign ok signs $R --openssl-conf $cnf
found 2 openssl-conf critical "cannot be read" $R --openssl-conf /nowhere.cnf
env -u OPENSSL_CONF certroll check $R >out || fail "the openssl.cnf beside certroll.conf is not found"

# the tool's own work hangs on none: here SHA-256 and random numbers are not to be had, there it is no configuration at all
printf 'openssl_conf = i\n[i]\nproviders = p\n[p]\nlegacy = l\n[l]\nactivate = 1\n' >legacy.cnf
printf '[open\n' >open.cnf
! OPENSSL_CONF=legacy.cnf openssl rand -hex 8 >out 2>&1 || fail "this openssl.cnf is good enough"
for file in legacy open; do
    OPENSSL_CONF=$file.cnf found 2 openssl-conf critical "" $R
    same "$(json 'sorted({f["id"] for f in d["findings"]})')" '["openssl-conf"]'
    run env OPENSSL_CONF=$file.cnf certroll generate Lab --days 40 --use tls
    run env OPENSSL_CONF=$file.cnf certrolld --local --once
done
run certroll unassign Lab --force

# ---- who may write, who may read
chmod o+w $cnf
found 2 openssl-conf critical "writable" $R
chmod o-w $cnf
chmod o+r lab/pin
found 2 pin critical "every user can read the PIN" $R
chmod o-r lab/pin
chmod o+w $conf
found 2 configuration critical "writable"
chmod o-w $conf
chmod o+w lab/state/roles
found 2 state critical "writable"
chmod o-w lab/state/roles
echo '{' >lab/state/roles/Broken.json
found 2 record critical "1 record cannot be read"
rm lab/state/roles/Broken.json
: >"certroll:$R"
found 1 shadow warning "gets this file instead" $R
rm "certroll:$R"

# ---- keys
mv lab/tokens lab/away
found 2 sign critical "does not sign" $R
mv lab/away lab/tokens
cp lab/state/roles/$R.json kept.json
sed -i 's/serial=[0-9a-f]*/serial=ffffffffffffffff/g' lab/state/roles/$R.json
found 2 sign critical "no configured token fits" $R
out_has "certroll token relink"
mv kept.json lab/state/roles/$R.json
sed -i "s/$(date -u +%Y-)/2999-/" lab/state/roles/Web.json # changed.when, and what else is of this year
found 2 clock critical "yet to come" Web

# ---- as the user of a service
if [ "$(id -u)" = 0 ]; then
    chmod 755 lab
    reachable_build
    sed -i "s|^module = .*certroll.so|module = $T/build/provider/certroll.so|" $cnf
    found 2 sign critical "does not sign as daemon" $R --as-user daemon
    found 2 sign critical "no such user" $R --as-user nobody-of-this-name
    out_has "name a user of this machine"
    T2=$T/lab2
    run certroll init --dir "$T2" --group daemon --provider "$T/build/provider/certroll.so"
    # shellcheck disable=SC1091
    . "$T2/env"
    run certroll import "$T/a.pfx" $R --passin pass:pw
    found 0 sign ok "signs as daemon" --as-user daemon
else
    check 2 certroll check --as-user root
fi
ok "check"
