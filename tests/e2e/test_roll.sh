#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll assign, roll, cancel, rollback, unassign: what becomes of the slots, and what is refused and why.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer

slot() { # ROLE SLOT: the name of the certificate in it, or -
    certroll show "$1" --json >"$T/show.json" || fail "show $1"
    json "(lambda s: s['subject'].split('CN=')[1].split('.')[0] if s else '-')(d['roles'][0]['$2'])" "$T/show.json"
}
slots() { echo "$(slot "$1" previous) $(slot "$1" current) $(slot "$1" next)"; }
generation() { certroll show "$1" --json >"$T/show.json" && json 'd["roles"][0]["generation"]' "$T/show.json"; }

for name in a b c; do cert $name; done
cert e ec:P-256
cert big rsa:3072
run certroll import a.pfx $R --passin pass:pw
for name in b c e big; do run certroll import $name.pfx --passin pass:pw; done
same "$(slots $R)" "- a -"

# ---- usage
refused 2 "name the certificate" certroll assign $R
refused 2 "both name" certroll assign $R --thumbprint "$(thumb a)" --from $R
refused 2 "either --effective-date WHEN or --now" certroll roll $R --thumbprint "$(thumb b)"
refused 2 "either --effective-date WHEN or --now" certroll roll $R --thumbprint "$(thumb b)" --now --at +1d
refused 2 "name the certificate" certroll roll $R --at +1d
refused 2 "not a thumbprint" certroll assign $R --thumbprint xyz
refused 2 "at least 8 digits" certroll assign $R --thumbprint 1234567
refused 2 "zone" certroll roll $R --thumbprint "$(thumb b)" --at 2030-01-01T00:00:00
err_has 2030-01-01T00:00:00Z
refused 2 "slot" certroll assign $R --from $R:yesterday
refused 2 "--use" certroll assign New --thumbprint "$(thumb b)"
refused 2 "twice" certroll assign $R $R --thumbprint "$(thumb b)"
refused 2 "given twice" certroll roll $R --thumbprint "$(thumb b)" --at +1d --effective-date +2d
refused 1 "no certificate" certroll assign $R --thumbprint 00000000
refused 1 "there is no role" certroll assign $R --from Nobody
refused 1 "did you mean $R" certroll assign X --from oauthtokenissuer
refused 1 "only in case" certroll assign oauthtokenissuer --thumbprint "$(thumb b)"
refused 1 "is for token by its name" certroll assign WsFedTokenTransfer --use tls --thumbprint "$(thumb b)"
same "$(slots $R) $(generation $R)" "- a - 1" "a refusal changed something"

# ---- thumbprints as people paste them
colons=$(thumb1 b | tr a-f A-F | sed 's/../&:/g;s/:$//')
run certroll roll $R --thumbprint "$colons" --at +30d --dry-run
out_has "would change"
same "$(generation $R)" 1 "a dry run changed something"
run certroll roll $R --thumbprint "$(thumb b | cut -c1-10)" --at +30d --reason "next year"
out_has "takes over"
same "$(slots $R)" "- a b"
grep -q '"reason":"next year"' lab/state/history.jsonl || fail "the reason is not in the history"
refused 1 "already scheduled" certroll roll $R --thumbprint "$(thumb c)" --at +40d

# ---- cancel
refused 4 "generation" certroll cancel $R --if-generation 1
run certroll cancel $R --if-generation 2 --json
same "$(json 'd["changed"]')" true
same "$(slots $R)" "- a -"
run certroll cancel $R --json
same "$(json 'd["changed"]')" false
refused 1 "there is no role Nobody: 'certroll show' lists the roles" certroll cancel Nobody

# ---- the date comes by itself
run certroll roll $R --thumbprint "$(thumb b)" --effective-date +1s
sleep 1.2
same "$(slots $R)" "a b -"
refused 1 "use rollback" certroll cancel $R
run certroll roll $R --from $R:previous --at +30d
same "$(slots $R)" "a b a"
run certroll cancel $R

