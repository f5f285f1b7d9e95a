#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: test_servers.sh BUILD-FOLDER NAME
# A shorter list of checks, for any TLS server of Debian: an ordinary key file first, then a bundle; handshakes, the user it
# runs as, and a roll from RSA to EC with a reload under load. tests/apps/servers/NAME.sh has server_start and server_reload
# of lib.sh, app, program, version and user, and where they differ:
#   owner     who may read the key file, for a server that loads or reloads it as its own user
#   gap       set: its reload, even with ordinary keys, closes the port for a moment
#   replaces  of lib.sh, with workers_of where not every child is such a worker
#   restart   set: it reads the pair at its start alone, and has no reload
#   starttls  options for the client
#   server_also PORT  more checks while it serves the RSA pair
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin
need() { command -v "$1" >/dev/null || skip "no $1"; }
owner=root gap='' restart='' route=none now=start
[ -f "$TOP/tests/apps/servers/$2.sh" ] || fail "usage: test_servers.sh BUILD-FOLDER NAME"
# shellcheck source=tests/apps/servers/stunnel.sh
. "$TOP/tests/apps/servers/$2.sh"

# pair NAME FILE: certificate and key, in place, readable for the owner alone.
pair() {
    touch "$2" && chown "$owner" "$2" && chmod 600 "$2"
    write_pem "$1" "$2.new"
    cat "$2.new" >"$2" && rm "$2.new"
}
descendants() { # PID: of whatever group or session
    local pid
    for pid in $(pgrep -P "$1"); do echo "$pid" && descendants "$pid"; done
}
unprivileged() { # PID: the server or one of its processes is the user's
    local pids
    mapfile -t pids < <(echo "$1" && descendants "$1")
    # shellcheck disable=SC2009
    ps -o user:32= "${pids[@]/#/-p}" | grep -qx "$user" || fail "no process of $user"
}
handshakes() { # PORT NAME
    local tls i shaken
    for tls in tls1_2 tls1_3 tls1_2 tls1_3; do same "$(served "$1" -$tls)" "$2" "a handshake, $tls"; done
    for ((i = 0; i < 4; i++)); do served "$1" >"$T/at-once.$i" & shaken[i]=$!; done
    wait "${shaken[@]}"
    same "$(sort "$T"/at-once.* | uniq -c | sed 's/^ *//')" "4 $2" "4 at once"
    rm "$T"/at-once.*
}
reloaded() { # PORT NAME: six times in a row, as long as an older worker may answer too; at most 60 s
    local times=0 until=$((SECONDS + 60)) name
    while [ $times -lt 6 ]; do
        name=$(served "$1")
        if [ "$name" = "$2" ]; then
            times=$((times + 1))
        else
            [ $SECONDS -lt $until ] || fail "serves $name, not $2"
            times=0
            sleep 0.1
        fi
    done
}

checks() { # ROUTE
    local port main pid pids old=()
    route=$1 role=Tls-$1
    begin "start and handshakes"
    [ "$route" = control ] || run certroll import rsa.pfx "$role" --use tls --passin pass:pw
    pair rsa "$T/site.pem"
    port=$(free_port)
    instance "$route" "$port" "$T/site.pem"
    main=$leader
    handshakes "$port" rsa
    unprivileged "$main"
    passed
    [ "$(type -t server_also)" != function ] || server_also "$port"
    begin "roll and reload"
    [ -n "$gap$restart" ] || load_start "$port" 2
    roll ec 1
    pair ec "$T/site.pem"
    same "$(served "$port")" rsa "before the reload"
    if [ -n "$restart" ]; then
        ended "$main"
        instance "$route-again" "$port" "$T/site.pem"
        main=$leader
    elif [ -n "$gap" ]; then
        [ -z "$replaces" ] || mapfile -t old < <(workers_of "$main")
        server_reload "$main" && reloaded "$port" ec && replaced "${old[@]}"
    else
        reload "$main" "$port" ec && load_saw ec && load_end
    fi
    handshakes "$port" ec
    unprivileged "$main"
    passed
    begin stop
    mapfile -t pids < <(descendants "$main")
    ended "$main"
    for pid in "${pids[@]}"; do ! kill -0 "$pid" 2>/dev/null || fail "a process is left: $(ps -p "$pid" -o args=)"; done
    passed
}

apps_lab
leaf rsa rsa:2048
leaf ec ec:P-256
(checks control) || fail "the control, ordinary key files, fails: the test is wrong"
checks file
