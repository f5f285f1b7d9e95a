# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# MariaDB: a thread a connection; the pair is read again by FLUSH SSL.
need mariadbd
app=MariaDB user=mysql owner=mysql starttls=(-starttls mysql) version=$(mariadbd --version | sed 's/.* Ver \([0-9.]*\).*/\1/')
server_prepare() { # a folder that each instance copies
    install -d -o "$user" data
    run plain mariadb-install-db --no-defaults --datadir="$T/data" --user="$user" --auth-root-authentication-method=normal \
        --skip-test-db
}

server_start() {
    cp -a "$T/data" "$1/data"
    echo "$1/data/socket" >"$T/socket"
    exec mariadbd --no-defaults --user="$user" --datadir="$1/data" --socket="$1/data/socket" --port="$2" \
        --bind-address=127.0.0.1 --ssl-cert="$3" --ssl-key="$3" --innodb-buffer-pool-size=8M
}
server_reload() { run plain mariadb --no-defaults --skip-ssl --user=root --socket="$(cat socket)" --execute='FLUSH SSL'; }
