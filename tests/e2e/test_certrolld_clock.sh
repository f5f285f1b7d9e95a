#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certrolld --local when the wall clock is set: past an effective date, back, and in the middle of a pass. Nobody sets the
# clock of the machine: certrolld is linked with step_clock.c, whose clock and timer follow a file.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
for name in a b c; do cert $name; done
cat >hook.sh <<END
#!/bin/sh
[ ! -e $T/step_in_hook ] || { cat $T/step_in_hook >$T/new && rm $T/step_in_hook && mv $T/new $T/clock; }
echo "\$CERTROLL_ROLE \$CERTROLL_CHANGE" >>$T/changes
END
chmod +x hook.sh
printf '\n[role_A]\non-change = %s\n[role_B]\non-change = %s\n' "$T/hook.sh" "$T/hook.sh" >>lab/certroll.conf
for role in A B; do
    run certroll import a.pfx $role --use token --passin pass:pw
    run certroll import b.pfx $role --passin pass:pw --effective-date "$([ $role = A ] && echo +1d || echo +3d)"
done
: >changes
clock() { echo "$1" >new && mv new clock; } # SECONDS ahead of the machine's
until_true() { # SENTENCE COMMAND...: at most 60 s
    local i
    for ((i = 0; i < 600; i++)); do if "${@:2}"; then return 0; fi; sleep 0.1; done
    fail "$1: $(tail -n 3 notified) $(cat changes)"
}
changes_are() { [ "$(xargs <changes)" = "$1" ]; }
next_look() { sed -n 's/^STATUS=.*next look at \([0-9TZ:-]*\).*/\1/p' notified | tail -n 1; }
looks_in() { # SECONDS: the next look is so far from now by the stepped clock, give or take what a busy machine needs
    local next
    next=$(next_look)
    [ -n "$next" ] && d=$(($(date -d "$next" +%s) - $(date +%s) - $(cat clock) - $1)) && [ "$d" -gt -60 ] && [ "$d" -lt 60 ]
}
quiet() { # until the pass that its own writes cause is over: else that one, and not the clock, would wake it
    local n=-1
    until [ "$(wc -l <notified)" = "$n" ]; do n=$(wc -l <notified) && sleep 1.5; done
}
current() { certroll show "$1" --json >show.json && json 'd["roles"][0]["current"]["thumbprint_sha256"]' show.json; }

clock 0
: >notified
start_server /usr/bin/python3 -c '
import os, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
p = subprocess.Popen([sys.argv[3], "--local"], env={**os.environ, "NOTIFY_SOCKET": sys.argv[1], "STEP_CLOCK": sys.argv[4]})
while True:
    print(s.recv(4096).decode(), flush=True, file=open(sys.argv[2], "a"))' \
    "$T/notify" "$T/notified" "$CERTROLL_BUILD/tests/e2e/e2e_certrolld_stepped" "$T/clock"
until_true "it does not start" grep -q READY=1 notified
until_true "it does not look again within the hour" looks_in 3600
changes_are "" || fail "something changed before its date: $(cat changes)"

# ---- past A's date, not B's
clock 90000
until_true "the step forward is not followed" changes_are "A settle"
until_true "it looks again at another time" looks_in 3600
same "$(grep -c '"verb":"settle"' lab/state/history.jsonl)" 1 "rolls settled"
same "$(current A)" "$(thumb b)"

quiet
# ---- back: it looks at once, and what was seen stays
clock 0
until_true "the step back is not noticed" looks_in 3600
changes_are "A settle" || fail "the step back changed something: $(cat changes)"
same "$(current A)" "$(thumb b)" "a roll that was seen"

# ---- in the middle of a pass: past B's date, then back, while a command runs
echo 270000 >step_in_hook
run certroll import c.pfx A --passin pass:pw --effective-date +2d --force
[ ! -e step_in_hook ] || fail "on-change did not run"
until_true "the second step forward is not followed" grep -qx "B settle" changes
# the command sets the clock before it says what it was run for: the daemon may be faster
in_any_order() { [ "$(sort changes | xargs)" = "$1" ]; }
until_true "A's second roll is not settled" in_any_order "A roll A settle A settle B settle"
quiet
clock 0
until_true "the step back is not noticed" looks_in 3600
run certroll import a.pfx A --passin pass:pw --effective-date +4d
quiet
: >changes
echo -400000 >step_in_hook
clock 360000
until_true "the third step forward is not followed" changes_are "A settle"
same "$(cat clock)" -400000
until_true "a step during the pass is not noticed" looks_in 3600
! grep -i cancel server.*.log || fail "it complains of the step"
run certroll history verify
ok "steps of the clock"
