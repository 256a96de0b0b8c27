"""Containers: what goes in comes out, and no bytes whatever make more than a clear refusal."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tools.validate.judging.test_counting import sample

from drukte.sample.container import MAGIC, ContainerError, pack, unpack

HEADER = sample(0).header
WHOLE = pack(HEADER, b"picture" * 50, 4096)


@given(st.binary(max_size=900))
def test_what_goes_in_comes_out(content: bytes) -> None:
    assert unpack(pack(HEADER, content, 4096)) == (HEADER, content)
    assert len(pack(HEADER, content, 4096)) == 4096


def refused_or_read(data: bytes) -> None:
    try:
        header, content = unpack(data)
    except ContainerError:
        return
    assert len(content) <= len(data)
    assert header.count >= 0


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes(data: bytes, magic: bool) -> None:
    refused_or_read(MAGIC + data if magic else data)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_any_changed_byte(at: int, value: int) -> None:
    refused_or_read(WHOLE[:at] + bytes([value]) + WHOLE[at + 1 :])


@given(st.integers(0, len(WHOLE)))
def test_any_cut(length: int) -> None:
    refused_or_read(WHOLE[:length])


@pytest.mark.parametrize("text", [b"[]", b"null", b"[" * 20_000, b'{"order":1}', b"\xff\xfe", b"1e999"])
def test_headers_that_are_none(text: bytes) -> None:
    data = MAGIC + struct.pack("<I", len(text)) + text + struct.pack("<I", 0)
    with pytest.raises(ContainerError):
        unpack(data)


def test_what_does_not_fit() -> None:
    with pytest.raises(ContainerError, match="do not fit"):
        pack(HEADER, bytes(5000), 4096)
