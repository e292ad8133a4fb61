"""Endpoints of the push: presign, staged PUT, confirm, stream, unpack."""

from __future__ import annotations

from starlette.routing import Route

routes: list[Route] = []
