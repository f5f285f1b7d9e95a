#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# nginx: workers as www-data, its environment emptied by nginx itself (no `env` directive), reload by HUP.
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/apps/checks.sh
. "$(dirname "$0")/checks.sh"
PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || skip "no nginx"
# shellcheck disable=SC2034
app=nginx user=www-data replaces=yes version=$(nginx -v 2>&1 | sed 's|.*/||; s| .*||')

server_start() {
    cat >"$1/nginx.conf" <<CONF
daemon off;
user $user;
worker_processes 2;
pid $1/pid;
error_log $1/error.log notice;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $1/body;
    proxy_temp_path $1/proxy;
    fastcgi_temp_path $1/fastcgi;
    uwsgi_temp_path $1/uwsgi;
    scgi_temp_path $1/scgi;
    server {
        listen 127.0.0.1:$2 ssl;
        ssl_certificate $3;
        ssl_certificate_key ${key:-$3};
        ssl_protocols TLSv1.2 TLSv1.3;
        return 200;
    }
}
CONF
    exec nginx -c "$1/nginx.conf" -p "$1" -e "$1/error.log"
}
server_reload() { kill -HUP "$1"; }

tls_server

# shellcheck disable=SC2034
route=uri
if [ "$(printf '%s\n' 1.29 "$version" | sort -V | head -n 1)" = 1.29 ]; then
    tls_uri rsa store:certroll://Tls-rsa-uri
    tls_uri ec store:certroll://Tls-ec-uri
else
    refused_uri store:certroll://Tls-rsa-uri "cannot load certificate key .*No such file" "store: came with nginx 1.29"
fi
