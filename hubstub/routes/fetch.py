"""Endpoints of fetch: what a client lacks, as one bundle."""

from __future__ import annotations

from starlette.routing import Route

routes: list[Route] = []
