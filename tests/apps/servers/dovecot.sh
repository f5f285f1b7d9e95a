# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# dovecot: one process reads the key file and hands its text to the login processes, which run as another user and load it
# at the first connection, by default in an empty root directory, where no token can be reached: `chroot =` ends that.
# import_environment carries OPENSSL_CONF. 2.4 has other names for all that.
need dovecot
app=dovecot user=dovenull replaces=yes version=$(dovecot --version | cut -d' ' -f1)
variant=2.4
[[ $version != 2.3* ]] || variant=2.3

server_start() {
    local address=listen requests=restart_request_count endless=unlimited
    if [ "$variant" = 2.3 ]; then
        address=address requests=service_count endless=0
        cat <<CONF
ssl_cert = <$3
ssl_key = <$3
import_environment = TZ${OPENSSL_CONF:+ OPENSSL_CONF=$OPENSSL_CONF}
passdb {
  driver = static
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/tmp
}
CONF
    else
        cat <<CONF
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
ssl_server_cert_file = $3
ssl_server_key_file = $3
import_environment {
  ${OPENSSL_CONF:+OPENSSL_CONF = $OPENSSL_CONF}
}
passdb static {
  password = none
}
userdb static {
  fields {
    uid = nobody
    gid = nogroup
    home = /tmp
  }
}
CONF
    fi >"$1/dovecot.conf"
    cat >>"$1/dovecot.conf" <<CONF
base_dir = $1/run
state_dir = $1/state
log_path = /dev/stderr
protocols = imap
ssl = required
default_login_user = $user
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    $address = 127.0.0.1
    port = $2
    ssl = yes
  }
  process_min_avail = 2
  $requests = $endless
}
CONF
    exec dovecot -F -c "$1/dovecot.conf"
}
workers_of() { pgrep -g "$1" -x imap-login || true; }
server_reload() { kill -HUP "$1"; }
