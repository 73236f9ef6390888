"""Bounds of what is read of an ONNX file: the last that is taken, the first that is not."""

from pathlib import Path

import pytest

from wyoming_vietts.engines.onnx import nodes as module
from wyoming_vietts.engines.onnx.nodes import NODE, Node, read_nodes
from wyoming_vietts.engines.onnx.protobuf import (
    CutOffError,
    Field,
    FileSlice,
    Reader,
    write_field,
    write_fixed_32,
)
from wyoming_vietts.engines.onnx.tensors import read_sparse_tensor, read_tensor, text
from wyoming_vietts.steps import finish

MANY = 10**6


def fields(content: bytes, most: int = MANY) -> list[Field]:
    return [*Reader(most).fields(memoryview(content))]


def field(content: bytes) -> Field:
    (only,) = fields(content)
    return only


# --- protocol buffers ----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**32, 2**63, 2**64 - 1])
def test_numbers_are_read_as_written(value: int) -> None:
    assert field(write_field(7, value))[:2] == (7, value)
    assert field(write_field(2**28, value))[:2] == (2**28, value)


def test_number_has_at_most_ten_bytes() -> None:
    assert field(b"\x08" + b"\x80" * 9 + b"\x01").value == 2**63
    with pytest.raises(ValueError, match="a number has too many bytes"):
        fields(b"\x08" + b"\x80" * 10 + b"\x01")
    with pytest.raises(ValueError, match="cut off"):
        fields(b"\x08" + b"\x80" * 9)


def test_fields_of_every_kind_are_read() -> None:
    content = write_field(1, 300) + b"\x11" + bytes(8) + write_field(3, b"abc")
    content += write_fixed_32(4, b"\0\0\x80\x3f")
    numbers = [(one.number, one.value, len(one.whole)) for one in fields(content)]
    assert numbers == [(1, 300, 3), (2, bytes(8), 9), (3, b"abc", 5), (4, b"\0\0\x80\x3f", 5)]


@pytest.mark.parametrize("key", [0x00, 0x02, 0x0B, 0x0C, 0x0E, 0x0F])
def test_field_0_and_unknown_kinds_are_refused(key: int) -> None:
    with pytest.raises(ValueError, match=r"has the number 0|unknown wire type"):
        fields(bytes([key, 0, 0, 0]))


@pytest.mark.parametrize(
    "content", [write_field(3, b"abc"), b"\x11" + bytes(8), b"\x1d" + bytes(4)]
)
def test_field_that_ends_after_its_message_is_cut_off(content: bytes) -> None:
    assert len(fields(content)) == 1
    for size in range(1, len(content)):
        with pytest.raises(ValueError, match="cut off"):
            fields(content[:size])
    with pytest.raises(CutOffError) as error:
        fields(content[:-1])
    assert error.value.expected_bytes == len(content)


def test_fields_and_packed_numbers_are_counted_together() -> None:
    content = write_field(1, 5) * 4
    assert len(fields(content, most=4)) == 4
    with pytest.raises(ValueError, match="it has more than 3 fields"):
        fields(content, most=3)
    reader = Reader(6)
    assert [*reader.integers(memoryview(b"\x01\x02\x80\x01"))] == [1, 2, 128]
    assert reader.seen == 3
    assert len([*reader.fields(memoryview(content[:6]))]) == 3
    with pytest.raises(ValueError, match="it has more than 6 fields"):
        [*reader.integers(memoryview(b"\x01"))]


def test_packed_numbers_that_are_too_many_are_not_even_read() -> None:
    class Unreadable:
        def __len__(self) -> int:
            return 31

    with pytest.raises(ValueError, match="it has more than 3 fields"):
        [*Reader(3).integers(Unreadable())]  # type: ignore[arg-type]
    reader = Reader(6)
    assert len([*reader.fields(memoryview(write_field(1, 5) * 3))]) == 3
    with pytest.raises(ValueError, match="it has more than 6 fields"):
        [*reader.integers(Unreadable())]  # type: ignore[arg-type]
    assert [*Reader(3).integers(memoryview((b"\x80" * 9 + b"\x01") * 3))] == [2**63] * 3


