#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# HAProxy as Debian ships it: master and worker, user haproxy, chroot; reload by USR2. SoftHSM opens its files by name at
# each start of the worker, which is after the chroot: the tokens' folder lies inside, by the name that it has outside.
# Without that, the log says why each handshake is refused.
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/apps/checks.sh
. "$(dirname "$0")/checks.sh"
PATH=$PATH:/usr/sbin
command -v haproxy >/dev/null || skip "no haproxy"
# shellcheck disable=SC2034
app=HAProxy user=haproxy version=$(haproxy -v | sed -n '1s/.*version \([0-9.]*\).*/\1/p')

server_start() {
    cat >"$1/haproxy.cfg" <<CONF
global
    chroot $T/jail${variant:-}
    user $user
    group $user
    stats socket $1/admin.sock mode 660 level admin
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend tls
    bind 127.0.0.1:$2 ssl crt $3
    http-request return status 200
CONF
    exec haproxy -W -db -f "$1/haproxy.cfg"
}
server_prepare() {
    mkdir -p "jail$T/lab" jail-empty
    mv lab/tokens "jail$T/lab/"
    ln -s "$T/jail$T/lab/tokens" lab/tokens
}
server_reload() { kill -USR2 "$1"; }

tls_server

# shellcheck disable=SC2034
route="file, empty chroot" variant=-empty port=$(free_port)
begin start
instance empty "$port" "$T/older.pem"
[[ $(served "$port") == failed* ]] || fail "a handshake in an empty chroot, where SoftHSM has no files"
grep -q "root directory" provider.log || fail "the log does not say why: $(cat provider.log)"
ended "$leader"
result start refused "SoftHSM opens its files by name after the chroot; the log says so"
