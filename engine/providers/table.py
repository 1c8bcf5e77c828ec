"""The providers that come with stillroom, one row each. Registered in ``pyproject.toml``, as outsiders' are.

Where a figure or a name comes from: each provider's own documentation, November 2026. ``docs/models.md`` has the links.
"""

from typing import Final

from engine.providers.key_header import KeyHeader
from engine.providers.provider import ModelProvider, Switch

_ENABLED: Final[Switch] = {"thinking.type": "enabled"}
_DISABLED: Final[Switch] = {"thinking.type": "disabled"}

OPENAI: Final = ModelProvider(
    name="openai",
    about="OpenAI, and whatever answers at OPENAI_BASE_URL",
    base_url="https://api.openai.com/v1",
    base_url_env="OPENAI_BASE_URL",
    api_key_env="OPENAI_API_KEY",
)
ANTHROPIC: Final = ModelProvider(
    name="anthropic",
    about="Anthropic, by its own messages",
    base_url="https://api.anthropic.com",
    base_url_env="ANTHROPIC_BASE_URL",
    api_key_env="ANTHROPIC_API_KEY",
    protocol="messages",
    key_header=KeyHeader("x-api-key"),
    headers={"anthropic-version": "2023-06-01"},
    thinking=({"thinking.type": "adaptive"}, _DISABLED),
    needs=("max_tokens",),
)
GEMINI: Final = ModelProvider(
    name="gemini",
    about="Google's Gemini API, by its own generateContent",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    api_key_env="GEMINI_API_KEY",
    protocol="gemini",
    key_header=KeyHeader("x-goog-api-key"),
    thinking=(
        {"generationConfig.thinkingConfig.thinkingBudget": -1},
        {"generationConfig.thinkingConfig.thinkingBudget": 0},
    ),
)
GEMINI_OPENAI: Final = ModelProvider(
    name="gemini-openai",
    about="Google's Gemini API, by chat completions",
    base_url="https://generativelanguage.googleapis.com/v1beta/openai",
    api_key_env="GEMINI_API_KEY",
)
AZURE: Final = ModelProvider(
    name="azure",
    about="Azure OpenAI, by deployment and api-version; the model is the deployment's name",
    base_url_env="AZURE_OPENAI_ENDPOINT",
    api_key_env="AZURE_OPENAI_API_KEY",
    path="/openai/deployments/{model}/chat/completions",
    version=("api-version", "2024-10-21"),
    key_header=KeyHeader("api-key"),
)
AZURE_V1: Final = ModelProvider(
    name="azure-v1",
    about="Azure OpenAI, by its v1 API without versions; the model is the deployment's name",
    base_url_env="AZURE_OPENAI_ENDPOINT",
    base_path="/openai/v1",
    api_key_env="AZURE_OPENAI_API_KEY",
    key_header=KeyHeader("api-key"),
)
BEDROCK: Final = ModelProvider(
    name="bedrock",
    about="Amazon Bedrock, by chat completions and an API key of Bedrock",
    base_url="https://bedrock-mantle.{AWS_REGION}.api.aws/v1",
    api_key_env="AWS_BEARER_TOKEN_BEDROCK",
)
MINIMAX: Final = ModelProvider(
    name="minimax",
    about="MiniMax; `reasoning_split` keeps thoughts apart from answers",
    base_url="https://api.minimax.io/v1",
    api_key_env="MINIMAX_API_KEY",
    echo=("reasoning_details",),
)
DASHSCOPE: Final = ModelProvider(
    name="dashscope",
    about="Qwen at Alibaba's Model Studio, international",
    base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    api_key_env="DASHSCOPE_API_KEY",
    thinking=({"enable_thinking": True}, {"enable_thinking": False}),
)
ZHIPU: Final = ModelProvider(
    name="zhipu",
    about="GLM at Zhipu (Z.ai), international",
    base_url="https://api.z.ai/api/paas/v4",
    api_key_env="ZAI_API_KEY",
    echo=("reasoning_content",),
    thinking=(_ENABLED, _DISABLED),
)
MOONSHOT: Final = ModelProvider(
    name="moonshot",
    about="Kimi at Moonshot, international",
    base_url="https://api.moonshot.ai/v1",
    api_key_env="MOONSHOT_API_KEY",
    echo=("reasoning_content",),
    thinking=(_ENABLED, _DISABLED),
)
DEEPSEEK: Final = ModelProvider(
    name="deepseek",
    about="DeepSeek",
    base_url="https://api.deepseek.com/v1",
    api_key_env="DEEPSEEK_API_KEY",
    echo=("reasoning_content",),
    thinking=(_ENABLED, _DISABLED),
)
OPENROUTER: Final = ModelProvider(
    name="openrouter",
    about="OpenRouter, a door to many providers",
    base_url="https://openrouter.ai/api/v1",
    api_key_env="OPENROUTER_API_KEY",
    echo=("reasoning_details",),
    thinking=({"reasoning.enabled": True}, {"reasoning.enabled": False}),
)
VLLM: Final = ModelProvider(
    name="vllm",
    about="A vLLM or SGLang server of your own, such as one with a Qwen model",
    base_url="http://127.0.0.1:8000/v1",
    base_url_env="VLLM_BASE_URL",
    api_key_env="VLLM_API_KEY",
    key_optional=True,
    thinking=({"chat_template_kwargs.enable_thinking": True}, {"chat_template_kwargs.enable_thinking": False}),
)
