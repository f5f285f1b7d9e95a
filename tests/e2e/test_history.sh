#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll history: who changed what, when and why; verify against the chain, and against the copies in a real journal,
# which systemd-journald keeps in a mount namespace of this script's own.
if [ "$(id -u)" = 0 ] && [ -z "${HISTORY_UNSHARED:-}" ] && [ -x /lib/systemd/systemd-journald ]; then
    HISTORY_UNSHARED=1 exec unshare --mount "$0" "$@"
fi
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

journal_start() {
    local i
    mount -t tmpfs tmpfs /run
    mkdir -p /run/systemd/journal "/run/log/journal/$(cat /etc/machine-id)"
    start_server /lib/systemd/systemd-journald
    for ((i = 0; i < 300; i++)); do [ ! -S /run/systemd/journal/socket ] || return 0; sleep 0.1; done
    fail "systemd-journald does not start"
}
journal=
if [ -n "${HISTORY_UNSHARED:-}" ] && [ -s /etc/machine-id ]; then
    journal_start
    journal=1
elif [ -n "${CI:-}" ]; then
    fail "no systemd-journald to keep copies in"
fi

lab
cd "$T"
R=OAuthTokenIssuer
log=lab/state/history.jsonl
cert a
cert b
run certroll history verify
out_has "1 entry, each chained" # init's own
run certroll import a.pfx $R --passin pass:pw --reason "first $(printf '\033')[31mred"
run certroll import b.pfx $R --passin pass:pw --effective-date +30d --reason "the yearly roll"
run certroll import a.pfx Other --use tls --passin pass:pw
run env SUDO_USER=alice certroll cancel $R --reason "a day early"

# ---- for people
run certroll history $R
same "$(grep -cE '^20..-..-..T..:..:..Z  ' out)" 3
grep -qE "^20.*Z  roll $R, generation 2$" out || fail "no line of the roll"
out_has "    next      none -> $(thumb b | cut -c1-16), takes over 20"
out_has "    next      $(thumb b | cut -c1-16) -> none"
out_has "    reason: the yearly roll"
out_has "    reason: first ?[31mred"
out_has "by sudo of alice"
out_lacks Other
run certroll history
same "$(grep -cE '^20..-..-..T..:..:..Z  ' out)" "$(wc -l <$log)"
run certroll history Nobody
err_has "no change of Nobody"
same "$(cat out)" ""

# ---- for programs
run certroll history $R Other --json
same "$(json '[e["verb"] + " " + e["role"] for e in d["entries"]]')" \
    "[\"assign $R\", \"roll $R\", \"assign Other\", \"cancel $R\"]"
same "$(json 'd["entries"][1]["after"]["next"]')" "$(thumb b)"
same "$(json 'd["entries"][3]["sudo_user"]')" alice
run certroll history --since 2098-01-01T00:00:00Z --json
same "$(json 'd["entries"]')" '[]'
refused 2 "neither a role nor --since" certroll history verify $R
refused 2 "RFC 3339" certroll history --since yesterday

# ---- anybody may look
if [ "$(id -u)" = 0 ]; then
    chmod 755 lab
    reachable_build
    run setpriv --reuid 65534 --regid 65534 --clear-groups certroll history $R
    out_has "the yearly roll"
fi

# ---- verify
lines=$(wc -l <$log)
run certroll history verify --json
same "$(json 'd["entries"]')" "$lines"
same "$(json 'd["last"]')" "$(tail -n 1 $log | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["hash"])')"
same "$(json 'd["torn"]')" false
cp -p $log whole
sed -i '4s/"when":"20/"when":"19/' $log
damaged() { # LINE REASON
    refused 1 "history.jsonl line $1: " certroll history verify
    err_has "$2"
    cp -p whole $log
}
damaged 4 "its content was changed" 
sed -i 3d $log
damaged 3 "does not follow"
sed -i 1d $log
damaged 1 "does not follow"
sed -i '2s/^{/{ /' $log
damaged 2 "its content was changed"
echo '{"when":' >>$log
damaged $((lines + 1)) "does not end with its hash"
printf '{"when":' >>$log
run certroll history verify
err_has "warning: history.jsonl ends in a line without an end"
check 1 certroll history $R
out_has "the yearly roll"
err_has "history.jsonl line $((lines + 1)): it has no end"
cp -p whole $log
ok "history, and its chain"

