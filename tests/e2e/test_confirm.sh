#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Changes at a terminal: before and after are shown, a question follows, and what is stored is what was shown.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer
answer() { # STATUS ANSWER COMMAND...: on a terminal
    local want=$1
    shift
    check "$want" "$HERE/terminal.py" "$@"
}
asked() { out_has "Change this? [y/N]"; }
unasked() { out_lacks "Change this?"; }
generation() { certroll show $R --json | json 'd["roles"][0]["generation"]' /dev/stdin; }
slot() { certroll show "${2:-$R}" --json | json '(d["roles"][0]["'"$1"'"] or {"thumbprint_sha256": ""})["thumbprint_sha256"]' /dev/stdin; }
state() { find lab/state -type f ! -name lock -exec sha256sum {} + | sort; }
for name in a b c d; do cert $name; done
run certroll import a.pfx $R --passin pass:pw
run certroll import b.pfx --passin pass:pw
run certroll import c.pfx --passin pass:pw
b=$(thumb b) c=$(thumb c)

# no, nothing, Ctrl-C, a terminal that goes
before=$(state)
for no in n "" no maybe "yes please" yess EOF; do
    answer 1 "$no" certroll assign $R --thumbprint "$b"
    asked
    out_has "$R: would change (generation 2)"
    out_has "  before"
    out_has "  after"
    out_has "certroll: not confirmed: nothing is changed"
done
answer 130 INT certroll assign $R --thumbprint "$b"
asked
"$HERE/terminal.py" HANGUP certroll assign $R --thumbprint "$b" >out 2>err && fail "it went on without its terminal"
for ahead in y yes $'y\ny\ny'; do
    answer 1 --ahead "$ahead" n certroll assign $R --thumbprint "$b"
    asked
    out_has "certroll: not confirmed: nothing is changed"
done
same "$(state)" "$before" "a refused change changed something"
ok "no, an empty line, the end of input, Ctrl-C, a lost terminal and what was typed before the question change nothing"

for yes in y Y yes " YES "; do
    answer 0 "$yes" certroll assign $R --thumbprint "$b"
    asked
    out_has "$R: changed (generation"
    same "$(slot current)" "$b"
    answer 0 y certroll rollback $R
    asked
    same "$(slot current)" "$(thumb a)"
done
answer 0 y certroll rollback $R
answer 0 y certroll assign $R --thumbprint "$b"
unasked
out_has "already so"
ok "yes changes; what is already so is not asked"

# scripts: not on a terminal, or --yes, --json, --dry-run
run certroll rollback $R </dev/null
answer 0 y certroll rollback $R --yes
unasked
answer 0 y certroll rollback $R --json
unasked
answer 0 y certroll rollback $R --dry-run
unasked
answer 0 y bash -c "certroll rollback $R </dev/null"
unasked
answer 0 y bash -c "certroll rollback $R 2>/dev/null"
unasked
answer 0 --stdout result y certroll rollback $R
asked
out_has "would change"
out_lacks "$R: changed"
grep -q "^$R: changed" result || fail "the result is not on standard output"
! grep -q "would change" result || fail "the preview is on standard output"
ok "no question without a terminal or with --yes, --json, --dry-run; the result alone goes to standard output"

# what is stored is what was shown; the other change finds no lock in its way
a=$(thumb a)
run certroll assign $R --thumbprint "$a"
same "$(slot current)" "$a"
now=$(generation)
answer 4 "!certroll roll $R --thumbprint $c --at +30d --reason other" certroll assign $R --thumbprint "$b"
asked
out_has "nothing is changed"
same "$(slot current) $(slot next) $(generation)" "$a $c $((now + 1))"
answer 4 "!certroll cancel $R" certroll unassign $R --slot next
same "$(slot next)" ""
run certroll import d.pfx Other --use token --passin pass:pw
answer 0 "!certroll assign Other --thumbprint $b" certroll assign $R --thumbprint "$b" # another role's change is nobody's business
same "$(slot current)" "$b"
run certroll assign Other --thumbprint "$(thumb d)"
answer 4 "!certroll assign Other --thumbprint $c" certroll assign $R --from Other
out_has "would end with another current than was shown"
same "$(slot current)" "$b"
answer 4 "!certroll import a.pfx New --use token --passin pass:pw" certroll assign New --use token --thumbprint "$b"
same "$(slot current New)" "$a"
now=$(generation)
answer 4 "!certroll assign Other --thumbprint $b" certroll assign $R Other --thumbprint "$a" # of two roles one: none changes
same "$(generation)" "$now"
ok "a change meanwhile: exit 4, nothing changed; a change of another role does not matter"

