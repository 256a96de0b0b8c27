"""The sampler: keeps an ordered, encrypted sample of pictures for validation. A program of its own, apart from sense.

It does what the sealed room does, and one thing more: at moments that chance has picked, it encrypts the picture in
memory to keys that the device does not hold, and writes that into files which were opened before its seal closed.
"""
