"""GET /2/usage/tweets: how many posts the project has read, by day."""

from __future__ import annotations

from datetime import timedelta

from . import problems
from .bill import cycle_start, days_to_reset, read_cap
from .service import Call, Service, whole_number
from .wire import JSON, Answer

PROJECT_ID = "1729384756"
APP_ID = "27384950"
_USUAL = ("cap_reset_day", "project_cap", "project_id", "project_usage")
_FIELDS = frozenset({*_USUAL, "daily_client_app_usage", "daily_project_usage"})
_LARGEST = 2_147_483_647


def tweets(service: Service, call: Call) -> Answer:
    """GET /2/usage/tweets; for the app's bearer token alone."""
    text = call.query.get("days", "7")
    days = whole_number(text, 1, 90)
    if days is None:
        raise problems.invalid(f"The `days` query parameter value [{text}] is not between 1 and 90", {"days": [text]})
    fields = frozenset(filter(None, call.query.get("usage.fields", "").split(",")))
    if not fields <= _FIELDS:
        raise problems.invalid(
            "The `usage.fields` query parameter value is not valid", {"usage.fields": sorted(fields)}
        )
    cap = read_cap(service.rules)
    # 2.166 counts in integers, later specifications in strings
    number: type[int | str] = int if service.rules.vocabulary == "tweet" else str
    daily = _daily(service, call, days, number)
    everything: dict[str, JSON] = {
        "cap_reset_day": days_to_reset(service.rules, call.now),
        "project_cap": number(_LARGEST if cap is None else cap),
        "project_id": PROJECT_ID,
        "project_usage": number(service.bill.used("read", service.rules, call.now)),
        "daily_project_usage": {"project_id": number(PROJECT_ID), "usage": daily},
        "daily_client_app_usage": [{"client_app_id": APP_ID, "usage": daily, "usage_result_count": len(daily)}],
    }
    wanted = {*_USUAL, *fields}
    if not daily:
        wanted -= {"daily_project_usage", "daily_client_app_usage"}
    return Answer(200, {"data": {name: value for name, value in everything.items() if name in wanted}})


def _daily(service: Service, call: Call, days: int, number: type[int | str]) -> list[JSON]:
    first = max(cycle_start(service.rules, call.now), call.now - timedelta(days=days)).date().isoformat()
    return [
        {"date": f"{day}T00:00:00.000Z", "usage": number(counts["read"])}
        for day, counts in sorted(service.bill.usage.items())
        if day >= first and "read" in counts
    ]
