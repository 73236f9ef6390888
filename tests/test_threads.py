"""Threads that wait: they must not keep other processes' cores, nor be slowed down by them."""

import subprocess
import sys
from pathlib import Path
from statistics import median

from tests.engines.vietts.speech import voices_dir
from tests.harness import clean_environment
from wyoming_vietts.threads import spin_briefly

__all__ = ["voices_dir"]

SPEAK = """
import subprocess, sys, time
from itertools import islice
from pathlib import Path
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.vietts.engine import VietTTSEngine
threads = int(sys.argv[3]) if len(sys.argv) > 3 else None
engine = VietTTSEngine(EngineSettings(Path(sys.argv[1]), voices_dir=Path(sys.argv[2]),
                                      device="cpu", threads=threads, quality="balanced"))

def speak():
    for _ in range(2):
        started, cpu_started = time.perf_counter(), time.process_time()
        list(islice(engine.voices["an"].speak("xin chào các bạn, hôm nay trời đẹp quá."), 300))
    print(time.perf_counter() - started, time.process_time() - cpu_started, end=" ")

for _ in range(3):
    speak()
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        speak()
    finally:
        busy.kill()
        busy.wait()
    print()
"""


def speaking_seconds(*arguments: object, **environment: str) -> list[list[float]]:
    """Speak a tiny sentence, alone and beside a busy process, three times.

    Returns:
        for each time, wall-clock and processor time alone, and both beside the process.
    """
    command = [sys.executable, "-c", SPEAK, *map(str, arguments)]
    printed = subprocess.check_output(command, env=clean_environment() | environment, text=True)
    return [list(map(float, line.split())) for line in printed.splitlines()]


def test_a_sentence_beside_a_busy_process_takes_little_longer(
    model_dirs: dict[int, Path], voices_dir: Path
) -> None:
    brief = speaking_seconds(model_dirs[25], voices_dir)
    spinning = speaking_seconds(model_dirs[25], voices_dir, 2, GOMP_SPINCOUNT="3000000")
    # Two threads beside a third process have at most two thirds of two cores. The best of three
    # counts, as yet other processes may take their share.
    assert min([beside / alone for alone, _, beside, _ in brief]) < 2.5
    # A thread that spins takes a core, even where it is lucky and does not wait for long.
    processor, longer = ([times[3] for times in runs] for runs in (brief, spinning))
    assert median(processor) < 0.8 * median(longer)


def test_the_users_own_settings_are_kept() -> None:
    own = {"GOMP_SPINCOUNT": "7", "OPENBLAS_THREAD_TIMEOUT": "20"}
    environment = dict(own)
    spin_briefly(environment)
    assert environment.items() >= own.items()
    assert environment["KMP_BLOCKTIME"] == "0"
    active = {"OMP_WAIT_POLICY": "ACTIVE"}
    spin_briefly(active)
    assert active == {"OMP_WAIT_POLICY": "ACTIVE"}


def test_settings_are_there_before_any_library_is_loaded() -> None:
    code = (
        "import sys, wyoming_vietts, os\n"
        "print(os.environ['GOMP_SPINCOUNT'], {'numpy', 'torch'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    printed = subprocess.check_output(command, env=clean_environment(), text=True)
    assert printed == "5000 set()\n"
