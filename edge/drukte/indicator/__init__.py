"""The light that is on exactly while the camera is open, and goes off also when the sealed room is killed.

The sealed room cannot write, so it cannot switch a light, and a light that it could switch would be a way out. It
holds a lock on a file instead, from before it opens the camera until it has closed it, and the kernel takes that lock
away when the process ends, however it ends. Another small process, the keeper, waits on the same lock and switches
the light.
"""
