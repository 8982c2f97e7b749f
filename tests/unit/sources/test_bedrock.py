"""The model of Amazon Bedrock behind the port, asked through botocore's own stub: what is sent, and what is taken."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber

from songpost.account_documents import Origin
from songpost.errors import SourceError
from songpost.source_settings import Model
from songpost.sources import bedrock
from songpost.sources.bedrock import ModelSource

MODEL = Model(
    model_id="some.model-v1",
    topic="bread",
    prompt="Short and warm.",
    usd_per_million_input_tokens=Decimal(3),
    usd_per_million_output_tokens=Decimal(15),
    texts=2,
)
ASKED = {
    "modelId": "some.model-v1",
    "system": [{"text": bedrock.SYSTEM}],
    "messages": [{"role": "user", "content": [{"text": bedrock.asked(MODEL)}]}],
    "inferenceConfig": {"maxTokens": 800, "temperature": 1.0},
}


def answer(said: str) -> dict[str, Any]:
    """Bedrock's answer with these words."""
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": said}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 120, "outputTokens": 40, "totalTokens": 160},
        "metrics": {"latencyMs": 10},
    }


@pytest.fixture
def stubbed() -> Any:  # boto3's client and botocore's stub of it
    """A client that calls nobody."""
    client = boto3.client(
        "bedrock-runtime", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x", config=Config()
    )
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        ('["One loaf.", "Two loaves."]', ["One loaf.", "Two loaves."]),
        ('Here they are:\n```json\n["One loaf."]\n```', ["One loaf."]),
        ('["One loaf.", 3, "", null]', ["One loaf."]),
        ("I cannot do that.", []),
        ('{"a": 1}', []),
        ("[1, 2", []),
        ("[oh no]", []),
    ],
)
def test_only_a_list_of_texts_is_taken(stubbed: Any, said: str, texts: list[str]) -> None:
    """The list is found wherever it stands; anything else gives nothing, with a note, and its tokens still count."""
    client, stubber = stubbed
    stubber.add_response("converse", answer(said), ASKED)
    drawn = ModelSource(MODEL, client).draw(Origin())
    assert texts == [entry.title for entry in drawn.entries]
    assert bool(texts) != bool(drawn.note)
    assert (120, 40) == (drawn.input_tokens, drawn.output_tokens)


def test_a_refusal_of_aws_is_named(stubbed: Any) -> None:
    """No access to the model: the code is named, with what to do, and no words of AWS."""
    client, stubber = stubbed
    stubber.add_client_error("converse", "AccessDeniedException", "arn:aws:iam::123456789012:user/secret")
    with pytest.raises(SourceError) as caught:
        ModelSource(MODEL, client).draw(Origin())
    assert "AccessDeniedException" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_no_answer_is_named(stubbed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out is a named error; whether it was billed nobody knows."""
    client, _ = stubbed

    def nobody(*_: object, **__: object) -> None:
        raise ConnectTimeoutError(endpoint_url="https://bedrock")

    monkeypatch.setattr(client, "converse", nobody)
    with pytest.raises(SourceError, match="gave no answer: ConnectTimeoutError"):
        ModelSource(MODEL, client).draw(Origin())


def test_the_client_makes_one_call_in_the_models_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """No retries: each may be billed."""
    for name, value in {"DEFAULT_REGION": "eu-central-1", "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    client = bedrock.open_client(MODEL)
    config: Any = client.meta.config  # botocore's retries are no declared attribute
    assert "eu-central-1" == client.meta.region_name
    assert 1 == config.retries["total_max_attempts"]