# ---- forward and back
run certroll roll $R --thumbprint "$(thumb c)" --at +30d
run certroll rollback $R
same "$(slots $R)" "b a c" "rollback keeps next"
run certroll roll $R --now
same "$(slots $R)" "a c -"
refused 1 "no roll is scheduled" certroll roll $R --now
run certroll roll $R --now --thumbprint "$(thumb b)"
same "$(slots $R)" "c b -"
run certroll assign $R --thumbprint "$(thumb b)"
out_has "already so"

# ---- a live role keeps its kind of key
refused 1 "it is live" certroll assign $R --thumbprint "$(thumb e)"
run certroll assign $R --thumbprint "$(thumb e)" --force
err_has "overridden"
run certroll rollback $R --force
run certroll assign $R --thumbprint "$(thumb big)"

# ---- several roles at once: all or none
run certroll assign Default WebServicesExternal --from $R:previous --json
same "$(json '[r["role"] for r in d["roles"]]')" '["Default", "WebServicesExternal"]'
refused 1 "already current" certroll roll Default New --use tls --from Default --at +1d
refused 1 "there is no role New" certroll show New

# ---- unassign
run certroll cancel $R
out_has "already so"
err_has "use rollback"
run certroll unassign $R --slot previous
same "$(slot $R previous)" "-"
refused 2 "--slot" certroll unassign $R --slot all
run certroll unassign Default WebServicesExternal
run certroll show
out_lacks Default
run certroll show Default
out_has "nothing assigned"
run certroll unassign Default
out_has "already so"
before=$(generation Default)
run certroll assign Default --thumbprint "$(thumb a)"
same "$(generation Default)" $((before + 1)) "the generation starts again"

# ---- two administrators at once: one wins, the others learn who it was
run certroll assign $R --thumbprint "$(thumb c)"
now=$(generation $R)
pids=()
for i in 1 2 3 4 5 6; do
    patient certroll rollback $R --if-generation "$now" >"$T/err.$i" &
    pids+=($!)
done
won=0
for i in 1 2 3 4 5 6; do
    code=0
    wait "${pids[i - 1]}" || code=$?
    case $code in
    0) won=$((won + 1)) ;;
    4) grep -q "changed by .* at 20" "$T/err.$i" || fail "who changed it? $(cat "$T/err.$i")" ;;
    *) fail "a parallel rollback exited $code: $(cat "$T/err.$i")" ;;
    esac
done
same "$won $(generation $R)" "1 $((now + 1))"

# ---- without the token
run certroll roll $R --thumbprint "$(thumb a)" --at +30d
mv lab/tokens lab/away
refused 3 "does not sign" certroll assign Default --thumbprint "$(thumb b)"
refused 3 "does not sign" certroll roll Default --thumbprint "$(thumb b)" --at +1d
run certroll roll $R --now
run certroll rollback $R
run certroll roll $R --now --from $R
run certroll unassign $R --slot previous
run certroll cancel $R
mv lab/away lab/tokens
run certroll assign Default --thumbprint "$(thumb b)"

# ---- previous stays while tokens that it signed are in use
sed -i 's/^token-lifetime = .*/token-lifetime = 24h/' lab/certroll.conf
run certroll assign $R --thumbprint "$(thumb b)" --force
was=$(slot $R previous)
refused 1 "which is previous, are valid until" certroll unassign $R --slot previous
refused 1 "unassign it then (force overrides this)" certroll unassign Default $R
same "$(slot $R previous)" "$was"
same "$(slot Default current)" b "a role that was named with it"
run certroll unassign $R --force
err_has "overridden by --force: previous leaves while its tokens are valid"
run certroll history $R --json
same "$(json 'd["entries"][-1]["verb"], d["entries"][-1]["overridden"]')" '["unassign", "previous leaves while its tokens are valid"]'
ok "assign, roll, cancel, rollback and unassign"
