"""Stories of tool calls in streams: two calls are never made one, one never two, and what is unclear is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from engine.protocols.chat import Chat
from engine.protocols.errors import FailedCallFacts, MalformedReply
from engine.protocols.reply import ChatReply
from tests.engine.providers.support_server import delta, events

Piece = dict[str, Any]


def read(*deltas: list[Piece]) -> ChatReply:
    """Read a stream of which each delta brings these entries of its list of calls."""
    raw = events(*(delta({"tool_calls": entries}) for entries in deltas), delta({}, "tool_calls"), "[DONE]")
    return Chat().read(raw, FailedCallFacts(status=200, raw=raw))


def called(*deltas: list[Piece]) -> list[tuple[str, str]]:
    """Say which calls such a stream makes: name and arguments of each."""
    return [(call.name, call.arguments) for call in read(*deltas).tool_calls]


def piece(name: str | None = None, arguments: Any = None, **others: Any) -> Piece:
    """Write an entry of a list of calls."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {**others, "function": function}


@pytest.mark.parametrize("index", [{}, {"index": 0}, {"index": None}, {"index": "0"}, {"index": 0, "id": ""}])
def test_a_name_after_whole_arguments_begins_a_new_call(index: Piece) -> None:
    """Ollama numbers every call 0 and gives no ids; glued together they were one call that nobody made."""
    first, second = piece("look", '{"at":"a"}', **index), piece("look", '{"at":"b"}', **index)
    assert called([first], [second]) == [("look", '{"at":"a"}'), ("look", '{"at":"b"}')]
    assert called([first, second]) == [("look", '{"at":"a"}'), ("look", '{"at":"b"}')]


def test_calls_whose_arguments_come_in_pieces_are_told_apart_too() -> None:
    """The second one opens without arguments, as most servers open a call."""
    opening = [piece("look", "", index=0)]
    deltas = [opening, [piece(None, '{"at":', index=0)], [piece(None, '"a"}', index=0)]]
    deltas += [opening, [piece(None, '{"at":', index=0)], [piece(None, '"b"}', index=0)]]
    assert called(*deltas) == [("look", '{"at":"a"}'), ("look", '{"at":"b"}')]


def test_ids_tell_calls_apart_whatever_their_index() -> None:
    """LMDeploy numbers every call 0, and gives its id only once."""
    deltas = []
    for name, at in (("c1", '"a"'), ("c2", '"b"')):
        deltas.append([piece("look", "", index=0, id=name)])
        deltas.append([piece(None, '{"at":' + at + "}", index=0, id="")])
    assert called(*deltas) == [("look", '{"at":"a"}'), ("look", '{"at":"b"}')]
    assert [call.id for call in read(*deltas).tool_calls] == ["c1", "c2"]


@pytest.mark.parametrize("others", [{}, {"index": 0}, {"index": 0, "id": "c1"}])
def test_a_name_that_every_piece_brings_again_is_one_name(others: Piece) -> None:
    """VLLM and NVIDIA's servers do so; also behind the last of the arguments."""
    deltas = [[piece("look", part, **others)] for part in ("", '{"at"', ':"a"}', "")]
    assert called(*deltas) == [("look", '{"at":"a"}')]


def test_an_id_that_every_piece_brings_anew_makes_one_call() -> None:
    """A server made up an id for each piece; the arguments were not whole."""
    deltas = [[piece("look", part, index=0, id=f"c{number}")] for number, part in enumerate(('{"at"', ':"a"', "}"))]
    assert called(*deltas) == [("look", '{"at":"a"}')]
    unnumbered = [[piece("look", part, id=f"c{number}")] for number, part in enumerate(('{"at"', ':"a"', "}"))]
    assert called(*unnumbered) == [("look", '{"at":"a"}')]
    nameless = [[piece("look", "", index=0, id="c0")], [piece(None, '{"at"', index=0, id="c1")]]
    assert called(*nameless, [piece(None, ":1}", index=0, id="c2")]) == [("look", '{"at":1}')]


def test_arguments_said_again_from_the_beginning_are_said_once() -> None:
    """Some servers send what there is so far, and more of it each time."""
    deltas = [[piece("look", part, index=0)] for part in ('{"at"', '{"at":"a"', '{"at":"a"}')]
    assert called(*deltas) == [("look", '{"at":"a"}')]


def test_the_same_call_under_the_same_id_is_one_call() -> None:
    """Some servers end a stream with the whole call once more."""
    again = piece("look", '{"at":"a"}', index=0, id="c1")
    assert called([piece("look", '{"at":', index=0, id="c1")], [piece(None, '"a"}', index=0)], [again]) == [
        ("look", '{"at":"a"}')
    ]


