"""An import from a configuration database into a real AuthN and a real broker."""

import io
import json
import uuid
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ams.cli.authn.gocdb.command import import_gocdb
from ams.cli.failure import CommandFailed
from tests.authn.gocdb.database import ConfigurationDatabase, endpoint, site
from tests.authn.make import make_auth_method, make_service_type
from tests.authn.node import SERVICE_TOKEN, Authn
from tests.certificates import Certificates
from tests.cli.command import Ams, Result
from tests.node import Node

#: What AuthN calls the broker.
HOST = "127.0.0.1"
FALLBACK = "operators@example.org"
CONTACT = "contact@example.org"


@dataclass
class Import:
    """A project and a service type of its own, and the command that imports into them.

    Of what is imported, names have `tag` in them, so that tests don't meet.
    """

    tag: str
    folder: Path
    database: ConfigurationDatabase
    node: Node
    authn: Authn
    service: dict[str, Any]
    keys: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def project(self) -> str:
        return self.tag

    @property
    def type(self) -> str:
        """A service type of the configuration database."""
        return f"type.{self.tag}"

    @property
    def topic(self) -> str:
        return f"type-{self.tag}"

    def user(self, host: str, site: str = "SITE-A") -> str:
        """Name of the user and the binding of a host."""
        return f"{self.topic}---{host.replace('.', '-')}---{site}"

    def subject(self, host: str) -> str:
        return f"/C=GR/O={self.tag}/CN={host}"

    def identifier(self, host: str) -> str:
        return f"CN={host},O={self.tag},C=GR"

    def add(self, host: str, subject: str | None = "", **fields: str) -> None:
        """Adds an endpoint of the service type; one with a subject of its own, unless told."""
        told = self.subject(host) if subject == "" else subject
        found = self.database.endpoints.setdefault(self.type, [])
        found.append(endpoint(self.type, host, told, **fields))

    def write(self, **changes: str | None) -> Path:
        """Writes the configuration; `changes` are other values, or None for none."""
        lines = []
        for section, keys in self.keys.items():
            lines.append(f"[{section}]")
            values = {key: changes.get(key.replace("-", "_"), keys[key]) for key in keys}
            lines += [f"{key} = {value}" for key, value in values.items() if value is not None]
        file = self.folder / "import.cfg"
        file.write_text("\n".join(lines))
        file.chmod(0o600)
        return file

    def run(self, *options: str, **changes: str | None) -> Result:
        """Runs the command to its end, in a process of its own."""
        command = Ams(self.folder)
        return command("authn", "import-gocdb", "-c", self.write(**changes), *options)

    def report(
        self,
        *,
        per_site: bool = False,
        dry_run: bool = False,
        failures: int = 0,
        **changes: str | None,
    ) -> dict[str, Any]:
        """Runs the command here, which takes no time to start; returns its report.

        Args:
            per_site: the option.
            dry_run: the option.
            failures: how many the report must have; with any, the command fails.
            changes: as for `write`.
        """
        output = io.StringIO()
        with redirect_stdout(output), redirect_stderr(io.StringIO()):
            try:
                import_gocdb(self.write(**changes), per_site, dry_run, json=True)
            except CommandFailed:
                assert failures, output.getvalue()
        report: dict[str, Any] = json.loads(output.getvalue())
        assert len(report["failures"]) == failures, report["failures"]
        return report

    def refusal(self, **changes: str | None) -> tuple[int, str]:
        """Runs the command, which must fail before it does anything; exit status and reason."""
        output = io.StringIO()
        with redirect_stdout(output), pytest.raises(CommandFailed) as refused:
            import_gocdb(self.write(**changes))
        assert output.getvalue() == ""
        return refused.value.exit_status, str(refused.value)

    async def get(self, path: str) -> Any:  # noqa: ANN401 (whatever the broker answers)
        """What the broker has in the project; None if nothing."""
        answer = await self.node.request("GET", f"/v1/projects/{self.project}{path}")
        return None if answer.status_code == 404 else answer.json()

    async def put(self, method: str, path: str, body: object) -> Any:  # noqa: ANN401 (as above)
        """Makes something in the project."""
        path = f"/v1/projects/{self.project}{path}"
        answer = await self.node.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    async def publishers(self, resource: str = "") -> list[str]:
        """Who may use a topic, that of the service type unless told."""
        answer = await self.get(f"/{resource or f'topics/{self.topic}'}:acl")
        names: list[str] = answer["authorized_users"]
        return names

    async def bindings(self) -> dict[str, dict[str, Any]]:
        """All bindings for the service type, by name."""
        answer = await self.authn.request("GET", "/v1/bindings")
        return {
            each["name"]: each
            for each in answer.json()["bindings"]
            if each["service_uuid"] == self.service["uuid"]
        }

    async def members(self) -> dict[str, dict[str, Any]]:
        """The members of the project, by name."""
        answer = await self.get("/members?details=true")
        return {each["name"]: each for each in answer["users"]}

    async def changes(self) -> int:
        """How many changes of the project the audit trail has."""
        return len((await self.get("/audit"))["entries"])


@pytest.fixture
def database(certificates: Certificates) -> Iterator[ConfigurationDatabase]:
    with ConfigurationDatabase(certificates) as running:
        yield running


@pytest_asyncio.fixture
async def imported(
    database: ConfigurationDatabase,
    node: Node,
    authn: Authn,
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Import:
    """Nothing to import yet; the topic of the service type is there."""
    monkeypatch.setenv("NO_PROXY", HOST)
    tag = f"g{uuid.uuid4().hex[:8]}"
    answer = await node.request("POST", f"/v1/projects/{tag}", json={})
    assert answer.status_code == 200, answer.text
    service = await make_service_type(authn, tag, hosts=[HOST])
    await make_auth_method(
        authn,
        tag,
        host=HOST,
        port=node.settings["server"]["https_port"],
        headers={"x-api-key": node.service_token},
    )
    made = Import(tag, tmp_path, database, node, authn, service)
    await made.put("PUT", f"/topics/{made.topic}", {})
    database.sites["SITE.A"] = site(CONTACT)
    path = f"{database.url}/gocdbpi/public/?method="
    ca = str(certificates.ca)
    made.keys = {
        "AMS": {
            "ams_project": tag,
            "goc_db_host": f"{path}get_service_endpoint&service_type={{{{service-type}}}}",
            "goc_db_site_host": f"{path}get_site&sitename={{{{sitename}}}}",
            "goc_db_ca": ca,
            "service-types": f"{made.type} , ",
            "users_role": "publisher",
            "cert": "",
            "cert_key": "",
            "ams_token": node.service_token,
            "ams_host": node.https.removeprefix("https://"),
            "ams_ca": ca,
            "ams_email": FALLBACK,
            "ams_consumer": "",
        },
        "AUTHN": {
            "authn_token": SERVICE_TOKEN,
            "authn_host": authn.url.removeprefix("https://"),
            "authn_ca": ca,
            "service_type": tag,
            "service_uuid": service["uuid"],
            "service_host": HOST,
        },
        "LOGS": {"syslog_socket": "/dev/log"},
    }
    return made
