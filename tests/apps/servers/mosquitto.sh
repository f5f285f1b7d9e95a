# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# mosquitto: the key is read as its user.
need mosquitto
app=mosquitto user=mosquitto owner=mosquitto version=$({ mosquitto -h || true; } | sed -n 's/^mosquitto version //p')

server_start() {
    cat >"$1/mosquitto.conf" <<CONF
user $user
listener $2 127.0.0.1
certfile $3
keyfile $3
allow_anonymous true
CONF
    exec mosquitto -c "$1/mosquitto.conf"
}
server_reload() { kill -HUP "$1"; }
