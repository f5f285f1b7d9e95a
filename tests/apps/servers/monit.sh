# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# monit: it closes every descriptor it does not know, between OpenSSL's reading of its configuration and the load of the key.
need monit
gap=1 # it closes its port while it reads its configuration again, with an ordinary key too
app=monit user=nobody owner=nobody version=$(monit --version | sed -n 's/^This is Monit version //p')

server_start() {
    cat >"$1/monitrc" <<CONF
set daemon 600
set log $1/monit.log
set pidfile $1/pid
set idfile $1/id
set statefile $1/state
set httpd port $2 and use address 127.0.0.1
    with ssl { pemfile: $3 }
    allow localhost
CONF
    chmod 600 "$1/monitrc"
    chown -R "$user" "$1"
    exec setpriv --reuid "$user" --regid "$(id -gn "$user")" --clear-groups monit -I -c "$1/monitrc"
}
server_reload() { kill -HUP "$1"; }
