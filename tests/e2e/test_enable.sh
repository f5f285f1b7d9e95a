#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll enable and disable: drop-ins of services, and the block in the system's openssl.cnf. In a mount namespace of
# this script's own, whose /etc/systemd/system, /run and /etc/ssl nobody else sees.
if [ "$(id -u)" = 0 ] && [ -z "${ENABLE_UNSHARED:-}" ]; then ENABLE_UNSHARED=1 exec unshare --mount "$0" "$@"; fi
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
[ -n "${ENABLE_UNSHARED:-}" ] || skip "enable writes as root"

mkdir -p /etc/systemd/system "$T/ssl" "$T/bin"
mount -t tmpfs -o mode=755 tmpfs /etc/systemd/system
mount -t tmpfs -o mode=755 tmpfs /run
cp -a /etc/ssl/. "$T/ssl/"
mount --bind "$T/ssl" /etc/ssl # removed with the namespace
cleanup_hooks+=("umount /etc/ssl")
chmod 755 "$T"
lab --group daemon
cd "$T"
units=/etc/systemd/system log=lab/state/history.jsonl
printf '[Service]\nExecStart=/bin/sleep 1d\nUser=daemon\n' >$units/app.service
printf '[Service]\nExecStart=/bin/sleep 1d\n' >$units/web@.service
entries() { wc -l <$log; }

# ---- a service gets it
n=$(entries)
run certroll enable app --dry-run
out_has "would write $units/app.service.d/certroll.conf"
out_has "(no file)"
out_has SupplementaryGroups=daemon
same "$(find $units -name '*.d')" "" "a dry run writes"
umask 077
run certroll enable app web@1 --reason "to sign"
umask 022
out_has "app.service: wrote $units/app.service.d/certroll.conf"
out_has "usermod -aG daemon"
same "$(grep -c usermod out)" 1 "only the unit without User= starts as root"
out_has "systemctl daemon-reload && systemctl restart"
same "$(grep -v '^#' $units/app.service.d/certroll.conf)" \
    "$(printf '[Service]\nEnvironment="OPENSSL_CONF=%s"\nSupplementaryGroups=daemon' "$T/lab/openssl.cnf")"
same "$(stat -c '%a %U' $units/app.service.d $units/app.service.d/certroll.conf | tr '\n' ' ')" "755 root 644 root "
same "$(entries)" $((n + 2)) "an entry of the history for each unit"
run certroll history --json
same "$(json '[[e["verb"], e["note"], e["reason"]] for e in d["entries"][-2:]]')" \
    '[["enable", "app.service", "to sign"], ["enable", "web@1.service", "to sign"]]'
run certroll history verify

# systemd itself reads it so; no service manager runs here
if command -v systemd-analyze >/dev/null; then
    check 0 systemd-analyze verify --man=no $units/app.service
    err_lacks certroll.conf
fi
# and a process that is started as the drop-in says finds the provider, and may sign
cert a
run certroll import a.pfx R --use token --passin pass:pw
openssl_conf=$(sed -n 's/^Environment="OPENSSL_CONF=\(.*\)"$/\1/p' $units/app.service.d/certroll.conf)
reachable_build
sed -i "s|$CERTROLL_BUILD/provider|$T/build/provider|" lab/openssl.cnf
run setpriv --reuid 65534 --regid 65534 --groups "$(getent group daemon | cut -d: -f3)" env -u CERTROLL_CONFIG \
    -u SOFTHSM2_CONF OPENSSL_CONF="$openssl_conf" openssl pkeyutl -sign -inkey certroll://R -rawin -digest sha256 -in a.crt
ok "a drop-in gives it to a service"

