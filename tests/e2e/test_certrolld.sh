#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# on-change, and certrolld --local: at the effective date files are written again, then the command runs; once a change, by
# the tool or by the daemon; after a kill -9 too; and what fails is said.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer
conf=lab/certroll.conf
for name in a b c d; do cert $name; done
cat >hook.sh <<END
#!/bin/sh
echo "\$CERTROLL_ROLE \$CERTROLL_CHANGE \$CERTROLL_GENERATION \$(sha256sum <$T/jwks.json | cut -c1-64)" >>$T/changes
END
chmod +x hook.sh
printf '\n[role_%s]\non-change = %s\n' $R "$T/hook.sh" >>$conf
: >changes && : >jwks.json
lines() { # N: until so many lines stand in changes, at most 30 s
    local i
    for ((i = 0; i < 300; i++)); do [ "$(wc -l <changes)" -lt "$1" ] || break; sleep 0.1; done
    same "$(wc -l <changes)" "$1" "runs of on-change: $(cat changes)"
}
fresh() { certroll jwks $R >now.json && cmp -s now.json jwks.json; }

# ---- by the tool
run certroll import a.pfx $R --passin pass:pw
same "$(cut -d' ' -f1-3 changes)" "$R assign 1"
run certroll jwks $R --out jwks.json
run certroll metrics --out node.prom
timed certroll import b.pfx $R --passin pass:pw --effective-date +1d
same "$(tail -n 1 changes)" "$R roll 2 $(sha256sum <jwks.json | cut -c1-64)" "the file is written before the command runs"
fresh || fail "the key set lacks next"
run certroll cancel $R --dry-run
refused 1 "cancel it first" certroll import b.pfx $R --passin pass:pw --effective-date +2d
run certroll import a.pfx Other --use token --passin pass:pw
run certroll cancel $R --json
json 'd["changed"]' >/dev/null
run certroll cancel $R
lines 3
sed -i 's/^on-change = .*/on-change = echo out; exit 7/' $conf
run certroll import b.pfx $R --passin pass:pw --effective-date +1d --json
json 'd["changed"]' >/dev/null
err_has "warning: role $R is changed, but on-change: the command 'echo out; exit 7' exited with 7"
run certroll cancel $R
sed -i "s|^on-change = .*|on-change = echo \\\\\$CERTROLL_CHANGE >>$T/changes|" $conf
: >changes

