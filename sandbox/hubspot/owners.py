"""The people records can belong to. An owner's id is not the id of its user."""

from dataclasses import dataclass
from typing import Any

from starlette.routing import Route

from sandbox.hubspot.api import Api, Call, Reply
from sandbox.hubspot.errors import not_found

PAGE_DEFAULT, PAGE_LIMIT = 100, 500


@dataclass(frozen=True, slots=True)
class Owner:
    id: str
    email: str
    first_name: str
    last_name: str
    user_id: int
    archived: bool = False

    def wire(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "id": self.id,
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first_name,
            "lastName": self.last_name,
            "userIdIncludingInactive": self.user_id,
            "createdAt": "2024-04-01T01:12:57.349Z",
            "updatedAt": "2025-09-23T05:58:43.251Z",
            "archived": self.archived,
        }
        if not self.archived:
            found["userId"] = self.user_id
            found["teams"] = [{"id": "7100", "name": "パートナー営業部", "primary": True}]
        return found


OWNERS = (
    Owner("31871817", "sato.misaki@sandbox.invalid", "美咲", "佐藤", 5150001),
    Owner("31871900", "suzuki.kenta@sandbox.invalid", "健太", "鈴木", 5150002),
    Owner("31872455", "takahashi.yui@sandbox.invalid", "結衣", "高橋", 5150003),
    Owner("68156342", "tanaka.sho@sandbox.invalid", "翔", "田中", 5150004),
    Owner("414566270", "ito.aoi@sandbox.invalid", "葵", "伊藤", 5150005, archived=True),
)
ACTIVE = tuple(owner.id for owner in OWNERS if not owner.archived)


class OwnerApi:
    """GET owners, one or by page."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[Route]:
        return [
            *self._api.routes("GET", "owners", "", self._list),
            *self._api.routes("GET", "owners", "/", self._list),
            *self._api.routes("GET", "owners", "/{owner_id}", self._one),
        ]

    def _list(self, call: Call) -> Reply:
        call.principal.need("crm.objects.owners.read")
        limit = call.number("limit", PAGE_DEFAULT, most=PAGE_LIMIT)
        after, email, archived = int(call.text("after") or 0), call.text("email"), call.flag("archived")
        found = [
            owner
            for owner in sorted(OWNERS, key=lambda o: int(o.id))
            if owner.archived == archived and int(owner.id) >= after and (not email or owner.email == email.lower())
        ]
        reply: dict[str, Any] = {"results": [owner.wire() for owner in found[:limit]]}
        if len(found) > limit:
            following = str(int(found[limit - 1].id) + 1)
            reply["paging"] = {"next": {"after": following, "link": call.link(following)}}
        return Reply(body=reply)

    def _one(self, call: Call) -> Reply:
        call.principal.need("crm.objects.owners.read")
        wanted, archived, by_user = call.path("owner_id"), call.flag("archived"), call.text("idProperty") == "userId"
        for owner in OWNERS:
            if owner.archived == archived and wanted == (str(owner.user_id) if by_user else owner.id):
                return Reply(body=owner.wire())
        raise not_found(f"No owner with id {wanted}", id=[wanted])
