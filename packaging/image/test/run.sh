#!/bin/bash
# The first start of a device, in a fresh Debian root: `sudo make image-test`. A signed repository is made of dist/,
# harden.sh installs from it, and what it leaves is looked at. What a chroot cannot tell is said at the end.
#   run.sh [SUITE]; DEBS, ROOTS as for packaging/deb/test/run.sh, which makes the root
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
top=$(cd "$here/../.." && pwd)
DEBS=${DEBS:-$top/dist} ROOTS=${ROOTS:-$top/build/roots} suite=${1:-bookworm}
[ "$(id -u)" = 0 ] || { echo "image-test: a chroot needs root: sudo make image-test" >&2; exit 1; }
[ -d "$ROOTS/$suite/usr" ] || { echo "image-test: no root at $ROOTS/$suite; make deb-test makes it" >&2; exit 1; }
case $suite in bookworm) mark=deb12 ;; trixie) mark=deb13 ;; esac
t=$(mktemp -d /tmp/drukte-image.XXXXXX)
mount -t tmpfs -o size=3g tmpfs "$t"
m=$t/m
trap 'cd /; umount -lR "$m" 2>/dev/null; umount -l "$t"; rmdir "$t"' EXIT
mkdir -p "$t"/{up,wk,m,gnupg}
mount -t overlay overlay -o "lowerdir=$ROOTS/$suite,upperdir=$t/up,workdir=$t/wk" "$m"
for fs in proc sys; do mount --bind /$fs "$m/$fs"; done
mount -t tmpfs tmpfs "$m/run"
mount --rbind /dev "$m/dev"
cp /etc/resolv.conf "$m/etc/resolv.conf"

export GNUPGHOME=$t/gnupg
chmod 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-gen-key 'drukte test <t@localhost>' ed25519 sign 1d 2>/dev/null
KEY=$(gpg --list-keys --with-colons | awk -F: '/^fpr/ {print $10; exit}')
export KEY
"$top/packaging/apt/repo.sh" add "$m/srv/apt" stable "$DEBS"/drukte-model_*_all.deb "$DEBS"/drukte_*~${mark}_amd64.deb >/dev/null
mkdir -p "$m/etc/apt/keyrings" "$m/boot/firmware" "$m/etc/rpi" "$m/root/image"
gpg --export "$KEY" >"$m/etc/apt/keyrings/drukte.gpg"
cp -r "$here/harden.sh" "$here/files" "$m/root/image/"
mkdir -p "$m/root/image/files/etc/apt/apt.conf.d"
cp "$top/packaging/apt/52drukte-unattended" "$m/root/image/files/etc/apt/apt.conf.d/"
# as a Raspberry Pi has it
echo "console=serial0,115200 root=PARTUUID=0-02 rootfstype=ext4 fsck.repair=yes rootwait" >"$m/boot/firmware/cmdline.txt"
printf '[all]\narm_64bit=1\n' >"$m/boot/firmware/config.txt"
printf '[Main]\nMechanism=auto\n' >"$m/etc/rpi/swap.conf"
printf 'proc /proc proc defaults 0 0\n/var/swap none swap sw 0 0\n' >"$m/etc/fstab"
chroot "$m" useradd -m pi && echo 'pi:raspberry' | chroot "$m" chpasswd

