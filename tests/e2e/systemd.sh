# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by test_debian_package.sh: a Debian folder booted by its own systemd, in namespaces of its own, and what the
# units, `certroll enable` and an ordinary hardened service do there.

# boot ROOT: at most 120 s. in_booted COMMAND... runs in it; halt, or the test's end, ends it with all it started.
boot() {
    local i
    mkdir -p "$T/cgroup"
    mount -t cgroup2 cgroup2 "$T/cgroup" || skip "no cgroup2 here"
    booted_group=$T/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/certroll-$$
    mkdir "$booted_group"
    # shellcheck disable=SC2016
    ROOT=$1 GROUP=$booted_group setsid sh -c 'echo 0 >"$GROUP/cgroup.procs"; exec unshare --mount --pid --uts --ipc --net \
        --cgroup --fork --kill-child sh "$0"' "$HERE/systemd_boot.sh" >boot.log 2>&1 &
    booted_child=$!
    cleanup_hooks+=(halt)
    for ((i = 0; i < 1200; i++)); do
        booted=$(pgrep -P "$booted_child" | head -n 1) || true # once it is systemd it has made itself that group
        if grep -sqx "${booted:-none}" "$booted_group/init.scope/cgroup.procs"; then
            case $(in_booted systemctl is-system-running 2>/dev/null) in running | degraded) return 0 ;; esac
        fi
        sleep 0.1
    done
    cat boot.log
    fail "systemd did not come up"
}

in_booted() {
    nsenter --target "$booted" --mount --pid --uts --ipc --net --root --wd env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        LC_ALL=C.UTF-8 HOME=/root "$@"
}

halt() {
    local i
    kill -KILL "$booted_child" 2>/dev/null || true
    wait "$booted_child" 2>/dev/null || true
    for ((i = 0; i < 100; i++)); do
        find "$booted_group" -depth -type d -exec rmdir {} + 2>/dev/null || true
        [ -d "$booted_group" ] || break
        sleep 0.1
    done
    umount "$T/cgroup"
}

# until_booted SECONDS COMMAND...: until it succeeds.
until_booted() {
    local i
    for ((i = 0; i < $1 * 5; i++)); do
        if in_booted "${@:2}" >out 2>err; then return 0; fi
        sleep 0.2
    done
    in_booted journalctl --no-pager -n 40
    fail "not within $1 s: ${*:2}"
}

# serves PORT SUBJECT: a TLS client of the host's OpenSSL, without our configuration, gets that certificate.
serves() {
    # shellcheck disable=SC2016
    nsenter --target "$booted" --net env -u OPENSSL_CONF sh -c 'openssl s_client -connect "127.0.0.1:$1" </dev/null 2>/dev/null |
        openssl x509 -noout -subject' sh "$1" >subject 2>&1 && grep -q "CN = $2," subject
}

until_serves() { # SECONDS PORT SUBJECT
    local i
    for ((i = 0; i < $1 * 5; i++)); do
        if serves "$2" "$3"; then return 0; fi
        sleep 0.2
    done
    in_booted journalctl --no-pager -n 40
    fail "port $2 does not serve $3 within $1 s: $(cat subject)"
}

