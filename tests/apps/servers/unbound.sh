# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# unbound, DNS over TLS: one process loads the key as root, then changes into an empty root directory and its user, and signs.
need unbound
restart=1 # Debian 12's reads no key at a reload
app=unbound user=unbound version=$(unbound -V | sed -n 's/^Version //p')
server_prepare() { # its user keeps no group of the token's, and no file of it stands in the root directory: a copy needs none
    find lab -group "$user" -exec chgrp root {} +
}

server_start() {
    mkdir -p "$1/root"
    cat >"$1/unbound.conf" <<CONF
server:
  username: $user
  chroot: "$1/root"
  directory: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 2
  interface: 127.0.0.1@$2
  tls-port: $2
  tls-service-key: $3
  tls-service-pem: $3
remote-control:
  control-enable: no
CONF
    exec unbound -d -c "$1/unbound.conf"
}
