"""Both engines that clone on one server: a stored voice keeps its meaning."""

import shutil
from pathlib import Path

from tests.engines.vieneu.tiny_model import NAMES, write_cloning
from tests.frontends.http.harness import running_doors
from tests.frontends.http.test_voices import make
from tests.harness import describe, pcm_of, synthesize
from tests.recording_files import record
from wyoming_vietts.engines.catalogue import make_catalogue
from wyoming_vietts.engines.contract import EngineSettings


async def test_recording_is_two_voices_where_both_engines_clone(
    vieneu_dir: Path, model_dirs: dict[int, Path], tmp_path: Path
) -> None:
    folder = write_cloning(shutil.copytree(vieneu_dir, tmp_path / "model"))
    recording = record(tmp_path / "voices" / "an.wav")
    voices_dir, speech = recording.parent, recording.read_bytes()
    both = make_catalogue(["auto"], EngineSettings(
        model_dirs[25], folder, folder, voices_dir, "cpu", threads=1, quality="fast", seed=1
    ))  # fmt: skip
    vietts, vieneu = both.cloning_engines
    async with running_doors(vieneu, voices_dir=voices_dir) as doors:
        alone = pcm_of(await synthesize(doors.uri, "Vâng.", "an-vieneu"))
    async with running_doors(vietts, vieneu, voices_dir=voices_dir) as doors:
        status = (await doors.get("/api/status")).json
        assert status["clones_with"] == ["vietts", "vieneu"]
        listed = {
            voice.name: voice.description for voice in (await describe(doors.uri)).tts[0].voices
        }
        assert [*listed] == ["an", *NAMES, "an-vieneu"]
        assert (listed["an"], listed["an-vieneu"]) == ("an", "an (VieNeu)")
        assert pcm_of(await synthesize(doors.uri, "Vâng.", "an-vieneu")) == alone
        assert pcm_of(await synthesize(doors.uri, "Vâng.", "an")) != alone
        made = await make(doors, speech, description="Cô Bảy")
        assert (made.status, made.json) == (201, {"name": "co-bay"})
        names = ["an", "co-bay", *NAMES, "an-vieneu", "co-bay-vieneu"]
        assert [voice.name for voice in (await describe(doors.uri)).tts[0].voices] == names
        await doors.change("DELETE", "/api/voices/an-vieneu")
        assert [voice.name for voice in (await describe(doors.uri)).tts[0].voices] == [
            name for name in names if not name.startswith("an")
        ], "both are of one recording"
