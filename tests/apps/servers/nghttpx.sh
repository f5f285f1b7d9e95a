# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# nghttpx: a master as root and a worker process as its user, which a HUP replaces by another that reads the pair.
need nghttpx
app=nghttpx user=www-data replaces=yes version=$(nghttpx --version | sed 's/.*nghttp2\/\([0-9.]*\).*/\1/')

server_start() {
    exec nghttpx --conf=/dev/null --user="$user" --frontend="127.0.0.1,$2" --backend=127.0.0.1,9 --workers=2 --no-ocsp \
        --pid-file="$1/pid" --errorlog-file=/dev/stderr "$3" "$3"
}
server_reload() { kill -HUP "$1"; }
