"""Endpoints of objects: /o/{id} and presigned GET."""

from __future__ import annotations

from starlette.routing import Route

routes: list[Route] = []