def test_a_name_that_comes_in_pieces_is_one_name_where_an_id_says_so() -> None:
    """The rest of a name has no id of its own; a call of its own would have one."""
    deltas = [[piece("look_", "", index=0, id="c1")], [piece("around", "{}", index=0)]]
    assert called(*deltas) == [("look_around", "{}")]


@pytest.mark.parametrize(
    "deltas",
    [
        [[piece("look", "", index=0)], [piece("go", "{}", index=0)]],
        [[piece("look", "", index=0, id="c")], [piece("go", "{}", index=0, id="c")]],
        [[piece("look", '{"at":1}', index=0)], [piece(None, '{"at":2}', index=0)]],
        [[piece("look", '{"at":1}', index=0, id="c")], [piece(None, '{"at":2}', index=0)]],
        [[piece("look", '{"at":1}', index=0, id="c")], [piece(None, "{}", index=0, id="c")]],
        [[piece("look", '{"at":', index=0)], [piece("look", '{"to":2}', index=0)]],
        [[piece(None, '{"at":1}', index=0)]],
    ],
    ids=["two-names", "two-names-one-id", "two-objects", "two-with-id", "placeholder-last", "restarted", "no-name"],
)
def test_what_cannot_be_told_apart_is_refused(deltas: list[list[Piece]]) -> None:
    """One call that nobody made would be carried out."""
    with pytest.raises(MalformedReply) as raised:
        read(*deltas)
    assert raised.value.retryable


@pytest.mark.parametrize("given", [{}, {"id": "c1"}])
@pytest.mark.parametrize("again", [{}, {"id": "c1"}])
@pytest.mark.parametrize("placeholder", ["{}", " { }\n", {}])
def test_an_empty_object_before_the_arguments_holds_their_place(given: Piece, again: Piece, placeholder: Any) -> None:
    """Some servers open a call with one; glued to what follows it made arguments that are no JSON."""
    opening = [piece("look", placeholder, index=0, **given)]
    later = {key: value for key, value in again.items() if key in given}
    assert called(opening, [piece(None, '{"at":1}', index=0, **later)]) == [("look", '{"at":1}')]
    pieces = [[piece(None, '{"at"', index=0, **later)], [piece(None, ":1}", index=0)]]
    assert called(opening, *pieces) == [("look", '{"at":1}')]


def test_a_placeholder_and_the_arguments_under_one_id_and_name_are_one_call() -> None:
    """The name is said again with them. Without an id it may as well be another call."""
    first, second = piece("look", "{}", index=0, id="c1"), piece("look", '{"at":1}', index=0, id="c1")
    assert called([first], [second]) == [("look", '{"at":1}')]
    assert called([piece("look", "{}", index=0)], [piece("look", '{"at":1}', index=0)]) == [
        ("look", "{}"),
        ("look", '{"at":1}'),
    ]


def test_a_call_that_was_left_off_does_not_swallow_the_next() -> None:
    """The model broke off in the middle; that is its fault in the first call alone."""
    deltas = [[piece("look", '{"at":', index=0)], [piece("go", '{"to":1}', index=0)]]
    assert called(*deltas) == [("look", '{"at":'), ("go", '{"to":1}')]


def test_places_in_a_list_stand_for_an_index() -> None:
    """Two entries of one list are two calls, in each delta."""
    openings = [piece("look", ""), piece("go", "")]
    assert called(openings, [piece(None, '{"at":1}'), piece(None, '{"to":2}')]) == [
        ("look", '{"at":1}'),
        ("go", '{"to":2}'),
    ]
    assert called([piece("look", ""), piece("look", "")]) == [("look", "{}"), ("look", "{}")]


def test_an_index_that_counts_pieces_and_not_calls_is_seen_through() -> None:
    """Nebius and Cerebras have done so: only one call is not whole yet, so the piece is its."""
    deltas = [[piece("look", '{"at"', index=0, id="c1")], [piece(None, ":1", index=1)], [piece(None, "}", index=2)]]
    assert called(*deltas) == [("look", '{"at":1}')]
    by_id = [[piece("look", '{"at"', index=0, id="c1")], [piece(None, ":1}", index=1, id="c1")]]
    assert called(*by_id) == [("look", '{"at":1}')]


def test_of_two_open_calls_none_is_guessed() -> None:
    """The piece belongs to one of them, or to neither."""
    openings = [piece("look", '{"at"', index=0, id="c1"), piece("go", '{"to"', index=1, id="c2")]
    with pytest.raises(MalformedReply, match="without a name"):
        read(openings, [piece(None, ":1}", index=2)])


@pytest.mark.parametrize(
    "parts", [['{"at":"}', '"}'], ['{"at":"a\\', '"}"}'], ['{"at":"a\\', '"}', '"}'], ["{", '"]":1', "}"]]
)
def test_a_bracket_inside_a_text_ends_no_arguments(parts: list[str]) -> None:
    """Nor does a quote that is escaped, though the piece ends between the two."""
    assert called(*[[piece("look", part, index=0)] for part in parts]) == [("look", "".join(parts))]


