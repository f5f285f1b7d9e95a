#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# doc/examples: the deploy hook with a folder as certbot leaves it, the key set behind a real nginx, the tasks of Ansible on this host.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin
examples=$TOP/doc/examples
lab
cd "$T"

# ---- certbot
lineage() { # NAME: a folder of certbot with a key and a chain of two
    mkdir "$1"
    plain openssl req -new -newkey rsa:2048 -nodes -keyout "$1/privkey.pem" -subj /CN=site.example.org -out "$1.csr" 2>/dev/null
    plain openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 90 -out "$1/cert.pem" 2>/dev/null
    cp ca.crt "$1/chain.pem"
    cat "$1/cert.pem" "$1/chain.pem" >"$1/fullchain.pem"
    cp "$1/cert.pem" "$1.crt" # for thumb
}
cert ca
lineage first
lineage second
hook() { env RENEWED_DOMAINS=site.example.org "$@"; }
slots() { # ROLE: thumbprints of current and next
    run certroll show "$1" --json
    json '" ".join((d["roles"][0][s] or {"thumbprint_sha256": "-"})["thumbprint_sha256"] for s in ("current", "next"))'
}
refused_hook() { check "$1" "${@:3}"; err_has "$2"; }
refused_hook 2 usage hook "$examples/certbot-deploy-hook" Site
refused_hook 2 usage hook RENEWED_LINEAGE="$T/first" "$examples/certbot-deploy-hook"
refused_hook 1 "no /none/privkey.pem" hook RENEWED_LINEAGE=/none "$examples/certbot-deploy-hook" Site
run hook RENEWED_LINEAGE="$T/first" CERTROLL_BUNDLE="$T/site.pem" "$examples/certbot-deploy-hook" Site Mail
for role in Site Mail; do same "$(slots $role)" "$(thumb first) -"; done
same "$(json 'd["roles"][0]["use"]')" tls
same "$(grep -c 'BEGIN CERTIFICATE' site.pem)" 2 "certificates in the bundle"
! grep -q 'PRIVATE KEY' site.pem || fail "a private key in the bundle"
run certroll history Site --json
same "$(json 'd["entries"][-1]["reason"]')" "certbot renewed site.example.org"
run hook RENEWED_LINEAGE="$T/first" "$examples/certbot-deploy-hook" Site Mail # again: nothing changes
out_has "already so"
run hook RENEWED_LINEAGE="$T/second" CERTROLL_BUNDLE="$T/site.pem" "$examples/certbot-deploy-hook" Site
same "$(slots Site)" "$(thumb second) -"
grep -qF "$(sed -n 2p second/cert.pem)" site.pem || fail "the bundle did not follow"
run clean x509 -in second/cert.pem -pubkey -noout -out pub
run openssl pkeyutl -sign -inkey certroll://Site -rawin -digest sha256 -in pub -out sig
run clean dgst -sha256 -verify pub -signature sig pub
# a role for tokens: at once while it is empty, then at a date
export CERTROLL_USE=token CERTROLL_AT=+49h
run hook RENEWED_LINEAGE="$T/first" "$examples/certbot-deploy-hook" Issuer
run hook RENEWED_LINEAGE="$T/second" "$examples/certbot-deploy-hook" Issuer
same "$(slots Issuer)" "$(thumb first) $(thumb second)"
unset CERTROLL_USE CERTROLL_AT
# the server is reloaded, and a failure of it is the hook's
mkdir bin
printf '#!/bin/sh\necho "$@" >>%s/systemctl\n' "$T" >bin/systemctl
chmod 755 bin/systemctl
run hook PATH="$T/bin:$PATH" RENEWED_LINEAGE="$T/second" CERTROLL_RELOAD=nginx "$examples/certbot-deploy-hook" Site
same "$(cat systemctl)" "reload nginx"
printf '#!/bin/sh\nexit 5\n' >bin/systemctl
check 5 hook PATH="$T/bin:$PATH" RENEWED_LINEAGE="$T/second" CERTROLL_RELOAD=nginx "$examples/certbot-deploy-hook" Site
echo nonsense >second/fullchain.pem
check 1 hook RENEWED_LINEAGE="$T/second" "$examples/certbot-deploy-hook" Site
same "$(slots Site)" "$(thumb second) -"
ok "certbot's deploy hook"

# ---- a key set behind nginx
if command -v nginx >/dev/null && command -v curl >/dev/null; then
    mkdir -p www tmp
    chmod 755 "$T"
    run certroll jwks Issuer --out www/jwks.json
    port=$(free_port)
    sed "s|/var/www/jwks/|$T/www/|" "$examples/nginx-jwks.conf" >location.conf
    cat >nginx.conf <<CONF
