# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Shared by the token scripts. Each is used as
#   tests/tokens/NAME start DIR    makes the token from nothing in DIR (absolute, must not exist), starts its daemons, and
#                                  writes DIR/token.conf: the lines of a [token_NAME] section of certroll.conf
#   tests/tokens/NAME stop DIR     ends what start started, by process group; DIR stays
# and keeps everything it makes in DIR. Exit 77: this machine has not got the token's packages (a skip for a person, a
# failure where CI=true).
set -euo pipefail
# shellcheck disable=SC2034 # for the scripts that source this
libdir=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
need() {
    local f
    for f in "$@"; do
        [ -e "$f" ] || command -v "$f" >/dev/null || { printf '%s: needs %s\n' "${0##*/}" "$f" >&2; exit 77; }
    done
}
# A PIN that every token takes (openCryptoki: 4 to 8 characters), in a file, never in an argument list of ours.
make_pin() {
    (umask 077 && od -An -N4 -tu4 /dev/urandom | tr -d ' \n' | sed 's/^/0000000/; s/.*\(.\{8\}\)$/\1/' >"$1")
}
# background NAME COMMAND...: a daemon in a process group of its own; stop ends the group.
background() {
    local name=$1
    shift
    setsid "$@" >"$dir/$name.log" 2>&1 &
    echo $! >"$dir/$name.pgid"
}
stop_groups() {
    local f pgid
    for f in "$dir"/*.pgid; do
        [ -e "$f" ] || continue
        pgid=$(cat "$f")
        kill -CONT -- "-$pgid" 2>/dev/null || true
        kill -TERM -- "-$pgid" 2>/dev/null || true
        for _ in $(seq 20); do
            kill -0 -- "-$pgid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL -- "-$pgid" 2>/dev/null || true
        rm -f "$f"
    done
}
wait_for() { # SECONDS COMMAND...
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || die "did not come up: $*"
        sleep 0.1
    done
}
listens() { grep -q " 00010000 .* $1\$" /proc/net/unix; } # PATH, as it was bound: __SO_ACCEPTCON

[ $# = 2 ] || die "usage: ${0##*/} start|stop DIR"
case $2 in /*) dir=$2 ;; *) die "DIR must be absolute" ;; esac
case $1 in
start)
    mkdir -m 755 "$dir" || exit 1
    token_start
    ;;
start-server) token_start_server ;;
stop) token_stop ;;
*) die "usage: ${0##*/} start|stop DIR" ;;
esac
