"""Names that tests make up."""

import socket

import pytest


class Resolver:
    """Stands in for getaddrinfo: each name has one list of addresses after another."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self._answers: dict[str, list[list[str]]] = {}
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def say(self, name: str, *answers: list[str]) -> None:
        self._answers[name] = list(answers)

    def _look_up(self, host: str, port: int, **options: int) -> list[object]:
        self.asked.append(host)
        answers = self._answers[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in found for entry in self._real(address, port, **options)]
