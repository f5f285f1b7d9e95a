#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll restore: bound to what it showed; killed at each of its writes, and on a full disk, it leaves whole records, old or
# new, and the next one completes it. In a mount namespace of this script's own, for a disk that is really full.
if [ "$(id -u)" = 0 ] && [ -z "${RESTORE_UNSHARED:-}" ]; then RESTORE_UNSHARED=1 exec unshare --mount "$0" "$@"; fi
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer
for name in a b c d; do cert $name ec:P-256; done
answer() { # STATUS ANSWER COMMAND...: on a terminal
    local want=$1
    shift
    check "$want" "$HERE/terminal.py" "$@"
}
slots() { # every role with the names in its slots, on one line
    certroll show --all --json >show.json || fail "show: $(cat show.json)"
    json '" ".join(r["role"] + "=" + "/".join(r[s]["subject"].split("CN=")[1].split(".")[0] if r[s] else "-" for s in ("previous", "current", "next")) for r in d["roles"])' show.json
}
state() { find lab/state -type f ! -name .lock -exec sha256sum {} + | sort; }
temps() { find lab/state lab/tokens -name '.*.tmp' | wc -l; }

run certroll import a.pfx $R --passin pass:pw
run certroll import b.pfx $R --passin pass:pw --at +30d
run certroll import c.pfx Web --use tls --passin pass:pw
run certroll backup state.backup --with-token
saved=$(slots)
run certroll cancel $R
run certroll import d.pfx $R --passin pass:pw
run certroll assign Web --thumbprint "$(thumb d)"
run certroll remove --thumbprint "$(thumb b)"
changed=$(slots)
same "$changed" "$R=a/d/- Web=c/d/-"
cp -a lab/state changed

# ---- what is carried out is what was shown
before=$(state)
answer 1 n certroll restore state.backup
out_has "Change this?"
same "$(state)" "$before" "it changed something"
answer 4 "!certroll rollback Web" certroll restore state.backup
out_has "nothing is changed"
same "$(slots)" "$R=a/d/- Web=d/c/-"
run certroll rollback Web
# a role that holds a key which the backup has as revoked, and was not shown
/usr/bin/python3 - "$(thumb d)" <<'PY'
import json, os, sys
d = json.load(open("state.backup"))
spki = json.load(open(f"lab/state/certs/{sys.argv[1]}.json"))["spki"]
d["files"]["revoked.json"] = json.dumps({"format": 1, "revoked": [
    {"spki": spki, "thumbprint": sys.argv[1], "when": "2026-01-01T00:00:00Z", "done": True}]})
json.dump(d, open("revoked.backup", "w"))
os.chmod("revoked.backup", 0o600)
PY
before=$(cat lab/state/roles/$R.json lab/state/roles/Web.json)
answer 4 "!certroll assign Late --use tls --thumbprint $(thumb d)" certroll restore revoked.backup
out_has "nothing is changed: role Late would change too by now, and was not shown"
same "$(slots)" "Late=-/d/- $changed"
same "$(cat lab/state/roles/$R.json lab/state/roles/Web.json)" "$before"
[ ! -e lab/state/revoked.json ] || ! grep -q "$(thumb d)" lab/state/revoked.json || fail "it is revoked"
answer 0 y certroll restore revoked.backup
same "$(slots)" "Late=-/-/- $saved"
run certroll history verify
ok "a role that changed meanwhile, or came to hold a revoked key: nothing is changed"

