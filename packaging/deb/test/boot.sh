#!/bin/bash
# Boot a Debian root under its own systemd as PID 1, in namespaces of its own, and run one program in it.
#   boot.sh ROOT SHARED: ROOT stays as it is (an overlay in memory takes the changes), SHARED appears as /srv/t.
# Called through unshare by run.sh. Nothing reaches the network: there is only a loopback device.
set -e
root=$(realpath "$1") shared=$(realpath "$2")
mount --make-rprivate /
work=$(mktemp -d /tmp/drukte-boot.XXXXXX)
mount -t tmpfs -o size=4g tmpfs "$work"
mkdir -p "$work"/{up,wk,m}
mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/up,workdir=$work/wk" "$work/m"
cd "$work/m"
mkdir -p srv/t
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mount --bind "$shared" srv/t
units=etc/systemd/system
rm -rf "${units:?}"/*.wants/*
for unit in systemd-udevd.service systemd-journald-audit.socket systemd-resolved.service mosquitto.service \
  systemd-networkd.service systemd-timesyncd.service e2scrub_reap.service getty.target systemd-firstboot.service; do
  ln -sf /dev/null "$units/$unit"
done
cat > "$units/t.target" <<'U'
[Unit]
Wants=t.service
After=basic.target
U
cat > "$units/t.service" <<'U'
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/usr/bin/python3 -u /srv/t/inside.py
ExecStopPost=/bin/systemctl poweroff --force --force
StandardOutput=file:/srv/t/out/log
StandardError=inherit
U
echo "127.0.0.1 localhost" > etc/hosts
pivot_root . mnt
cd /
umount -l /mnt
mount --make-rshared /
exec env -i container=vm PATH=/usr/bin:/bin:/usr/sbin:/sbin /lib/systemd/systemd --unit=t.target --log-target=journal
