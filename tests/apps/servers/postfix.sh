# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# Postfix with its smtpd as Debian ships it: each loads the key and moves into the queue's folder as its root after that;
# import_environment carries OPENSSL_CONF to it. Postfix sorts the blocks of one file by their labels itself and so ignores a
# reference; two names, of one bundle, for certificate and key leave the key to OpenSSL.
need postconf
app=Postfix user=postfix starttls=(-starttls smtp) version=$(postconf -dh mail_version)
server_prepare() { # its user is in no group of the token's, and keeps none: a copy, which init's own token asks for, needs no file
    find lab -group "$user" -exec chgrp root {} +
}

server_start() {
    mkdir "$1/etc" "$1/queue"
    install -d -o "$user" "$1/data"
    ln -s "$3" "$1/key.pem"
    cat >"$1/etc/main.cf" <<CONF
compatibility_level = 3.6
queue_directory = $1/queue
data_directory = $1/data
maillog_file = /dev/stdout
myhostname = localhost
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
notify_classes =
smtpd_tls_security_level = may
smtpd_tls_cert_file = $3
smtpd_tls_key_file = $1/key.pem
import_environment = MAIL_CONFIG ${OPENSSL_CONF:+OPENSSL_CONF=$OPENSSL_CONF}
CONF
    cat >"$1/etc/master.cf" <<CONF
127.0.0.1:$2 inet n - y - - smtpd
tlsmgr unix - - y 1000? 1 tlsmgr
rewrite unix - - y - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - y - 1 anvil
postlog unix-dgram n - n - 1 postlogd
CONF
    postfix -c "$1/etc" check
    exec /usr/lib/postfix/sbin/master -s -c "$1/etc" # what start-fg runs, as its child
}
server_reload() { kill -HUP "$1"; }
server_also() { # PORT: they that made the handshakes
    local pid roots=()
    for pid in $(descendants "$(cat "$T/i/$route/leader")"); do
        [ "$(cat "/proc/$pid/comm" || true)" != smtpd ] || roots+=("$(readlink "/proc/$pid/root")")
    done 2>/dev/null
    begin "change of root"
    same "$(printf '%s\n' "${roots[@]}" | sort -u)" "$T/i/$route/queue" "root of smtpd"
    passed
}
