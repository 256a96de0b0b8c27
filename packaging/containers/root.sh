#!/bin/sh
# The file system of the final image: Debian's Python and its libraries, unpacked by name, and /opt/drukte beside them.
# Runs in the image's build stage: root.sh TARGET
set -eu
target=$1
python=$(python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
# What `ldd` finds in Python, its standard library and the wheels; `room.py imports` tries it in the finished image.
packages="base-files netbase tzdata media-types libc6 libgcc-s1 libstdc++6 zlib1g libexpat1 libffi8 libssl3 libsqlite3-0
  libbz2-1.0 liblzma5 libuuid1 libcrypt1 lib$python-minimal lib$python-stdlib $python-minimal python3-minimal"

mkdir -p "$target/usr/bin" "$target/usr/lib" "$target/usr/lib64" "$target/usr/sbin"
for name in bin lib lib64 sbin; do ln -s "usr/$name" "$target/$name"; done
work=$(mktemp -d)
cd "$work"
# shellcheck disable=SC2086 # words
apt-get download -qq $packages
mkdir -p "$target/var/lib/dpkg/status.d"
for file in *.deb; do
  dpkg-deb --fsys-tarfile "$file" | tar -x --keep-directory-symlink -C "$target"
  # so that scanners know what is in here, and which version
  dpkg-deb -f "$file" > "$target/var/lib/dpkg/status.d/${file%%_*}"
done
cd /
rm -rf "$work"
rm -rf "$target"/usr/share/man "$target"/usr/share/lintian "$target"/usr/share/bug "$target/etc/default" \
  "$target"/usr/share/locale "$target/etc/update-motd.d" "$target/etc/profile.d" "$target/etc/dpkg"

mkdir -p "$target/etc/ssl/certs" "$target/tmp" "$target/root" "$target/usr/lib/drukte" "$target/usr/share/drukte"
cp /etc/ssl/certs/ca-certificates.crt "$target/etc/ssl/certs/"
echo "hosts: files dns" > "$target/etc/nsswitch.conf"
cat > "$target/etc/passwd" <<'P'
root:x:0:0:root:/nonexistent:/nonexistent
sense:x:10001:10000:the sealed room:/nonexistent:/nonexistent
report:x:10002:10000:the open room:/nonexistent:/nonexistent
page:x:10003:10000:the page of the open room:/nonexistent:/nonexistent
P
printf 'root:x:0:\ndrukte:x:10000:\nvideo:x:44:\ndialout:x:20:\n' > "$target/etc/group"
chmod 0755 "$target/root" "$target/tmp"

# the environment without what only builds it
/opt/drukte/bin/python3 -m pip uninstall -q -y setuptools
rm -rf /opt/drukte/lib/python3*/site-packages/pip /opt/drukte/lib/python3*/site-packages/pip-* /opt/drukte/bin/pip* \
  /opt/drukte/bin/[Aa]ctivate*
mkdir -p "$target/opt"
cp -a /opt/drukte "$target/opt/drukte"
cp -a /usr/share/drukte/models "$target/usr/share/drukte/models"
rm -f "$target/usr/share/drukte/models/"*.lock
python3 -m compileall -q --invalidation-mode unchecked-hash -s "$target" "$target/opt/drukte/lib" "$target/usr/lib/$python" \
  >/dev/null 2>&1 || true
install -m 0644 /src/packaging/containers/room.py "$target/usr/lib/drukte/room.py"

# a volume that is laid over one of these gets its owner and mode from here
install -d -m 0755 "$target/etc/drukte" "$target/run/drukte-report" "$target/run/secrets"
install -d -m 0750 -o 10002 -g 10000 "$target/run/drukte"
install -d -m 0700 -o 10002 -g 10000 "$target/var/lib/drukte-report"
chown 10002:10000 "$target/run/drukte-report"
find "$target" -xdev -perm /6000 -exec chmod a-s {} +
