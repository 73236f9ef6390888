"""SSML: what is understood, what is refused, and what comes out of the server for it."""

import numpy as np
import pytest

from tests.harness import StepEngine, pcm_of, running_server, send, stream, synthesize, types
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.errors import SSMLError
from wyoming_vietts.speech.ssml import Break, Prosody, Run, begins_ssml, parse_ssml


def spoken(ssml: str) -> str:
    """All text of the document, breaks as |."""
    parts = parse_ssml(f"<speak>{ssml}</speak>")
    return "".join(part.text if isinstance(part, Run) else "|" for part in parts)


def prosody(attributes: str) -> Prosody:
    part = parse_ssml(f"<speak><prosody {attributes}>a</prosody></speak>")[0]
    assert isinstance(part, Run)
    return part.prosody


def test_text_entities_and_unknown_elements_are_read_through() -> None:
    assert (
        spoken('a &lt; b &#225; <emphasis level="strong">c</emphasis><mark name="x"/>')
        == "a < b á c"
    )


def test_namespaces_are_read_through() -> None:
    ssml = (
        '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="vi">a</speak>'
    )
    assert parse_ssml(ssml) == [Run("a")]


@pytest.mark.parametrize("encoding", ["UTF-8", "utf-16", "windows-1258", "nope", "rot13"])
def test_what_a_document_says_of_its_encoding_does_not_matter(encoding: str) -> None:
    ssml = f'<?xml version="1.0" encoding="{encoding}"?><speak>trường</speak>'
    assert parse_ssml(ssml) == [Run("trường")]


def test_paragraphs_and_sentences_end_sentences() -> None:
    assert spoken("<p><s>a</s><s>b</s></p>c").replace("\n", "/").strip("/") == "a//b//|c"


def test_line_ends_within_text_do_not_end_sentences() -> None:
    assert spoken("một\ncâu") == "một câu"


@pytest.mark.parametrize(
    ("attributes", "seconds"),
    [
        ('time="500ms"', 0.5),
        ('time="1.5s"', 1.5),
        ('time="10s"', 10.0),
        ('strength="weak"', 0.2),
        ('strength="x-strong"', 1.0),
        ("", 0.4),
    ],
)
def test_break_has_a_time_or_a_strength(attributes: str, seconds: float) -> None:
    assert parse_ssml(f"<speak>a<break {attributes}/>b</speak>")[1] == Break(seconds)


def test_break_of_no_strength_is_none() -> None:
    assert spoken('a<break strength="none"/>b<break time="0s"/>c') == "abc"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('rate="fast"', Prosody(rate=1.25)),
        ('rate="150%"', Prosody(rate=1.5)),
        ('rate="+10%"', Prosody(rate=1.1)),
        ('rate="-20%"', Prosody(rate=0.8)),
        ('rate="0.8"', Prosody(rate=0.8)),
        ('rate="900%"', Prosody(rate=2.0)),
        ('volume="silent"', Prosody(volume=0.0)),
        ('volume="soft"', Prosody(volume=0.5)),
        ('volume="50"', Prosody(volume=0.5)),
        ('volume="+20dB"', Prosody(volume=4.0)),
        ('pitch="high"', Prosody(pitch=1.15)),
        ('pitch="+10%"', Prosody(pitch=1.1)),
        ('pitch="+0st"', Prosody(pitch=1.0)),
        ('rate="slow" pitch="low" volume="loud"', Prosody(0.75, 1.4, 0.87)),
    ],
)
def test_prosody_values(attributes: str, expected: Prosody) -> None:
    got = prosody(attributes)
    assert (got.rate, got.volume, got.pitch) == pytest.approx(
        (expected.rate, expected.volume, expected.pitch)
    )


def test_prosody_multiplies_within_prosody_and_ends_with_its_element() -> None:
    parts = parse_ssml(
        '<speak>a<prosody rate="0.8">b<prosody rate="0.9">c</prosody></prosody>d</speak>'
    )
    rates = [part.prosody.rate for part in parts if isinstance(part, Run)]
    assert rates == pytest.approx([1.0, 0.8, 0.72, 1.0])


def test_sub_speaks_its_alias_alone() -> None:
    assert spoken('<sub alias="ki lô">kg<break/><sub alias="x">y</sub></sub>!') == "ki lô!"


@pytest.mark.parametrize(
    ("how", "text", "said"),
    [
        ("characters", "abc", "a b c"),
        ("spell-out", "a1", "a 1"),
        ("digits", "0912 34", "0 9 1 2 3 4"),
        ("telephone", "09-12", "0 9 1 2"),
        ("ordinal", "3", "thứ 3"),
        ("cardinal", "12", "12"),
        ("klingon", "12", "12"),
    ],
)
def test_say_as(how: str, text: str, said: str) -> None:
    assert spoken(f'<say-as interpret-as="{how}">{text}</say-as>').split() == said.split()


