"""A schema registry over HTTP (Confluent's interface; Apicurio serves it under /apis/ccompat/v7)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from tidegate.core.kernel.trouble import DependencyFailed

ANSWER_BYTES_MAX: Final = 1 << 20
"""Bytes of one answer (at the bound passes); a larger schema is read nowhere here."""

CONNECT_TIMEOUT_S: Final = 2
TOTAL_TIMEOUT_S: Final = 5
RETRY_MS: Final = 1_000
COMPATIBILITY: Final = "FULL_TRANSITIVE"
"""Every version of a schema reads what every other wrote, so readers and writers are upgraded in any order."""

ID_MAX: Final = (1 << 31) - 1
"""The largest id that a registry gives: it is a signed number of four bytes."""

_DEPENDENCY: Final = "schema registry"
_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_SCHEMA_NOT_FOUND: Final = 40403
_CHUNK_BYTES: Final = 65_536
_COMPLAINT_CHARACTERS: Final = 300


class AnswerTooLarge(DependencyFailed):
    """An answer beyond ``ANSWER_BYTES_MAX``."""


class SchemaRegistry:
    """One registry; ``close`` ends the connections. Implements ``SchemaSource``.

    Nothing is kept here: the codec keeps each schema it has learnt. Errors name no address, for it may hold a password.
    """

    def __init__(self, url: str, client: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._client = client

    @classmethod
    def open(cls, url: str, *, total_s: float = TOTAL_TIMEOUT_S) -> "SchemaRegistry":
        """Open the client, inside a running loop; ``url`` may hold ``user:password@`` for Basic authentication.

        An answer may take ``total_s`` seconds in all.
        """
        client = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=total_s, connect=CONNECT_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"Accept": f"{_MEDIA_TYPE}, application/json", "Accept-Encoding": "identity"},
        )
        return cls(url, client)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def schema(self, schema_id: int) -> Mapping[str, Any] | None:
        if schema_id > ID_MAX:
            return None
        try:
            status, answer = await self._ask("GET", f"/schemas/ids/{schema_id}")
        except AnswerTooLarge:
            return None
        # Any other 404 is a wrong address or somebody in between: no word about the id.
        if status == 404 and answer.get("error_code") == _SCHEMA_NOT_FOUND:
            return None
        text = answer.get("schema")
        if status != 200 or not isinstance(text, str):
            raise _refused(f"the schema of id {schema_id}", status=status, answer=answer)
        if answer.get("schemaType", "AVRO") != "AVRO":
            return None
        try:
            schema = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return schema if isinstance(schema, dict) else None

    async def register(self, subject: str, schemas: Sequence[Mapping[str, Any]]) -> int:
        """Register all versions of a subject, oldest first, and give the id of the last; what is there stays as it is.

        The subject is set to ``FULL_TRANSITIVE`` first, so that whoever registers later is held to it.

        Raises:
            DependencyFailed: no answer in time, or a version is refused, such as one that others cannot read.
        """
        await self._told("PUT", f"/config/{_path(subject)}", content={"compatibility": COMPATIBILITY})
        schema_id: object = None
        for schema in schemas:
            content = {"schema": json.dumps(schema)}
            answer = await self._told("POST", f"/subjects/{_path(subject)}/versions", content=content)
            schema_id = answer.get("id")
        # not isinstance: True is an int as well
        if type(schema_id) is not int or not 0 <= schema_id <= ID_MAX:
            raise DependencyFailed(_DEPENDENCY, f"gave {schema_id!r} as the id of {subject}", retry_after_ms=RETRY_MS)
        return schema_id

    async def probe(self) -> str | None:
        """Tell why it cannot be used at the moment; ``None`` when it answers."""
        try:
            status, _ = await self._ask("GET", "/config")
        except DependencyFailed as failure:
            return failure.reason
        return None if status == 200 else f"answered {status}"

    async def _told(self, method: str, path: str, *, content: Mapping[str, str]) -> Mapping[str, Any]:
        status, answer = await self._ask(method, path, content=content)
        if status == 409:
            # Either a schema that others cannot read, or another process that registers the same at this moment.
            status, answer = await self._ask(method, path, content=content)
        if status != 200:
            raise _refused(f"{method} {path}", status=status, answer=answer)
        return answer

    async def _ask(
        self, method: str, path: str, *, content: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        """Give the status and the JSON object of an answer; an empty one when it is no JSON object."""
        body = None if content is None else json.dumps(content).encode()
        try:
            async with self._client.request(
                method,
                self._url + path,
                data=body,
                headers={"Content-Type": _MEDIA_TYPE},
                allow_redirects=False,
            ) as response:
                answered = bytearray()
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    answered += chunk
                    if len(answered) > ANSWER_BYTES_MAX:
                        raise AnswerTooLarge(_DEPENDENCY, f"answered more than {ANSWER_BYTES_MAX} bytes")
                return response.status, _object(answered)
        except TimeoutError:
            reason = f"did not answer within {self._client.timeout.total} s"
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            reason = f"cannot be asked: {type(failure).__name__}"
        raise DependencyFailed(_DEPENDENCY, reason, retry_after_ms=RETRY_MS)


def _path(subject: str) -> str:
    return quote(subject, safe="")


def _object(content: bytearray) -> Mapping[str, Any]:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _refused(what: str, *, status: int, answer: Mapping[str, Any]) -> DependencyFailed:
    complaint = str(answer.get("message", ""))[:_COMPLAINT_CHARACTERS]
    return DependencyFailed(_DEPENDENCY, f"{what}: answered {status} {complaint}".rstrip(), retry_after_ms=RETRY_MS)