def test_file_is_read_as_memory_is(tmp_path: Path) -> None:
    """In blocks of 4,096 bytes, with fields across their ends."""
    content = b"".join(write_field(1 + n % 9, bytes(n % 41)) for n in range(700))
    content += write_field(1, bytes(9000)) + write_field(2, 2**60) * 900
    path = tmp_path / "file"
    path.write_bytes(b"before" + content + b"after")
    with path.open("rb") as file:
        whole = FileSlice(file.fileno(), 0, 1 << 20)
        assert bytes(whole[:6]) == b"before"
        found = [*Reader(MANY).fields(whole[6 : 6 + len(content)])]
        expected = fields(content)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert one.number == other.number
            assert bytes(one.whole) == bytes(other.whole)
            assert one.value == other.value or bytes(one.value) == bytes(other.value)  # type: ignore[arg-type]
        with pytest.raises(CutOffError):
            bytes(whole[6:])
        assert len(whole[9:7]) == 0


# --- tensors -------------------------------------------------------------------------------------


def tensor(*parts: bytes) -> Field:
    return field(write_field(5, b"".join(parts)))


def entry(key: str, value: str) -> bytes:
    return write_field(13, write_field(1, key.encode()) + write_field(2, value.encode()))


def test_name_has_at_most_4096_bytes() -> None:
    assert text(field(write_field(1, b"x" * 4096))) == "x" * 4096
    with pytest.raises(ValueError, match=r"a name has 4,097 bytes"):
        text(field(write_field(1, b"x" * 4097)))
    with pytest.raises(ValueError, match="field 1 is a number"):
        text(field(write_field(1, 5)))


def test_size_of_a_tensor_is_the_product_of_its_shape() -> None:
    plain = tensor(write_field(1, 3), write_field(1, 5), write_field(8, b"w"))
    packed = tensor(write_field(1, b"\x03\x05"), write_field(8, b"w"))
    for one in (plain, packed):
        assert read_tensor(one, Reader(MANY)) == ("w", 15, None)
    values = write_field(1, write_field(8, b"w"))
    sparse = tensor(values, write_field(2, write_field(8, b"i")), write_field(3, b"\x03\x05"))
    assert read_sparse_tensor(sparse, Reader(MANY)) == ("w", 15, None)


@pytest.mark.parametrize(("offset", "length"), [("-1", "5"), ("5", "-1")])
def test_place_in_another_file_is_not_negative(offset: str, length: str) -> None:
    place = [entry("location", "a.data"), entry("offset", offset), entry("length", length)]
    with pytest.raises(ValueError, match="at a negative place"):
        read_tensor(tensor(*place), Reader(MANY))


def test_place_in_another_file_is_read() -> None:
    place = [entry("location", "a.data"), entry("offset", "7"), entry("length", "5")]
    assert read_tensor(tensor(*place), Reader(MANY)).data == ("a.data", 7, 12)
    assert read_tensor(tensor(entry("location", "b")), Reader(MANY)).data == ("b", 0, 0)
    with pytest.raises(ValueError, match="its nodes have weights in another file"):
        read_sparse_tensor(tensor(write_field(1, b"".join(place))), Reader(MANY))


# --- nodes ---------------------------------------------------------------------------------------


def node(operator: str = "Neg", inputs: str = "a", outputs: str = "b", *more: bytes) -> bytes:
    """Encode a node; each letter is a tensor."""
    names = [write_field(1, one.encode()) for one in inputs]
    names += [write_field(2, one.encode()) for one in outputs]
    return b"".join([*names, write_field(4, operator.encode()), *more])


def read(*nodes: bytes) -> list[Node]:
    content = b"".join(write_field(NODE, one) for one in nodes)
    return finish(read_nodes(fields(content)))