failed=0
holds() { local what=$1; shift; if "$@" >"$t/said" 2>&1; then echo "ok   $what"; else echo "FAIL $what: $(tail -c 900 "$t/said")"; failed=1; fi; }
inside() { chroot "$m" "$@"; }
again() { inside env REPOSITORY=file:///srv/apt RING=stable /root/image/harden.sh; }
holds "harden.sh runs" again
cp "$m/boot/firmware/cmdline.txt" "$m/boot/firmware/config.txt" "$t/"
cp "$m/etc/fstab" "$t/fstab"
holds "and again" again
holds "which changes no boot file" cmp "$t/cmdline.txt" "$m/boot/firmware/cmdline.txt"
holds "nor the other" cmp "$t/config.txt" "$m/boot/firmware/config.txt"
holds "nor fstab" cmp "$t/fstab" "$m/etc/fstab"
holds "the kernel's line is one line with the memory cgroup" \
  sh -c "[ \$(wc -l <$m/boot/firmware/cmdline.txt) = 1 ] && grep -q ' cgroup_enable=memory init_on_free=1\$' $m/boot/firmware/cmdline.txt"
holds "no swap on the card" sh -c "! grep -E '^[^#].*\sswap\s' $m/etc/fstab && grep -q Mechanism=zram $m/etc/rpi/swap.conf.d/drukte.conf"
holds "drukte came from the signed repository" sh -c "chroot $m apt-cache policy drukte | grep -q 'file:/srv/apt'"
holds "drukte is installed and as packaged" inside drukte verify
holds "its units are enabled" inside systemctl is-enabled drukte-sense.service drukte-report.service
holds "firewall, time and updates are enabled" inside systemctl is-enabled nftables.service systemd-timesyncd.service unattended-upgrades.service
holds "the firewall is right" inside nft -c -f /etc/nftables.conf
holds "sshd takes its settings" inside sshd -t
for line in "passwordauthentication no" "kbdinteractiveauthentication no" "permitrootlogin no" "authenticationmethods publickey" \
  "allowusers technician" "permitopen 127.0.0.1:8570" "allowagentforwarding no"; do
  holds "sshd: $line" sh -c "chroot $m sshd -T -C user=technician,host=x,addr=192.0.2.1 | grep -qx '$line'"
done
holds "no account has a password" sh -c "! awk -F: '\$2 !~ /^[!*]/' $m/etc/shadow | grep ."
holds "unattended-upgrades would take drukte and Debian's security updates" \
  sh -c "chroot $m apt-config dump | grep -q 'origin=drukte' && chroot $m apt-config dump | grep -q Debian-Security"
holds "units on this root are well formed" sh -c \
  "chroot $m systemd-analyze verify /usr/lib/systemd/system/drukte-sense.service /usr/lib/systemd/system/drukte-page.service 2>&1 | (! grep -E 'drukte-.*(Unknown|Failed|error)')"
holds "doctor looks, and finds no swap on a disk" sh -c "chroot $m drukte doctor --offline | grep -E '^fine +swap'"
rm "$m/etc/apt/keyrings/drukte.gpg" && gpg --batch --quiet --passphrase '' --quick-gen-key 'other <o@localhost>' ed25519 sign 1d 2>/dev/null
gpg --export other >"$m/etc/apt/keyrings/drukte.gpg"
holds "a repository signed by somebody else is refused" sh -c "! chroot $m apt-get -qq -oAPT::Update::Error-Mode=any update"

# the firewall in force, in a network of its own
holds "the firewall lets the broker through and nothing else out" unshare --net chroot "$m" bash -c '
  ip link set lo up; ip link add out type veth peer name far;  ip addr add 192.0.2.2/24 dev out; ip link set far up; ip link set out up
  echo 1 >/proc/sys/net/ipv6/conf/out/disable_ipv6
  ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev out
  nft -f /etc/nftables.conf
  tried() { (exec 3<>"/dev/tcp/192.0.2.1/$1") 2>&1 & p=$!; sleep 1; kill $p 2>/dev/null; }
  seen() { ip -s link show out | awk "/TX:/ {getline; print \$2}"; }
  a=$(seen); tried 8883; b=$(seen); tried 4444; c=$(seen)
  echo "$a $b $c"; [ "$b" -gt "$a" ] && [ "$c" = "$b" ]'
echo "Not told by this: a real card, the Pi's firmware and its boot files' effect, cloud-init on the device, read-only root."
[ $failed = 0 ] && echo "all passed"
exit $failed
