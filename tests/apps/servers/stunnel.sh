# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# stunnel: it changes its user after the first load of the key, and reads it again as that user.
need stunnel4
gap=1 # it closes its port while it reads its configuration again, with an ordinary key too
app=stunnel user=stunnel4 owner=stunnel4 version=$(stunnel4 -version 2>&1 | sed -n 's/.*stunnel \([0-9.]*\) on.*/\1/p' | head -n 1)

server_start() {
    chown "$user" "$1"
    cat >"$1/stunnel.conf" <<CONF
foreground = yes
setuid = $user
setgid = $user
pid = $1/pid
[echo]
accept = 127.0.0.1:$2
exec = /bin/cat
execArgs = cat
cert = $3
CONF
    exec stunnel4 "$1/stunnel.conf"
}
server_reload() { kill -HUP "$1"; }
