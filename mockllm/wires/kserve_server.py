"""`kserve.server`: what KServe's model server says of itself (kserve 0.21.0, observed).

The server is ready though a model is not (observed); while a profile's models load (`loading`), it
answers as one that waits for its predictor: 503 `Server is not ready.` (its source, documented).
"""

from __future__ import annotations

from typing import Any, ClassVar

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import AUTO, End, Head, Message
from mockllm.wires.kserve import VERSION, KServe, refused, whole
from mockllm.wires.wire import Setting

DOCUMENTS: dict[str, dict[str, Any]] = {
    "/": {"status": "alive"},
    "/v2": {"name": "kserve", "version": VERSION, "extensions": ["model_repository_extension"]},
    "/v2/health/live": {"live": True},
    "/v2/health/ready": {"ready": True},
}


class KServeServer(KServe):
    """GET /, /v2, /v2/health/live and /v2/health/ready."""

    name: ClassVar = "kserve.server"
    source: ClassVar = "KServe 0.21.0 (observed)."
    endpoints: ClassVar = (*(("GET", path) for path in DOCUMENTS), ("GET", "/v2/"))

    def claims(self, call: Call, dialect: str | None) -> bool:
        """The root is KServe's only where the profile says so."""
        return call.path != "/" or dialect == self.dialect

    def check(self, call: Call, setting: Setting) -> None:
        """Readiness waits for the models."""
        if call.path == "/v2/health/ready" and not setting.ready:
            raise refused(503, "Server is not ready.")

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The document of the path; a slash too many is redirected."""
        if call.path in DOCUMENTS:
            return whole(DOCUMENTS[call.path], setting.identity)
        location = f"http://{call.header('host') or 'localhost'}{call.path.rstrip('/')}"
        headers = (
            ("date", AUTO),
            ("server", "uvicorn"),
            ("content-length", "0"),
            ("location", location),
        )
        return (Head(307, headers), End())
