"""What a notice says. Pure: of the lines of one group, and where the dashboard is."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from meshui.core.sending import Letter, plain


class Line(Struct, frozen=True):
    """One alert as it was when the notice was written; times are ISO 8601, ``resolved_at`` empty while it fires."""

    id: int
    rule: str
    severity: str
    object: str
    service: str
    title: str
    detail: str
    path: str
    since: str
    resolved_at: str


def letter(id: str, kind: str, target: str, group: str, lines: Sequence[Line], environment: str, url: str) -> Letter:
    """The notice as its receiver takes it; ``url`` is where the dashboard is, without a slash at the end."""
    headline = _headline(lines)
    if kind == "email":
        text = "\n\n".join(
            f"{_word(line)}: {line.title}\n{line.detail}\nsince {line.since}\n{url}{line.path}" for line in lines
        )
        return Letter(id, kind, target, subject=f"[meshui {environment}] {headline}", text=f"{text}\n")
    body = (
        _slack(headline, lines, environment, url) if kind == "slack" else _webhook(id, group, lines, environment, url)
    )
    return Letter(id, kind, target, body)


def test_letter(id: str, kind: str, target: str, by: str, environment: str, url: str) -> Letter:
    """What shows whether a receiver hears us: it tells of no alert."""
    said = f"A test of alerts, sent by {by}"
    if kind == "email":
        text = f"{said}. Alerts of the mesh come here.\n{url}/alerts\n"
        return Letter(id, kind, target, subject=f"[meshui {environment}] {said}", text=text)
    if kind == "slack":
        return Letter(id, kind, target, msgspec.json.encode({"text": f"*{plain(said)}* ({environment})"}))
    body = {"id": id, "event": "test", "environment": environment, "text": said, "alerts": [], "url": f"{url}/alerts"}
    return Letter(id, kind, target, msgspec.json.encode(body))


def _headline(lines: Sequence[Line]) -> str:
    if len(lines) == 1:
        return f"{_word(lines[0])}: {lines[0].title}"
    firing = sum(not line.resolved_at for line in lines)
    counts = [f"{firing} firing"] if firing else []
    counts += [f"{len(lines) - firing} resolved"] if firing < len(lines) else []
    return f"{', '.join(counts)}: {lines[0].title} and {len(lines) - 1} more"


def _word(line: Line) -> str:
    return "Resolved" if line.resolved_at else "Firing"


def _webhook(id: str, group: str, lines: Sequence[Line], environment: str, url: str) -> bytes:
    return msgspec.json.encode(
        {
            "id": id,
            "event": "alerts",
            "environment": environment,
            "group": group,
            "text": _headline(lines),
            "alerts": [
                {
                    **msgspec.to_builtins(line),
                    "id": str(line.id),
                    "status": "resolved" if line.resolved_at else "firing",
                    "resolved_at": line.resolved_at or None,
                    "url": f"{url}{line.path}",
                }
                for line in lines
            ],
            "url": f"{url}/",
        }
    )


def _slack(headline: str, lines: Sequence[Line], environment: str, url: str) -> bytes:
    text = [f"*{plain(headline)}* ({environment})"]
    for line in lines:
        link = f"{url}{line.path}".replace(">", "%3E").replace("|", "%7C")
        text.append(f"{_word(line)}: <{link}|{plain(line.title)}> {plain(line.detail)}")
    return msgspec.json.encode({"text": "\n".join(text)})
