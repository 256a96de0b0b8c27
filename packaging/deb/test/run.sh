#!/bin/bash
# The Debian packages under a real systemd: `make deb-test` (as root). What it does is in inside.py.
#   run.sh [SUITE...]: bookworm and trixie unless given. DEBS: folder of the packages. VIDEO: a recorded street.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
DEBS=${DEBS:-$top/dist}
VIDEO=${VIDEO:-${DRUKTE_DEMO_VIDEO:-$top/../shared/data/camera/pets09-s2l1/vtest.avi}}
ROOTS=${ROOTS:-$top/build/roots}
INSIDE=systemd,systemd-sysv,dbus,python3,ca-certificates,openssl,mosquitto,mosquitto-clients,udev,kmod,gpgv,iproute2
INSIDE=$INSIDE,init-system-helpers,media-types,libstdc++6
[ "$(id -u)" = 0 ] || { echo "deb-test: namespaces and an overlay need root: sudo make deb-test" >&2; exit 1; }
[ -e "$VIDEO" ] || { echo "deb-test: no recorded street at $VIDEO; set VIDEO=vtest.avi (Debian's opencv-doc)" >&2; exit 1; }
failed=0
for suite in "${@:-bookworm trixie}"; do for suite in $suite; do
  case $suite in bookworm) mark=deb12 ;; trixie) mark=deb13 ;; esac
  root=$ROOTS/$suite
  if [ ! -d "$root/usr" ]; then
    command -v debootstrap >/dev/null || apt-get install -y -qq debootstrap >/dev/null
    mkdir -p "$ROOTS"
    debootstrap --variant=minbase --include="$INSIDE" "$suite" "$root" >/dev/null
  fi
  t=$(mktemp -d /tmp/drukte-deb-test.XXXXXX)
  mkdir "$t/out"
  cp "$here/inside.py" "$here/probe.py" "$t"
  cp "$VIDEO" "$t/street.avi"
  cp "$top/firmware_config/sites/demo-street.yaml" "$t"
  good=$(ls "$DEBS"/drukte_*~${mark}_amd64.deb | head -n 1)
  cp "$DEBS"/drukte-model_*_all.deb "$t/model.deb"
  cp "$good" "$t/first.deb"
  "$here/repack.sh" "$good" 2 "$t/second.deb"
  "$here/repack.sh" "$good" 3 "$t/bad.deb" break
  echo "== $suite: $(basename "$good")"
  unshare --mount --pid --fork --uts --ipc --cgroup --net --kill-child "$here/boot.sh" "$root" "$t" >"$t/out/boot" 2>&1 || true
  cat "$t/out/log"
  grep -q '^all passed' "$t/out/log" || { echo "== $suite FAILED (all of it in $t)"; tail -n 5 "$t/out/boot"; failed=1; continue; }
  rm -rf "$t"
done; done
exit $failed
