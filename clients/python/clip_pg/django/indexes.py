"""The index `clip_hnsw` of a model."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.indexes import PostgresIndex

__all__ = ["ClipHnswIndex"]


class ClipHnswIndex(PostgresIndex):
    """An approximate index; by cosine distance, unless `opclasses` has `clip_ip_ops` or `clip_l2_ops`."""

    suffix = "clip_hnsw"

    def __init__(
        self, *expressions: Any, m: int | None = None, ef_construction: int | None = None, **kwargs: Any
    ) -> None:
        self.m = m
        self.ef_construction = ef_construction
        super().__init__(*expressions, **kwargs)

    def _parameters(self) -> dict[str, int]:
        given = {"m": self.m, "ef_construction": self.ef_construction}
        return {name: value for name, value in given.items() if value is not None}

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        path, expressions, kwargs = super().deconstruct()
        return path.replace(".indexes.", "."), expressions, {**kwargs, **self._parameters()}

    def get_with_params(self) -> list[str]:
        return [f"{name} = {int(value)}" for name, value in self._parameters().items()]