# time goes on while it waits
timed certroll roll $R --thumbprint "$c" --at +1h --dry-run
answer 4 "!sleep $ahead" certroll roll $R --thumbprint "$c" --at "+$((ahead - 1))s"
same "$(slot next)" "" "the date that was shown is past"
run certroll roll $R --thumbprint "$c" --at "+$((2 * ahead))s"
when=$(effective)
answer 4 "!while [ \$(date +%s) -lt $when ]; do sleep 0.1; done" certroll cancel $R
out_has "a date passed meanwhile"
same "$(slot current)" "$c" "its date came"
answer 0 "!sleep 3" certroll roll $R --thumbprint "$a" --at +1h
shown=$(sed -n 's/.*next.*takes over //p' out | head -n 1)
same "$(certroll show $R --json | json 'd["roles"][0]["next"]["effective_date"]' /dev/stdin)" "$(tr -d '\r' <<<"$shown")"
answer 0 y certroll cancel $R
asked
ok "a roll that takes effect meanwhile is not undone, and +1h counts from what was shown"

# every command that changes what stands, with whatever it asks for besides
cert e
cert f
before=$(state)
answer 1 $'pw\nn' certroll import e.pfx $R
asked
same "$(grep -c '^Passphrase of e.pfx: ' out)" 1 "asked for the passphrase again"
same "$(state)" "$before"
answer 2 EOF certroll import e.pfx $R
out_has "certroll: e.pfx: Passphrase of e.pfx: nothing was typed, try again"
unasked
same "$(state)" "$before"
answer 0 $'pw\ny' certroll import e.pfx $R
same "$(grep -c '^Passphrase of e.pfx: ' out)" 1 "asked for the passphrase again"
same "$(slot current)" "$(thumb e)"
answer 0 y bash -c "certroll import <(cat f.pfx) $R --at +30d --passin file:<(echo pw)"
asked
same "$(slot next)" "$(thumb f)"
cert g
answer 0 pw certroll import g.pfx
unasked
same "$(grep -c '^Passphrase of g.pfx: ' out)" 1 "asked for the passphrase again"
answer 1 n certroll generate Gen --days 9 --use tls
asked
out_has "(not made yet)"
refused 1 "no role Gen" certroll show Gen
run certroll certs --json
same "$(json 'len(d["keys"])')" 0 "a key was made before the answer"
answer 0 y certroll generate Gen --days 9 --use tls
run certroll show Gen
answer 0 - certroll request Req --use tls --subject /CN=x --out req.csr
unasked
answer 1 n certroll request --cancel Req
asked
answer 0 y certroll request --cancel Req
asked
answer 1 n certroll remove --thumbprint "$(thumb g | cut -c1-12)"
asked
out_has "would be removed"
answer 0 y certroll remove --thumbprint "$(thumb g | cut -c1-12)"
refused 1 "no certificate" certroll remove --thumbprint "$(thumb g)"
answer 1 n certroll unassign Other
answer 0 y certroll unassign Other
asked
run certroll backup saved.json
run certroll assign $R --thumbprint "$a"
answer 1 n certroll restore saved.json
asked
same "$(slot current)" "$a"
answer 4 "!certroll assign $R --thumbprint $c" certroll restore saved.json
answer 0 y certroll restore saved.json
same "$(slot current)" "$(thumb e)"
same "$(certroll show Other --json | json 'd["roles"][0]["current"]' /dev/stdin)" null
answer 1 n certroll revoke --thumbprint "$(thumb e)"
asked
out_has "would be revoked"
[ ! -e lab/state/revoked.json ] || ! grep -q "$(thumb e)" lab/state/revoked.json || fail "it is revoked"
answer 4 "!certroll assign Other --thumbprint $(thumb e)" certroll revoke --thumbprint "$(thumb e)"
out_has "nothing is"
[ ! -e lab/state/revoked.json ] || ! grep -q "$(thumb e)" lab/state/revoked.json || fail "it is revoked"
answer 0 y certroll revoke --thumbprint "$(thumb e)" --replace-with "$b"
asked
same "$(slot current) $(slot current Other)" "$b $b"
same "$(grep warning out | sort | uniq -d)" "" "a warning twice"
sed -i 's/id=[%0-9A-F]*/id=%FF%FF/' lab/state/certs/"$b".json
answer 1 n certroll token relink
asked
out_has "would be relinked"
answer 0 y certroll token relink
run certroll token relink
out_lacks "relinked"
# what has no generation is bound too: entries of certs, the place on the token, a role that appears
cert h
cert i
run certroll import h.pfx --passin pass:pw
run certroll import i.pfx Moved --use tls --passin pass:pw
entry=lab/state/certs/$(thumb h).json
sed -i 's/id=[%0-9A-F]*/id=%FF%FF/' "$entry"
state >before
answer 4 "!sed -i s/id=%FF%FF/id=%EE%EE/ $entry" certroll token relink
out_has "  - pkcs11:"
out_has "nothing is changed: the place of the key of $(thumb h | cut -c1-16) is not what was shown"
same "$(grep -c 'id=%EE%EE' "$entry")" 1 "what somebody wrote meanwhile"
same "$(state | grep -v "$entry")" "$(grep -v "$entry" before)" "a refused relink changed something"
sed -i 's/id=[%0-9A-F]*/id=%FF%FF/' lab/state/certs/"$a".json
answer 4 "!sed -i s/id=%EE%EE/id=%FF%FF/ $entry lab/state/certs/$a.json; certroll token relink" certroll token relink
out_has "nothing is changed: the list of keys to relink is not what was shown"
run certroll token relink
out_lacks relinked
record=lab/state/roles/Moved.json
sed -i 's/id=[%0-9A-F]*/id=%FF%FF/' "$record"
answer 1 n certroll token relink
out_has "Moved: would change"
same "$(grep -c '      key at pkcs11:.*id=%FF%FF' out)" 1 "the place before"
same "$(grep -c '      key at pkcs11:' out)" 2 "places before and after"
answer 4 "!sed s/Moved/Twin/ $record >lab/state/roles/Twin.json" certroll token relink
out_has "nothing is changed: role Twin would change too by now, and was not shown"
grep -q 'id=%FF%FF' "$record" || fail "Moved is changed"
rm lab/state/roles/Twin.json
answer 0 y certroll token relink
same "$(grep -c '      key at pkcs11:' out)" 3 "places before, after, and as they are"
ok "import, generate, request --cancel, remove, unassign, restore, revoke and token relink ask"

