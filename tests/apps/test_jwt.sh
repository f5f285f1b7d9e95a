#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: test_jwt.sh BUILD-FOLDER php|node|libjwt: a server that mints JWTs after the kid recipe of the README, eight clients,
# and twenty rolls: no failed request, every token verifies against the JWK set published at that moment, no restart.
kind=${2:?usage: test_jwt.sh BUILD-FOLDER php|node|libjwt}
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/../e2e/lib.sh"
rolls=${CERTROLL_ROLLS:-20}
role=OAuthTokenIssuer
apps=$TOP/tests/apps
lab
cd "$T"

type=rsa:2048
[ "$kind" != libjwt ] || type=ec:P-256
for ((i = 0; i <= rolls; i++)); do
    cert "c$i" "$type"
    if [ $i = 0 ]; then set -- $role; else set --; fi
    run certroll import "c$i.pfx" "$@" --passin pass:pw
done
run certroll pem $role --bind pinned --out pinned.pem
publish() { run certroll jwks $role --out jwks.json; }
publish

port=$(free_port)
export JWT_KEY=$T/pinned.pem
case $kind in
php)
    # One request at a time a worker: four of them.
    PHP_CLI_SERVER_WORKERS=4 start_server php -S "127.0.0.1:$port" "$apps/php/jwt.php"
    ;;
node)
    command -v node >/dev/null || skip "no node"
    start_server node --openssl-shared-config "$apps/node/jwt.js" "$port"
    ;;
libjwt)
    echo '#include <jwt.h>' | gcc -E - >/dev/null 2>&1 || skip "no libjwt-dev"
    gcc -Wall -Wextra -Werror -o jwt "$apps/libjwt/jwt.c" -ljwt -lcrypto -lpthread || fail "jwt.c"
    start_server ./jwt "$port"
    ;;
*) fail "no server '$kind'" ;;
esac
server=$!
wait_port "$port"

: >rolls
/usr/bin/python3 "$apps/jwt/load.py" "http://127.0.0.1:$port/" jwks.json rolls stop >load.log 2>&1 &
load=$!
cleanup_hooks+=("kill $load 2>/dev/null")
sleep 1
for ((i = 1; i <= rolls; i++)); do
    # Verifiers must have the set before its new key signs: three seconds are much, for publishing here.
    run certroll roll $role --thumbprint "$(thumb "c$i")" --at +3s
    publish
    certroll show $role --json >show.json || fail "show"
    # The roll may be due already when show looks.
    json '"%d %s" % (__import__("calendar").timegm(__import__("time").strptime((lambda r: (r["next"] or {}).get("effective_date") or r["current"]["since"])(d["roles"][0]), "%Y-%m-%dT%H:%M:%SZ")), (d["roles"][0]["next"] or d["roles"][0]["current"])["kid"])' \
        show.json >>rolls
    sleep 3.4
done
touch stop
wait $load || fail "$(cat load.log)"
kill -0 $server 2>/dev/null || fail "the server ended"
ok "$kind: $(cat load.log)"