def test_say_as_is_words_of_their_own() -> None:
    assert spoken('lần<say-as interpret-as="ordinal">3</say-as>nhé').split() == [
        "lần",
        "thứ",
        "3",
        "nhé",
    ]


WRONG = [
    ("<speak>a", "not well-formed"),
    ("a", "not well-formed"),
    ("", "not well-formed"),
    ("<speak>&nbsp;</speak>", "not well-formed"),
    ("<voice>a</voice>", "must start with <speak>"),
    ('<speak><break time="11s"/></speak>', "must be 0 to 10s"),
    ('<speak><break time="10001ms"/></speak>', "must be 0 to 10s"),
    ('<speak><break time="-1s"/></speak>', "must be 0 to 10s"),
    ('<speak><break time="5"/></speak>', "must be like '500ms'"),
    ('<speak><break strength="huge"/></speak>', "none, x-weak, weak"),
    ('<speak><prosody rate="warp">a</prosody></speak>', "x-slow, slow"),
    ('<speak><prosody rate="+5st">a</prosody></speak>', "'120%'"),
    ('<speak><prosody rate="-100%">a</prosody></speak>', "something audible"),
    ('<speak><prosody pitch="200Hz">a</prosody></speak>', "x-low, low"),
    ("<speak><sub>a</sub></speak>", "needs an alias"),
    ("<speak><say-as>a</say-as></speak>", "needs interpret-as"),
    ('<!DOCTYPE speak [<!ENTITY a "b">]><speak>&a;</speak>', "DOCTYPE"),
    ('<!DOCTYPE speak SYSTEM "file:///etc/passwd"><speak>a</speak>', "DOCTYPE"),
]


@pytest.mark.parametrize(("ssml", "message"), WRONG)
def test_bad_ssml_says_what_is_wrong(ssml: str, message: str) -> None:
    with pytest.raises(SSMLError, match=message.replace("+", r"\+").replace(".", r"\.")):
        parse_ssml(ssml)


@pytest.mark.parametrize(("ssml", "message"), WRONG)
async def test_bad_ssml_is_an_error_event(ssml: str, message: str) -> None:
    async with running_server(StepEngine()) as uri:
        events = await send(uri, "synthesize", {"text": ssml, "text_format": "ssml"})
        assert types(events) == ["error"]
        assert message in events[0].data["text"]
        assert events[0].data["code"] == "bad-ssml"
        assert types(await synthesize(uri, "Vẫn sống."))[-1] == "audio-stop"


async def test_break_is_silence_of_its_length() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri:
        with_break = await synthesize(
            uri, '<speak>Một.<break time="2500ms"/>Hai.</speak>', text_format="ssml"
        )
        plain = await synthesize(uri, "Một. Hai.")
    half = len(pcm_of(plain)) // 2
    silence = bytes(2 * round(2.5 * tts.sample_rate))
    assert pcm_of(with_break) == pcm_of(plain)[:half] + silence + pcm_of(plain)[half:]


async def test_rate_reaches_the_engine_and_markup_does_not() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri:
        ssml = '<speak><prosody rate="150%">Xin chào</prosody></speak>'
        await synthesize(uri, ssml, text_format="ssml")
    (text, _, speed) = tts.asked[0]
    assert "<" not in text
    assert speed == pytest.approx(1.5)


async def test_volume_scales_the_samples() -> None:
    async with running_server(EspeakEngine()) as uri:
        plain = await synthesize(uri, "<speak>Xin chào</speak>", text_format="ssml")
        ssml = '<speak><prosody volume="50">Xin chào</prosody></speak>'
        soft = await synthesize(uri, ssml, text_format="ssml")
    loudness = [np.abs(np.frombuffer(pcm_of(e), "<i2").astype(float)).sum() for e in (plain, soft)]
    assert loudness[1] / loudness[0] == pytest.approx(0.5, rel=0.01)


async def test_pitch_moves_the_fundamental_and_keeps_the_length() -> None:
    async with running_server(EspeakEngine()) as uri:
        ssml = '<speak><prosody pitch="{}">a a a a a a</prosody></speak>'
        answers = [
            pcm_of(await synthesize(uri, ssml.format(pitch), text_format="ssml"))
            for pitch in ("+0%", "+30%")
        ]
    plain, high = (np.frombuffer(answer, "<i2").astype(float) for answer in answers)
    assert len(high) / len(plain) == pytest.approx(1.0, rel=0.15)
    assert fundamental(high) / fundamental(plain) == pytest.approx(1.3, rel=0.08)


async def test_speed_makes_up_for_what_a_shifted_pitch_does_to_the_length() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri:
        ssml = '<speak><prosody pitch="+30%">Xin chào</prosody></speak>'
        events = await synthesize(uri, ssml, text_format="ssml")
    assert tts.asked[0][2] == pytest.approx(1 / 1.3)
    samples = tts.steps * tts.samples_per_step
    assert len(pcm_of(events)) / 2 == pytest.approx(samples / 1.3, abs=1)


