"""Signing in from the terminal interface: runs ``museui login``, which makes every check, as a process."""

from __future__ import annotations

import json
import subprocess

from museui.core.errors import Internal, error_from_code
from museui.local.programs import program_command, program_environment

_LOGIN_S = 60.0


def sign_in(hub: str, token: str) -> str:
    """Sign in to ``hub`` and keep the token; return the sentence to show. Raises the error of ``museui login``."""
    command = program_command("museui", "login", "--json", "--", hub)
    try:
        done = subprocess.run(
            command, input=token, env=program_environment(), capture_output=True, text=True, timeout=_LOGIN_S
        )
        document = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as exc:
        raise Internal("signing in did not end as it should", hint=f"Try it in a terminal: museui login {hub}") from exc
    error = document.get("error")
    if error:
        raise error_from_code(error["code"], error["message"], error.get("hint") or "", error.get("details") or {})
    return f"signed in to {document['hub']} as {document['name']}"
