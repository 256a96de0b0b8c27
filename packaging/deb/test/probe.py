"""Run in place of a room, under the room's own unit: tries every way out and says what the kernel answers."""

import ctypes
import mmap
import os
import socket
import sys

WAYS = {}


def way(name):
    def keep(function):
        WAYS[name] = function
        return function

    return keep


def writes(folder):
    def attempt():
        fd = os.open(f"{folder}/leak", os.O_CREAT | os.O_WRONLY)
        os.write(fd, b"x")

    return attempt


def opens(path, mode=os.O_RDWR):
    return lambda: os.open(path, mode)


def sock(family, kind=socket.SOCK_STREAM):
    return lambda: socket.socket(family, kind)


def number(call):  # the few that Python has no function for; x86_64
    def attempt():
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syscall(*call) == -1:
            raise OSError(ctypes.get_errno(), "refused")

    return attempt


def connects():
    with socket.socket() as line:
        line.settimeout(2)
        line.connect(("127.0.0.1", 8883))


FOLDERS = ("/", "/tmp", "/var", "/var/tmp", "/var/lib/drukte", "/var/lib/drukte-sample", "/var/lib/drukte-report",
           "/run", "/run/drukte", "/dev/shm", "/dev", "/etc", "/etc/drukte", "/home", "/root", "/opt/drukte", "/usr",
           "/proc/self", "/sys")  # fmt: skip
for each in FOLDERS:
    WAYS[f"write a file in {each}"] = writes(each)
for each in (
    "/dev/kmsg",
    "/dev/mem",
    "/dev/ttyS0",
    "/dev/loop0",
    "/dev/fuse",
    "/dev/net/tun",
    "/dev/vda",
    "/dev/video0",
):
    WAYS[f"open {each}"] = opens(each)
WAYS["open the door anew"] = opens("/run/drukte/door.fifo", os.O_WRONLY | os.O_NONBLOCK)
WAYS["read the open room's messages"] = opens("/var/lib/private/drukte-report/outbox.sqlite", os.O_RDONLY)
WAYS["write the open room's history"] = opens("/var/lib/drukte-report/history.sqlite")
WAYS["read the open room's keys"] = opens("/run/credentials/drukte-report.service/drukte_device.key", os.O_RDONLY)
WAYS["read the keys"] = opens("/etc/drukte/credentials/device.key", os.O_RDONLY)
for each in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET", "AF_VSOCK"):
    WAYS[f"socket {each}"] = sock(getattr(socket, each), socket.SOCK_DGRAM if each != "AF_PACKET" else socket.SOCK_RAW)
WAYS["connect to the broker"] = connects
WAYS["memfd_create"] = lambda: os.memfd_create("x")
WAYS["map memory writable and executable"] = lambda: mmap.mmap(-1, 4096, prot=7)
WAYS["new user namespace"] = number((272, 0x10000000))
WAYS["mount"] = number((165, b"none", b"/mnt", b"tmpfs", 0, 0))
WAYS["ptrace the first process"] = number((101, 16, 1, 0, 0))
WAYS["io_uring"] = number((425, 1, 0))
WAYS["bpf"] = number((321, 0, 0, 0))
WAYS["keyring"] = number((248, b"user", b"x", b"y", 1, -2))
WAYS["set the clock"] = number((227, 0, 0))
WAYS["set the host name"] = number((170, b"x", 1))
WAYS["become root"] = lambda: os.setuid(0)
WAYS["signal the first process"] = lambda: os.kill(1, 0)

for name, attempt in WAYS.items():
    try:
        attempt()
    except OSError as error:
        print(f"WAY refused ({os.strerror(error.errno) if error.errno else error}): {name}", file=sys.stderr)
    except TimeoutError:
        print(f"WAY refused (no answer): {name}", file=sys.stderr)
    else:
        print(f"WAY open: {name}", file=sys.stderr)
print(f"WAY end: uid {os.getuid()}, interfaces {sorted(os.listdir('/sys/class/net'))}", file=sys.stderr)
