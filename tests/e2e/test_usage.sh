#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command line itself: help, version, mistakes, standard output that cannot be written, several at once.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
cd "$T"

run certroll --version
grep -qE '^certroll [0-9]+\.[0-9]+' out || fail "no version"
run certroll --help
mapfile -t commands < <(sed -n 's/^  \([a-z][a-z-]*\)  *[a-z].*/\1/p' out)
[ ${#commands[@]} -ge 13 ] || fail "only ${#commands[@]} commands in --help"
[ "$(wc -L <out)" -le 80 ] || fail "--help is wider than 80 columns"
for command in "${commands[@]}"; do
    run certroll "$command" --help
    out_has "Usage: certroll $command"
    [ "$(wc -L <out)" -le 80 ] || fail "$command --help is wider than 80 columns"
    if [ "$command" = check ]; then usage=3; else usage=2; fi # as monitoring plugins do
    refused $usage "--no-such-option" certroll "$command" --no-such-option
    out_lacks " "
    same "$(wc -l <err)" 1 "a mistake takes more than one line"
done
refused 2 "a command is needed" certroll
refused 2 "no command 'frobnicate'" certroll frobnicate
refused 2 "--dir is empty" certroll init --dir ""
refused 2 "--thumbprint is empty" certroll revoke --thumbprint ""
refused 2 "--config is empty" certroll show --config ""
refused 3 "certroll init" certroll --config "$T/none.conf" show

lab
cert a
run certroll import a.pfx OAuthTokenIssuer --passin pass:pw
for args in "show" "show --json" "certs" "certs --json" "jwks OAuthTokenIssuer" "pem OAuthTokenIssuer" "--help"; do
    got=0
    # shellcheck disable=SC2086
    certroll $args >/dev/full 2>err || got=$?
    same "$got" 3 "certroll $args to a full disk"
    err_has "standard output"
done

# a configuration or state that others may write is refused
chmod 666 lab/certroll.conf
check 1 certroll show
err_has certroll.conf
chmod 644 lab/certroll.conf
chmod 777 lab/state
refused 3 "" certroll show
chmod 755 lab/state
echo "nonsense = yes" >>lab/certroll.conf
check 1 certroll show
err_has nonsense
sed -i '$d' lab/certroll.conf

# several administrators at once: one key, each role changed once
cert b
pids=()
for i in 1 2 3 4; do
    patient certroll import b.pfx "Role$i" --use token --passin pass:pw >"import.$i" 2>&1 &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "one of four imports failed: $(cat import.*)"; done
same "$(cat import.? | grep -c 'key created')" 1 "how often the key was created"
run certroll certs --json
same "$(json 'len(d["certs"]), len(d["keys"])')" '[2, 0]'
# several keys into one lab at once: none is lost, none is half there
for name in p q r s t u; do cert $name; done
pids=()
for name in p q r s t u; do
    patient certroll import $name.pfx "Role_$name" --use tls --passin pass:pw >"several.$name" 2>&1 &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "one of six imports failed: $(cat several.*)"; done
same "$(cat several.? | grep -c 'key created')" 6 "how many keys were created"
run certroll certs --json
same "$(json 'len(d["certs"]), len(d["keys"]), all(c["key_present"] for c in d["certs"])')" '[8, 0, true]'
for name in p q r s t u; do
    run openssl pkeyutl -sign -inkey "certroll://Role_$name" -rawin -digest sha256 -in "$name.crt" -out sig
    run clean dgst -sha256 -verify <(clean x509 -in $name.crt -pubkey -noout) -signature sig $name.crt
done
/usr/bin/python3 -c '
import json
lines = [json.loads(l) for l in open("lab/state/history.jsonl")]
assert len(lines) >= 7, len(lines)'
ok "usage"

# ---- an error ends in what to do about it, in the same line
remedied() { # STATUS SENTENCE COMMAND...: that sentence and no other line
    local want=$1 sentence=$2
    shift 2
    refused "$want" "$sentence" "$@"
    same "$(wc -l <err)" 1 "lines of an error"
}
remedied 1 "there is no role Nobody: 'certroll show' lists the roles" certroll jwks Nobody
remedied 1 "lists them" certroll assign Role --use tls --thumbprint 0123456789
remedied 2 "names no token 'nope': 'certroll token list' lists them" certroll generate Role --use tls --days 9 --token nope
run certroll generate Role --use token --days 9
remedied 1 "role Role has no previous certificate: 'certroll show Role' shows what it has" certroll export Role --cert --slot previous
remedied 1 "go back to: assign one instead" certroll rollback Role
remedied 2 "configures no token 'nope': 'certroll token list' lists them" certroll token check nope
remedied 2 "no variable NOPE: set and export it" certroll import b.pfx --passin env:NOPE
check 3 sh -c 'certroll show >/dev/full'
err_has "make room there"
ok "errors name the remedy"