def test_a_bracket_inside_a_text_begins_none() -> None:
    """The arguments are whole, and the next call is one of its own."""
    first, second = piece("look", '{"at":"{["}', index=0), piece("look", '{"at":1}', index=0)
    assert called([first], [second]) == [("look", '{"at":"{["}'), ("look", '{"at":1}')]


def test_a_name_said_once_more_at_the_end_begins_nothing() -> None:
    """Neither a call without arguments, nor a part of the next call's name."""
    deltas = [[piece("look", "{}", index=0)], [piece("look", "", index=0)], [piece("go", '{"to":1}', index=0)]]
    assert called(*deltas) == [("look", "{}"), ("go", '{"to":1}')]


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_call_without_arguments_has_none(blank: str | None) -> None:
    """An empty text in their place is refused by servers that read a conversation."""
    assert called([piece("look", blank, index=0, id="c1")]) == [("look", "{}")]


def test_an_entry_that_says_nothing_is_no_call() -> None:
    """Some servers end their lists with one."""
    assert called([piece("look", "{}", index=0, id="c1")], [piece("", "", index=1, id="")]) == [("look", "{}")]


def test_arguments_may_come_as_an_object() -> None:
    """And what is no text keeps its order and its digits."""
    assert called([piece("look", {"b": 1.50, "a": None}, index=0)]) == [("look", '{"b":1.5,"a":null}')]


def test_a_number_in_arguments_keeps_its_digits() -> None:
    """A float would have made 0.10 something else."""
    raw = b'{"choices":[{"message":{"tool_calls":[{"function":{"name":"pay","arguments":{"usd":0.10}}}]}}]}'
    assert Chat().read(raw, FailedCallFacts(status=200, raw=raw)).tool_calls[0].arguments == '{"usd":0.10}'


@pytest.mark.parametrize("streamed", [True, False])
def test_the_one_call_of_the_first_years_is_a_call(streamed: bool) -> None:  # noqa: FBT001
    """Servers that never learnt lists of calls are still there."""
    if streamed:
        parts = [{"name": "look", "arguments": ""}, {"arguments": '{"at"'}, {"arguments": ":1}"}]
        raw = events(*(delta({"function_call": part}) for part in parts), delta({}, "function_call"), "[DONE]")
    else:
        call = {"name": "look", "arguments": '{"at":1}'}
        raw = json.encode({"choices": [{"message": {"content": None, "function_call": call}}]})
    reply = Chat().read(raw, FailedCallFacts(status=200, raw=raw))
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("look", '{"at":1}')]
    assert json.decode(reply.message)["tool_calls"][0]["id"] == reply.tool_calls[0].id


def test_no_two_calls_share_an_id() -> None:
    """Each is answered by its id; a second one of the same name gets one of its own, the same in every replay."""
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    raw = json.encode({"choices": [{"message": {"tool_calls": [call, call, call | {"id": ""}]}}]})
    first, again = (Chat().read(raw, FailedCallFacts(status=200, raw=raw)) for _ in range(2))
    ids = [each.id for each in first.tool_calls]
    assert (ids[0], len(set(ids)), first) == ("c1", 3, again)
    assert [each["id"] for each in json.decode(first.message)["tool_calls"]] == ids


Made = tuple[str, dict[str, Any]]
OBJECT = st.dictionaries(st.text(max_size=5), st.text(max_size=8) | st.integers(0, 9) | st.lists(st.none()), max_size=3)
NAMES = st.sampled_from(["look", "go"])


@given(st.lists(st.tuples(NAMES, OBJECT), min_size=1, max_size=4), st.data())
def test_however_calls_are_cut_they_are_the_same_calls(
    made: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    """With ids or without, with right numbers, with none, or all 0: wherever the arguments are cut."""
    numbered = data.draw(st.sampled_from(["right", "none", "zero"]))
    with_ids, again = data.draw(st.booleans()), data.draw(st.booleans())
    deltas = []
    for number, (name, arguments) in enumerate(made):
        written = json.encode(arguments).decode()
        cuts = sorted(data.draw(st.lists(st.integers(0, len(written)), max_size=3)))
        parts = [written[a:b] for a, b in zip([0, *cuts], [*cuts, len(written)], strict=True)]
        index = {"right": {"index": number}, "none": {}, "zero": {"index": 0}}[numbered]
        for place, part in enumerate(parts):
            others = index | ({"id": f"c{number}"} if with_ids and place == 0 else {})
            deltas.append([piece(name if again or place == 0 else None, part, **others)])
    assert called(*deltas) == [(name, json.encode(arguments).decode()) for name, arguments in made]
