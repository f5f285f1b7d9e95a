#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll token relink: a token is replaced by one of another label with the same keys under other ids. The keys are found by
# public key, every record learns where, a process that holds a live key goes on by itself, and a kill leaves nothing behind.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
conf=$T/lab/certroll.conf
sed -i /^key-copy/d "$conf" # a copy would sign on without its token
sed -i 's|^token = .*|token = pkcs11:model=SoftHSM%20v2|' "$conf" # whatever stands there, as a replaced device would
module=/usr/lib/softhsm/libsofthsm2.so
pin=$(cat lab/pin)
sign() { # ROLE NAME: by a fresh provider, verified with NAME.crt
    local kind=(-digest sha256)
    [[ $2 != d ]] || kind=()
    run openssl pkeyutl -sign -inkey "certroll://$1" -rawin "${kind[@]}" -in a.crt -out sig
    run clean pkeyutl -verify -certin -inkey "$2.crt" -rawin "${kind[@]}" -in a.crt -sigfile sig
}
cert a rsa:2048
cert b ec:P-256
cert c ec:P-256
cert d ed25519
cert e rsa:2048
run certroll import a.pfx OAuthTokenIssuer --passin pass:pw
run certroll import b.pfx OAuthTokenIssuer --at +30d --force --passin pass:pw
run certroll import c.pfx Web --use tls --passin pass:pw
run certroll import d.pfx Ed --use token --passin pass:pw
run certroll import e.pfx --passin pass:pw # known, of no role
run certroll request Req --use tls --subject /CN=req --out req.csr
certroll token relink >out 2>err || fail "nothing to relink"
out_has "6 of 6 keys are where they are said to be"
run certroll token relink --json
same "$(json 'd["changed"], sorted({c["state"] for c in d["certs"] + d["requests"]})')" '[false, ["same"]]'
ok "on the token as it was there is nothing to do"

