#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll backup and restore: over what is there, on a machine that lost everything, and with damaged files; revocations
# stay, generations grow, nothing is half restored that could be understood before.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer
for name in a b c d; do cert $name; done
slot() { # ROLE SLOT
    certroll show "$1" --json >show.json || fail "show $1"
    json "(lambda s: s['subject'].split('CN=')[1].split('.')[0] if s else '-')(d['roles'][0]['$2'])" show.json
}
generation() { certroll show "$1" --json >show.json && json 'd["roles"][0]["generation"]' show.json; }
signs() { # ROLE NAME
    echo text >data
    openssl dgst -sha256 -sign "certroll://$1" -out sig data 2>err || fail "$1 does not sign: $(cat err)"
    clean x509 -in "$2.crt" -noout -pubkey >pub
    clean dgst -sha256 -verify pub -signature sig data >/dev/null || fail "$1 does not sign with $2"
}

run certroll import a.pfx $R --passin pass:pw --reason first
run certroll import b.pfx $R --passin pass:pw --effective-date +30d
run certroll import c.pfx Web --use tls --passin pass:pw
run certroll jwks $R --out jwks.json
run certroll backup state.backup
out_has "no key is in it"
same "$(stat -c %a state.backup)" 600
run certroll backup -
json '"token" in d' >answer
same "$(cat answer)" false
run certroll backup with.backup --with-token
pin=$(cat lab/pin)
! grep -qF "$pin" with.backup state.backup || fail "the PIN is in a backup"

# ---- nothing to do
before=$(generation $R)
run certroll restore state.backup
out_has "already so"
same "$(generation $R)" "$before"

# ---- over later changes: a roll cancelled, another certificate, a new role, a key revoked
run certroll cancel $R
run certroll import d.pfx $R --passin pass:pw
run certroll import d.pfx Later --use tls --passin pass:pw
run certroll revoke --thumbprint "$(thumb b)"
before=$(generation $R)
run certroll restore state.backup --dry-run --json
same "$(json 'd["changed"]')" true
same "$(slot $R current) $(generation $R)" "d $before" "a dry run changes nothing"
run certroll restore state.backup --reason "the wrong import"
same "$(slot $R current) $(slot $R next)" "a -" "b is revoked"
same "$(slot Web current) $(slot Later current)" "c d"
[ "$(generation $R)" -gt "$before" ] || fail "the generation does not grow"
signs $R a
refused 1 "revoked" certroll assign $R --thumbprint "$(thumb b)"
run certroll history $R
out_has "restore $R"
out_has "note: backup of 20"
out_has "reason: the wrong import"
run certroll history verify

# ---- revocations of the backup come with it, for roles that it does not have as well
run certroll revoke --thumbprint "$(thumb d)"
run certroll backup revoked.backup
/usr/bin/python3 - <<'PY'
import json, os
d = json.load(open("revoked.backup"))
d["files"] = {k: v for k, v in d["files"].items() if k == "revoked.json"}
json.dump(d, open("revoked.only", "w"))
os.chmod("revoked.only", 0o600)
PY
mv lab/state/revoked.json away.json
sed -i "/\"revoked\": \[/,/\]/c\  \"revoked\": []," lab/state/roles/Later.json
run certroll import d.pfx Later --passin pass:pw
same "$(slot Later current)" d
run certroll restore revoked.only --dry-run --json
same "$(json '[r["role"] for r in d["roles"]]') $(json 'd["changed"]') $(slot Later current)" '["Later"] true d' "a dry run tells of roles that the backup does not have"
run certroll restore revoked.only
same "$(slot Later current)" - "the key is revoked"

# ---- a machine that lost everything but the PIN
run certroll backup last.backup --with-token
mv lab gone
mkdir lab && cp -p gone/pin lab/
refused 3 "restore would write" certroll restore last.backup --dry-run
run certroll restore last.backup --with-token --json
same "$(json 'd["keys_missing"]')" '[]'
. lab/env
signs $R a
same "$(slot Web current) $(slot $R current)" "c a"
run certroll history verify
run certroll history --json
same "$(json '[e["verb"] for e in d["entries"]][0]')" init "the history goes on"
run certroll restore last.backup --with-token # the same one: an interrupted restore goes on
out_has "already so"
run softhsm2-util --init-token --free --label other --pin 1234 --so-pin 1234
refused 1 "has tokens already" certroll restore last.backup --with-token
rm -rf lab
mkdir lab && cp -p gone/pin lab/
run certroll restore state.backup # without the token: it is not there
err_has "warning: which keys are missing could not be seen"
same "$(slot Web current)" c
# ---- keys that are missing are listed
rm -rf lab && cp -a gone lab
run certroll unassign Web
run certroll remove --thumbprint "$(thumb c)"
run certroll restore state.backup --json
same "$(json '[(k["role"], k["slot"]) for k in d["keys_missing"]]')" '[["Web", "current"]]'

# ---- bytes that are no backup
before=$(cat lab/state/roles/*.json | sha256sum)
bad() { # SENTENCE PYTHON-STATEMENT
    /usr/bin/python3 -c '
import json, os, sys
d = json.load(open("state.backup"))
f = d["files"]
exec(sys.argv[1])
json.dump(d, open("bad.backup", "w"))
os.chmod("bad.backup", 0o600)' "$2"
    refused 1 "$1" certroll restore bad.backup
    same "$(cat lab/state/roles/*.json | sha256sum)" "$before" "$1"
}
bad "a newer certroll wrote it" 'd["certroll-backup"] = 2'
bad "certroll-backup" 'del d["certroll-backup"]'
bad "lacks the state" 'del d["files"]'
bad "roles/$R.json" "f['roles/$R.json'] = '{'"
bad "roles/X.json" "f['roles/X.json'] = f['roles/$R.json']"
bad "certs/" 'k = [k for k in f if k.startswith("certs/")]; f[k[0]] = f[k[1]]'
bad "it is no text" 'f["revoked.json"] = 1'
head -c 1000 state.backup >bad.backup
refused 1 "bad.backup" certroll restore bad.backup
refused 1 "there is no file" certroll restore nowhere.backup
chmod o+w state.backup
refused 1 "writable" certroll restore state.backup
check 3 certroll backup /dev/full
# ---- a killed backup leaves half a file, which the next one takes away
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    (ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e trace=fsync -e inject=fsync:signal=KILL:when=1 \
        certroll backup half.backup) >out 2>err && fail "it was not killed"
    same "$(find . -maxdepth 1 -name '.half.backup.*.tmp' | wc -l)" 1
    [ ! -e half.backup ] || fail "half a backup"
    run certroll backup half.backup
    same "$(find . -maxdepth 1 -name '.half.backup.*.tmp' | wc -l)" 0 "what a killed backup left"
fi
ok "backup and restore"
