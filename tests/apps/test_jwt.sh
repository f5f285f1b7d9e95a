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
# shellcheck source=tests/apps/results.sh
. "$(dirname "$0")/results.sh"
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
        echo "$(if [ $i = 0 ]; then echo 0 0; else echo "roll$i"; fi) $family$i.crt ${of[$family]}" >>plan
    done
done
mkdir pinned live
for role in "${roles[@]}"; do
    run certroll pem "$role" --bind pinned --out "pinned/$role.pem"
    run certroll pem "$role" --out "live/$role.pem"
done
publish() { run certroll jwks "${roles[@]}" --out jwks.json; }
publish
grep '^0 ' plan >rolls

compile() { # OUT SOURCE LIBRARY...
    gcc -Wall -Wextra -Werror -o "$1" "$apps/$2" "$apps/c/web.c" "${@:3}" -lcrypto -lpthread || fail "$2"
}
# What a server answers, for how many seconds it holds a key that it has loaded, and of how many processes it is.
start() { # KIND
    local port
    port=$(free_port)
    url=http://127.0.0.1:$port/ hold=0 processes=1
    case $1 in
    php)
        # One request at a time a worker: four of them.
        paths=(RS256 ES256) processes=5
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
        no_ps256=1
    fi
    stop_server
}

load() { # SEEN STOP HOLD PATH...: eight clients, from now until there is a file STOP
    : >"$1"
    /usr/bin/python3 "$apps/jwt/load.py" "$url" jwks.json rolls "$@" &
    cleanup_hooks+=("kill $! 2>/dev/null")
}

minted() { # KIND: a row of the table
    local routes=(file)
    case $1 in
    php) app="JWT server in PHP" version=$(php -r 'echo PHP_MAJOR_VERSION . "." . PHP_MINOR_VERSION . "." . PHP_RELEASE_VERSION;') ;;
    node) app="JWT server in Node" version=$(node --version) version=${version#v} ;;
    libjwt) app="JWT server with libjwt" version=$(pkg-config --modversion libjwt) ;;
    c) app="JWT server in C" version=$openssl_version routes=(file uri) ;;
    esac
    results_begin
    for route in "${routes[@]}"; do result "rolls under load" pass; done
    if [ "$1" = libjwt ] && [ -n "$no_ps256" ]; then route="file" && result PS256 refused "libjwt has no PS256, with any key"; fi
}

servers=() loads=() answers=() without='' no_ps256=''
for kind in "${kinds[@]}"; do
    start "$kind"
    while [ "$(pgrep -c -g "${servers[-1]}")" != $processes ]; do sleep 0.1; done
    pgrep -g "${servers[-1]}" >"$kind.processes"
    load "$kind.seen" stop $hold "${paths[@]}" >"$kind.load" 2>&1
    loads+=($!) answers+=(${#paths[@]})
done
if [[ $kind = c ]]; then # the load itself must notice what the recipe prevents
    load held.seen stop-held 0 held/RS256 >held.load 2>&1
    without=$!
fi
schedule() { # NUMBER UNIX-TIME
    local family
    for family in "${!types[@]}"; do
        # shellcheck disable=SC2086 # a list of roles
        run certroll roll ${of[$family]} --thumbprint "$(thumb "$family$1")" --at "$(date -u -d "@$2" +%FT%TZ)"
    done
}
seen() { # NUMBER OF KEYS: until each path of each server has answered with so many, or one has failed; at most 60 s
    local i until=$((SECONDS + 60))
    for i in "${!kinds[@]}"; do
        while [ "$(wc -l <"${kinds[i]}.seen")" -lt $(($1 * answers[i])) ] && ! grep -q failed "${kinds[i]}.seen"; do
            [ $SECONDS -lt $until ] || fail "${kinds[i]} does not answer with $1 keys: $(sort "${kinds[i]}.seen" | cut -d' ' -f1 | uniq -c | xargs)"
            sleep 0.1
        done
    done
}
for ((i = 1; i <= rolls; i++)); do
    # Verifiers must have the set before its new key signs, however long a command takes on a busy machine.
    began=$(date +%s)
    schedule $i $((began + 3600))
    took=$(($(date +%s) - began))
    publish
    seen $i # of the keys before this one
    run certroll cancel "${roles[@]}"
    when=$(($(date +%s) + took + 2))
    schedule $i $when
    sed -n "s/^roll$i /$when $(date +%s.%N) /p" plan >>rolls
    while [ "$(date +%s)" -lt $when ]; do sleep 0.2; done
    if [ -n "$without" ]; then # the first roll: the older kid, still published, with the signature of another key
        for ((j = 0; j < 600; j++)); do ! grep -q failed held.seen || break; sleep 0.1; done
        touch stop-held
        ! wait $without || fail "without the recipe no kid is wrong: $(cat held.load)"
        grep -q "held/RS256: InvalidJWSSignature" held.load || fail "$(cat held.load)"
        ok "c, without the recipe: $(cat held.load)"
        without=
    fi
done
seen $((rolls + 1))
touch stop
for i in "${!kinds[@]}"; do
    wait "${loads[i]}" || fail "${kinds[i]}: $(cat "${kinds[i]}.load")"
    same "$(pgrep -g "${servers[i]}")" "$(cat "${kinds[i]}.processes")" "processes of ${kinds[i]}, none of them restarted"
    sed "s/^/ok: ${kinds[i]}, /" "${kinds[i]}.load"
    minted "${kinds[i]}"
done