# A new token in the place of the old one. The old one waits in old.
mv lab/tokens old
mkdir lab/tokens
run softhsm2-util --init-token --free --label replaced --pin "$pin" --so-pin 5678
put() { # NAME ID
    clean pkcs8 -topk8 -nocrypt -in "$1.key" -out "$1.p8"
    run softhsm2-util --import "$1.p8" --token replaced --label "key $1" --id "$2" --pin "$pin"
}
p11() { run pkcs11-tool --module $module --token-label replaced --login --pin "$pin" "$@"; }
put a 0a01
put b 0b01
put c 0c01
put d 0d01
p11 --delete-object --type pubkey --id 0b01 # nothing tells whose key 0b01 is, but its signature
rm lab/tokens/*/*.lock 2>/dev/null || true

# before: nothing signs
check 1 openssl pkeyutl -sign -inkey certroll://OAuthTokenIssuer -rawin -digest sha256 -in a.crt -out sig
refused 1 "cannot sign" certroll token check

before=$(find lab/state -type f ! -name lock -exec sha256sum {} + | sort)
check 1 certroll token relink --dry-run
same "$(grep "would change" out | sort)" "Ed: would change (generation 2)
OAuthTokenIssuer: would change (generation 4)
Web: would change (generation 2)" "each role once"
same "$(sed -n '/^OAuthTokenIssuer: would/,/^[A-Z]/p' out | sed -n '/^  after/,$p' | grep -c 'key at .*token=replaced')" 2 "its keys that move"
out_has "$(thumb a | cut -c1-16)  would be relinked"
out_has "KEY MISSING: $(thumb e | cut -c1-16)"
out_has "KEY MISSING: request"
same "$(find lab/state -type f ! -name lock -exec sha256sum {} + | sort)" "$before" "a dry run wrote"
check 1 certroll token relink --dry-run --json
same "$(json 'sorted((c["state"], len(c["before"]), len(c["after"])) for c in d["certs"])')" \
    '[["missing", 1, 1], ["relinked", 1, 1], ["relinked", 1, 1], ["relinked", 1, 1], ["relinked", 1, 1]]'
same "$(json '[r["state"] for r in d["requests"]]')" '["missing"]'
same "$(json 'sorted(r["role"] for r in d["roles"]), d["dry_run"], d["changed"]')" \
    '[["Ed", "OAuthTokenIssuer", "Web"], true, true]'
ok "a dry run shows what it would do, and what is on no token"

# two objects of one key: by name, and the others go on
put c 0c02
check 1 certroll token relink --reason "the HSM was replaced"
err_has "$(thumb c | cut -c1-16) stays as it is: its private key stands twice on token softhsm"
err_has "id=%0C%01"
err_has "id=%0C%02"
err_has "2 of 6 keys are on no token"
out_has "OAuthTokenIssuer: changed"
out_lacks "Web: changed"
sign OAuthTokenIssuer a
sign Ed d
p11 --delete-object --type privkey --id 0c02
check 1 certroll token relink
out_has "Web: changed"
out_lacks "OAuthTokenIssuer"
sign Web c
run certroll certs --json
same "$(json 'sorted(c["locations"][0].split("token=")[1].split(";")[0] for c in d["certs"])')" \
    '["certroll", "replaced", "replaced", "replaced", "replaced"]' # e's is not lost either
run certroll show OAuthTokenIssuer --json
same "$(json '[d["roles"][0][s]["locations"] for s in ("current", "next")]')" \
    "$(json '[[c["locations"] for c in d["certs"] if c["thumbprint_sha256"] == t][0] for t in ("'"$(thumb a)"'", "'"$(thumb b)"'")]' <(certroll certs --json))"
run certroll history --json OAuthTokenIssuer
same "$(json '[(e["verb"], e["reason"], e["note"]) for e in d["entries"]][-1]')" '["location", "the HSM was replaced", "token relink"]'
run certroll history verify
check 1 certroll token relink --json
same "$(json 'd["changed"]')" false "a second relink changes nothing"
run certroll roll OAuthTokenIssuer --now --force
sign OAuthTokenIssuer b
run certroll rollback OAuthTokenIssuer --force
ok "every key is found by public key, in certs and in the records; the same key twice is refused by name"

# a key that went from where a record has it by another id comes by its own: the dry run tells of that location too
for object in lab/tokens/*/*.object; do touch "${object%.object}.lock"; done # SoftHSM deletes both, or fails
p11 --delete-object --type privkey --id 0c01
run certroll import c.pfx --passin pass:pw --dry-run --json
same "$(json 'd["key_created"], d["location_added"]')" '[true, true]'
run certroll import c.pfx --passin pass:pw --json
same "$(json 'd["key_created"], d["location_added"]')" '[true, true]'

# the missing one is imported again, the request's key comes with an id of its own
run certroll import e.pfx --passin pass:pw
check 1 certroll token relink
err_has "1 of 6 keys"
grep -q "^  - .*token=certroll" out || fail "its old location stays"
ok "a key that was missing comes back by import"

# A process that holds live keys, while tokens change under it: new, old, new.
mkfifo ask answer
CERTROLL_CONFIG=$conf "$CERTROLL_BUILD/tests/e2e/signer" 4 certroll://OAuthTokenIssuer certroll://Ed <ask >answer 2>signer.log &
signer=$!
cleanup_hooks+=("kill $signer 2>/dev/null")
exec 4>ask 3<answer
ask() { # fills word, good, said
    echo >&4 || fail "the signer has gone: $(cat signer.log)"
    IFS=' ' read -r -t 30 word good _ _ _ said <&3 || fail "no answer: $(cat signer.log)"
}
ask
same "$word" signed "$said"
swap() { mv lab/tokens swapped && mv "$1" lab/tokens && mv swapped "$1"; }
for round in 1 2 3; do
    swap old
    for ((i = 0; i < 600; i++)); do
        ask
        [ "$word" = signed ] || break
        sleep 0.1
    done
    same "$word" failed "round $round: the token is another one, and it still signs"
    check $((round % 2 ? 0 : 1)) certroll token relink
    out_has "OAuthTokenIssuer: changed"
    for ((i = 0; i < 600; i++)); do
        ask
        [ "$word" = failed ] || break
        sleep 0.1
    done
    same "$word" signed "round $round: it did not come back: $said"
    before=$good
    for ((i = 0; i < 200; i++)); do
        sleep 0.3
        ask
        [ "$good" = "$before" ] || break
    done
    [ "$good" -gt "$before" ] || fail "its threads stand still: $said"
    sign OAuthTokenIssuer a
    sign Ed d