def branch(inner: bytes) -> bytes:
    """Encode an attribute with a graph of one node."""
    return write_field(5, write_field(1, b"then") + write_field(6, write_field(1, inner)))


def test_nodes_are_sorted_and_inner_tensors_are_used() -> None:
    first, second = node("Neg", "b", "c"), node("If", "a", "b", branch(node("Neg", "x", "y")))
    sorted_nodes = read(first, second)
    assert [(one.operator, one.inputs, one.outputs) for one in sorted_nodes] == [
        ("If", ("a", "x"), ("b",)),
        ("Neg", ("b",), ("c",)),
    ]


def test_graphs_are_nested_eight_deep_at_most() -> None:
    inner = node("Neg", "x", "y")
    for _ in range(8):
        inner = node("If", "a", "b", branch(inner))
    read(inner)
    with pytest.raises(ValueError, match="nested too deeply"):
        read(node("If", "a", "b", branch(inner)))


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        ("_MAX_NODES", "more than 5 nodes or"),
        ("_MAX_INPUTS", "nodes or 5 inputs"),
        ("_MAX_RARE_NODES", "more than 5 nodes of operators that are rare"),
    ],
)
def test_nodes_and_their_inputs_are_counted(
    bound: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, bound, 5)
    several = [node("Rare", "a", chr(ord("b") + number)) for number in range(6)]
    assert len(read(*several[:5])) == 5
    with pytest.raises(ValueError, match=message):
        read(*several)


def test_fields_of_one_node_and_of_all_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_FIELDS_OF_ONE", 5)
    monkeypatch.setattr(module, "_MAX_FIELDS", 9)
    read(node("Neg", "aaa", "b"), node("Neg", "aa", "c"))
    with pytest.raises(ValueError, match="it has more than 5 fields"):
        read(node("Neg", "aaaa", "b"))
    with pytest.raises(ValueError, match="it has more than 4 fields"):
        read(node("Neg", "aaa", "b"), node("Neg", "aaa", "c"))
    assert (module._MAX_DEPTH, module._STEP_FIELDS) == (8, 4000)


def test_nodes_that_use_each_other_are_a_cycle() -> None:
    with pytest.raises(ValueError, match="its nodes form a cycle"):
        read(node("Neg", "b", "a"), node("Neg", "a", "b"))
    with pytest.raises(ValueError, match="its nodes form a cycle"):
        read(node("Neg", "a", "a"))


ELSEWHERE = entry("location", "a.data")
SPARSE_ELSEWHERE = write_field(1, ELSEWHERE)
TENSOR_ELSEWHERE = write_field(5, write_field(5, ELSEWHERE))


@pytest.mark.parametrize(
    "attribute",
    [
        write_field(5, ELSEWHERE),
        write_field(10, ELSEWHERE),
        write_field(6, write_field(5, ELSEWHERE)),
        write_field(6, write_field(15, SPARSE_ELSEWHERE)),
        write_field(11, write_field(5, ELSEWHERE)),
        write_field(11, write_field(1, node("If", "a", "b", TENSOR_ELSEWHERE))),
    ],
)
def test_nodes_have_no_weights_in_another_file(attribute: bytes) -> None:
    with pytest.raises(ValueError, match="its nodes have weights in another file"):
        read(node("If", "a", "b", write_field(5, attribute)))


def test_many_nodes_are_read_with_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause after some 4,000 fields, of which each of these nodes has three."""
    monkeypatch.setattr(module, "_STEP_FIELDS", 30)
    content = b"".join(write_field(NODE, node("Neg", "a", chr(200 + n))) for n in range(100))
    few = b"".join(write_field(NODE, node("Neg", "a", chr(200 + n))) for n in range(5))
    pauses = len([*read_nodes(fields(content))]) - len([*read_nodes(fields(few))])
    assert 8 <= pauses <= 10
