# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# hitch: two workers of another user; HUP starts new ones.
need hitch
gap=1 # a handshake that meets the exchange of its workers is cut off, with an ordinary key too
app=hitch user=_hitch replaces=yes version=$(hitch --version | sed -n 's/.*hitch \([0-9.]*\).*/\1/p')

server_start() {
    cat >"$1/hitch.conf" <<CONF
frontend = "[127.0.0.1]:$2"
backend = "[127.0.0.1]:1"
pem-file = "$3"
user = "$user"
group = "$user"
workers = 2
daemon = off
ocsp-dir = ""
CONF
    exec hitch --config="$1/hitch.conf"
}
server_reload() { kill -HUP "$1"; }
