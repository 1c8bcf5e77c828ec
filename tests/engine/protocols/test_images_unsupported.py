"""Stories of models that take no images: the refusal has a type of its own, and nothing else has it."""

import pytest

from engine.protocols.errors import BadRequest, ImagesUnsupported
from tests.engine.protocols.test_error_bodies import error, judged

REFUSED = {
    "OpenAI": (400, error("Invalid content type. image_url is only supported by certain models.")),
    "OpenRouter": (404, error("No endpoints found that support image input", code=404)),
    "Google": (400, error("Image input modality is not enabled for models/gemma-3-1b-it", status="INVALID_ARGUMENT")),
    "vLLM": (400, {"object": "error", "message": "m/text-1b is not a multimodal model", "code": 400}),
    "Ollama": (400, {"error": "this model does not support image input (ref: b8bd)"}),
    "DeepSeek": (
        400,
        error("Failed to deserialize the JSON body: messages[1]: unknown variant `image_url`, expected `text`"),
    ),
    "llama.cpp": (
        500,
        error("image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"),
    ),
    "llama.cpp, older": (500, error('Failed to parse messages: Unsupported content part type: "image_url"')),
    "a router": (422, error("The selected model doesn't support images")),
}
OTHER = {
    "too large": (400, error("messages.1.content.0.image.source.base64: image exceeds 5 MB maximum")),
    "of a kind": (400, error("This model does not support images larger than 20 MB")),
    "of a format": (400, error("The API does not support image formats other than PNG")),
    "too many": (400, error("At most 10 images are supported in a request")),
    "another field": (400, error("Unknown field `images` in request body")),
    "unreadable": (400, error("Could not process image")),
}


@pytest.mark.parametrize("who", REFUSED)
def test_a_model_that_takes_no_images_is_told_by_its_words(who: str) -> None:
    """It is not asked again, and the remedy is another model."""
    fault = judged(*REFUSED[who])
    assert type(fault) is ImagesUnsupported
    assert (fault.kind, fault.retryable) == ("images_unsupported", False)
    assert "takes images" in (fault.remedy or "")


@pytest.mark.parametrize("who", OTHER)
def test_an_image_that_is_refused_for_another_reason_is_a_bad_request(who: str) -> None:
    """The model takes images, but not this one."""
    assert type(judged(*OTHER[who])) is BadRequest


def test_a_server_that_breaks_over_an_image_is_asked_again() -> None:
    """Only words that no other time would change end the asking."""
    assert judged(500, error("CUDA error while the image was encoded")).retryable
