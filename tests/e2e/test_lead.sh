#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lead time, with the defaults of certroll init: no key of a token role signs before verifiers had time to fetch it, and no
# previous goes while tokens that it signed are valid; each refusal names the earliest date, and --force is remembered.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
run certroll init --dir "$T/lab"
# shellcheck disable=SC1091
. "$T/lab/env"
cd "$T"
R=OAuthTokenIssuer
for name in a b c; do cert $name; done
in_jwks() { # SLOT: is its kid in the key set?
    certroll show $R --json >show.json || fail "show"
    certroll jwks $R >jwks.json || fail "jwks"
    json "json.load(open('show.json'))['roles'][0]['$1']['kid'] in [k['kid'] for k in d['keys']]" jwks.json
}
earliest() { # SECONDS: the date in the refusal is that far from now, give or take the test's own time
    local said
    said=$(sed -n 's/.*date is \(20[0-9T:-]*Z\) (force.*/\1/p' err)
    [ -n "$said" ] || fail "no date: $(cat err)"
    /usr/bin/python3 -c 'import datetime, sys, time
t = datetime.datetime.fromisoformat(sys.argv[1].replace("Z", "+00:00")).timestamp() - time.time() - int(sys.argv[2])
sys.exit(not -60 < t <= 0)' "$said" "$1" || fail "$said is not in $1 s"
    echo "$said"
}

at() { # EPOCH COMMAND...: with a clock that stands there
    local then=$1
    shift
    env LD_PRELOAD="$CERTROLL_BUILD/tests/mock/mock_clock.so" MOCK_CLOCK="$then" \
        ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" "$@"
}
epoch() { date -u -d "$1" +%s; }
date_of() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
current_since() { certroll show "$1" --json | json 'd["roles"][0]["current"]["since"]' /dev/stdin; }

run certroll import a.pfx $R --passin pass:pw # the first of an empty role
refused 1 "enters jwks now" certroll import b.pfx $R --passin pass:pw
earliest 172800 >/dev/null
run certroll certs --json
same "$(json 'len(d["certs"])')" 1 "certificates after a refused import"
refused 1 "enters jwks now" certroll import b.pfx $R --passin pass:pw --effective-date +47h
earliest 172800 >/dev/null
run certroll import b.pfx $R --passin pass:pw --effective-date +48h
same "$(in_jwks next)" true "next in jwks"
date=$(json 'd["roles"][0]["next"]["effective_date"]' show.json)
sleep 1.1
refused 1 "is in jwks since" certroll roll $R --now
refused 1 "earliest effective date is $date" certroll assign $R --thumbprint "$(thumb b)"

run certroll roll $R --now --force --reason "the old key may be known"
run certroll history $R
out_has "forced: lead time"
# ---- whose tokens are out there stays
run certroll import c.pfx --passin pass:pw
refused 1 "enters jwks now" certroll roll $R --thumbprint "$(thumb c)" --at +1h
run certroll roll $R --thumbprint "$(thumb c)" --at +49h # later than token-lifetime
run certroll cancel $R
sed -i 's/^minimum-lead.*/minimum-lead = 0/' lab/certroll.conf
# the last token of previous was signed when current took over: token-lifetime (24 h) and five minutes for clocks later it expired
same "$(sed -n 's/^token-lifetime = *//p' lab/certroll.conf)" 24h
valid=$(($(epoch "$(current_since $R)") + 86400 + 300))
until="are valid until $(date_of $valid): the earliest effective date is then"
refused 1 "tokens signed by certificate $(thumb a | cut -c1-8), which is previous, $until" \
    certroll assign $R --thumbprint "$(thumb c)"
refused 1 "$until" certroll roll $R --thumbprint "$(thumb c)" --at +24h
refused 1 "$until" certroll roll $R --thumbprint "$(thumb c)" --at "$(date_of $((valid - 1)))"
run certroll roll $R --thumbprint "$(thumb c)" --at "$(date_of $valid)" --dry-run
check 1 at $((valid - 1)) certroll assign $R --thumbprint "$(thumb c)"
run at $valid certroll assign $R --thumbprint "$(thumb c)" --dry-run
same "$(in_jwks previous)" true "previous in jwks"
run certroll rollback $R
run certroll roll $R --thumbprint "$(thumb b)" --now
run certroll roll $R --thumbprint "$(thumb c)" --at +25h
err_has "stops verifying at"

# ---- retention ends to the second, for jwks and for who verifies with the role's key
sed -i 's/^retain-previous.*/retain-previous = 1m/' lab/certroll.conf # less than tokens live
echo signed >text
run certroll import a.pfx Keep --use token --passin pass:pw
run openssl dgst -sha256 -sign certroll://Keep -out a.sig text
run certroll import b.pfx Keep --passin pass:pw --at +1s
for ((i = 0; i < 300; i++)); do
    [ "$(certroll show Keep --json | json '(d["roles"][0]["current"] or {}).get("thumbprint_sha256")' /dev/stdin)" != "$(thumb b)" ] || break
    sleep 0.2
done
flip=$(epoch "$(current_since Keep)")
end=$((flip + 86400 + 300))
same "$(certroll show Keep --json | json 'd["roles"][0]["previous"]["until"]' /dev/stdin)" "$(date_of $end)"
run at $((end - 1)) certroll jwks Keep
same "$(json 'len(d["keys"])')" 2 "keys a second before the end"
run at $((end - 1)) openssl dgst -sha256 -prverify certroll://Keep -signature a.sig text
run at $((end - 1)) openssl pkey -in "certroll://Keep;slot=previous" -pubout
run at $end certroll jwks Keep
same "$(json 'len(d["keys"])')" 1 "keys at the end"
check 1 at $end openssl dgst -sha256 -prverify certroll://Keep -signature a.sig text
if at $end openssl pkey -in "certroll://Keep;slot=previous" -pubout >out 2>err; then fail "previous is there at its end"; fi
run at $end openssl dgst -sha256 -sign certroll://Keep -out b.sig text
run at $end openssl dgst -sha256 -prverify certroll://Keep -signature b.sig text
ok "previous is kept to the second"

# ---- the latest safe date
cert short rsa:2048 30
run certroll import short.pfx Other --use token --passin pass:pw
run certroll roll Other --thumbprint "$(thumb b)" --at +28d
err_lacks "latest safe date"
run certroll cancel Other
run certroll roll Other --thumbprint "$(thumb b)" --at "+$((30 * 24 - 1))h"
err_has "its tokens are used for token-lifetime: the latest safe date of the roll is"

# ---- not for TLS
run certroll import a.pfx Web --use tls --passin pass:pw
sed -i 's/^minimum-lead.*/minimum-lead = 48h/' lab/certroll.conf
run certroll assign Web --thumbprint "$(thumb b)"
run certroll assign Web --thumbprint "$(thumb c)"
ok "lead time"
