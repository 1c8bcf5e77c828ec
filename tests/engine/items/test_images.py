"""Items that show images: the model sees their bytes in every protocol, and one that takes none gets no score."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.items.errors import RowInvalid
from engine.items.formats.documents import DOCUMENTS
from engine.items.formats.question import QUESTION
from engine.items.images import media_type_of
from engine.items.item_set import ItemSelection, load_items
from events.digest import digest_of
from events.store.base import Selection
from events.types.item import ItemScored, ItemUnanswered
from events.types.model import ModelFailed
from replay.rerun import rerun
from tests.support.quiz import quiz_installed
from tests.support.quiz_runs import Quizzed, quiz_spec, quizzed

AMBER = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==")
BLUE = b64decode("R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==")
"""A dot each: a PNG and a GIF."""
EYE = f"""\
name = "eye"

[[rule]]
name = "sees amber"
contains = ["Which colour"]
images = ["image/png", "{digest_of(AMBER)}"]
[[rule.turn]]
text = "<answer>amber</answer>"

[[rule]]
name = "sees blue"
contains = ["Which colour"]
images = ["image/gif", "{digest_of(BLUE)[:8]}"]
[[rule.turn]]
text = "<answer>blue</answer>"

[[rule]]
name = "sees nothing"
[[rule.turn]]
text = "<answer>I see no page</answer>"
"""
PROTOCOLS = ["chat", "responses", "messages", "gemini"]


@pytest.fixture(autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the quiz."""
    with quiz_installed(tmp_path_factory.mktemp("installed")):
        yield


def pages(base: Path) -> None:
    """Two scanned pages; the second is a GIF that is called a JPEG."""
    folder = base / "items" / "test"
    folder.mkdir(parents=True)
    (folder / "amber.png").write_bytes(AMBER)
    (folder / "blue.jpg").write_bytes(BLUE)
    rows = [
        {"id": name, "question": "Which colour has the dot?", "answers": [name], "image": file}
        for name, file in (("amber", "amber.png"), ("blue", "blue.jpg"))
    ]
    (folder / "rows.json").write_text(json.dumps(rows))


async def _seen(base: Path, script: str, **model: Any) -> Quizzed:
    pages(base)
    return await quizzed(base, quiz_spec(model, format="docvqa"), script)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_the_model_sees_the_image_of_its_item_and_no_other(protocol: str, tmp_path: Path) -> None:
    """Both questions have the same words: only the bytes that came, and what they were called, tell them apart."""
    seen = await _seen(tmp_path, EYE, protocol=protocol)
    assert seen.outcomes == {"item/quiz.amber.1": "solved", "item/quiz.blue.1": "solved"}
    assert (await rerun(seen.log, seen.run)).complete


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_model_that_takes_no_images_gets_no_score(protocol: str, tmp_path: Path) -> None:
    """It is asked once, says so, and that is no answer: 0 would be said of what nobody could see."""
    blind = 'name = "blind"\n[[rule]]\nname = "any"\n[[rule.turn]]\nerror = "images_unsupported"\nrepeat = true\n'
    seen = await _seen(tmp_path, blind, protocol=protocol, tries=3)
    assert set(seen.outcomes.values()) == {"infrastructure"}
    failed = [each.event for each in await seen.events("model.call_failed")]
    assert [each.kind for each in failed if isinstance(each, ModelFailed)] == ["images_unsupported"] * 2
    for each in await seen.events("item.unanswered", "item.scored"):
        match each.event:
            case ItemUnanswered(ending=ending, detail=detail):
                assert ending == "infrastructure"
                assert detail.startswith("images_unsupported: ")
            case ItemScored(hard=hard, soft=soft):
                assert (hard, soft) == (None, None)
            case _:
                pytest.fail(str(each.event))
    assert (await rerun(seen.log, seen.run)).complete


async def test_a_question_may_show_images_too(tmp_path: Path) -> None:
    """In the order of its row; a request names them, and its digest covers their bytes."""
    folder = tmp_path / "items" / "test"
    folder.mkdir(parents=True)
    for name, data in (("a.png", AMBER), ("b.gif", BLUE)):
        (folder / name).write_bytes(data)
    row = {"id": "two", "question": "Which colour has the dot?", "answers": ["amber"], "images": ["a.png", "b.gif"]}
    (folder / "rows.json").write_text(json.dumps([row]))
    seen = await quizzed(tmp_path, quiz_spec(), EYE)
    assert seen.outcomes == {"item/quiz.two.1": "solved"}
    read = load_items("s", QUESTION, tmp_path / "items", ItemSelection(), digest_of)
    assert read.shown == (digest_of(AMBER), digest_of(BLUE))
    assert {digest_of(AMBER), digest_of(BLUE)} <= set(await _blobs(seen))


async def _blobs(seen: Quizzed) -> list[Any]:
    (opened,) = [each async for each in seen.log.read(Selection(tags={"item.opened"}))]
    return list(opened.event.shown)  # type: ignore[attr-defined]


def test_which_kind_an_image_is_is_told_by_its_bytes() -> None:
    """Providers refuse an image that is called another; a name counts where the bytes do not tell."""
    assert media_type_of("a.png", BLUE) == "image/gif"
    assert media_type_of("a", AMBER) == "image/png"
    assert media_type_of("a.PNG", b"\xff\xd8\xff\xe0 more") == "image/jpeg"
    assert media_type_of("a.jpeg", b"RIFF\x10\0\0\0WEBPVP8 ") == "image/webp"
    assert media_type_of("a.jpeg", b"RIFF\x10\0\0\0WAVEfmt ") == "image/jpeg"
    with pytest.raises(RowInvalid, match=r"\.png"):
        media_type_of("a.tiff", b"II*\0")


def test_an_item_with_another_image_is_another_item(tmp_path: Path) -> None:
    """The digest of an item covers the bytes that it shows: keys of stored scores are made of it."""
    pages(tmp_path)
    before = load_items("s", DOCUMENTS, tmp_path / "items", ItemSelection(), digest_of).items
    (tmp_path / "items" / "test" / "blue.jpg").write_bytes(BLUE + b"!")
    after = load_items("s", DOCUMENTS, tmp_path / "items", ItemSelection(), digest_of).items
    assert [one.digest == other.digest for one, other in zip(before, after, strict=True)] == [True, False]
