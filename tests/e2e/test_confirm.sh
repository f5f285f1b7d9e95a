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
generation() { certroll show "${1:-$R}" --json | json 'd["roles"][0]["generation"]' /dev/stdin; }
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
same "$(state)" "$before" "a refused change changed something"
ok "no, an empty line, the end of input, Ctrl-C and a lost terminal change nothing"

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