# ---- killed, or out of room, at each write: each change is told exactly once, and none that was not made
once() { # WHERE
    /usr/bin/python3 - <<'PY' || fail "$1"
import json
rec = json.load(open("kill/state/roles/Web.json"))["generation"]
told = []
for line in map(json.loads, open("kill/state/history.jsonl")):
    if line.get("role") != "Web":
        continue
    if (line.get("note") or "").startswith("the change of the line above could not"):
        assert line["before"] == line["after"], line
        told.pop()
    else:
        told.append(line["after"]["generation"])
assert told == list(range(1, rec + 1)), (told[-5:], rec)
PY
}
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    run certroll init --dir "$T/kill"
    kill_certroll() { CERTROLL_CONFIG=$T/kill/certroll.conf "$@"; }
    run kill_certroll certroll import a.pfx Web --use tls --passin pass:pw
    run kill_certroll certroll import b.pfx Web --passin pass:pw
    undone=0
    for how in signal=KILL error=ENOSPC; do
        for call in fsync renameat,renameat2 pwrite64; do
            for ((n = 1, got = 1; n < 30 && got != 0; n++)); do
                got=0
                (ASAN_OPTIONS=detect_leaks=0 kill_certroll strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:$how:when=$n" \
                    certroll rollback Web >out 2>err) 2>/dev/null || got=$?
                run kill_certroll certroll rollback Web --reason after
                once "$how at $call $n"
            done
            same "$got" 0 "the last run with $how at $call"
        done
    done
    run kill_certroll certroll history verify
    undone=$(grep -c "could not be written" kill/state/history.jsonl)
    [ "$undone" -ge 3 ] || fail "only $undone changes were taken back"
    run kill_certroll certroll history Web
    out_has "note: the change of the line above could not be written"
    ! grep "could not be written" kill/state/history.jsonl | grep -q '"reason":"after"' || fail "the reason of another command"
    # a history that cannot go on: nothing is changed, but a revoked key goes
    sed -i '$s/"when":"20/"when":"19/' kill/state/history.jsonl
    cp kill/state/roles/Web.json web.json
    refused 1 "nothing is changed, since the history cannot tell of it: " kill_certroll certroll rollback Web
    cmp web.json kill/state/roles/Web.json
    refused 1 "the history does not tell of it: " kill_certroll certroll revoke --thumbprint "$(thumb a)" --yes
    same "$(json 'd.get("current") and d["current"]["thumbprint"] == "'"$(thumb a)"'" or d.get("previous") and d["previous"]["thumbprint"] == "'"$(thumb a)"'" or "gone"' kill/state/roles/Web.json)" gone
    ok "killed or out of room at each write, $undone changes are told as not made, the others once"
elif [ -n "${CI:-}" ]; then
    fail "strace cannot trace here"
fi

# ---- a cut end keeps the chain whole: only the journal tells
[ -n "$journal" ] || { run certroll history verify; out_has "No journal can be read here"; exit 0; }
synced() { journalctl --sync 2>/dev/null || sleep 2; } # newer ones want a socket that systemd itself would make
copies() { # as soon as there are as many as the history has lines, or after 30 s
    local until=$((SECONDS + 30))
    while
        synced
        journalctl -o json MESSAGE_ID=8f1a4c1e5d0b4e6f9a2c7b3d60e8f514 "CERTROLL_STATE=$T/lab/state" >copies.json
        [ "$(wc -l <copies.json)" -lt "$lines" ]
    do
        [ $SECONDS -lt $until ] || break
    done
    wc -l <copies.json
}
same "$(copies)" "$lines" "entries in the journal"
run certroll history verify
out_has "$lines of them in the journal too"
same "$(journalctl -o cat "CERTROLL_ROLE=$R" CERTROLL_VERB=cancel --output-fields=CERTROLL_HASH)" \
    "$(tail -n 1 $log | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["hash"])')"
sed -i '$d' $log
refused 1 "the journal has 1 entry that history.jsonl lacks" certroll history verify
cp -p whole $log
run certroll import b.pfx $R --passin pass:pw --effective-date +30d --dry-run
same "$(copies)" "$lines" "entries after a dry run"

# ---- what check finds, for whoever reads the journal
cert soon rsa:2048 20
run certroll import soon.pfx Soon --use token --passin pass:pw
lines=$(wc -l <$log)
check 1 certroll check Soon
check 1 certroll check Soon --alert
alerts() { synced && journalctl -o cat --output-fields=CERTROLL_ABOUT CERTROLL_FINDING=expiry PRIORITY=4; }
for ((i = 0; i < 15; i++)); do [ -z "$(alerts)" ] || break; done
same "$(alerts)" "Soon, current"

# ---- without a journal nothing is refused
stop_server
run certroll cancel $R
run certroll import b.pfx $R --passin pass:pw --effective-date +30d
run certroll history verify
out_has "$((lines + 1)) entries"
ok "copies in the journal"
