#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One key on two tokens, a network HSM and a token in the process: a running program goes on signing when the network HSM
# is killed and when it freezes, a fresh one signs without it, and with both gone one sentence says so.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
cd "$T"
for token in network softhsm; do
    # shellcheck disable=SC2016
    cleanup_hooks+=("\"\$TOP/tests/tokens/$token\" stop \"\$T/$token\" 2>/dev/null")
    made=0
    "$TOP/tests/tokens/$token" start "$T/$token" >start.log 2>&1 || made=$?
    [ $made != 77 ] || skip "$(cat start.log)"
    [ $made = 0 ] || fail "tests/tokens/$token start: $(cat start.log)"
done
mkdir state
{
    printf '[certroll_sect]\nstate = %s\nminimum-lead = 0\ntoken-lifetime = 0\ntokens = near far\n' "$T/state"
    printf '\n[token_near]\n' && cat network/token.conf
    printf '\n[token_far]\n' && cat softhsm/token.conf
} >certroll.conf
sed "s|^module = certroll.so|module = $CERTROLL_BUILD/provider/certroll.so|" "$TOP/conf/openssl.cnf" >openssl.cnf
export CERTROLL_CONFIG=$T/certroll.conf OPENSSL_CONF=$T/openssl.cnf
server() { kill "$1" -- "-$(cat network/server.pgid)"; }

cert a ec:P-256
run certroll import a.pfx OAuthTokenIssuer --passin pass:pw --token near
run certroll import a.pfx --passin pass:pw --token far
run certroll show OAuthTokenIssuer --json
same "$(json 'len(d["roles"][0]["current"]["locations"])')" 2 "locations"
same "$(json 'd["roles"][0]["generation"]')" 2
run certroll import a.pfx --passin pass:pw --token far
out_has "already there"
run certroll pem OAuthTokenIssuer --out key.pem
clean x509 -in a.crt -noout -pubkey >pub
ok "a second import adds a location"
sed -i 's/^\[token_near\]$/&\nop-timeout = 1s/' certroll.conf

# Signs all the time; says how often, and how often not, and what was said then.
cat >signer.php <<'X'
<?php
$key = openssl_pkey_get_private("file://" . getcwd() . "/key.pem") or exit(1);
$pub = openssl_pkey_get_public(file_get_contents("pub"));
for ($good = $bad = 0; !file_exists("stop"); usleep(5000)) {
    while (openssl_error_string());
    if (@openssl_sign("text", $sig, $key, OPENSSL_ALGO_SHA256)) {
        openssl_verify("text", $sig, $pub, OPENSSL_ALGO_SHA256) === 1 or exit(2);
        $good++;
    } else {
        $bad++;
        while ($why = openssl_error_string()) file_put_contents("errors", "$why\n", FILE_APPEND);
    }
    file_put_contents("count.new", "$good $bad");
    rename("count.new", "count");
}
X
php signer.php >signer.log 2>&1 &
signer=$!
cleanup_hooks+=("kill $signer 2>/dev/null")
good() { cut -d' ' -f1 count; }
bad() { cut -d' ' -f2 count; }
more() { # 20 more signatures, in at most 60 s
    local from i
    from=$(good)
    for ((i = 0; i < 600; i++)); do
        kill -0 $signer 2>/dev/null || fail "the signer ended: $(cat signer.log)"
        [ "$(good)" -lt $((from + 20)) ] || return 0
        sleep 0.1
    done
    fail "no more signatures ($1): $(cat count) $(tail -n 3 errors 2>/dev/null)"
}
for ((i = 0; i < 600; i++)); do [ ! -e count ] || break; sleep 0.1; done
more "at first"
for round in 1 2 3; do
    server -KILL
    more "killed, round $round"
    "$TOP/tests/tokens/network" start-server "$T/network"
    more "back, round $round"
done
server -STOP
more "frozen"
server -CONT
more "thawed"
same "$(bad)" 0 "failed signatures: $(cat errors 2>/dev/null)"
ok "the other location signed whenever the first was killed or frozen: $(good) signatures, none failed"

server -KILL
run openssl dgst -sha256 -sign certroll://OAuthTokenIssuer -out sig key.pem
clean dgst -sha256 -verify pub -signature sig key.pem >/dev/null || fail "bad signature"
mv softhsm/tokens softhsm/gone
check 1 openssl dgst -sha256 -sign certroll://OAuthTokenIssuer -out sig key.pem
err_has "and at 1 more location)"
err_has "token near"
mv softhsm/gone softhsm/tokens
touch stop
wait $signer || fail "the signer: $(cat signer.log)"
ok "a fresh process signs without the first token, and says so when both are gone"