# checks_of_systemd ROOT: certroll is installed and initialized there; tls_a.pfx, tls_b.pfx and soon.pfx are in /tmp.
checks_of_systemd() {
    local root=$1 pid
    boot "$root"
    ok "systemd $(in_booted systemctl --version | sed -n '1s/systemd \([^ ]*\).*/\1/p') booted"

    # a server that starts as root, by `certroll enable`, without a word to systemd but the restart
    cat >"$root/etc/nginx/conf.d/web.conf" <<'N'
server { listen 127.0.0.1:8443 ssl; ssl_certificate /etc/ssl/web.pem; ssl_certificate_key /etc/ssl/web.pem; return 200 ok; }
N
    run in_booted certroll import /srv/tls_a.pfx Web --use tls --passin pass:pw
    run in_booted certroll pem Web --bundle --out /etc/ssl/web.pem
    run in_booted certroll enable nginx
    run in_booted usermod -aG certroll www-data
    run in_booted systemctl restart nginx
    until_serves 20 8443 tls_a.example.org

    # a service of a user that systemd makes up, hardened as its manual recommends; the PIN is a credential of the unit
    cat >"$root/etc/systemd/system/hardened.service" <<'U'
[Service]
ExecStart=/usr/bin/openssl s_server -accept 127.0.0.1:9443 -cert /etc/ssl/web.pem -key /etc/ssl/web.pem -www
DynamicUser=yes
LoadCredential=pin:/etc/certroll/pin
ProtectSystem=strict
ProtectHome=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6
RestrictNamespaces=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
CapabilityBoundingSet=
NoNewPrivileges=yes
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
U
    run in_booted systemctl daemon-reload
    run in_booted certroll enable hardened
    mkdir "$root/etc/certroll-credential"
    sed 's|^pin-source.*|pin-source = credential:pin|' "$root/etc/certroll/certroll.conf" >"$root/etc/certroll-credential/certroll.conf"
    sed 's|^module = .*|&\ncertroll-config = /etc/certroll-credential/certroll.conf|' "$root/etc/certroll/openssl.cnf" \
        >"$root/etc/certroll-credential/openssl.cnf"
    printf '[Service]\nEnvironment=OPENSSL_CONF=/etc/certroll-credential/openssl.cnf\n' \
        >"$root/etc/systemd/system/hardened.service.d/credential.conf"
    run in_booted systemctl daemon-reload
    run in_booted systemctl start hardened
    until_serves 20 9443 tls_a.example.org
    ok "nginx, and a hardened service of a dynamic user with the PIN from a credential"

    # certrolld settles a roll, writes the bundle again and runs on-change, which does what such commands do
    cat >"$root/usr/local/bin/changed" <<'H'
#!/bin/sh
[ "$CERTROLL_CHANGE" = settle ] || exit 0
exec >>/run/changed 2>&1
systemctl reload nginx && echo reloaded
runuser -u www-data -- id -un
su -s /bin/sh www-data -c 'id -un'
sudo -u www-data id -un
echo changed | mail -s changed root && echo mailed
H
    chmod 755 "$root/usr/local/bin/changed"
    printf '[role_Web]\non-change = /usr/local/bin/changed\n' >>"$root/etc/certroll/certroll.conf"
    run in_booted systemctl enable --now certrolld
    run in_booted certroll import /srv/tls_b.pfx Web --passin pass:pw --effective-date +3s
    until_serves 60 8443 tls_b.example.org
    until_booted 60 grep -q mailed /run/changed
    same "$(in_booted grep -v 'unable to resolve' /run/changed | xargs)" \
        "reloaded www-data www-data www-data mailed" "what on-change did"
    same "$(in_booted systemctl show -p NRestarts,ActiveState --value certrolld | sort | xargs)" "0 active" certrolld
    pid=$(in_booted systemctl show -p MainPID --value certrolld)
    # shellcheck disable=SC2016
    in_booted sh -c 'kill -KILL "$1"' sh "$pid"
    # shellcheck disable=SC2016
    until_booted 30 sh -c 'systemctl is-active -q certrolld && [ "$(systemctl show -p MainPID --value certrolld)" != "$1" ]' sh "$pid"
    serves 9443 tls_a.example.org || fail "a server that was not reloaded lost its pair"
    ok "certrolld settled a roll, and its hook reloaded, changed users and sent mail"

    # the daily check: what it finds is in the journal and in the mail of on-alert, and the unit fails
    run in_booted systemctl start certroll-check
    sed -i 's|^group = .*|&\non-alert = mail -s certroll root|' "$root/etc/certroll/certroll.conf"
    run in_booted certroll import /srv/soon.pfx Soon --use token --passin pass:pw
    check 1 in_booted systemctl start certroll-check
    same "$(in_booted systemctl show -p Result --value certroll-check)" exit-code
    until_booted 30 grep -q "CRITICAL  Soon, current: expires at" /var/mail/root
    run in_booted journalctl --no-pager -u certroll-check
    out_has "CRITICAL  Soon, current: expires at"
    run in_booted systemctl list-timers --no-pager certroll-check.timer
    out_has certroll-check.service
    ok "the daily check fails its unit, is in the journal, and in the mail of on-alert"

    rm "$root/etc/systemd/system/hardened.service.d/credential.conf"
    run in_booted certroll disable nginx hardened
    run in_booted systemctl show -p Environment nginx
    out_lacks OPENSSL_CONF
    halt
    unset 'cleanup_hooks[-1]'
    sed -i '/^\[role_Web\]/,$d; /^on-alert/d' "$root/etc/certroll/certroll.conf"
}
