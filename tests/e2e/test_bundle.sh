#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A tls role across a roll: a server that is never reloaded keeps serving its pinned pair; one started cold after the
# effective date from an older bundle serves the old pair; one started from a new bundle serves the new pair.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

certroll init --dir "$work/c" >/dev/null || fail "init"
# shellcheck disable=SC1091
. "$work/c/env"
cd "$work" || exit 1
role=WebServicesExternal # known by its name as tls

for name in old new; do
    clean req -x509 -newkey rsa:2048 -nodes -keyout key -out $name.crt -days 30 -subj "/CN=$name.example" 2>/dev/null
    clean pkcs12 -export -inkey key -in $name.crt -out $name.pfx -passout pass:x
    rm key
done
timed certroll import old.pfx $role --passin pass:x
certroll pem $role --bundle --out old.pem || fail "pem --bundle"

served() { # PORT: the CN a clean client is served, after a verified handshake
    local out
    out=$(clean s_client -connect "127.0.0.1:$1" -CAfile all.crt -verify_return_error </dev/null 2>&1) || return 1
    printf '%s\n' "$out" | clean x509 -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p'
}
expect() { # PORT NAME WHAT
    local got
    got=$(served "$1") || fail "$3: the handshake failed"
    [ "$got" = "$2.example" ] || fail "$3: served $got instead of $2.example"
}
cat old.crt new.crt >all.crt

warm=$(free_port)
start_server openssl s_server -accept "$warm" -cert old.pem -key old.pem -quiet
wait_port "$warm"
expect "$warm" old "before the roll"

run certroll import new.pfx $role --passin pass:x --effective-date "+${ahead}s"
certroll pem $role --bundle --slot next --out next.pem || fail "pem --bundle --slot next"
expect "$warm" old "scheduled"
takes_over
expect "$warm" old "a server that is never reloaded, after the roll"

cold=$(free_port)
start_server openssl s_server -accept "$cold" -cert old.pem -key old.pem -quiet
wait_port "$cold"
expect "$cold" old "started cold from the older bundle"

certroll pem $role --bundle --out current.pem || fail "pem --bundle"
for bundle in next.pem current.pem; do
    fresh=$(free_port)
    start_server openssl s_server -accept "$fresh" -cert $bundle -key $bundle -quiet
    wait_port "$fresh"
    expect "$fresh" new "started from $bundle"
done
ok "pinned, cold and fresh servers each serve a matching pair"
