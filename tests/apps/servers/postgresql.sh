# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL: it wants the key file to be its own and unreadable for others, which a reference can be; a process a connection.
postgres=$(compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V | tail -n 1) || skip "no PostgreSQL"
app=PostgreSQL user=postgres owner=postgres starttls=(-starttls postgres) version=$("$postgres" --version | sed 's/.*) \([0-9.]*\).*/\1/')
server_prepare() { # a cluster that each instance copies
    install -d -o "$user" data
    run plain setpriv --reuid "$user" --regid "$user" --clear-groups "${postgres%/*}/initdb" --no-sync -A trust -D "$T/data"
    echo "$postgres" >postgres
}

server_start() {
    cp -a "$T/data" "$1/data"
    chown "$user" "$1"
    exec setpriv --reuid "$user" --regid "$user" --clear-groups "$(cat "$T/postgres")" -D "$1/data" -p "$2" -k "$1" \
        -c listen_addresses=127.0.0.1 -c ssl=on -c ssl_cert_file="$3" -c ssl_key_file="$3" \
        -c ssl_ca_file="$T/ca.crt"
}
server_reload() { kill -HUP "$1"; }
server_also() { # PORT: libpq, which looks at owner and mode of the file too, shows its own certificate
    begin "libpq client certificate"
    install -m 600 site.pem client.pem
    local how=(run)
    [ "$route" = file ] || how+=(plain)
    "${how[@]}" psql -At "host=localhost port=$1 user=$user dbname=postgres sslmode=verify-full sslrootcert=$T/ca.crt
        sslcert=$T/client.pem sslkey=$T/client.pem" -c 'select client_dn from pg_stat_ssl where pid = pg_backend_pid()'
    out_has OU=rsa
    passed
}