# ---- on a machine that lost its configuration, and one that lost everything
mv lab kept
mkdir lab
cp -a kept/pin kept/state lab/
answer 1 n certroll restore state.backup
out_has "there is no $T/lab/certroll.conf"
[ ! -e lab/certroll.conf ] || fail "it was written without an answer"
same "$(cd lab && find . | sort | head -n 3 | xargs)" ". ./pin ./state"
run cp kept/certroll.conf elsewhere.conf
answer 4 "!cp elsewhere.conf lab/certroll.conf" certroll restore state.backup
out_has "nothing is changed: the configuration is not what was shown"
rm -rf lab
mkdir lab
cp -a kept/pin lab/
/usr/bin/python3 -c 'import json, os
d = json.load(open("state.backup"))
del d["token"]
json.dump(d, open("bare.backup", "w"))
os.chmod("bare.backup", 0o600)'
refused 1 "the backup has no token" certroll restore bare.backup --with-token
same "$(ls lab)" pin "what a refused restore wrote"
answer 1 n certroll restore state.backup --with-token
out_has "Web: would change"
out_has " files would be in $T/lab/tokens"
same "$(ls lab)" pin "what it wrote without an answer"
mkdir lab/tokens
echo key >lab/tokens/another
answer 1 - certroll restore state.backup --with-token # refused before it asks
out_has "certroll: $T/lab/tokens has tokens already: move them away first, or leave --with-token out"
out_lacks "Change this?"
same "$(cd lab && find . | sort | xargs)" ". ./pin ./tokens ./tokens/another" "what a refused restore wrote"
rm -r lab/tokens
answer 4 "!cp -a kept/state lab/" certroll restore state.backup --with-token
out_has "nothing is changed: the state directory is not what was shown"
rm -rf lab/state
answer 0 y certroll restore state.backup --with-token
same "$(slots)" "$saved"
run certroll history verify
rm -rf lab
mv kept lab
ok "without a configuration it shows what there will be, and asks"

# ---- killed, or out of room, at each write
fresh() { # the state as it was before the restore
    find lab/state -mindepth 1 -delete
    cp -a changed/. lab/state/
}
fresh
cp -p lab/certroll.conf plain.conf
# shellcheck disable=SC2016
printf '\n[role_Web]\non-change = echo \\$CERTROLL_ROLE \\$CERTROLL_CHANGE >>%s\n' "$T/hooked" >>lab/certroll.conf
mv lab/tokens kept-tokens
run certroll restore state.backup --with-token --dry-run
out_has "files would be in $T/lab/tokens"
err_lacks "could not be seen"
run certroll restore state.backup --with-token --json
same "$(json 'd["changed"]')" true
same "$(cat hooked)" "Web restore" "what on-change was told"
run certroll history --json
same "$(json '[e["note"] for e in d["entries"] if e["verb"] == "restore" and not e.get("role")][-1]')" "the token's files"
mv plain.conf lab/certroll.conf
rm -rf lab/tokens
mv kept-tokens lab/tokens
ok "a restored role runs its on-change, and the token is part of what is shown"

raw() { # STATE: what the records themselves say, a role a line
    /usr/bin/python3 - "$1" <<'PY'
import json, os, sys
for name in sorted(os.listdir(sys.argv[1] + "/roles")):
    if not name.startswith("."):
        d = json.load(open(f"{sys.argv[1]}/roles/{name}"))
        print(name, json.dumps([d.get(s) for s in ("previous", "current", "next")], sort_keys=True))
PY
}
fresh
raw lab/state >raw.old
run certroll restore revoked.backup
raw lab/state >raw.new
! diff raw.old raw.new >/dev/null || fail "old and new are the same"
same "$(slots)" "$saved"
entries=$(wc -l <changed/history.jsonl)
whole() { # WHERE: nothing is half done
    local line
    while read -r line; do
        grep -qxF -- "$line" raw.old raw.new || fail "$1: neither old nor new: $line"
    done < <(raw lab/state)
    run certroll show --all
    run certroll certs
    run certroll history verify
}
completes() { # WHERE
    run certroll restore revoked.backup
    same "$(raw lab/state)" "$(cat raw.new)" "$1: after another restore"
    same "$(slots)" "$saved"
    run certroll history verify
    run certroll history --json
    same "$(json "sorted({e['role'] for e in d['entries'][$entries:] if e['verb'] == 'restore'})")" "[\"$R\", \"Web\"]" "$1: lines of the history"
    same "$(temps)" 0 "$1: temporary files"
}