# ---- certrolld
check 2 certrolld
err_has "say --local"
check 2 certrolld --local more
check 3 certrolld --local --once --config /nowhere.conf
err_has "there is no configuration"
run certrolld --local --once
lines 0
daemon_start() {
    local i
    : >notified
    # what systemd would hear
    start_server /usr/bin/python3 -c '
import os, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
p = subprocess.Popen(["certrolld", "--local"], env={**os.environ, "NOTIFY_SOCKET": sys.argv[1]})
open(sys.argv[2], "w").write(str(p.pid))
while True:
    print(s.recv(4096).decode(), flush=True, file=open(sys.argv[3], "a"))' "$T/notify.$RANDOM" "$T/pid" "$T/notified"
    # it is ready before its first pass, and says how that went afterwards
    for ((i = 0; i < 300; i++)); do ! grep -q ^STATUS= notified || break; sleep 0.1; done
    grep -q READY=1 notified || fail "systemd is not told that it is ready"
    grep -q "^STATUS=all roles settled; next look at 20" notified || fail "no status: $(cat notified)"
    daemon=$(cat pid)
}
daemon_start
run certroll import c.pfx $R --passin pass:pw --effective-date "+${ahead}s"
same "$(head -n 1 changes)" "roll"
lines 2
same "$(tail -n 1 changes)" "settle"
grep -q "\"current\":\"$(thumb c)\"" lab/state/history.jsonl || fail "the roll is not settled"
run certroll history $R
out_has "settle $R"
[ "$(grep -c "settle $R" out)" = 1 ] || fail "settled twice"
run certroll metrics
same "$(grep -v days_left out | sha256sum)" "$(grep -v days_left node.prom | sha256sum)" "metrics"
fresh || fail "the key set is stale"
# who is not asked to remember: a file that was removed stays away
rm jwks.json
run certroll import d.pfx $R --passin pass:pw --effective-date +1s
lines 4
[ ! -e jwks.json ] || fail "a removed file came back"
# owner and mode stay
run certroll jwks $R --out jwks.json
chmod 640 jwks.json
[ "$(id -u)" != 0 ] || chown daemon:daemon jwks.json
before=$(stat -c '%a %U %G' jwks.json)
: >changes
# ---- killed before the date: the next one makes up for it
run certroll import a.pfx $R --passin pass:pw --effective-date "+${ahead}s"
lines 1
kill -KILL "$daemon"
stop_server
takes_over
lines 1
daemon_start
lines 2
same "$(stat -c '%a %U %G' jwks.json)" "$before" "owner and mode"
fresh || fail "the key set is stale after the restart"
# ---- a configuration that breaks is said, and one that is mended is read
mv $conf away.conf
kill -HUP "$daemon"
missed() { grep -q "there is no configuration" server.*.log; }
for ((i = 0; i < 300; i++)); do if missed; then break; fi; sleep 0.1; done
missed || fail "a lost configuration is not said: $(cat server.*.log)"
mv away.conf $conf
run certroll import b.pfx $R --passin pass:pw --effective-date +1s
lines 4
# ---- a command that does not end goes after its time with all that it started, and the next role's runs
cat >hang.sh <<END
#!/bin/sh
trap '' TERM HUP
sleep 100000 &
echo "\$\$ \$!" >>$T/hanging
wait
sleep 100000
END
chmod +x hang.sh
lives() { [ -r "/proc/$1/stat" ] && [ "$(sed 's/.*) //' "/proc/$1/stat" | cut -c1)" != Z ]; }
: >hanging && : >after
for role in Hangs Next; do run certroll import a.pfx $role --use token --passin pass:pw; done
printf '\n[role_Hangs]\non-change = %s\non-change-timeout = 4s\n[role_Next]\non-change = echo x >>%s\n' \
    "$T/hang.sh" "$T/after" >>$conf
run certroll import b.pfx Hangs --passin pass:pw --effective-date +3s # by the tool: a warning, and it ends in time
err_has "warning: role Hangs is changed, but on-change: the command '$T/hang.sh' did not end in 4 s and was killed"
run certroll import b.pfx Next --passin pass:pw --effective-date +3s
[ "$(wc -l <after)" -ge 1 ] || fail "the next role's command did not run"
for ((i = 0; i < 300; i++)); do [ "$(wc -l <after)" -lt 2 ] || break; sleep 0.1; done
same "$(wc -l <after)" 2 "runs of the next role's command"
for ((i = 0; i < 300; i++)); do [ "$(wc -l <hanging)" -lt 2 ] || break; sleep 0.1; done
same "$(wc -l <hanging)" 2 "runs of the command that hangs"
killed() { cat server.*.log | grep -q "warning: role Hangs is changed, but on-change: the command '$T/hang.sh' did not end in 4 s and was killed"; }
for ((i = 0; i < 300; i++)); do if killed; then break; fi; sleep 0.1; done
killed || fail "the journal does not say that it was killed: $(cat server.*.log)"
for pid in $(xargs <hanging); do
    for ((i = 0; i < 600; i++)); do if ! lives "$pid"; then break; fi; sleep 0.1; done
    ! lives "$pid" || fail "process $pid of a killed command lives on"
done
for role in Hangs Next; do
    run certroll history $role --json
    same "$(json '[e["verb"] for e in d["entries"]].count("settle")')" 1 "times that $role was settled"
done
kill -TERM "$daemon"
for ((i = 0; i < 300; i++)); do ! grep -q STOPPING=1 notified || break; sleep 0.1; done
ended() { [ "$(sed 's/.*) //' "/proc/$daemon/stat" | cut -c1)" = Z ]; }
for ((i = 0; i < 300; i++)); do if ended; then break; fi; sleep 0.1; done
ended || fail "it does not end"
grep -q STOPPING=1 notified || fail "systemd is not told that it ends"
ok "on-change and certrolld"