# ---- again: nothing changes; another configuration: the file follows
n=$(entries)
run certroll enable app.service app --json
same "$(json 'd["changed"], [u["changed"] for u in d["units"]], "daemon_reload" in d')" '[false, [false, false], false]'
same "$(entries)" "$n"
sed -i 's/^group = .*/group = nogroup/' lab/certroll.conf
run certroll enable app --json
same "$(json 'd["changed"], d["units"][0]["enabled"], d["daemon_reload"]')" '[true, true, false]'
grep -qx SupplementaryGroups=nogroup $units/app.service.d/certroll.conf || fail "the group did not follow"
sed -i 's/^group = .*/group = no-such-group/' lab/certroll.conf
refused 1 "there is no group no-such-group" certroll enable app
sed -i 's/^group = .*/group = daemon/' lab/certroll.conf

# ---- names
for bad in '' . .. a/b ../x 'a b' 'a%n' "a
b" @x a@b@c -- app.socket multi-user.target "$(printf 'x%.0s' {1..250})"; do
    refused 2 "" certroll enable -- "$bad"
done
refused 2 "not both" certroll enable
refused 2 "not both" certroll enable app --system
refused 1 "no unit file of ngnix.service" certroll enable app ngnix
same "$(find $units -name 'ngnix*')" ""
run certroll enable ngnix --force
run certroll history --json
same "$(json 'd["entries"][-1]["overridden"]')" "there is no unit file"
refused 1 "only root" setpriv --reuid 65534 --regid 65534 --clear-groups certroll enable app
refused 1 "only root" setpriv --reuid 65534 --regid 65534 --clear-groups certroll disable --system

# ---- a drop-in of somebody else is neither replaced nor removed, and no other unit is touched
mkdir $units/other.service.d
printf '[Service]\nExecStart=/bin/true\n' >$units/other.service
echo '[Service]' >$units/other.service.d/certroll.conf
for command in enable disable; do refused 1 "did not write" certroll $command app other --force; done
same "$(cat $units/other.service.d/certroll.conf)" "[Service]"
cp $units/app.service.d/certroll.conf kept
for line in 'NoNewPrivileges=yes' "Environment=\"OPENSSL_CONF=/x\" \\"; do
    echo "$line" >>$units/app.service.d/certroll.conf
    refused 1 "did not write" certroll disable app
    cp kept $units/app.service.d/certroll.conf
done
ln -sf "$T/kept" $units/other.service.d/certroll.conf # nor followed
refused 1 "symbolic link" certroll disable other
chmod 777 $units/app.service.d
refused 1 "" certroll disable app
chmod 755 $units/app.service.d
chmod 777 $units
refused 1 "writable by others" certroll enable app third --force
[ ! -e $units/third.service.d ] || fail "a folder in a folder of everybody"
chmod 755 $units

# ---- where systemd runs, it is told
mkdir -p /run/systemd/system
printf '#!/bin/sh\necho "$@" >>%s/systemctl\n' "$T" >bin/systemctl
chmod 755 bin/systemctl
PATH=$T/bin:$PATH run certroll disable app web@1 ngnix --json
same "$(json 'd["changed"], d["daemon_reload"], [u["enabled"] for u in d["units"]]')" '[true, true, [false, false, false]]'
same "$(cat systemctl)" daemon-reload
same "$(find $units -name '*.d')" "$units/other.service.d"
run certroll disable app
out_has "already so"
printf '#!/bin/sh\nexit 1\n' >bin/systemctl
PATH=$T/bin:$PATH refused 3 "run it by hand" certroll enable app
mkdir $units/web@1.service.d
echo '[Service]' >$units/web@1.service.d/own.conf
rm -r /run/systemd
run certroll enable web@1
run certroll disable web@1
[ -s $units/web@1.service.d/own.conf ] || fail "a drop-in of the admin's went"
run env CERTROLL_CONFIG=/none certroll disable app
err_has "stands in no history"
run env CERTROLL_CONFIG=/none certroll disable app
same "$(cat err)" ""
[ ! -e $units/app.service.d ] || fail "without certroll.conf the drop-in stays"
# four at once: one of them writes
n=$(entries) pids=()
for i in 1 2 3 4; do
    patient certroll enable app web@1 >"enable.$i" 2>&1 &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "one of four failed: $(cat enable.*)"; done
