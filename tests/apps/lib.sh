# shellcheck shell=bash disable=SC2034,SC2119,SC2154
# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts of TLS servers: one list of checks for all of them, seen from outside by an openssl without our
# configuration. A script says `app`, `version`, `user` and two functions:
#   server_start DIR PORT PEM   writes its configuration into DIR, then execs the server in the foreground
#   server_reload PID           asks the running one to read certificate and key again, gracefully
# and, where the lab needs more for this server, server_prepare; where more is to be seen of its workers, server_workers PID.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
# shellcheck source=tests/apps/results.sh
. "$(dirname "${BASH_SOURCE[0]}")/results.sh"
several=2   # workers that a server has at least
replaces='' # set: a reload starts new workers and ends the old ones
starttls=() # of servers that begin in the clear: -starttls smtp

begin() { now=$1 && echo "$route $now" >"$T/now"; }
passed() { result "$now" pass; }

apps_end() { # of the script: what failed goes to the results, what still runs is ended
    local file
    if [ "$status" != 0 ] && [ "$status" != 77 ]; then
        read -r route now <"$T/now"
        result "$now" fail
        [ ! -s "$T/provider.log" ] || { echo "--- the provider's log" && tail -n 20 "$T/provider.log"; } >&2
    fi
    for file in "$T"/i/*/leader; do kill -KILL -- "-$(cat "$file")"; done 2>/dev/null
}

apps_lab() { # the user's group may sign; the environment of servers names nothing but openssl.cnf
    [ "$(id -u)" = 0 ] || skip "a server that changes its user needs root"
    route=none
    begin "set up"
    results_begin
    cleanup_hooks+=(apps_end)
    reachable_build
    lab --group "$(id -gn "$user")"
    : >"$T/provider.log" && chmod 666 "$T/provider.log" # servers write it as their workers' user
    sed -i "s|^tokens = .*|&\nlog = $T/provider.log|" "$T/lab/certroll.conf"
    cd "$T" && mkdir i
    printf '%s\n' '[req]' 'distinguished_name=dn' '[dn]' '[ca]' 'basicConstraints=critical,CA:TRUE' '[leaf]' \
        'basicConstraints=CA:FALSE' 'subjectAltName=DNS:localhost' >req.cnf
    cert ca rsa:2048 30 -config req.cnf -extensions ca
    cert sub rsa:2048 30 -config req.cnf -extensions ca -CA ca.crt -CAkey ca.key -subj /CN=sub
    [ "$(type -t server_prepare)" != function ] || server_prepare
}

# A server certificate for localhost whose OU says which one it is. Those with RSA keys come from an intermediate CA: clients
# trust the root alone, so a handshake shows that the chain is served.
leaf() { # NAME TYPE
    local issuer=ca
    [[ $2 != rsa* ]] || issuer=sub
    cert "$1" "$2" 30 -config req.cnf -extensions leaf -CA $issuer.crt -CAkey $issuer.key -subj "/OU=$1/CN=localhost"
    : >"$1.chain"
    [ $issuer = ca ] || cp $issuer.crt "$1.chain"
    cat "$1.crt" "$1.chain" "$1.key" >"$1.pem" # what an ordinary server is given
    plain openssl pkcs12 -export -in "$1.pem" -out "$1.pfx" -passout pass:pw
}

# Instances: $T/i/NAME is the folder of one, the group of its leader is the set of its processes.
launch() { # NAME PORT PEM
    local environment=(PATH="$PATH")
    mkdir "$T/i/$1"
    [ "$route" = control ] || environment+=(OPENSSL_CONF="$OPENSSL_CONF")
    setsid env -i "${environment[@]}" T="$T" user="$user" variant="${variant:-}" key="${key:-}" \
        bash -c "$(declare -f server_start); server_start \"\$@\"" \
        server "$T/i/$1" "$2" "$3" >"$T/i/$1/log" 2>&1 </dev/null &
    leader=$!
    echo $leader >"$T/i/$1/leader"
}
instance() { # NAME PORT PEM
    launch "$@"
    (wait_port "$2") || fail "$1 does not start: $(tail -n 20 "$T/i/$1"/*log)"
}

gone() { grep -lsx "$1" "$T"/i/*/leader | xargs -r rm || true; } # PID: it may be another's before this script ends
ended() { # PID: asks the leader to stop; nothing of its group may be left
    local i
    kill -TERM "$1"
    for ((i = 0; i < 600; i++)); do
        pgrep -g "$1" >/dev/null || { gone "$1"; return 0; }
        sleep 0.1
    done
    fail "processes are left: $(pgrep -ag "$1")"
}

