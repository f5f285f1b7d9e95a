# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# lighttpd: it reads the certificates of the file first and the key afterwards, from memory; graceful restart by USR1.
need lighttpd
[ -e /usr/lib/lighttpd/mod_openssl.so ] || skip "no lighttpd-mod-openssl"
app=lighttpd user=www-data owner=www-data version=$(lighttpd -v | sed -n 's|^lighttpd/\([0-9.]*\).*|\1|p')

server_start() {
    : >"$1/error.log"
    chown "$user" "$1" "$1/error.log"
    cat >"$1/lighttpd.conf" <<CONF
server.modules = ("mod_openssl")
server.document-root = "$1"
server.username = "$user"
server.groupname = "$user"
server.bind = "127.0.0.1"
server.port = $2
server.errorlog = "$1/error.log"
ssl.engine = "enable"
ssl.openssl.ssl-conf-cmd = ("MinProtocol" => "TLSv1.2")
ssl.pemfile = "$3"
CONF
    exec lighttpd -D -f "$1/lighttpd.conf"
}
server_reload() { kill -USR1 "$1"; }