done
exec 4>&- 3<&-
wait $signer || fail "the signer: $(cat signer.log)"
ok "a running process goes on by itself after each relink; every signature it gave verified"

# a pending request follows its key too, and its answer finds it
request=$(grep -l '"csr"' lab/state/certs/*.json)
sed -i 's/"id": "[0-9a-f]*"/"id": "ffff"/; s/id=[%0-9A-F]*/id=%FF%FF/' "$request"
run certroll token relink
out_has "request $(json 'd["spki"][:16]' "$request")  relinked"
clean x509 -req -in req.csr -signkey a.key -force_pubkey <(clean req -in req.csr -noout -pubkey) -days 90 -out req.crt 2>x509.log ||
    fail "$(cat x509.log)"
run certroll import req.crt
sign Req req
ok "a pending request is relinked, its answer finds the key"

# killed at any moment, the next one finishes; SoftHSM writes at each login and does not bear it, so its files come afresh
mv lab/tokens new
for ((i = 0; i < 25; i++)); do
    rm -rf lab/tokens
    if [ $((i / 4 % 2)) = 0 ]; then cp -a new lab/tokens; else cp -a old lab/tokens; fi
    timeout -s KILL "0.0$((RANDOM % 10))$((RANDOM % 10))" certroll token relink >/dev/null 2>&1 &
    wait $! 2>/dev/null || true
done
rm -rf lab/tokens
mv old lab/tokens
mv new old
check 1 certroll token relink
check 1 certroll token relink --json
same "$(json 'd["changed"]')" false
run certroll show --all --json
same "$(json '{l for r in d["roles"] for s in ("current", "previous", "next") if r[s] for l in r[s]["locations"] if "token=replaced" not in l} - {"'"$(certroll show Req --json | json 'd["roles"][0]["current"]["locations"][0]' /dev/stdin)"'"} == set()')" true
run certroll history verify
sign OAuthTokenIssuer a
sign Web c
ok "killed 25 times, a relink leaves whole records, and the next one ends it"

# killed at each write of an entry that no role has: the next one does it, and the history has a line of it
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    entry=lab/state/certs/$(thumb e).json
    killed=0
    for call in fsync renameat,renameat2 pwrite64; do
        for ((n = 1, got = 9; n < 30 && got == 9; n++)); do
            lines=$(grep -c "$(thumb e)" lab/state/history.jsonl || true)
            sed -i 's/id=[%0-9A-F]*/id=%FF%FF/' "$entry"
            (ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e trace="$call" -e inject="$call":signal=KILL:when=$n \
                certroll token relink) >out 2>&1 && got=0 || got=$?
            [ "$got" -lt 128 ] || { killed=$((killed + 1)) got=9; }
            certroll token relink >out 2>err || true
            ! grep -q 'id=%FF%FF' "$entry" || fail "killed at $call $n: it is not done"
            [ "$(grep -c "$(thumb e)" lab/state/history.jsonl)" -gt "$lines" ] || fail "killed at $call $n: no line of it in the history"
            run certroll history verify
        done
    done
    [ $killed -ge 4 ] || fail "only $killed runs were killed"
    # no room for the entry behind its line: another line says so
    sed -i 's/id=[%0-9A-F]*/id=%FF%FF/' "$entry"
    lines=$(wc -l <lab/state/history.jsonl)
    ASAN_OPTIONS=detect_leaks=0 check 3 strace -f -qq -o /dev/null -e trace=renameat,renameat2 -e inject=renameat,renameat2:error=ENOSPC \
        certroll token relink
    err_has "No space left"
    same "$(tail -n +$((lines + 1)) lab/state/history.jsonl | /usr/bin/python3 -c 'import json, sys; print([json.loads(l)["note"] for l in sys.stdin])')" \
        "['$(thumb e)', 'the change of the line above could not be written']"
    check 1 certroll token relink
    ! grep -q 'id=%FF%FF' "$entry" || fail "it is not done"
    run certroll history verify
    ok "killed at each of $killed writes of an entry, it is done by the next, and told in the history"
fi

# a backup made before knows the old token
swap old
run certroll token relink
run certroll backup saved.json
swap old
check 1 certroll token relink
run certroll restore saved.json
check 1 openssl pkeyutl -sign -inkey certroll://OAuthTokenIssuer -rawin -digest sha256 -in a.crt -out sig
check 1 certroll token relink
sign OAuthTokenIssuer a
ok "after restore of an older state, relink corrects it"

# Two tokens that have the key: each location for itself.
swap old
run certroll token relink
run softhsm2-util --init-token --free --label twin --pin "$pin" --so-pin 5678
sed -i 's|^token = .*|token = pkcs11:token=certroll|; s/^tokens = .*/tokens = softhsm twin/' "$conf"
{
    printf '\n[token_twin]\n'
    sed -n '/^\[token_softhsm\]/,$p' "$conf" | sed '1d; s/^token = .*/token = pkcs11:token=twin/'
} >twin.conf
cat twin.conf >>"$conf"
locations() { certroll show "$1" --json | json '[l.split("token=")[1].split(";")[0] for l in d["roles"][0]["current"]["locations"]]' /dev/stdin; }
check 0 "$HERE/terminal.py" y certroll import a.pfx --passin pass:pw --token twin
out_has "key at (not made yet)"
out_has "OAuthTokenIssuer: changed"
same "$(locations OAuthTokenIssuer)" '["certroll", "twin"]'
run softhsm2-util --delete-token --token certroll
run softhsm2-util --init-token --free --label replaced --pin "$pin" --so-pin 5678
put a 77
sed -i 's|^token = pkcs11:token=certroll$|token = pkcs11:token=replaced|' "$conf"
refused 2 "no token 'other'" certroll token relink other
check 1 certroll token relink softhsm --json
same "$(json '[t["name"] for t in d["tokens"]]')" '["softhsm"]'
same "$(locations OAuthTokenIssuer)" '["replaced", "twin"]'
same "$(locations Web)" '["certroll"]'
sign OAuthTokenIssuer a
sed -i 's|^token = pkcs11:token=twin$|token = pkcs11:token=away|' "$conf"
check 1 certroll token relink
err_has "token=away"
err_has "what may stand there is kept"
same "$(locations OAuthTokenIssuer)" '["replaced"]' # no configured token is called twin now
sed -i 's|^token = pkcs11:token=away$|token = pkcs11:token=twin|' "$conf"
check 1 certroll token relink
same "$(locations OAuthTokenIssuer)" '["replaced", "twin"]'
run softhsm2-util --delete-token --token twin
check 1 certroll token relink
err_has "token=twin"
same "$(locations OAuthTokenIssuer)" '["replaced", "twin"]' # it may come back
run softhsm2-util --delete-token --token replaced
refused 3 "token" certroll token relink
ok "a location that another token has stays; a token that does not answer keeps its own"

# What another tool puts on a SoftHSM is its owner's alone; a relink opens it to those who sign.
if [ "$(id -u)" = 0 ]; then
    reachable_build
    run certroll init --dir "$T/g" --group daemon
    no_lead "$T/g"
    export CERTROLL_CONFIG=$T/g/certroll.conf OPENSSL_CONF=$T/g/openssl.cnf SOFTHSM2_CONF=$T/g/softhsm2.conf
    member() { setpriv --reuid nobody --regid nogroup --groups daemon "$@"; }
    echo data >data
    run certroll import a.pfx OAuthTokenIssuer --passin pass:pw
    run member openssl dgst -sha256 -sign certroll://OAuthTokenIssuer data
    pin=$(cat g/pin)
    run softhsm2-util --delete-token --token certroll
    run softhsm2-util --init-token --free --label replaced --pin "$pin" --so-pin 5678
    sed -i 's|^token = .*|token = pkcs11:token=replaced|' g/certroll.conf
    put a 0a
    check 1 member openssl dgst -sha256 -sign certroll://OAuthTokenIssuer data
    run certroll token relink
    err_lacks warning
    run member openssl dgst -sha256 -sign certroll://OAuthTokenIssuer data
    same "$(stat -c %s out)" 256 "a member's signature"
    ok "a member of the group signs with a key that another tool brought"
fi
