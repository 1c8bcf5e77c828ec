"""Stories of refused requests that a setting mends: it is named where it exists, and no other."""

import pytest

from engine.protocols.errors import BadRequest
from tests.engine.protocols.test_error_bodies import error, inside, judged


@pytest.mark.parametrize(
    ("status", "body", "setting"),
    [
        (400, error("x:latest does not support tools", type="api_error"), "models.ROLE.tools=false"),
        (404, error("No endpoints found that support tool use.", code=404), "models.ROLE.tools=false"),
        (400, error('"auto" tool choice requires --enable-auto-tool-choice to be set'), "models.ROLE.tools=false"),
        (500, error("tools param requires --jinja flag", type="server_error"), "models.ROLE.tools=false"),
        (400, error("`tool calling` is not supported with this model"), "models.ROLE.tools=false"),
        (400, error("Function calling is not enabled for models/m"), "models.ROLE.tools=false"),
        (
            400,
            error("e", metadata={"raw": inside({"message": "model features function calling not support"})}),
            "models.ROLE.tools=false",
        ),
        (400, error("no", code="unsupported_parameter", param="tools"), "models.ROLE.tools=false"),
        (404, error("The model `m` does not exist", code="model_not_found"), "models.ROLE.model"),
        (400, error("no", code="1211"), "models.ROLE.model"),
        (404, error("model 'm' not found"), "models.ROLE.model"),
        (
            400,
            error(
                "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                param="max_tokens",
            ),
            "models.ROLE.parameters.max_completion_tokens instead of max_tokens",
        ),
        (
            400,
            error("'max_completion_tokens' is not supported. Use 'max_tokens' instead."),
            "models.ROLE.parameters.max_tokens instead of max_completion_tokens",
        ),
        (
            400,
            error("'temperature' does not support 0.2 with this model.", code="unsupported_value", param="temperature"),
            "take temperature",
        ),
        (400, error("temperature: Extra inputs are not permitted"), "take temperature out of models.ROLE.parameters"),
        (400, error("Unrecognized request argument supplied: stream_options"), "models.ROLE.stream_usage=false"),
        (
            400,
            error("This model only support stream mode, please enable the stream parameter"),
            "models.ROLE.stream=true",
        ),
        (
            400,
            error("max_tokens is larger than the maximum output tokens 8192"),
            "lower models.ROLE.parameters.max_tokens",
        ),
        (
            400,
            error("max_completion_tokens must be at most 16384"),
            "lower models.ROLE.parameters.max_completion_tokens",
        ),
        (429, error("Request too large on TPM: Limit 300, Requested 613"), "lower models.ROLE.parameters.max_tokens"),
    ],
)
def test_a_refused_request_names_the_setting_that_mends_it(status: int, body: object, setting: str) -> None:
    """Where one exists."""
    fault = judged(status, body)
    assert type(fault) is BadRequest
    assert fault.setting is not None
    assert setting in fault.setting


@pytest.mark.parametrize(
    "message",
    [
        "tools[0].function.description is flagged as required but missing",
        "'moderation' is not of type boolean",
        "Unknown field `context_window` in request body",
        "something else is wrong",
    ],
)
def test_no_setting_is_named_that_would_not_mend_it(message: str) -> None:
    """A setting that does not exist, or is not the reason, sends people the wrong way."""
    assert judged(400, error(message)).setting is None


def test_a_system_message_that_is_not_taken_has_a_remedy_of_its_own() -> None:
    """No setting leaves it out."""
    fault = judged(400, error("System role not supported"))
    assert fault.setting is None
    assert "system message" in fault.remedy
