"""What answers SkillOpt's vectors of scorers."""

from collections.abc import Mapping
from typing import Any, Final

from engine.items.formats.mathematics import item_seed, shuffle_choices
from engine.items.scorers.anls import anls, levenshtein, read_expected
from engine.items.scorers.answer_tags import first_tagged, last_tagged, widest_last
from engine.items.scorers.cells import cell_names, same_value
from engine.items.scorers.choice import AnswerChoice, as_label, chosen_label
from engine.items.scorers.em import contains_match, exact_match, normalize
from engine.items.scorers.f1 import f1_score, words_f1
from engine.items.scorers.office import normalize as normalize_figure
from engine.items.scorers.office import office_score
from tests.vectors.values import Inputs, Kind, OnPurpose, Value, moment


def _searchqa(given: Inputs, _: str | None) -> Value:
    answer, expected = last_tagged(given["prediction_text"]), given["gold_answers"]
    return {
        "em": exact_match(answer, expected),
        "f1": float(f1_score(answer, expected)),
        "sub_em": contains_match(answer, expected),
        "predicted_answer": answer,
        "gold_answers": expected,
    }


def _docvqa(given: Inputs, _: str | None) -> Value:
    answer, expected = widest_last(given["prediction_text"]), read_expected(given["gold_answers"])
    return {"anls": float(anls(answer, expected)), "predicted_answer": answer, "gold_answers": list(expected)}


def _officeqa(given: Inputs, _: str | None) -> Value:
    answer, expected = given["prediction"], given["gold"]
    score = office_score(answer, expected)
    value = {"em": score.exact, "f1": float(score.f1), "predicted_answer": answer.strip(), "gold_answer": expected}
    said, wanted = normalize_figure(answer), normalize_figure(expected)
    if score == (said == wanted, words_f1(said.split(), wanted.split())):
        return value
    return OnPurpose(value, "W36")


def _livemath(given: Inputs, _: str | None) -> Value:
    choices = [AnswerChoice(**each) for each in given["choices"]]
    said = last_tagged(given["prediction_text"])
    label, right = chosen_label(said, choices), AnswerChoice(**given["correct_choice"])
    correct = as_label(right.label)
    return {
        **dict.fromkeys(("em", "f1", "sub_em"), label == correct),
        "predicted_answer": label or said,
        "predicted_label": label,
        "predicted_text": next((each.text.strip() for each in choices if as_label(each.label) == label), ""),
        "correct_label": correct,
        "correct_text": right.text.strip(),
    }


def _shuffled(given: Inputs, _: str | None) -> Value:
    item: Mapping[str, Any] = given["item"]
    choices = [AnswerChoice(**each) for each in item["choices"]]
    order, correct = shuffle_choices(item["id"], choices, AnswerChoice(**item["correct_choice"]), given["seed"])
    return {"id": item["id"], "choices": [each._asdict() for each in order], "correct_choice": correct._asdict()}


_QA: Final = "searchqa"
_OFFICE: Final = "officeqa"
_MATH: Final = "livemath"
_MATH_LOADER: Final = "LiveMathematicianBenchDataLoader"

KINDS: Final[dict[str, Kind]] = {
    f"{_QA}/skillopt.envs.searchqa.evaluator.normalize_answer": lambda given, _: normalize(given["s"]),
    f"{_QA}/exact_match": lambda given, _: exact_match(given["prediction"], given["gold_answers"]),
    f"{_QA}/f1_score": lambda given, _: float(f1_score(given["prediction"], given["gold_answers"])),
    f"{_QA}/sub_em": lambda given, _: contains_match(given["prediction"], given["gold_answers"]),
    f"{_QA}/extract_answer": lambda given, _: last_tagged(given["text"]),
    f"{_QA}/evaluate": _searchqa,
    "docvqa_anls/skillopt.envs.docvqa.evaluator.evaluate": _docvqa,
    "docvqa_anls/_levenshtein_distance": lambda given, _: levenshtein(given["a"], given["b"]),
    f"{_OFFICE}/skillopt.envs.officeqa.evaluator.evaluate": _officeqa,
    f"{_OFFICE}/normalize_answer": lambda given, _: normalize_figure(given["text"]),
    f"{_OFFICE}/rollout._extract_answer": lambda given, _: first_tagged(given["text"]),
    f"{_MATH}/skillopt.envs.livemathematicianbench.evaluator.evaluate": _livemath,
    f"{_MATH}/{_MATH_LOADER}._shuffle_item_choices": _shuffled,
    f"{_MATH}/_item_shuffle_seed": lambda given, _: item_seed(given["item_id"], given["seed"]),
    "spreadsheet/skillopt.envs.spreadsheetbench.evaluator._compare_cell_value": lambda given, _: same_value(
        moment(given["v1"]), moment(given["v2"])
    ),
    "spreadsheet/_generate_cell_names": lambda given, _: list(cell_names(given["range_str"])),
}
