#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# HAProxy as Debian ships it: master and worker, user haproxy, an empty folder as root; reload by USR2. Master and worker are
# a process and its child, which signs after the change of root: ready-after-fork reaches the token before. All checks with
# SoftHSM, which opens its files by name at each use of a key but not of a copy, and with a token behind a socket. Without
# ready-after-fork, and when the socket's other end dies, each handshake is refused, and the log says why.
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/apps/checks.sh
. "$(dirname "$0")/checks.sh"
PATH=$PATH:/usr/sbin
command -v haproxy >/dev/null || skip "no haproxy"
# shellcheck disable=SC2034
app=HAProxy user=haproxy several=1 replaces=yes version=$(haproxy -v | sed -n '1s/.*version \([0-9.]*\).*/\1/p')

server_start() {
    cat >"$1/haproxy.cfg" <<CONF
global
    chroot $T/jail
    user $user
    group $user
    nbthread 4
    stats socket $1/admin.sock mode 660 level admin
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 5s
frontend tls
    bind 127.0.0.1:$2 ssl crt $3
    http-request return status 200
CONF
    exec haproxy -W -db -f "$1/haproxy.cfg"
}
server_prepare() {
    mkdir jail
    cp lab/certroll.conf plain.conf
    echo 'ready-after-fork = yes' >>lab/certroll.conf
}
server_reload() { kill -USR2 "$1"; }

server_workers() { # PID: every worker, of several threads, sees the empty folder as its root
    local pid
    for pid in $(pgrep -g "$1"); do
        [ "$pid" != "$1" ] || continue
        same "$(readlink "/proc/$pid/root")" "$T/jail" "root of a worker"
        [ "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge 4 ] || fail "a worker has one thread"
    done
    same "$(ls -A jail)" "" "what is in the new root"
}
unreachable() { # PART...: every handshake is refused, and the log says so
    local part
    : >provider.log
    [[ $(served "$port") == failed* ]] || fail "a handshake without a token"
    for part in "root directory (chroot?)" "$@"; do
        grep -qF -- "$part" provider.log || fail "the log does not say '$part': $(cat provider.log)"
    done
}

tls_server

# ---- behind a socket
# shellcheck disable=SC2034
route="file, token behind a socket" port=$(free_port)
begin start
# shellcheck disable=SC2016
cleanup_hooks+=('"$TOP/tests/tokens/network" stop "$T/network" 2>/dev/null')
plain "$TOP/tests/tokens/network" start "$T/network" >start.log 2>&1 || fail "tests/tokens/network: $(cat start.log)"
{
    sed '/^\[token_/,$d' plain.conf | sed 's/^tokens = .*/tokens = network/'
    echo '[token_network]'
    cat network/token.conf
    echo 'ready-after-fork = yes'
} >lab/certroll.conf
chmod 600 network/pin # the worker logs in while it is root
for type in rsa:2048 ec:P-256; do # keys that stand on this token alone
    kind=${type%%:*}
    leaf "net${kind}1" "$type"
    leaf "net${kind}2" "$type"
    role=Tls-$kind-socket
    begin "$kind start"
    run certroll import "net${kind}1.pfx" "$role" --use tls --passin pass:pw
    write_pem "net${kind}1" socket.pem
    port=$(free_port)
    instance "socket-$kind" "$port" "$T/socket.pem"
    same "$(served "$port")" "net${kind}1" "the first handshake"
    workers "$leader"
    passed
    begin "$kind handshakes"
    handshakes "$port" "net${kind}1"
    passed
    [ "$kind" != rsa ] || static_rsa "$port" netrsa1
    begin "$kind roll under load"
    load_start "$port" 2
    roll "net${kind}2" 1
    write_pem "net${kind}2" socket.pem
    reload "$leader" "$port" "net${kind}2"
    load_saw "net${kind}2"
    load_end
    handshakes "$port" "net${kind}2"
    workers "$leader"
    passed
    [ "$kind" != rsa ] || ended "$leader"
done
begin "the socket's other end dies"
kill -KILL -- "-$(cat network/server.pgid)"
# shellcheck disable=SC2009
dead() { ! ps -eo pgid=,stat= | grep -q "^ *$(cat network/server.pgid) [^Z]"; }
for ((i = 0; i < 600; i++)); do if dead; then break; fi; sleep 0.1; done
unreachable "restart the program"
passed
begin "a reload after it is back"
plain "$TOP/tests/tokens/network" start-server "$T/network" >start.log 2>&1 || fail "tests/tokens/network: $(cat start.log)"
mapfile -t old < <(workers_of "$leader")
server_reload "$leader"
for ((i = 0; i < 600; i++)); do [ "$(served "$port")" != netec2 ] || break; sleep 0.1; done
replaced "${old[@]}" # until then an old worker may take a handshake, and still fails
handshakes "$port" netec2
passed
begin stop
ended "$leader"
passed

# ---- without ready-after-fork
# shellcheck disable=SC2034
route="file, without ready-after-fork" port=$(free_port)
begin start
cp plain.conf lab/certroll.conf
instance without "$port" "$T/older.pem"
unreachable "ready-after-fork"
ended "$leader"
result start refused "its worker signs after the chroot; the log names ready-after-fork"
