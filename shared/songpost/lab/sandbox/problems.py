"""X's refusals, in all the shapes in which they come.

Problem documents (RFC 7807, `application/problem+json`), the older `{"errors": [{"code", "message"}]}`, and
the items of a partial `errors` list inside a 200. Wordings and types after the public documentation of X
and its OpenAPI file 2.166; the host in `type` varies there, so it varies here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from .wire import JSON, Answer, Refusal

PROBLEM_TYPE = "application/problem+json"
TWITTER = "https://api.twitter.com/2/problems/"
X = "https://api.x.com/2/problems/"


def problem(status: int, title: str, detail: str, type_: str = "about:blank", **extra: JSON) -> Refusal:
    """A refusal whose body is a problem document."""
    document: dict[str, JSON] = {"title": title, "detail": detail, "type": type_, "status": status, **extra}
    return Refusal(Answer(status, document, content_type=PROBLEM_TYPE))


def coded(status: int, code: int, message: str) -> Refusal:
    """A refusal in the older shape, a list of coded errors."""
    return Refusal(Answer(status, {"errors": [{"code": code, "message": message}]}))


def unauthorized() -> Refusal:
    """401 of every credential that does not hold."""
    return problem(401, "Unauthorized", "Unauthorized")


def forbidden(detail: str = "You are not permitted to perform this action.") -> Refusal:
    """403 without a type of its own."""
    return problem(403, "Forbidden", detail)


def duplicate() -> Refusal:
    """403 for a text that the account has just posted."""
    return forbidden("You are not allowed to create a Tweet with duplicate content.")


def not_summoned() -> Refusal:
    """403 for a reply to someone who did not ask for it."""
    return forbidden("You can only reply to or quote posts where you are mentioned or are the author.")


def plan_forbids(plan: str, what: str) -> Refusal:
    """403 for a call that the plan does not include."""
    return forbidden(f"Your access level ({plan}) does not permit this action: {what}.")


def not_enrolled(client_id: str) -> Refusal:
    """403 for an app that belongs to no project."""
    return problem(
        403,
        "Client Forbidden",
        "When authenticating requests to the X API v2 endpoints, you must use keys and tokens from a "
        "developer App that is attached to a Project.",
        TWITTER + "client-forbidden",
        reason="client-not-enrolled",
        required_enrollment="Appropriate Level of API Access",
        registration_url="https://developer.x.com/en/docs/projects/overview",
        client_id=client_id,
    )


def suspended() -> Refusal:
    """403 of an account that X has suspended, in the older shape."""
    return coded(403, 64, "Your account is suspended and is not permitted to access this feature.")


def read_only_app() -> Refusal:
    """403 for a write through an app whose OAuth 1.0a permissions are read-only."""
    return problem(
        403,
        "Forbidden",
        "Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.",
        TWITTER + "oauth1-permissions",
    )


def unsupported_authentication(given: str, supported: Sequence[str]) -> Refusal:
    """403 for the right credential of the wrong kind."""
    return problem(
        403,
        "Unsupported Authentication",
        f"Authenticating with {given} is forbidden for this endpoint.  Supported authentication types are "
        f"[{', '.join(supported)}].",
        TWITTER + "unsupported-authentication",
    )


def credits_depleted(account_id: str) -> Refusal:
    """402 when the prepaid credits do not cover the call."""
    return problem(
        402,
        "CreditsDepleted",
        f"Your enrolled account [{account_id}] does not have any credits to fulfill this request.",
        X + "credits",
        account_id=int(account_id),
    )


def too_many_requests() -> Refusal:
    """429 of a spent rate window; which one, only the headers tell."""
    return problem(429, "Too Many Requests", "Too Many Requests")


def usage_capped(product: str, account_id: str) -> Refusal:
    """429 of the monthly cap, which comes with healthy 15-minute headers."""
    return problem(
        429,
        "UsageCapExceeded",
        "Usage cap exceeded: Monthly product cap",
        TWITTER + "usage-capped",
        period="Monthly",
        scope="Product",
        product_name=product,
        account_id=int(account_id),
    )


def invalid(message: str, parameters: Mapping[str, Sequence[str]] | None = None) -> Refusal:
    """400 with what was wrong and with which parameter."""
    shown: dict[str, JSON] = {name: list(values) for name, values in (parameters or {}).items()}
    return problem(
        400,
        "Invalid Request",
        "One or more parameters to your request was invalid.",
        TWITTER + "invalid-request",
        errors=[{"message": message, "parameters": shown}],
    )


def unknown_parameter(name: str, known: Collection[str]) -> Refusal:
    """400 for a query parameter that the endpoint does not have."""
    return invalid(f"The query parameter [{name}] is not one of [{','.join(sorted(known))}]", {name: []})


def not_found(detail: str = "Not Found") -> Refusal:
    """404 of something that is gone, or of a path that never was."""
    return problem(404, "Not Found", detail)


def missing(kind: str, parameter: str, value: str) -> dict[str, JSON]:
    """An item of a partial `errors` list: the resource is not there, or not for you."""
    return {
        "value": value,
        "detail": f"Could not find {kind} with {parameter}: [{value}].",
        "title": "Not Found Error",
        "resource_type": kind,
        "parameter": parameter,
        "resource_id": value,
        "type": TWITTER + "resource-not-found",
    }


def suspended_user(parameter: str, value: str) -> dict[str, JSON]:
    """An item of a partial `errors` list: that user is suspended."""
    return {
        "value": value,
        "detail": f"User has been suspended: [{value}].",
        "title": "Forbidden",
        "resource_type": "user",
        "parameter": parameter,
        "resource_id": value,
        "type": X + "resource-not-found",
    }


def field_forbidden(field: str, post_id: str) -> dict[str, JSON]:
    """An item of a partial `errors` list: that field of that post is not yours to see."""
    return {
        "resource_type": "tweet",
        "field": field,
        "resource_id": post_id,
        "parameter": "ids",
        "value": post_id,
        "section": "data",
        "title": "Field Authorization Error",
        "detail": f"Sorry, you are not authorized to access '{field}' on the Tweet with ids : [{post_id}].",
        "type": TWITTER + "not-authorized-for-field",
    }