# a warning is said once, with the question
differ "$(slot next)" ""
answer 0 y certroll assign $R --thumbprint "$(thumb d)"
same "$(grep -c 'stays scheduled' out)" 1 "how often it warns"
answer 1 y certroll assign $R --thumbprint "$(thumb e)"
unasked
out_has "revoked"
run certroll history verify
ok "one warning, and no question for what would be refused"

# a file that is there already
cert h
run certroll import h.pfx H --use tls --exportable --passin pass:pw
run certroll request H --subject CN=h --key ec:P-256 --out h.csr
kept=$(sha256sum h.csr) keys=$(certroll certs --json | json 'len(d["requests"])' /dev/stdin)
answer 1 n certroll request H --subject CN=h --key ec:P-256 --out h.csr
asked
out_has "h.csr is there already, and would be replaced"
same "$(sha256sum h.csr) $(certroll certs --json | json 'len(d["requests"])' /dev/stdin)" "$kept $keys"
run certroll request H --subject CN=h --key ec:P-256 --out h.csr --dry-run
out_has "h.csr is there already, and would be replaced"
id=$(certroll certs --json | json 'd["requests"][0]["id"]' /dev/stdin)
echo else >other.csr
run certroll request --again "$id" --out other.csr --dry-run
out_has "other.csr is there already, and would be replaced"
answer 1 n certroll request --again "$id" --out other.csr
asked
same "$(cat other.csr)" else
answer 0 y certroll request --again "$id" --out other.csr
grep -q "BEGIN CERTIFICATE REQUEST" other.csr || fail "confirmed, and not written"
answer 0 "" certroll request --again "$id" --out new.csr
unasked
[ -s new.csr ] || fail "no new file"
echo else >h.out
for what in "--cert --out" "--chain --out" "--passout pass:x --pfx"; do
    # shellcheck disable=SC2086
    answer 1 n certroll export H $what h.out
    asked
    out_has "h.out is there already, and would be replaced"
    same "$(cat h.out)" else
done
run certroll export H --pfx h.out --dry-run
out_has "h.out is there already, and would be replaced"
answer 0 y certroll export H --cert --out h.out
cmp -s h.out h.crt || grep -q "BEGIN CERTIFICATE" h.out || fail "confirmed, and not written"
answer 0 "" certroll export H --cert
unasked
run certroll export H --cert --out h.out --yes
ok "a file that is there already is asked about"
