#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Debian package: builds, has nothing that lintian warns of, and in a fresh Debian (debootstrap; the base is kept in
# build/debian-SUITE, or $CERTROLL_DEBIAN_ROOT) it installs, works, is removed and purged. In a mount namespace of this
# script's own. Argument: a build folder, which only the library of these scripts wants.
if [ "$(id -u)" = 0 ] && [ -z "${PACKAGE_UNSHARED:-}" ]; then PACKAGE_UNSHARED=1 exec unshare --mount "$0" "$@"; fi
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/systemd.sh
. "$HERE/systemd.sh"
for tool in dpkg-buildpackage dh lintian debootstrap; do command -v $tool >/dev/null || skip "no $tool"; done
[ -n "${PACKAGE_UNSHARED:-}" ] || skip "debootstrap and chroot want root"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
base=${CERTROLL_DEBIAN_ROOT:-$TOP/build/debian-$suite}

# ---- the package, of the tree as git would check it out with what is not committed yet
mkdir -p "$T/src/certroll"
cd "$TOP"
git -c "safe.directory=$TOP" ls-files -z -co --exclude-standard | while IFS= read -r -d '' f; do
    [ ! -f "$f" ] || printf '%s\0' "$f"
done | tar --null -T - -c | tar -x -C "$T/src/certroll"
cd "$T/src/certroll"
export DEB_BUILD_OPTIONS=parallel=2
dpkg-buildpackage -us -uc -b >"$T/build.log" 2>&1 || { tail -n 40 "$T/build.log"; fail "dpkg-buildpackage"; }
cd "$T/src"
package=$(echo certroll_*_"$(dpkg --print-architecture)".deb)
run lintian --allow-root --fail-on error,warning ./*.changes
same "$(cat "$T/out")" ""
ok "$package, nothing that lintian warns of"

# ---- a fresh Debian
needs=libjansson4,libnewt0.52,libp11-kit0,libsystemd0,openssl,softhsm2,systemd
needs+=,bsd-mailx,nginx-light,postfix,sudo # of systemd.sh
if [ "$(cat "$base/.complete" 2>/dev/null)" != $needs ]; then
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -E '/debian/?$' | head -n 1)
    rm -rf "$base"
    mkdir -p "$base"
    debootstrap --variant=minbase --include=$needs "$suite" "$base" \
        "${mirror:-http://deb.debian.org/debian}" >"$T/debootstrap.log" 2>&1 || { tail -n 20 "$T/debootstrap.log"; fail debootstrap; }
    rm -f "$base"/var/cache/apt/archives/*.deb
    echo $needs >"$base/.complete"
fi
root=$T/root
cp -a "$base" "$root"
mount --bind /proc "$root/proc"
cleanup_hooks+=("umount $root/proc")
cp "$package" "$root/srv/certroll.deb"
in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$root" "$@"; }
listing() { # without what dpkg, systemd and groups remember, and the sizes of folders
    (cd "$root" && find . \( -path ./proc -o -path ./tmp -o -path ./var/lib/dpkg -o -path ./var/log -o -path ./dev \
        -o -path ./var/cache -o -path ./var/lib/systemd \) -prune -o ! -path './etc/*group*' ! -path './etc/*shadow*' \
        ! -path ./etc ! -path './run*' -printf '%p %y %m %s %u %g %l\n' |
        awk '$2 == "d" { $4 = "" } 1' | sort)
}
cd "$T"

# ---- installed and purged, unused: nothing is left
listing >before
cnf=$(sha256sum <"$root/etc/ssl/openssl.cnf")
untouched() { same "$(sha256sum <"$root/etc/ssl/openssl.cnf")" "$cnf" "openssl.cnf after $1"; }
run in_root dpkg -i /srv/certroll.deb
untouched "the installation"
for file in usr/bin/certroll usr/share/man/man1/certroll.1.gz usr/share/man/man7/provider-certroll.7.gz \
    usr/share/bash-completion/completions/certroll usr/lib/sysusers.d/certroll.conf lib/systemd/system/certroll-check.timer \
    lib/systemd/system/certrolld.service usr/share/doc/certroll/examples/certbot-deploy-hook usr/lib/tmpfiles.d/certroll.conf; do
    [ -s "$root/$file" ] || fail "not in the package: $file"
done
[ -s "$root$(pkg-config --variable=modulesdir libcrypto)/certroll.so" ] || fail "the module is not where OpenSSL looks"
run in_root dpkg -V certroll
same "$(cat out)" ""
run in_root getent group certroll
same "$(cd "$root" && stat -c '%n %a %U' etc/certroll var/lib/certroll | xargs)" "etc/certroll 755 root var/lib/certroll 755 root"
[ -L "$root/etc/systemd/system/timers.target.wants/certroll-check.timer" ] || fail "the timer is not enabled"
[ -z "$(find "$root/etc/systemd" -name 'certrolld*')" ] || fail "certrolld is enabled unasked"
same "$(in_root sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' /lib/systemd/system/certroll-check.service)" /usr/bin/certroll
run in_root openssl list -providers
out_lacks certroll
run in_root dpkg -P certroll
same "$(cat err)" "" "what purge said"
listing >after
diff before after >difference || { cat difference; fail "the package leaves something behind"; }
ok "installed and purged without a trace"

# ---- used
cert a
run in_root dpkg -i /srv/certroll.deb
cp a.pfx a.crt "$root/srv/"
run in_root certroll init
out_has "also as a member of group certroll"
run in_root certroll import /srv/a.pfx OAuthTokenIssuer --passin pass:pw
untouched "certroll init"
signs() { # COMMAND...: before openssl
    run in_root "$@" openssl pkeyutl -sign -inkey certroll://OAuthTokenIssuer -rawin -digest sha256 -in /srv/a.crt -out /tmp/sig
    run clean dgst -sha256 -verify <(clean x509 -in a.crt -pubkey -noout) -signature "$root/tmp/sig" a.crt
    rm "$root/tmp/sig"
}
chmod 1777 "$root/tmp"
signs env OPENSSL_CONF=/etc/certroll/openssl.cnf
group=$(in_root getent group certroll | cut -d: -f3)
signs env OPENSSL_CONF=/etc/certroll/openssl.cnf setpriv --reuid 33 --regid 33 --groups "$group"
rc=0
in_root certroll check >out 2>err || rc=$?
[ $rc -le 1 ] || fail "certroll check exits $rc"
ok "init, sign"
umount "$root/proc"
cert tls_a rsa:2048
cert tls_b rsa:2048
cert soon rsa:2048 3
cp tls_a.pfx tls_b.pfx soon.pfx "$root/srv/"
checks_of_systemd "$root"
mount --bind /proc "$root/proc"
printf '[Service]\nExecStart=/bin/true\n' >"$root/etc/systemd/system/web.service"
run in_root certroll enable web
run in_root certroll enable --system
signs env
ok "enable without a running systemd"

# ---- removed: what enable wrote is taken back; keys stay, through a purge too, and work again after an installation
run in_root dpkg -r certroll
untouched "the removal"
[ ! -e "$root/etc/systemd/system/web.service.d" ] || fail "the drop-in of a service stays without its provider"
same "$(tail -n 2 "$root/var/lib/certroll/history.jsonl" | grep -c 'package removed')" 2 "entries of the removal"
run in_root openssl list -providers
run in_root dpkg -P certroll
err_has "/var/lib/certroll stays"
for file in etc/certroll/certroll.conf etc/certroll/pin var/lib/certroll/roles/OAuthTokenIssuer.json; do
    [ -s "$root/$file" ] || fail "purge takes $file"
done
run in_root dpkg -i /srv/certroll.deb
run in_root dpkg -i /srv/certroll.deb # an upgrade
signs env OPENSSL_CONF=/etc/certroll/openssl.cnf
untouched "all of it"
ok "removed, purged, and back with its keys"
