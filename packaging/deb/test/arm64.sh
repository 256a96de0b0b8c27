#!/bin/bash
# The packages for arm64 under qemu's user emulation: `sudo make deb-arm64`. What an emulator cannot tell is said at the
# end; no real Arm machine is used.
#   arm64.sh [SUITE...]; DEBS, ROOTS as for run.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
DEBS=${DEBS:-$top/dist}
ROOTS=${ROOTS:-$top/build/roots}
[ "$(id -u)" = 0 ] || { echo "deb-arm64: a chroot needs root: sudo make deb-arm64" >&2; exit 1; }
command -v qemu-aarch64-static >/dev/null || apt-get install -y -qq qemu-user-static >/dev/null
for suite in "${@:-bookworm}"; do for suite in $suite; do
  case $suite in bookworm) mark=deb12 ;; trixie) mark=deb13 ;; esac
  root=$ROOTS/$suite-arm64
  if [ ! -d "$root/usr/lib/python3" ]; then
    # unpacked by hand: an emulated second stage takes a quarter of an hour and adds nothing here
    mkdir -p "$ROOTS/$suite-arm64.lists"/{lists/partial,archives/partial} "$root"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian %s main\n' \
      "$suite" >"$ROOTS/$suite-arm64.lists/sources"
    apt="-oDir::State=$ROOTS/$suite-arm64.lists -oDir::State::status=/dev/null -oDir::Cache=$ROOTS/$suite-arm64.lists
      -oDir::Etc::SourceList=$ROOTS/$suite-arm64.lists/sources -oDir::Etc::SourceParts=/dev/null
      -oAPT::Architecture=arm64 -oAPT::Architectures=arm64 -oAPT::Sandbox::User=root -oDebug::NoLocking=1"
    apt-get $apt -qq update
    apt-get $apt -qq -y --no-install-recommends --download-only install \
      base-files libc6 libstdc++6 python3 dash coreutils ca-certificates >/dev/null
    for file in "$ROOTS/$suite-arm64.lists"/archives/*.deb; do dpkg-deb -x "$file" "$root"; done
    [ -e "$root/bin" ] || ln -s usr/bin "$root/bin"
    [ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
    [ -e "$root/lib/ld-linux-aarch64.so.1" ] || ln -s aarch64-linux-gnu/ld-linux-aarch64.so.1 "$root/lib/"
  fi
  t=$(mktemp -d /tmp/drukte-arm64.XXXXXX)
  (
    mount -t tmpfs tmpfs "$t"
    mkdir -p "$t"/{up,wk,m}
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$t/up,workdir=$t/wk" "$t/m"
    trap 'cd /; umount -lR "$t/m"; umount -l "$t"; rmdir "$t"' EXIT
    cd "$t/m"
    mkdir -p proc dev tmp etc
    mount -t proc proc proc
    mount --bind /dev dev
    for file in "$DEBS"/drukte-model_*_all.deb "$DEBS"/drukte_*~${mark}_arm64.deb; do dpkg-deb -x "$file" .; done
    ln -sfn "releases/$(ls opt/drukte/releases)" opt/drukte/current
    cp "$(command -v qemu-aarch64-static)" usr/bin/
    cp "$here/arm64.py" tmp/
    site=/usr/share/doc/drukte/examples/sites/demo-street.yaml
    emulated() { chroot . /usr/bin/qemu-aarch64-static "$@"; }
    echo "== $suite arm64"
    emulated /opt/drukte/current/bin/python3 -I /tmp/arm64.py
    emulated /opt/drukte/current/bin/python3 -I /opt/drukte/current/bin/drukte check "$site"
    emulated /opt/drukte/current/bin/python3 -I /opt/drukte/current/bin/drukte doctor --offline --site "$site" || [ $? = 1 ]
    emulated /opt/drukte/current/bin/python3 -I /opt/drukte/current/bin/drukte verify
  )
done; done
echo "Not told by this: the seal (an emulator has no seccomp of its own), cameras, speed, any real Pi or Jetson."
