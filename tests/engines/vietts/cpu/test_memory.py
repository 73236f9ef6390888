"""Memory of mapped files, given back."""

import mmap
import subprocess
import sys
from pathlib import Path

import torch

from wyoming_vietts.engines.vietts.cpu.linear import OneDNNLinear
from wyoming_vietts.engines.vietts.cpu.memory import (
    bound_primitive_caches,
    forget,
    forget_copied,
    release_pages,
)


def resident_file_pages() -> int:
    """MiB of mapped files in this process."""
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("RssFile:") + 1]) // 1024


def test_weight_of_a_mapped_file_does_not_stay_beside_the_packed_one(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(bytes(64 << 20))
    mapped = torch.from_file(str(path), size=16 << 20)
    linear = torch.nn.Linear(4096, 4096, bias=False, device="meta")
    linear.weight = torch.nn.Parameter(mapped.view(4096, 4096), requires_grad=False)
    OneDNNLinear(torch.nn.Linear(8, 8, bias=False))  # maps 9 MiB of oneDNN's own code
    before = resident_file_pages()
    OneDNNLinear(linear)
    assert resident_file_pages() - before <= 8


def test_forgotten_tensor_of_a_mapped_file_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(bytes(4 << 24))
    mapped = torch.from_file(str(path), size=1 << 24)
    kept, forgotten = mapped[: 1 << 20], mapped[1 << 20 :]
    before = resident_file_pages()
    assert float(kept.sum() + forgotten.sum()) == 0.0
    assert resident_file_pages() - before >= 60
    forget(forgotten)
    assert resident_file_pages() - before <= 8
    assert float(kept.sum()) == 0.0


def test_released_files_take_no_memory_until_they_are_read_again(tmp_path: Path) -> None:
    mapped = []
    for name, content in (("released", b"\x01"), ("other", b"\x02")):
        (tmp_path / name).write_bytes(content * (32 << 20))
        mapped.append(torch.from_file(str(tmp_path / name), size=32 << 20, dtype=torch.uint8))
    before = resident_file_pages()
    sums = [int(numbers.sum()) for numbers in mapped]
    assert resident_file_pages() - before >= 60
    with (tmp_path / "released").open("rb") as file:
        (tmp_path / "released").unlink()
        release_pages([file.fileno()])
    assert 28 <= resident_file_pages() - before <= 40, "those of the other file stay"
    assert [int(numbers.sum()) for numbers in mapped] == sums


def test_only_what_lies_in_one_piece_is_forgotten() -> None:
    numbers = torch.ones(1 << 20)
    forget(numbers[::2])
    forget(numbers[: 1 << 12].expand(64, 1 << 12))
    assert bool(numbers.all())


def test_only_what_a_network_has_copied_is_forgotten() -> None:
    used, copied = torch.ones(64, 1 << 12), torch.ones(64, 1 << 12)
    network = torch.nn.Linear(1 << 12, 64, bias=False, device="meta")
    network.weight = torch.nn.Parameter(used, requires_grad=False)
    forget_copied([used, copied], network)
    assert bool(used.all())
    kept_at_the_ends = 2 * mmap.PAGESIZE // copied.element_size()  # of pages that hold other things
    assert int(copied.count_nonzero()) < kept_at_the_ends


MANY_SHAPES = """
import torch
from wyoming_vietts.engines.vietts.cpu.memory import bound_primitive_caches, resident_bytes
bound_primitive_caches()
torch.set_num_threads(1)
weight = torch.ops.mkldnn._reorder_linear_weight(torch.ones(8, 8))
for count in range(2, 603):
    rows = torch.ones(count, 8)
    torch.ops.mkldnn._linear_pointwise.default(rows, weight, None, "none", [], "none")
    if count == 302:
        first = resident_bytes()
print(resident_bytes() - first)
"""


def test_sentences_of_ever_new_lengths_take_no_more_memory() -> None:
    """In a process of its own, as the sizes of the caches are read once."""
    command = [sys.executable, "-c", MANY_SHAPES]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert int(said.stdout) < 100 << 20


def test_sizes_of_caches_that_a_user_has_chosen_are_left() -> None:
    environment = {"LRU_CACHE_CAPACITY": "9"}
    bound_primitive_caches(environment)
    assert environment == {"LRU_CACHE_CAPACITY": "9", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256"}
