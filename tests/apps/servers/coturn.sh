# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# coturn: it gives root away itself once it has loaded the key, and reads the pair again as its user.
need turnserver
app=coturn user=turnserver owner=turnserver version=$(turnserver --version 2>/dev/null | tail -n 1)

server_start() {
    chown "$user" "$1"
    exec turnserver -n --listening-ip=127.0.0.1 --relay-ip=127.0.0.1 --listening-port="$(($2 - 1))" --tls-listening-port="$2" \
        --cert="$3" --pkey="$3" --no-udp --no-tcp --no-dtls --no-cli --no-auth --realm=localhost --allow-loopback-peers \
        --proc-user="$user" --proc-group="$user" --userdb="$1/db" --pidfile="$1/pid" --log-file=stdout
}
server_reload() { kill -USR2 "$1"; }
