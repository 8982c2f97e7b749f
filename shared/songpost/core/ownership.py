"""Whether reads of the own account may be booked at the owner's price. Pure.

X charges a user's own posts and mentions a fifth where that user owns the app, and none of its answers says who
does. So the owner attests it, dated, by the user id that X's developer console shows (docs/decisions/0091), and
what is known can refute it; in doubt the full price is booked.
"""

from __future__ import annotations

from datetime import date

from songpost.account_documents import Identity
from songpost.core.prices import price_list
from songpost.core.snapshot import Snapshot
from songpost.model import PriceClass
from songpost.settings import AppOwner


def doubt(owner: AppOwner | None, identity: Identity | None, today: date) -> str:
    """Why the account is not taken to own its app; empty where it is."""
    if owner is None:
        return "nobody has attested who owns the app (app_owner)"
    if identity is None:
        return "X has not been asked yet whose credentials these are"
    if owner.user_id != identity.user_id:
        return f"app_owner says user {owner.user_id}, but these are the credentials of user {identity.user_id}"
    if owner.attested_on > today:
        return f"app_owner was attested on {owner.attested_on}, which is still to come"
    return ""


def own_price(snapshot: Snapshot, today: date) -> PriceClass:
    """What a read of the own posts or mentions is booked at on a UTC date: the owner's price only without a doubt."""
    if doubt(snapshot.settings.app_owner, snapshot.identity, today):
        return PriceClass.POST_READ
    known = PriceClass.OWNED_READ in price_list(snapshot.settings, today).micros
    return PriceClass.OWNED_READ if known else PriceClass.POST_READ
