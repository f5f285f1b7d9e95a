#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: test_apache.sh BUILD-FOLDER prefork|event: Apache with that MPM, children as www-data, graceful reload (USR1).
variant=${2:?usage: test_apache.sh BUILD-FOLDER prefork|event}
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/apps/checks.sh
. "$(dirname "$0")/checks.sh"
PATH=$PATH:/usr/sbin
command -v apache2 >/dev/null || skip "no apache2"
# shellcheck disable=SC2034
app="Apache $variant" user=www-data replaces=yes version=$(apache2 -v | sed -n 's|.*Apache/\([0-9.]*\).*|\1|p')

server_start() {
    local modules=/usr/lib/apache2/modules
    cat >"$1/apache.conf" <<CONF
ServerRoot $1
ServerName localhost
DefaultRuntimeDir $1
PidFile $1/pid
Listen 127.0.0.1:$2
LoadModule mpm_${variant}_module $modules/mod_mpm_$variant.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule ssl_module $modules/mod_ssl.so
User $user
Group $user
ErrorLog $1/error.log
DocumentRoot $1
StartServers 3
SSLEngine on
SSLCertificateFile $3
SSLCertificateKeyFile ${key:-$3}
SSLProtocol -all +TLSv1.2 +TLSv1.3
CONF
    exec apache2 -f "$1/apache.conf" -DFOREGROUND
}
server_reload() { kill -USR1 "$1"; }

tls_server
refused_uri certroll://Tls-rsa-uri "SSLCertificateKeyFile: file .* does not exist" "mod_ssl takes URIs of the scheme pkcs11 alone"