same "$(entries)" $((n + 2)) "entries of four at once"
run certroll disable app web@1
ok "names, strangers' files, disable"

# ---- the system's openssl.cnf
cnf=$(realpath "$(openssl version -d | sed 's/.*"\(.*\)"/\1/')/openssl.cnf")
case $cnf in /etc/ssl/*) ;; *) fail "this OpenSSL reads $cnf, which is not ours to change" ;; esac
unset OPENSSL_CONF
reset() { cat >"$cnf"; chmod 644 "$cnf"; cp "$cnf" before.cnf; }
unchanged() { cmp "$cnf" before.cnf || fail "$cnf changed"; }
round() { # SENTENCE: on, used, off, as before
    run certroll enable --system
    out_has "changed"
    run plain openssl list -providers
    out_has "name: OpenSSL Default Provider"
    out_has "name: certroll"
    run plain openssl genrsa -out /dev/null 2048
    run env -u CERTROLL_CONFIG -u SOFTHSM2_CONF openssl pkeyutl -sign -inkey certroll://R -rawin -digest sha256 -in a.crt
    run certroll check R --openssl-conf "$cnf" --json
    same "$(json '[f for f in d["findings"] if f["id"] == "openssl-conf" and f["level"] != "ok"]')" "[]"
    run certroll enable --system --json
    same "$(json 'd["changed"]')" false
    run certroll disable --system
    unchanged
    run certroll disable --system
    out_has "already so"
    ok "$1"
}
mv lab/openssl.cnf lab/module.cnf # no module is named: OpenSSL's own folder would have it
sed "s|^module.*|module = $T/build/provider/certroll.so|" lab/module.cnf >lab/openssl.cnf
cp "$cnf" before.cnf
n=$(entries)
run certroll enable --system --dry-run
out_has "would be added"
unchanged
same "$(entries)" "$n"
round "the file of this system, and back"
same "$(entries)" $((n + 2))
printf '# nothing\n' | reset
round "a file without sections"
reset </dev/null
round "an empty file"
printf 'openssl_conf = i\n[i]\nproviders = p\nssl_conf = s\n[p]\ndefault = d\nlegacy = l\n[d]\n[l]\n[s]\nsystem_default = t\n[t]\nMinProtocol = TLSv1.2\n' | reset
round "default named, not activated"
printf 'nodejs_conf = i\nopenssl_conf = i\n[p]\ndefault = d\n[d]\nactivate = 1\n[i]\nproviders = p\n\n\n' | reset
round "default activated, its list before the initialisation"
printf 'openssl_conf = i\r\n[i]\r\nproviders = p\r\n[p]\r\ndefault = d\r\n[d]\r\nactivate = 1\r\n' | reset
round "lines of another system"

printf 'openssl_conf = i\n[i]\nproviders = p\n[p]\nlegacy = l\npkcs11 = k\n[l]\nactivate = 1\n[k]\nmodule = /none.so\nactivate = 1\n' | reset
round "other providers, of which one is not there, and no default"

# what it includes counts as if it stood there, and those files stay as they are
mkdir /etc/ssl/conf.d
printf 'openssl_conf = i\n[i]\nproviders = p\n[p]\ndefault = d\nlegacy = l\n[d]\nactivate = 1\n[l]\nactivate = 1\n' >/etc/ssl/conf.d/a.cnf
cp /etc/ssl/conf.d/a.cnf a.cnf
for line in '.include /etc/ssl/conf.d' '.include = /etc/ssl/conf.d/a.cnf' '.include /etc/ssl/none' '[own]' \
    "$(printf '.pragma includedir:/etc/ssl\n.include conf.d')" "$(printf 'D = /etc/ssl\n.include %sD/conf.d' $)"; do
    printf '# mine\n%s\n[other]\nkey = value\n' "$line" | reset
    round "a file with: $line"
    case $line in *conf.d*)
        certroll enable --system >/dev/null
        plain openssl list -providers | grep -q 'OpenSSL Legacy Provider' || fail "what the file included went"
        certroll disable --system >/dev/null
        ;;
    esac
    cmp /etc/ssl/conf.d/a.cnf a.cnf || fail "an included file changed"
done
printf 'openssl_conf = i\n[i]\nproviders = p\n[p]\n.include /etc/ssl/conf.d\n' | reset # in the list itself
printf 'default = d\n' >/etc/ssl/conf.d/a.cnf
round "a list of providers from another file"
printf '.include conf.d\n' | reset
for dir in / /etc/ssl; do (cd $dir && refused 1 "includes 'conf.d', which is another file for each program" certroll enable --system); done
unchanged
printf '.include /etc/ssl/conf.d/b.cnf\n' | reset
printf '.include conf.d/c.cnf\n' >/etc/ssl/conf.d/b.cnf # found in one folder, and services run in another
printf 'openssl_conf = i\n[i]\nproviders = p\n[p]\ndefault = d\n[d]\nactivate = 1\n' >/etc/ssl/conf.d/c.cnf
(cd /etc/ssl && refused 1 "does not load" certroll enable --system)
unchanged
rm -r /etc/ssl/conf.d

# a link stays a link, a mode a mode; what cannot be written is said
mkdir /etc/ssl/real
printf '# real\n' >/etc/ssl/real/openssl.cnf
chmod 444 /etc/ssl/real/openssl.cnf
cp /etc/ssl/real/openssl.cnf before.cnf
rm "$cnf" && ln -s real/openssl.cnf "$cnf"
round "a link to a file that only root reads to write"
same "$(readlink "$cnf") $(stat -Lc %a "$cnf")" "real/openssl.cnf 444"
mount --bind /etc/ssl/real /etc/ssl/real
mount -o remount,ro,bind /etc/ssl/real
refused 3 "/etc/ssl/real/openssl.cnf: " certroll enable --system
err_has "Read-only file system"
unchanged
umount /etc/ssl/real
run certroll enable --system
mount --bind /etc/ssl/real /etc/ssl/real
mount -o remount,ro,bind /etc/ssl/real
refused 3 "/etc/ssl/real/openssl.cnf: " certroll disable --system
umount /etc/ssl/real
run certroll disable --system
unchanged
rm "$cnf"
printf '# nothing\n' | reset

# what the admin adds meanwhile stays
run certroll enable --system
printf '\n# mine\n[own]\nkey = value\n' >>"$cnf"
run certroll disable --system
same "$(tail -n +$(($(wc -l <before.cnf) + 1)) "$cnf")" "$(printf '\n# mine\n[own]\nkey = value')"
run certroll enable --system
echo 'key = value' >>"$cnf"
cp "$cnf" before.cnf
refused 1 "without a [section]" certroll disable --system
sed -i 's/^activate = 1$/&\nsomething = else/' "$cnf"
cp "$cnf" before.cnf
refused 1 "was edited" certroll disable --system
refused 1 "was edited" certroll enable --system
unchanged

refuses() { reset; refused 1 "$1" certroll enable --system; unchanged; } # SENTENCE, of the file on standard input
refuses "no end" < <(printf 'openssl_conf = i')
refuses backslash < <(printf 'openssl_conf = i\\\n')
refuses "no text" < <(printf '# a\0b\n')
refuses "config(5)" < <(printf '[open\n')
refuses deactivates < <(printf 'openssl_conf = i\n[i]\nproviders = p\n[p]\ndefault = d\n[d]\nactivate = 0\n')
refuses "not activated after default" < <(printf 'openssl_conf = i\n[i]\nproviders = p\n[p]\ncertroll = c\n[c]\nactivate = 1\n')
refuses "somebody else's" < <(printf '[certroll_system_node]\n')
refuses "does not load" < <(printf 'openssl_conf = i\n[i]\nssl_conf = s\n[s]\n')
reset <before.cnf
sed -i 's|^module.*|module = /none.so|' lab/openssl.cnf
printf '# nothing\n' | refuses "does not load"
chmod 666 "$cnf"
check 1 certroll enable --system
unchanged
ok "what is not understood stays as it is"
