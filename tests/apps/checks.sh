# shellcheck shell=bash disable=SC2034,SC2119,SC2154
# SPDX-License-Identifier: Apache-2.0
# The list of checks itself, after lib.sh: tls_checks for a key type, tls_rolls under load, tls_server for all of them.

chain() { # PORT NAME: leaf and intermediate; without the latter the leaf does not verify
    begin "rsa chain"
    ! plain openssl verify -CAfile ca.crt "$2.crt" >verify.log 2>&1 || fail "$2 needs no chain: the test is wrong"
    plain openssl s_client -connect "127.0.0.1:$1" -showcerts </dev/null >shown.log 2>&1 || fail "$(tail -n 3 shown.log)"
    same "$(grep -c BEGIN shown.log)" 2 "certificates served"
    same "$(served "$1")" "$2" "seen by a client that trusts the root alone"
    passed
}

static_rsa() { # PORT NAME: TLS 1.2 without (EC)DHE, where the server decrypts; not every one does that with any key
    local i got options=(-tls1_2 -cipher AES128-SHA:@SECLEVEL=0)
    begin "rsa static key exchange"
    got=$(served "$1" "${options[@]}")
    [ "$route" != control ] || [[ $got != failed* ]] || echo "$got" >static-refused
    if [ -e static-refused ]; then
        [[ $got == failed* ]] || fail "an ordinary key file is refused, the role's is not"
        result "$now" refused "with any key"
        return
    fi
    for ((i = 0; i < 12; i++)); do same "$(served "$1" "${options[@]}")" "$2" "handshake $i"; done
    passed
}

tls_checks() { # ROUTE TYPE
    local kind=${2%%:*} port warm cold main never
    route=$1 role=Tls-$kind-$1
    begin "$kind start"
    [ "$route" = control ] || run certroll import "${kind}1.pfx" "$role" --use tls --passin pass:pw
    write_pem "${kind}1" site.pem
    cp site.pem older.pem
    port=$(free_port)
    instance "$route-$kind" "$port" "$T/site.pem"
    main=$leader
    same "$(served "$port")" "${kind}1" "the first handshake"
    workers "$main"
    passed
    begin "$kind handshakes"
    handshakes "$port" "${kind}1"
    passed
    if [ "$kind" = rsa ]; then
        chain "$port" rsa1
        static_rsa "$port" rsa1
    fi
    begin "$kind reload"
    reload "$main" "$port" "${kind}1"
    workers "$main"
    passed

    begin "$kind roll under load"
    warm=$(free_port)
    instance "$route-$kind-never" "$warm" "$T/older.pem"
    never=$leader
    load_start "$port" 2
    load_saw "${kind}1"
    roll "${kind}2" 1
    same "$(served "$port")" "${kind}1" "before the reload"
    write_pem "${kind}2" site.pem
    reload "$main" "$port" "${kind}2"
    load_saw "${kind}2"
    load_end
    same "$(sort -u "$T"/load.* | tr '\n' ' ')" "${kind}1 ${kind}2 " "pairs that the load saw"
    handshakes "$port" "${kind}2"
    passed
    begin "$kind never reloaded"
    handshakes "$warm" "${kind}1"
    passed
    begin "$kind cold start, older bundle"
    cold=$(free_port)
    instance "$route-$kind-cold" "$cold" "$T/older.pem"
    handshakes "$cold" "${kind}1"
    passed
    begin "$kind stop"
    ended "$main"
    ended "$never"
    ended "$leader"
    passed
}

# The key named by a URI beside a certificate in a file. A cold start with an older certificate is left to bundles, which
# name their own key.
tls_uri() { # KIND KEY
    local port key=$2
    route=uri role=Tls-$1-uri
    begin "$1 start"
    run certroll import "${1}1.pfx" "$role" --use tls --passin pass:pw
    write_pem "${1}1" uri.pem
    port=$(free_port)
    instance "uri-$1" "$port" "$T/uri.pem"
    same "$(served "$port")" "${1}1" "the first handshake"
    workers "$leader"
    passed
    begin "$1 handshakes"
    handshakes "$port" "${1}1"
    passed
    begin "$1 roll under load"
    load_start "$port" 2
    load_saw "${1}1"
    roll "${1}2" 1
    same "$(served "$port")" "${1}1" "before the reload"
    write_pem "${1}2" uri.pem
    reload "$leader" "$port" "${1}2"
    load_saw "${1}2"
    load_end
    handshakes "$port" "${1}2"
    passed
    begin "$1 stop"
    ended "$leader"
    passed
}

refused_uri() { # KEY LOG-PATTERN REASON: this version does not take a URI, and says so itself
    local i log key=$1
    route=uri role=Tls-rsa-uri
    begin start
    run certroll import rsa1.pfx "$role" --use tls --passin pass:pw
    write_pem rsa1 uri.pem
    launch uri "$(free_port)" "$T/uri.pem"
    for ((i = 0; i < 600; i++)); do kill -0 "$leader" 2>/dev/null || break; sleep 0.1; done
    [ $i != 600 ] || fail "it starts with $1"
    gone "$leader"
    log=$(cat "$T"/i/uri/*log)
    [[ $log =~ $2 ]] || fail "another refusal: $log"
    result "$now" refused "$3"
}

tls_rolls() { # ROUTE: a roll and a reload each time, RSA and EC in turn, while four clients shake hands
    local port main i rolls=${CERTROLL_ROLLS:-20}
    route=$1 role=Tls-rolls
    begin "$rolls rolls under load"
    [ "$route" = control ] || run certroll import r0.pfx $role --use tls --passin pass:pw
    write_pem r0 rolls.pem
    port=$(free_port)
    instance "$route-rolls" "$port" "$T/rolls.pem"
    main=$leader
    load_start "$port" 4
    load_saw r0
    for ((i = 1; i <= rolls; i++)); do
        roll "r$i" 1
        write_pem "r$i" rolls.pem
        server_reload "$main"
        until_served "$port" "r$i"
        load_saw "r$i"
    done
    load_end
    same "$(sort -u "$T"/load.* | wc -l)" $((rolls + 1)) "pairs that the load saw"
    echo "$(cat load.* | wc -l) handshakes, none failed"
    passed
    ended "$main"
}

tls_server() {
    local type i
    apps_lab
    for type in rsa:2048 ec:P-256; do
        leaf "${type%%:*}1" "$type"
        leaf "${type%%:*}2" "$type"
        (tls_checks control "$type") || fail "the control, an ordinary $type key file, fails: the test is wrong"
        tls_checks file "$type"
    done
    for ((i = 0; i <= ${CERTROLL_ROLLS:-20}; i++)); do
        if [ $((i % 2)) = 0 ]; then leaf "r$i" rsa:2048; else leaf "r$i" ec:P-256; fi
    done
    (CERTROLL_ROLLS=2 tls_rolls control) || fail "the control, ordinary key files, fails: the test is wrong"
    tls_rolls file
}
