# ruff: noqa: E402, PTH101, PTH102, PTH104, PTH108, PTH116, PTH123, PTH208
"""A small detector that is sealed (or not) in mid-run and then tries every way out it knows.

Run by test_seal.py: sealed_child.py DOOR FOLDER MODE..., modes: unsealed, nolandlock, deadly, cold. Results
go through the door, one record of 64 bytes each: `open`, `refused` or a remark, then what was tried. An act
counts as refused on EPERM alone: without the seal each of them is done or fails for another reason.
"""

import sys

from drukte.sense.lock import landlock
from drukte.sense.lock.seal import early, seal

DOOR, FOLDER, *MODES = int(sys.argv[1]), sys.argv[2], *sys.argv[3:]
if "nolandlock" in MODES or "unsealed" in MODES:
    landlock.abi = lambda: 0
early(read=[FOLDER, sys.path[0]])

import ctypes
import fcntl
import mmap
import os
import socket
import threading
import time

import cv2
import numpy as np
import onnxruntime as ort

from drukte.sense.lock.kernel import syscall
from drukte.sense.lock.liveness import FrameWatch, KnownPicture, NotAliveError, confirm_frames


def tell(verdict, what=""):
    os.write(DOOR, f"\1{verdict}\t{what[:50]}\2".encode().ljust(64))


video = cv2.VideoCapture(f"{FOLDER}/{next((m for m in MODES if '.' in m), 'video.avi')}")
session = ort.InferenceSession(f"{FOLDER}/model.onnx")
canvas = np.empty((64, 64, 3), np.uint8)


def detect(frame):
    cv2.resize(frame, (64, 64), dst=canvas)
    return session.run(None, {"x": cv2.dnn.blobFromImage(canvas, 1 / 255)})[0]


def read():
    ok, frame = video.read()
    return frame if ok else None


known = KnownPicture(detect, 240, 320)
if "cold" not in MODES:
    for _ in range(3):
        detect(read())
frame = np.full((40, 40, 3), 7, np.uint8)
extra_read, extra_write = os.pipe()
wake = os.eventfd(0)
own_read, own_write = os.pipe()
spare = os.eventfd(0)  # not on the list
go = threading.Event()
done = threading.Event()
old_thread = {}


def attempt(what, act):
    try:
        result = act()
        verdict = "refused" if result is False else "open"
    except PermissionError as e:
        verdict = "refused" if e.errno == 1 else "open"
    except RuntimeError as e:  # "can't start new thread"
        verdict = "refused" if "thread" in str(e) else "open"
    except OSError:
        verdict = "open"
    return verdict


def write_file(name):
    with open(f"{FOLDER}/{name}", "wb", buffering=0) as f:
        f.write(frame.tobytes())


def in_old_thread():
    go.wait()
    old_thread["old thread: write a file"] = attempt("", lambda: write_file("old"))
    old_thread["old thread: socket"] = attempt("", socket.socket)
    done.set()


def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def new_thread():
    t = threading.Thread(target=int)
    t.start()
    t.join()


def raw(*args):
    return lambda: syscall(*args)


