# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# squid as Debian's unit runs it. Its master execs the worker with another real than effective user, so that glibc hides
# OPENSSL_CONF from OpenSSL there (AT_SECURE): our file stands in the place of the system's, as BindReadOnlyPaths= of the
# unit does it.
need squid
gap=1 # it closes its port while it reads its configuration again, with an ordinary key too
app=squid user=proxy version=$(squid -v | sed -n 's/^Squid Cache: Version \([0-9.]*\).*/\1/p')
server_prepare() { # its user is in no group of the token's, and keeps none: a copy, which init's own token asks for, needs no file
    find lab -group "$user" -exec chgrp root {} +
}

server_start() {
    cat >"$1/squid.conf" <<CONF
https_port 127.0.0.1:$2 accel defaultsite=localhost tls-cert=$3
cache_peer 127.0.0.1 parent 9 0 no-query originserver
http_access allow all
cache_effective_user $user
pid_filename $1/pid
coredump_dir $1
pinger_enable off
cache_log /dev/null
access_log none
cache deny all
shutdown_lifetime 1 second
CONF
    set -- squid --foreground -YC -f "$1/squid.conf"
    [ -n "${OPENSSL_CONF:-}" ] || exec "$@"
    # shellcheck disable=SC2016
    exec unshare --mount bash -c 'mount --bind "$OPENSSL_CONF" /usr/lib/ssl/openssl.cnf && unset OPENSSL_CONF && exec "$@"' - "$@"
}
server_reload() { kill -HUP "$1"; }