daemon off;
worker_processes 1;
pid $T/nginx.pid;
error_log $T/error.log;
events { }
http {
    access_log off;
    include /etc/nginx/mime.types;
    client_body_temp_path tmp/a; proxy_temp_path tmp/b; fastcgi_temp_path tmp/c; uwsgi_temp_path tmp/d; scgi_temp_path tmp/e;
    server { listen 127.0.0.1:$port; include $T/location.conf; }
}
CONF
    start_server env -u OPENSSL_CONF nginx -c "$T/nginx.conf" -p "$T" -e "$T/error.log"
    wait_port "$port"
    url=http://127.0.0.1:$port/.well-known/jwks.json
    run curl -sSi "$url"
    tr -d '\r' <out >answer
    for line in 'HTTP/1.1 200 OK' 'Content-Type: application/jwk-set+json' \
        'Cache-Control: public, max-age=300, no-transform' 'Access-Control-Allow-Origin: *' 'X-Content-Type-Options: nosniff'; do
        same "$(grep -cxF "$line" answer)" 1 "$line"
    done
    run curl -sS -o body "$url"
    cmp body www/jwks.json || fail "the key set is another one"
    etag=$(sed -n 's/^ETag: //p' answer)
    same "$(curl -sS -o /dev/null -w '%{http_code}' -H "If-None-Match: $etag" "$url")" 304
    # after a change the next answer is the new set, whole
    run certroll cancel Issuer
    run certroll jwks Issuer --out www/jwks.json
    same "$(curl -sS -o body -w '%{http_code}' -H "If-None-Match: $etag" "$url")" 200
    cmp body www/jwks.json || fail "the key set is an old one"
    same "$(curl -sS -o /dev/null -w '%{http_code}' -X POST -d x "$url")" 405
    rm www/jwks.json
    run curl -sSi "$url"
    out_has "404 Not Found"
    out_lacks Cache-Control
    stop_server
    ok "a key set behind nginx"
else
    [ -z "${CI:-}" ] || fail "no nginx or curl"
    echo "skipped: nginx, which is not installed"
fi

# ---- the container: no image is built here; what it installs to build is what the package needs, where it copies from is there
file=$examples/container/Dockerfile
# shellcheck disable=SC1003
sed -n '/^FROM.*AS build/,/^COPY/p' "$file" | tr '\\' ' ' | xargs -n1 >installs
needs=0
for package in $(sed -n '/^Build-Depends:/,/^[A-Z].*:/p' "$TOP/debian/control" | sed '1s/^Build-Depends://; /^[A-Z]/d' |
    sed 's/([^)]*)//g' | tr -d ', ' | sed 's/^debhelper-compat$/debhelper/; /^dh-sequence-/d'); do
    grep -qx "$package" installs || fail "the container lacks $package to build the package"
    needs=$((needs + 1))
done
[ $needs -ge 8 ] || fail "debian/control names $needs packages"
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$TOP/debian/changelog")
deb=$(sed -n 's|^COPY --from=build /src/\([^ ]*\) .*|\1|p' "$file")
# shellcheck disable=SC2254 # a pattern
case certroll_${version}_amd64.deb in $deb) ;; *) fail "the container copies $deb" ;; esac
# shellcheck disable=SC2254
case certroll-dbgsym_${version}_amd64.deb in $deb) fail "the container copies debug symbols" ;; esac
same "$(sed -n 's/^ENV OPENSSL_CONF=//p' "$file")" /etc/certroll/openssl.cnf
ok "what the container installs"

# ---- Ansible: the tasks after the package's, on this host with an /etc, /run and /var/lib of their own. Again they change nothing.
play() { # on a host without certroll's configuration
    plain env HOME="$T" ANSIBLE_LOCAL_TEMP="$T/ansible" ANSIBLE_REMOTE_TEMP="$T/ansible" LC_ALL=C.UTF-8 \
        ansible-playbook -i localhost, --start-at-task "Set up certroll" play.yml
}
configured() {
    mkdir etc
    cp -a /etc/. etc
    mount --bind etc /etc
    mount -t tmpfs -o mode=755 tmpfs /run
    mount -t tmpfs -o mode=755 tmpfs /var/lib
    getent group certroll >/dev/null || groupadd -r certroll # of the package
    run play
    out_has "changed=6 "
    mv restarted restarted.once || fail "nginx was not restarted"
    run play
    out_has "changed=0 "
    [ ! -e restarted ] || fail "nginx is restarted for nothing"
    same "$(grep -c 'BEGIN CERTIFICATE' /etc/certroll/site.pem)" 1
    grep -q 'OPENSSL_CONF=/etc/certroll/openssl.cnf' /etc/systemd/system/nginx.service.d/certroll.conf || fail "no drop-in"
    id -nG www-data | grep -qw certroll || fail "the workers are not in the group"
    OPENSSL_CONF=/etc/certroll/openssl.cnf run env -u CERTROLL_CONFIG openssl pkeyutl -sign -inkey certroll://SiteExample -rawin -digest sha256 -in pub -out sig
    run clean dgst -sha256 -verify <(clean x509 -in ca.crt -noout -pubkey) -signature sig pub
    run plain certroll history SiteExample
    out_has "reason: ansible"
}
if command -v ansible-playbook >/dev/null && [ "$(id -u)" = 0 ]; then
    cat ca.key ca.crt >vault.pem
    cat >play.yml <<PLAY
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    certroll_role: SiteExample
    certroll_pem: "{{ lookup('file', '$T/vault.pem') }}"
  handlers:
    - name: Restart nginx
      ansible.builtin.command: touch $T/restarted
  tasks:
    - import_tasks: $examples/ansible.yml
PLAY
    export -f configured play plain run check fail out_has same clean
    export T examples
    unshare --mount --propagation private bash -euo pipefail -c configured || fail "Ansible"
    ok "the tasks of Ansible, twice"
else
    echo "not looked at: ansible.yml, without ansible-playbook"
fi
# every command line of certroll in the examples is one that this certroll knows
grep -hoE '(^|[^-/.a-z])certroll [a-z]+( |$)' "$examples"/ansible.yml "$examples"/certbot-deploy-hook "$examples"/nginx-jwks.conf |
    sed 's/.*certroll //; s/ //g' | sort -u >used
mapfile -t used < <(grep -xE 'init|import|pem|jwks|show|enable|check' used)
[ ${#used[@]} -ge 5 ] || fail "the examples name no commands: ${used[*]}"
for command in "${used[@]}"; do run certroll "$command" --help; done
ok "examples"