# Every process of the group but the leader is the unprivileged user's; there are $several or more. A worker just forked is
# still root's for a moment: at most 60 s.
workers() { # PID
    local i pid uids
    for ((i = 0; i < 600; i++)); do
        uids=()
        for pid in $(workers_of "$1"); do uids+=("$(stat -c %U "/proc/$pid" 2>/dev/null || echo ended)"); done
        [ ${#uids[@]} -lt "$several" ] || [ "$(printf '%s\n' "${uids[@]}" | sort -u)" != "$user" ] || break
        sleep 0.1
    done
    [ ${#uids[@]} -ge "$several" ] || fail "there are ${#uids[@]} workers, not $several"
    same "$(printf '%s\n' "${uids[@]}" | sort -u)" "$user" "user of the workers"
    [ "$(type -t server_workers)" != function ] || server_workers "$1"
}

served() { # PORT [OPTION...]: prints which certificate a verified handshake came with
    local port=$1 out
    shift
    out=$(plain timeout 60 openssl s_client "${starttls[@]}" -connect "127.0.0.1:$port" -servername localhost -verify_hostname localhost \
        -CAfile "$T/ca.crt" -verify_return_error "$@" </dev/null 2>&1) || { echo "failed: $(grep -i error <<<"$out" | head -n 3)"; return 0; }
    [[ $out =~ subject=OU\ ?=\ ?([a-z0-9]+), ]] && echo "${BASH_REMATCH[1]}" || echo "failed: no subject: ${out//$'\n'/ | }"
}

handshakes() { # PORT NAME: 24 in a row, 12 at once, of either version
    local tls i got
    for tls in tls1_2 tls1_3; do
        for ((i = 0; i < 24; i++)); do same "$(served "$1" -$tls)" "$2" "handshake $i in a row, $tls"; done
        for ((i = 0; i < 12; i++)); do served "$1" -$tls >"$T/at-once.$i" & got[i]=$!; done
        wait "${got[@]}"
        same "$(sort "$T"/at-once.* | uniq -c | sed 's/^ *//')" "12 $2" "12 at once, $tls"
        rm "$T"/at-once.*
    done
}

load_start() { # PORT CLIENTS: handshakes all the time until load_end, each a line of $T/load.N
    local i
    rm -f "$T/stop" "$T"/load.*
    loaders=()
    for ((i = 0; i < $2; i++)); do
        : >"$T/load.$i"
        while [ -d "/proc/$$" ] && [ ! -e "$T/stop" ]; do served "$1"; done >"$T/load.$i" & # not longer than the script
        loaders+=($!)
    done
}
# What a client began before the end of a reload may come from an old worker: the load goes on until it has seen the new pair.
load_saw() { # NAME
    local i
    for ((i = 0; i < 600; i++)); do
        ! grep -qx "$1" "$T"/load.* || return 0
        sleep 0.1
    done
    fail "the load never saw $1: $(tail -qn 1 "$T"/load.* | tr '\n' ' ')"
}
load_end() {
    local i j
    for i in "${!loaders[@]}"; do # on a busy machine a short load goes on until there is one
        for ((j = 0; j < 600; j++)); do [ "$(wc -l <"$T/load.$i")" -lt 3 ] || break; sleep 0.1; done
    done
    touch "$T/stop"
    wait "${loaders[@]}"
    for i in "${!loaders[@]}"; do [ "$(wc -l <"$T/load.$i")" -ge 3 ] || fail "client $i made no load: $(cat "$T/load.$i")"; done
    ! grep -h failed "$T"/load.* >"$T/failed" || fail "$(wc -l <"$T/failed") of $(cat "$T"/load.* | wc -l) handshakes: $(head -n 1 "$T/failed")"
}

# A graceful reload takes its time, in which every handshake works.
until_served() { # PORT NAME [TIMES]: that often in a row; 60 s without are too long
    local i got times=0
    for ((i = 0; i < 600; i++)); do
        got=$(served "$1")
        [[ $got != failed* ]] || fail "during the reload: $got"
        if [ "$got" = "$2" ]; then
            times=$((times + 1))
            [ $times -lt "${3:-1}" ] || return 0
        else
            times=0
            sleep 0.1
        fi
    done
    fail "still serves $got, not $2"
}
# A reload, waited for. As long as an old worker runs it may take a handshake: where workers are replaced, the old have to be
# gone; elsewhere, where nothing says when the reload is over, the new pair has to come several times in a row.
reload() { # PID PORT NAME
    local old=()
    [ -z "$replaces" ] || mapfile -t old < <(workers_of "$1")
    server_reload "$1"
    until_served "$2" "$3" 6
    replaced "${old[@]}"
}
workers_of() { pgrep -g "$1" | grep -vx "$1"; } # PID
replaced() { # PID...: they end, at most 60 s each
    local i pid
    for pid in "$@"; do
        for ((i = 0; i < 600; i++)); do kill -0 "$pid" 2>/dev/null || continue 2; sleep 0.1; done
        fail "an old worker is left after the reload: $(ps -p "$pid" -o args=)"
    done
}

roll() { # NAME SECONDS: the change of pair, by an ordinary file or by the role; returns after the effective date
    [ "$route" = control ] || run certroll import "$1.pfx" "$role" --passin pass:pw --effective-date "+$2s"
    sleep "$2.3"
}
write_pem() { # NAME FILE: what the server is given as certificate and as key
    if [ "$route" = control ]; then cp "$1.pem" "$2"; else run certroll pem "$role" --bundle --out "$2"; fi
}
