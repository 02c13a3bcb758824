"""What a process of the lab does when a line on stdin tells it to."""

from __future__ import annotations

from typing import Any


class ConfigError(Exception):
    """The process can't start like this; the text says what to change."""


def obey(host: object, request: dict[str, Any]) -> dict[str, Any]:
    """Do what a request asks for: ``{"do": "log"}`` is the method ``_do_log(request)`` of ``host``.

    >>> class Bell:
    ...     def _do_ring(self, request):
    ...         return {"sound": request["sound"]}
    >>> obey(Bell(), {"do": "ring", "sound": "ding"})
    {'ok': True, 'sound': 'ding'}
    >>> obey(Bell(), {"do": "ring"})
    {'error': '"ring" needs "sound" in the same line.'}
    >>> obey(Bell(), {"do": "dance"})
    {'error': "no command is called 'dance': choose from ring."}
    """
    do = request.get("do")
    actions = {name.removeprefix("_do_"): name for name in dir(host) if name.startswith("_do_")}
    if not isinstance(do, str) or do not in actions:
        return {"error": f"no command is called {do!r}: choose from {', '.join(sorted(actions))}."}
    try:
        result: dict[str, Any] = getattr(host, actions[do])(request)
        return {"ok": True, **result}
    except KeyError as error:
        return {"error": f'"{do}" needs "{error.args[0]}" in the same line.'}
    except (TypeError, ValueError) as error:
        return {"error": str(error)}
