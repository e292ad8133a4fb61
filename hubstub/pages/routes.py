"""The addresses of the pages. ``-`` is no owner and no slug, so none of them is in the way of the API."""

from __future__ import annotations

from starlette.routing import Route

from .branches import show_branches
from .commits import show_commit, show_commits
from .files import get_raw, show_path
from .front import show_repositories, show_repository
from .pushes import show_pushes
from .sign_in import show_sign_in, sign_in, sign_out
from .site import get_static

routes = [
    Route("/", show_repositories, methods=["GET"]),
    Route("/-/sign-in", show_sign_in, methods=["GET"]),
    Route("/-/sign-in", sign_in, methods=["POST"]),
    Route("/-/sign-out", sign_out, methods=["POST"]),
    Route("/-/static/{digest}/{name}", get_static, methods=["GET"]),
    Route("/{owner}/{slug}", show_repository, methods=["GET"]),
    Route("/{owner}/{slug}/-/branches", show_branches, methods=["GET"]),
    Route("/{owner}/{slug}/-/commits/{branch:path}", show_commits, methods=["GET"]),
    Route("/{owner}/{slug}/-/commit/{commit}", show_commit, methods=["GET"]),
    Route("/{owner}/{slug}/-/files/{commit}", show_path, methods=["GET"]),
    Route("/{owner}/{slug}/-/files/{commit}/{path:path}", show_path, methods=["GET"]),
    Route("/{owner}/{slug}/-/raw/{commit}/{path:path}", get_raw, methods=["GET"]),
    Route("/{owner}/{slug}/-/pushes", show_pushes, methods=["GET"]),
]
