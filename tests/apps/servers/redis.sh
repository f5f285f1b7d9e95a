# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# redis: it runs as its user from the start; the pair is read again when it is set again.
need redis-server
app=redis user=redis owner=redis version=$(redis-server --version | sed 's/.* v=\([0-9.]*\).*/\1/')

server_start() {
    chown "$user" "$1"
    echo "$2" >"$T/port"
    exec setpriv --reuid "$user" --regid "$user" --clear-groups redis-server --port 0 --tls-port "$2" --bind 127.0.0.1 \
        --tls-cert-file "$3" --tls-key-file "$3" --tls-ca-cert-file "$T/ca.crt" --tls-auth-clients no --dir "$1" --save ''
}
server_reload() {
    run plain redis-cli --tls --cacert ca.crt -h localhost -p "$(cat port)" config set tls-cert-file "$T/site.pem" tls-key-file "$T/site.pem"
    out_has OK
}
