#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll revoke: the key leaves every slot of every role, for good; also when it is killed half-way.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer

slots() { # ROLE: subjects' CN of previous, current, next
    certroll show "$1" --json >"$T/show.json" || fail "show $1"
    json "' '.join((lambda s: s['subject'].split('CN=')[1].split('.')[0] if s else '-')(d['roles'][0][x]) for x in ('previous', 'current', 'next'))" \
        "$T/show.json"
}
published() { certroll jwks "$@" >"$T/jwks.json" && json 'len(d["keys"])' "$T/jwks.json"; }

for name in a b c; do cert $name; done
cert e ec:P-256
run certroll import a.pfx $R --passin pass:pw
for name in b c e; do run certroll import $name.pfx --passin pass:pw; done
run certroll assign $R --thumbprint "$(thumb b)"
run certroll assign WsFedTokenTransfer --thumbprint "$(thumb c)"
run certroll roll WsFedTokenTransfer --thumbprint "$(thumb b)" --at +30d
run certroll assign Default --thumbprint "$(thumb b)"
# the same key under another certificate
plain openssl req -x509 -key b.key -out b2.crt -days 500 -subj /CN=b2.example.org 2>/dev/null
run certroll import b2.crt WebServicesInternal
certroll show $R --json >show.json
kid=$(json 'd["roles"][0]["current"]["kid"]' show.json)
cp -a lab/state fresh

# ---- usage, dry run
refused 2 "--thumbprint" certroll revoke
refused 1 "no certificate" certroll revoke --thumbprint 00000000
refused 1 "the very key" certroll revoke --thumbprint "$(thumb b)" --replace-with "$(thumb b2)"
refused 1 "nothing is revoked yet" certroll revoke --thumbprint "$(thumb b)" --replace-with "$(thumb e)"
refused 4 "nothing is revoked: role Default is at generation 1, not 7" certroll revoke --thumbprint "$(thumb b)" --if-generation 7
refused 4 "is at generation 2, not 1" certroll revoke --thumbprint "$(thumb b)" --if-generation 1
refused 2 "wants a number" certroll revoke --thumbprint "$(thumb b)" --if-generation x
run certroll revoke --thumbprint "$(thumb b)" --dry-run
out_has "would be revoked"
diff -r fresh lab/state || fail "a dry run or a refusal changed something"

# ---- out of every slot of every role; a good previous stays; without the token
mv lab/tokens lab/away
run certroll revoke --thumbprint "$(thumb b)" --reason "stolen laptop"
out_has "until they fetch the key set again"
out_has "CA has not been told"
err_has "$R: the role is empty"
same "$(slots $R)" "a - -"
same "$(slots WsFedTokenTransfer)" "- c -"
same "$(slots Default)" "- - -"
same "$(slots WebServicesInternal)" "- - -"
same "$(published $R)" 1
same "$(json 'd["revoked"][0]["done"]' lab/state/revoked.json)" true
same "$(json 'd["revoked"][0]["reason"]' lab/state/revoked.json)" "stolen laptop"
grep -q '"verb":"revoke".*"reason":"stolen laptop"' lab/state/history.jsonl || fail "the history says nothing"
run certroll show
out_has "nothing signs: the key of current is revoked"
out_has Default
run certroll revoke --thumbprint "$(thumb b)" --json
same "$(json 'd["changed"]')" false
same "$(json 'd["revoked"]["before"]')" true
same "$(json 'len(d["notes"])')" 3
run certroll rollback $R
same "$(slots $R)" "- a -"
mv lab/away lab/tokens

# ---- and never again, under any certificate
refused 1 "revoked" certroll assign $R --thumbprint "$(thumb b)"
refused 1 "revoked" certroll assign $R --thumbprint "$(thumb b2)" --force
refused 1 "revoked" certroll roll $R --thumbprint "$(thumb b)" --at +1d
refused 1 "revoked" certroll import b.pfx $R --passin pass:pw
refused 1 "revoked" certroll import b.pfx AccessEdgeExternal --passin pass:pw

# ---- a replacement named later fills what the revocation emptied
run certroll revoke --thumbprint "$(thumb b)" --replace-with "$(thumb c)"
same "$(slots Default)" "- c -"
same "$(slots $R)" "- a -"

# ---- a replacement, with the token away: said, and done
restore() { rm -rf lab/state && cp -a fresh lab/state; }
restore
mv lab/tokens lab/away
run certroll revoke --thumbprint "$(thumb b2)" --replace-with "$(thumb c)" --reason "$(printf 'latin1 \351')"
err_has "going on"
mv lab/away lab/tokens
same "$(slots $R)" "a c -"
same "$(slots WsFedTokenTransfer)" "- c -"
same "$(slots Default)" "- c -"
same "$(slots WebServicesInternal)" "- c -"

# ---- a record that cannot be read stops neither the others nor the next change from finishing
restore
echo '{' >lab/state/roles/Broken.json
check 1 certroll revoke --thumbprint "$(thumb b)" --replace-with "$(thumb c)"
err_has "not yet out of every role"
same "$(slots $R)" "a c -"
same "$(slots Default)" "- c -"
same "$(json 'd["revoked"][0]["done"]' lab/state/revoked.json)" false
refused 1 "revoked" certroll assign $R --thumbprint "$(thumb b)"
rm lab/state/roles/Broken.json
run certroll unassign $R --slot next
same "$(json 'd["revoked"][0]["done"]' lab/state/revoked.json)" true

# ---- killed at every rename: nothing, or everything as soon as anything is written
strace -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
roles="$R WsFedTokenTransfer Default WebServicesInternal"
done=0
for ((k = 1; k < 40 && !done; k++)); do
    restore
    code=0
    # leak detection does not work in a traced process
    ASAN_OPTIONS=detect_leaks=0 strace -o /dev/null -f -e trace=renameat,renameat2,rename -e inject=renameat,renameat2,rename:signal=SIGKILL:when=$k \
        certroll revoke --thumbprint "$(thumb b)" --replace-with "$(thumb c)" >/dev/null 2>&1 || code=$?
    if [ "$code" = 0 ]; then
        done=$k
        break
    fi
    [ "$code" = 137 ] || fail "killed at rename $k: exit $code"
    if [ ! -e lab/state/revoked.json ]; then
        diff -r --exclude=certs --exclude='.*.tmp' fresh lab/state >/dev/null || fail "killed at rename $k: changed before the journal"
        continue
    fi
    # the key is gone for readers already
    # shellcheck disable=SC2086
    certroll jwks $roles >"$T/out" 2>/dev/null || fail "killed at rename $k: jwks"
    ! grep -q "\"$kid\"" "$T/out" || fail "killed at rename $k: jwks publishes the key"
    for role in $roles; do
        case "$(slots "$role")" in *b*) fail "killed at rename $k: role $role shows the revoked key" ;; esac
    done
    # anything that writes finishes it
    run certroll cancel WsFedTokenTransfer
    same "$(json 'd["revoked"][0]["done"]' lab/state/revoked.json)" true "killed at rename $k"
    same "$(slots $R)" "a c -" "killed at rename $k"
    for role in WsFedTokenTransfer Default WebServicesInternal; do
        same "$(slots "$role")" "- c -" "killed at rename $k"
        ! grep -q "\"$(thumb b)\"" "lab/state/roles/$role.json" || fail "killed at rename $k: $role.json holds it"
    done
done
[ "$done" -gt 5 ] || fail "only $done renames were tried"
ok "revoke, killed at each of $((done - 1)) renames"
