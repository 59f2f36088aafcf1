"""Messages are pushed though the database is away."""

import httpx
import pytest

from tests.api.client import Project
from tests.eventually import eventually
from tests.mariadb import MariaDB
from tests.push.conftest import Pushing
from tests.push.endpoints import Endpoints, accept, says
from tests.push.workers import push_to, shown


@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
async def test_delivery_goes_on_without_the_database_and_changes_are_heard_when_it_is_back(
    shared: Pushing, project: Project, endpoints: Endpoints, mariadb: MariaDB
) -> None:
    endpoint = endpoints.add("/old", says("500 No"))
    await push_to(project, endpoints, endpoint, retryPolicy={"type": "linear", "period": 100})
    texts = [str(number) for number in range(20)]
    await project.publish("t", *texts)
    await eventually(lambda: endpoint.deliveries)
    mariadb.kill()
    try:
        for worker in shared.workers:
            ready = await worker.ask("/readyz")
            assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
        endpoint.behaviour = accept
        await eventually(lambda: endpoint.accepted == texts)
    finally:
        mariadb.start()
    new = endpoints.add("/new")
    await eventually(lambda: _moved(project, new.url))
    endpoints.hash = (await shown(project))["pushConfig"]["verificationHash"]
    await eventually(lambda: _verified(project))
    await project.publish("t", "last")
    await eventually(lambda: new.accepted == ["last"])
    assert endpoint.accepted == texts


async def _moved(project: Project, url: str) -> bool:
    config = {"type": "http_endpoint", "pushEndpoint": url}
    path = "/subscriptions/s:modifyPushConfig"
    return (await project.request("POST", path, json={"pushConfig": config})).is_success


async def _verified(project: Project) -> bool:
    return (await project.request("POST", "/subscriptions/s:verifyPushEndpoint")).is_success
