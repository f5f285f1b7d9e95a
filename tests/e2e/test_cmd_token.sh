#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll token: list and info without a login, check with a signature by every assigned key.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
conf=$T/lab/certroll.conf
cp "$conf" good.conf
name=$(sed -n 's/^tokens = //p' "$conf")
cert a rsa:2048
cert b ec:P-256
run certroll import a.pfx One --use token --passin pass:pw
run certroll import b.pfx Two --use token --passin pass:pw

narrow() { # but for paths, URIs and sentences
    ! grep -vE 'pkcs11:|/|PIN|token ' out | grep -qE '^.{81}' || fail "wider than 80 columns"
}

run certroll token list
out_has "$name: present"
narrow
run certroll token list --json
same "$(json 'd["tokens"][0]["name"]')" "$name"
same "$(json 'd["tokens"][0]["state"]')" present
same "$(json '[s["token"] for s in d["slots"] if s["state"] == "initialized"]')" "[\"$name\"]"
same "$(json '[s["uri"] is None for s in d["slots"] if s["state"] == "uninitialized"]')" "[true]"
serial=$(json 'd["tokens"][0]["serial"]')
uri=$(json '[s["uri"] for s in d["slots"] if s["token"]][0]')
sed -i "s|^token = .*|token = $uri|" "$conf"
run certroll token list
out_has "$name: present"
cp good.conf "$conf"
ok "list tells the token and every token slot, and its URI selects the token"

run certroll token info
out_has "$serial"
out_has "PIN:          good"
out_has "RSA_PKCS_PSS"
narrow
run certroll token info "$name" --json
same "$(json 'd["tokens"][0]["slot"]["serial"]')" "$serial"
same "$(json 'd["tokens"][0]["slot"]["flags"]["login_required"]')" true
same "$(json 'sorted(d["tokens"][0]["slot"]["mechanisms"])')" \
    '["ECDH1_DERIVE", "ECDSA", "EDDSA", "RSA_PKCS", "RSA_PKCS_OAEP", "RSA_PKCS_PSS", "RSA_X_509"]'
same "$(json 'd["tokens"][0]["slot"]["mechanisms"]["RSA_PKCS"]["max"] >= 2048')" true
ok "info tells versions, PIN state, sessions and mechanisms"

run certroll token check
out_has "ok     token $name"
out_has "current One"
out_has "current Two"
narrow
run certroll token check "$name" --json
same "$(json '[k["ok"] for k in d["keys"]]')" "[true, true]"
same "$(json '[k["roles"][0]["role"] for k in d["keys"]]')" '["One", "Two"]'
ok "check signs with every assigned key"

refused 2 "no token 'other'" certroll token check other
refused 2 "is not list, info, check or relink" certroll token look
refused 2 "usage: certroll token list" certroll token list "$name"
refused 2 "--dry-run" certroll token check --dry-run
ok "wrong words are a usage error"

sed -i "s|^pin-source = .*|pin-source = file:$T/wrong-pin|" "$conf"
(umask 077 && echo 9999 >wrong-pin)
run certroll token list
run certroll token info
refused 3 "CKR_PIN_INCORRECT" certroll token check
same "$(grep -c . err)" 1 "one sentence"
check 3 certroll token check --json
same "$(json '[k["ok"] for k in d["keys"]]')" "[false, false]"
same "$(json 'd["tokens"][0]["ok"]')" false
! grep -q 9999 out err || fail "the PIN is told"
cp good.conf "$conf"
ok "a wrong PIN stops check with one sentence, list and info go on"

sed -i "s|^module = .*|module = $T/none.so|" "$conf"
for verb in list info check; do
    refused 3 "none.so" certroll token $verb
    same "$(grep -c . err)" 1 "one sentence"
done
check 3 certroll token list --json
same "$(json 'd["tokens"][0]["state"]')" unavailable
cp good.conf "$conf"
ok "a missing module is named"

sed -i "s|^token = .*|token = pkcs11:token=elsewhere|" "$conf"
run certroll token list
out_has "$name: absent"
refused 3 "elsewhere" certroll token info
cp good.conf "$conf"
ok "a token that is configured and absent is shown as such"

run certroll show Two --json
id=$(json 'd["roles"][0]["current"]["locations"][0].split("id=")[1].split(";")[0].replace("%", "").lower()')
run pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label "$(certroll token list --json |
    /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["tokens"][0]["label"])')" --login \
    --pin "$(cat lab/pin)" --delete-object --type privkey --id "$id"
refused 1 "1 of 2 assigned keys" certroll token check
out_has "FAILED $(thumb b | cut -c1-16)"
out_has "current Two"
out_has "import the certificate with its key again"
check 1 certroll token check --json
same "$(json '[k["roles"][0]["role"] for k in d["keys"] if not k["ok"]]')" '["Two"]'
ok "a deleted key is named with its role"
