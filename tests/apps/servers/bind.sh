# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# BIND, DNS over TLS: it gives up root, then loads the key as its user, in each of several threads' loops.
need named
gap=1 # it takes its listeners down and up again, with an ordinary key too
app=BIND user=bind owner=bind version=$(named -v | sed 's/^BIND \([0-9.]*\).*/\1/')

server_start() {
    mkdir "$1/n"
    chown "$user" "$1/n"
    cat >"$1/named.conf" <<CONF
tls role { cert-file "$3"; key-file "$3"; };
controls { };
options {
  directory "$1/n";
  pid-file none;
  session-keyfile none;
  managed-keys-directory "$1/n";
  recursion no;
  dnssec-validation no;
  listen-on-v6 { none; };
  listen-on port $2 tls role { 127.0.0.1; };
};
CONF
    exec named -g -n 2 -u "$user" -c "$1/named.conf"
}
server_reload() { kill -HUP "$1"; }
