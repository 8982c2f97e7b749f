"""A model of Amazon Bedrock that drafts texts, through the Converse API. One call, no retries: each may be billed.

The model is told to answer with a JSON list of texts; whatever else it says is not taken. Its texts are marked as made
by a model, and ask for a person's word unless the owner says otherwise (`approval.by_risk.generated`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from songpost.account_documents import Origin
from songpost.errors import SourceError
from songpost.source_settings import Model
from songpost.sources.port import Drawn, Entry

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_bedrock_runtime.type_defs import ConverseResponseTypeDef

SYSTEM = (
    "You draft posts for an account on X. Answer with a JSON list of strings and nothing else. Each string is one post "
    "of at most 240 characters: plain text, no hashtags, no @mentions, no links, nothing that you cannot know."
)
CONNECT_SECONDS, READ_SECONDS = 3, 60


def open_client(model: Model) -> BedrockRuntimeClient:
    """AWS's client for the model's region, with no retries of its own."""
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1})
    return boto3.client("bedrock-runtime", region_name=model.region or None, config=config)


class ModelSource:
    """One model with the owner's prompt."""

    def __init__(self, model: Model, client: BedrockRuntimeClient) -> None:
        self._model, self._client = model, client

    def draw(self, origin: Origin) -> Drawn:
        """Ask once for new texts. Raises `SourceError`: the booking of a call that was sent stands."""
        del origin
        from botocore.exceptions import BotoCoreError, ClientError

        model = self._model
        try:
            answer = self._client.converse(
                modelId=model.model_id,
                system=[{"text": SYSTEM}],
                messages=[{"role": "user", "content": [{"text": asked(model)}]}],
                inferenceConfig={"maxTokens": model.most_tokens, "temperature": 1.0},
            )
        except ClientError as error:
            raise self._error(f"AWS refuses: {error.response.get('Error', {}).get('Code', '')}") from None
        except BotoCoreError as error:
            raise self._error(f"gave no answer: {type(error).__name__}") from None
        usage = answer["usage"]
        texts = _texts(answer)
        note = "" if texts else "its answer was no JSON list of texts"
        return Drawn(
            entries=tuple(Entry(words, "", words) for words in texts),
            input_tokens=usage["inputTokens"],
            output_tokens=usage["outputTokens"],
            note=note,
        )

    def _error(self, what: str) -> SourceError:
        return SourceError(
            what, where=f"bedrock {self._model.model_id}", mend="see to access to the model, its region, and the role"
        )


def asked(model: Model) -> str:
    """What the model is asked, in the owner's words."""
    return f"Topic: {model.topic}. Write {model.texts} posts that differ from each other.\n\n{model.prompt}"


def prompt_of(model: Model) -> str:
    """Everything that is sent, for the worst price."""
    return f"{SYSTEM}\n{asked(model)}"


def _texts(answer: ConverseResponseTypeDef) -> list[str]:
    content = answer.get("output", {}).get("message", {}).get("content", [])
    said = "".join(part.get("text", "") for part in content)
    begin, end = said.find("["), said.rfind("]")
    try:
        found = json.loads(said[begin : end + 1]) if 0 <= begin < end else []
    except ValueError:
        return []
    return [words for words in found if isinstance(words, str) and words.strip()] if isinstance(found, list) else []