# The calls that write the state; SoftHSM, which would lose the token, makes none of them.
calls=(fsync "renameat,renameat2" pwrite64 fchmod)
injected() { # CALLS WHAT COMMAND...
    # a sanitizer cannot look for leaks while it is traced
    ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e trace="$1" -e inject="$1:$2" "${@:3}" >out 2>err
}
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    killed=0
    for call in "${calls[@]}"; do
        for ((n = 1, got = 1; n < 100 && got != 0; n++)); do
            fresh
            got=0
            (injected "$call" signal=KILL:when=$n certroll restore revoked.backup) 2>/dev/null || got=$?
            [ $got != 0 ] || break
            killed=$((killed + 1))
            whole "killed at $call $n"
            completes "killed at $call $n"
        done
        same "$got" 0 "the last run with $call"
    done
    [ $killed -ge 30 ] || fail "only $killed runs were killed"
    ok "killed at each of $killed calls: whole records, and the next restore completes it"

    # on a machine that lost everything, with the token
    mv lab kept
    killed=0
    for call in "${calls[@]}"; do
        for ((n = 1, got = 1; n < 100 && got != 0; n += 3)); do
            rm -rf lab
            mkdir lab
            cp -p kept/pin lab/
            got=0
            (injected "$call" signal=KILL:when=$n certroll restore state.backup --with-token) 2>/dev/null || got=$?
            [ $got != 0 ] || break
            killed=$((killed + 1))
            [ -z "$(find lab/tokens -type f ! -name '.*' 2>/dev/null)" ] || grep -q "the token.s files" lab/state/history.jsonl ||
                fail "killed at $call $n: files of the token, and no line of them in the history"
            run certroll restore state.backup --with-token
            err_lacks warning
            same "$(slots)" "$saved" "killed at $call $n"
            run certroll history verify
            same "$(temps)" 0 "killed at $call $n"
        done
        same "$got" 0 "the last run with $call"
    done
    [ $killed -ge 10 ] || fail "only $killed runs were killed"
    echo text >data
    run openssl dgst -sha256 -sign certroll://$R -out sig data
    same "$(grep -c '"the token.s files"' lab/state/history.jsonl)" 1 "lines of the token in the history"
    echo key >lab/tokens/another
    state >before.state
    refused 1 "has tokens already" certroll restore state.backup --with-token --dry-run
    cp err dry.err
    refused 1 "has tokens already" certroll restore state.backup --with-token
    cmp err dry.err
    state | cmp - before.state
    rm -rf lab
    mv kept lab
    ok "killed $killed times where there was nothing, with the token"

    refused=0
    for call in fsync pwrite64; do
        for ((n = 1, got = 1; n < 100 && got != 0; n += 2)); do
            fresh
            got=0
            injected $call error=ENOSPC:when=$n certroll restore revoked.backup || got=$?
            [ $got != 0 ] || break
            refused=$((refused + 1))
            same "$got" 3 "$call $n fails"
            err_has "No space left"
            whole "$call $n fails"
            completes "$call $n fails"
        done
        same "$got" 0 "the last run with $call"
    done
    [ $refused -ge 8 ] || fail "only $refused runs failed"
    ok "no room at $refused calls: said, whole records, and the next restore completes it"
elif [ -n "${CI:-}" ]; then
    fail "strace cannot trace here"
fi

if [ -n "${RESTORE_UNSHARED:-}" ] && mount -t tmpfs -o size=512k,mode=755 tmpfs lab/state; then
    cleanup_hooks+=("umount '$T/lab/state'")
    refused=0
    for ((room = 0; room < 100; room++)); do
        fresh
        head -c 1M /dev/zero >lab/state/filler 2>/dev/null || true
        truncate -s -$((room * 4096)) lab/state/filler
        got=0
        certroll restore revoked.backup >out 2>err || got=$?
        rm lab/state/filler
        [ $got != 0 ] || break
        refused=$((refused + 1))
        same "$got" 3 "room for $room pages"
        err_has "No space left"
        whole "room for $room pages"
        completes "room for $room pages"
    done
    same "$got" 0 "with room enough"
    [ $refused -ge 2 ] || fail "the disk was full only $refused times"
    ok "on a disk that is full: said, whole records, and the next restore completes it"
elif [ -n "${CI:-}" ]; then
    fail "no small disk to fill"
fi
