#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: test_jwt.sh BUILD-FOLDER [php|node|libjwt|c]...
# Servers that mint JWTs after the kid recipes of the README, eight clients each, and twenty rolls of all keys under them: no
# failed request, every token verifies against the JWK set published at that moment and is of a key current then, no restart.
kinds=("${@:2}")
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/../e2e/lib.sh"
rolls=${CERTROLL_ROLLS:-20}
apps=$TOP/tests/apps
[ ${#kinds[@]} -gt 0 ] || kinds=(php node libjwt c)
lab
cd "$T"

# A role for each algorithm, of the same name; RS256 and PS256 share their certificates.
roles=(RS256 PS256 ES256 EdDSA)
declare -A types=([rsa]=rsa:2048 [ec]=ec:P-256 [ed]=ed25519) of=([rsa]="RS256 PS256" [ec]=ES256 [ed]=EdDSA)
for ((i = 0; i <= rolls; i++)); do
    for family in "${!types[@]}"; do
        cert "$family$i" "${types[$family]}"
        set --
        # shellcheck disable=SC2086 # a list of roles
        [ $i != 0 ] || set -- ${of[$family]} --use token
        run certroll import "$family$i.pfx" "$@" --passin pass:pw
        echo "$(if [ $i = 0 ]; then echo 0; else echo "roll$i"; fi) $family$i.crt ${of[$family]}" >>plan
    done
done
mkdir pinned live
began=$(date +%s)
for role in "${roles[@]}"; do
    run certroll pem "$role" --bind pinned --out "pinned/$role.pem"
    run certroll pem "$role" --out "live/$role.pem"
done
publish() { run certroll jwks "${roles[@]}" --out jwks.json; }
publish
took=$(($(date +%s) - began)) # how busy is this machine?
grep '^0 ' plan >rolls

compile() { # OUT SOURCE LIBRARY...
    gcc -Wall -Wextra -Werror -o "$1" "$apps/$2" "$apps/c/web.c" "${@:3}" -lcrypto -lpthread || fail "$2"
}
# What a server answers, and for how many seconds it holds a key that it has loaded.
start() { # KIND
    local port
    port=$(free_port)
    url=http://127.0.0.1:$port/ hold=0
    case $1 in
    php)
        paths=(RS256 ES256)
        # One request at a time a worker: four of them.
        JWT_KEYS=$T/pinned PHP_CLI_SERVER_WORKERS=4 start_server php -S "127.0.0.1:$port" "$apps/php/jwt.php"
        ;;
    node)
        command -v node >/dev/null || skip "no node"
        paths=("${roles[@]}") hold=1
        JWT_KEYS=$T/pinned start_server node --openssl-shared-config "$apps/node/jwt.js" "$port"
        ;;
    libjwt)
        echo '#include <jwt.h>' | gcc -E - >/dev/null 2>&1 || skip "no libjwt-dev"
        paths=(RS256 ES256) hold=1
        compile libjwt libjwt/jwt.c -ljwt
        JWT_KEYS=$T/pinned start_server ./libjwt "$port"
        ;;
    c)
        paths=("${roles[@]/#/uri/}" "${roles[@]/#/file/}")
        compile c c/jwt.c
        JWT_KEYS=$T/live start_server ./c "$port" "${roles[@]}"
        c=$url
        ;;
    *) fail "no server '$1'" ;;
    esac
    servers+=($!)
    wait_port "$port"
    if [ "$1" = libjwt ]; then ps256_of_libjwt; fi
}
get() { curl --silent --show-error --fail --noproxy '*' "$@"; }
ps256_of_libjwt() { # an ordinary key says whether this libjwt has it: 1.10 does not know it, 1.17 refuses each key
    local port
    port=$(free_port)
    mkdir control
    cp rsa0.key control/PS256.pem
    JWT_KEYS=$T/control start_server env -u OPENSSL_CONF -u CERTROLL_CONFIG ./libjwt "$port"
    wait_port "$port"
    if get "http://127.0.0.1:$port/PS256" >token 2>/dev/null; then
        paths+=(PS256)
    else
        ! get "${url}PS256" >token 2>/dev/null || fail "libjwt without PS256 answers $(cat token)"
        echo "libjwt $(pkg-config --modversion libjwt) has no PS256, with any key"
    fi
    stop_server
}

servers=() loads=() c=
for kind in "${kinds[@]}"; do
    start "$kind"
    /usr/bin/python3 "$apps/jwt/load.py" "$url" jwks.json rolls stop $hold "${paths[@]}" >"$kind.load" 2>&1 &
    loads+=($!)
    cleanup_hooks+=("kill $! 2>/dev/null")
done
held() { get "${c}held/RS256" >held.token && check "$1" /usr/bin/python3 "$apps/verify_tokens.py" jwks.json --jwt held.token; }
[ -z "$c" ] || held 0
sleep 1
for ((i = 1; i <= rolls; i++)); do
    # Verifiers must have the set before its new key signs: twice what it took last time, and three seconds.
    began=$(date +%s)
    when=$((began + 2 * took + 3))
    for family in "${!types[@]}"; do
        # shellcheck disable=SC2086 # a list of roles
        run certroll roll ${of[$family]} --thumbprint "$(thumb "$family$i")" --at "$(date -u -d "@$when" +%FT%TZ)"
    done
    publish
    took=$(($(date +%s) - began))
    [ $took -lt $((when - began)) ] || fail "roll $i: published after its date, since this machine is busy"
    sed -n "s/^roll$i /$when /p" plan >>rolls
    while [ "$(date +%s)" -lt $when ]; do sleep 0.2; done
    if [ $i = 1 ] && [ -n "$c" ]; then
        held 1 # the kid of the key when it was loaded, still published, and the signature of the key that is current
        err_has InvalidJWSSignature
        ok "C: without the recipe the kid of a held key is wrong after a roll"
    fi
done
sleep 2 # for those that hold a key for a second
touch stop
for i in "${!kinds[@]}"; do
    wait "${loads[i]}" || fail "${kinds[i]}: $(cat "${kinds[i]}.load")"
    kill -0 "${servers[i]}" 2>/dev/null || fail "${kinds[i]}: the server ended"
    sed "s/^/ok: ${kinds[i]}, /" "${kinds[i]}.load"
done
