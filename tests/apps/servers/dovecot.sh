# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# dovecot: one process reads the key file and hands its text to the login processes, which run as another user and load it
# at the first connection, by default in an empty root directory, where no token can be reached: `chroot =` ends that.
# import_environment carries OPENSSL_CONF.
need dovecot
app=dovecot user=dovenull version=$(dovecot --version | cut -d' ' -f1)

server_start() {
    cat >"$1/dovecot.conf" <<CONF
base_dir = $1/run
state_dir = $1/state
log_path = /dev/stderr
protocols = imap
import_environment = TZ${OPENSSL_CONF:+ OPENSSL_CONF=$OPENSSL_CONF}
ssl = required
ssl_cert = <$3
ssl_key = <$3
default_login_user = $user
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    address = 127.0.0.1
    port = $2
    ssl = yes
  }
  process_min_avail = 2
  service_count = 0
}
passdb {
  driver = static
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/tmp
}
CONF
    exec dovecot -F -c "$1/dovecot.conf"
}
server_reload() { kill -HUP "$1"; }
