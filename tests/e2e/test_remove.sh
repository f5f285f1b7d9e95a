#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll remove: certificate and key leave the token, unless a role or another certificate needs them.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2031
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer
known() { certroll certs --json >"$T/certs.json" || fail "certs"; json 'sorted(c["thumbprint_sha256"][:8] for c in d["certs"])' "$T/certs.json"; }
keys() { json 'len(d["keys"])' "$T/certs.json"; }

for name in a b c; do
    cert $name
done
run certroll import a.pfx $R --passin pass:pw
run certroll import b.pfx $R --passin pass:pw --at +1h
run certroll import c.pfx --passin pass:pw

refused 2 "--thumbprint" certroll remove
refused 2 "thumbprint" certroll remove --thumbprint xyz
refused 2 "too short" certroll remove --thumbprint 1234567
refused 1 "no certificate" certroll remove --thumbprint 00000000
refused 1 "current of role $R" certroll remove --thumbprint "$(thumb a)"
refused 1 "next of role $R" certroll remove --thumbprint "$(thumb1 b | cut -c1-12)"

run certroll remove --thumbprint "$(thumb c)" --dry-run
out_has "would be removed"
[[ $(known) == *"$(thumb c | cut -c1-8)"* ]] || fail "a dry run removed it"
run certroll remove --thumbprint "$(thumb c | sed 's/../&:/g; s/:$//' | tr a-f A-F)" --json --reason "not needed"
same "$(json '[d["changed"], d["key_removed"], d["key_kept"]]')" '[true, true, false]'
[[ $(known) != *"$(thumb c | cut -c1-8)"* ]] || fail "it is still known"
same "$(keys)" 0 "its key is still there"
grep -q '"not needed"' lab/state/history.jsonl || fail "the reason is not in the history"
refused 1 "no certificate" certroll remove --thumbprint "$(thumb c)"

# a key that a renewal uses stays
cert d ec:P-256
plain openssl req -new -key d.key -subj /CN=renewal -out r.csr
plain openssl x509 -req -in r.csr -signkey d.key -days 90 -out r.crt 2>/dev/null
run certroll import d.pfx Other --use token --passin pass:pw
run certroll import r.crt Other
run certroll unassign Other --slot previous
run certroll remove --thumbprint "$(thumb d)"
out_has "stays"
run certroll certs --json
same "$(json '[c["key_present"] for c in d["certs"] if c["thumbprint_sha256"] == "'"$(thumb r)"'"]')" '[true]'
run certroll unassign Other
run certroll remove --thumbprint "$(thumb r)"
known >/dev/null
same "$(keys)" 0 "the last certificate took its key along"

# imported again it is there again
run certroll import c.pfx --passin pass:pw
out_has "key created"
ok "remove"
