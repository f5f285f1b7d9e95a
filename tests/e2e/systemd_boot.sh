#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The first process of boot (systemd.sh), in its namespaces: makes what a container has of /dev, /proc and /sys in $ROOT and becomes
# its systemd.
set -e
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
cd "$ROOT"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
    touch dev/$node
    mount --bind /dev/$node dev/$node
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
hostname booted
mkdir -p run/old
pivot_root . run/old
exec chroot . /bin/sh -c 'umount -l /run/old; rmdir /run/old; mount --make-rshared /; exec env -i container=certroll PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --log-target=console' </dev/null