buffer = ctypes.create_string_buffer(256)
at = ctypes.addressof(buffer)
ACTS = {
    "write a file": lambda: write_file("leak"),
    "write a file, no Python": lambda: np.save(f"{FOLDER}/leak.npy", frame),
    "write a picture": lambda: cv2.imwrite(f"{FOLDER}/leak.png", frame),
    "read a file": lambda: open("/etc/passwd", "rb").close(),
    "shared memory": lambda: write_file("../../../../../dev/shm/drukte-test") or os.unlink("/dev/shm/drukte-test"),
    "memory file": lambda: os.memfd_create("leak"),
    "socket: internet": socket.socket,
    "socket: datagram": lambda: socket.socket(type=socket.SOCK_DGRAM),
    "socket: internet 6": lambda: socket.socket(socket.AF_INET6),
    "socket: unix": lambda: socket.socket(socket.AF_UNIX),
    "socket: netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "socket: packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "socket: vsock": lambda: socket.socket(40, socket.SOCK_STREAM),
    "socket pair": socket.socketpair,
    "start a process": fork,
    "start a program": lambda: os.execv("/nonexistent", ["x"]),
    "start a thread": new_thread,
    "io_uring": raw("io_uring_setup", 1, at),
    "executable memory": lambda: mmap.mmap(-1, 4096, prot=7),
    "make memory executable": raw("mprotect", mmap.PAGESIZE, 0, 4),
    "write to another pipe": lambda: os.write(extra_write, b"x" * 64),
    "write to the terminal": lambda: os.write(2, b"\n"),
    "door: 63 bytes": lambda: os.write(DOOR, b"x" * 63),
    "door: 65 bytes": lambda: os.write(DOOR, b"x" * 65),
    "door: 4 GiB + 64 bytes": raw("write", DOOR, 1, 2**32 + 64),
    "door: several buffers": lambda: os.writev(DOOR, [b"x" * 64]),
    "door: other size of the pipe": lambda: fcntl.fcntl(DOOR, 1031, 4096 * 16),
    "wake: 64 bytes": lambda: os.write(wake, b"\1" * 64),
    "wake: 8 bytes to a pipe": lambda: os.write(own_write, b"12345678"),
    "wake: not on the list": lambda: os.eventfd_write(spare, 1),
    "remove a file": lambda: os.unlink(f"{FOLDER}/none"),
    "make a directory": lambda: os.mkdir(f"{FOLDER}/covert"),
    "rename": lambda: os.rename(f"{FOLDER}/none", f"{FOLDER}/none2"),
    "label a file": lambda: os.setxattr(FOLDER, "user.x", b"1"),
    "change times": lambda: os.utime(FOLDER),
    "change mode": lambda: os.chmod(FOLDER, 0o755),
    "ask about a file": lambda: os.stat(FOLDER),
    "list a directory": lambda: os.listdir(FOLDER),
    "name the process": raw("prctl", 15, at),
    "signal the parent": lambda: os.kill(os.getppid(), 0),
    "debug the parent": raw("ptrace", 2, 1, 0, 0),
    "read the parent": raw("process_vm_readv", os.getppid(), 0, 0, 0, 0, 0),
    "type into a terminal": lambda: fcntl.ioctl(0, 0x5412, b"x"),
    "System V memory": raw("shmget", 0x64727578, 1, 0),
    "change priority": lambda: os.nice(1),
    "loosen: own filter": raw("seccomp", 2, 0, 0),
}
if "unsealed" not in MODES:
    # The parent's number is asked for before: the seal allows no such question.
    parent = os.getppid()
    ACTS["signal the parent"] = lambda: os.kill(parent, 0)

thread = threading.Thread(target=in_old_thread, daemon=True)
thread.start()
if "unsealed" not in MODES:
    report = seal(DOOR, wake_fds=[wake, own_write], deadly="deadly" in MODES)
    tell("report", f"{int(report.bits)} {report.threads} {report.landlock_abi}")

if "deadly" in MODES:
    socket.socket()

go.set()
done.wait()
for what, verdict in old_thread.items():
    tell(verdict, what)
for what, act in ACTS.items():
    tell(attempt(what, act), what)

try:
    known.confirm()
    tell("alive", "known picture")
    confirm_frames(read)
    tell("alive", "frames")
except NotAliveError as e:
    tell("dead", str(e))
watch, count, repeats = FrameWatch(), 0, 0
start = time.perf_counter()
while (frame_now := read()) is not None:
    detect(frame_now)
    repeats += watch.see(frame_now) > 0
    count += 1
os.eventfd_write(wake, 1)
os.write(own_write, b"\0")
time.sleep(0.01)
tell("frames", f"{count} {repeats}")
if "unsealed" not in MODES:
    print("this must not appear, and not raise either", file=sys.stderr, flush=True)
    sys.stdout.write("nor this")
os._exit(0)