def fundamental(samples: np.ndarray) -> float:
    """Frequency in Hz of the strongest period between 60 and 400 Hz."""
    spectrum = np.abs(np.fft.rfft(samples, 1 << 20)) ** 2
    correlation = np.fft.irfft(spectrum)
    shortest, longest = 22_050 // 400, 22_050 // 60
    return 22_050 / (shortest + int(np.argmax(correlation[shortest:longest])))


# --- texts that are not declared to be SSML -------------------------------------------------------

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("<speak>", True),
        ("<speak version='1.1'", True),
        (f"{DECLARATION}<speak>", True),
        (f"\ufeff{DECLARATION}\n<!-- by hand --> <!-- twice -->\n<speak>", True),
        ("  \n<speak/>", True),
        ("<!DOCTYPE a><speak>", True),
        (f'{DECLARATION}<!DOCTYPE speak [<!ENTITY a "b">]><speak>', True),
        ("<!DOCT", None),
        ("<!DOCTYPES>", False),
        ("<speaker>", False),
        ("speak", False),
        ("Xin chào <speak>", False),
        ("<!-- only --> a", False),
        ("<spe", None),
        ("<speak", None),
        ("<", None),
        ("", None),
        ("<!-- how long", None),
        ("<?xml ", None),
        ("<?xml " + "a" * 1000, False),
    ],
)
def test_beginning_of_ssml_is_recognised(text: str, begins: bool | None) -> None:
    assert begins_ssml(text) is begins


@pytest.mark.parametrize("doctype", ["<!DOCTYPE a>", '<!DOCTYPE speak [<!ENTITY a "b">]>'])
async def test_doctype_is_refused_and_not_read_aloud(doctype: str) -> None:
    engine = StepEngine()
    async with running_server(engine) as uri:
        events = await synthesize(uri, f"{doctype}<speak>x</speak>")
    assert types(events) == ["error"]
    assert "DOCTYPE" in events[0].data["text"]
    assert engine.asked == []


@pytest.mark.parametrize("before", ["", "\ufeff", f"{DECLARATION}\n", "<!-- a < b -->\n ", " \n"])
async def test_text_that_begins_and_ends_as_ssml_is_ssml(before: str) -> None:
    ssml = f"{before}<speak>Một.<break time='1s'/>Hai.</speak>\n"
    engine = StepEngine()
    async with running_server(engine) as uri:
        declared = await synthesize(uri, ssml, text_format="ssml")
        assert pcm_of(await synthesize(uri, ssml)) == pcm_of(declared)
        for size in (1, 3, 1000):
            pieces = [ssml[start : start + size] for start in range(0, len(ssml), size)]
            assert pcm_of(await stream(uri, pieces)) == pcm_of(declared)
    assert {text for text, _, _ in engine.asked} == {"Một.", "Hai."}
    assert len(pcm_of(declared)) > 2 * 22_050


@pytest.mark.parametrize(
    "text", ["<speak>Một câu.", "<speaker>Một câu.</speaker>", "<", "<!-- Một câu.", "<speak", "  "]
)
async def test_text_that_only_looks_like_ssml_is_text(text: str) -> None:
    async with running_server(StepEngine()) as uri:
        plain = await synthesize(uri, text, text_format="text")
        assert types(plain)[-1] == "audio-stop"
        assert pcm_of(await synthesize(uri, text)) == pcm_of(plain)
        streamed = await stream(uri, list(text))
        assert types(streamed)[-1] == "synthesize-stopped"
        assert pcm_of(streamed) == pcm_of(plain)


async def test_markup_in_ssml_of_home_assistant_that_is_wrong_is_an_error() -> None:
    async with running_server(StepEngine()) as uri:
        (refusal,) = await send(uri, "synthesize", {"text": "<speak>a & b</speak>"})
    assert refusal.data["code"] == "bad-ssml"


# --- silence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["<break time='10s'/>" * 30 + "<break time='1ms'/>", "<p/>" * 751])
def test_silence_of_one_text_is_bounded(part: str) -> None:
    with pytest.raises(SSMLError, match="may last 300s in all"):
        parse_ssml(f"<speak>{part}</speak>")
    assert parse_ssml("<speak>" + "<break time='10s'/>" * 30 + "</speak>")
    assert parse_ssml("<speak>" + "<p/>" * 749 + "</speak>")


@pytest.mark.parametrize(
    "pause", ["<break>", "<break/>", "<break time='1s'/>", "[pause 1s]", "[pause]",
        "[Break: 500ms]", "[long pause]", "<pause 1s>", "[pause=1.5s]"]
)  # fmt: skip
async def test_pause_in_plain_text_is_not_read_aloud(pause: str) -> None:
    engine = StepEngine()
    async with running_server(engine) as uri:
        await synthesize(uri, f"Xin chào {pause} các bạn.")
        await stream(uri, list(f"Xin chào {pause} các bạn."))
    assert {text for text, _, _ in engine.asked} == {"Xin chào các bạn."}
