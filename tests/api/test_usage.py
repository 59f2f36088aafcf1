"""Reports on the use of the service (contract: ams-users-metrics 8.6, 8.7)."""

from collections.abc import Mapping
from datetime import date, timedelta

import httpx
import pytest

from tests.api.client import (
    FORBIDDEN,
    Object,
    Project,
    assert_error,
    create_user,
    object_in,
)
from tests.api.past import move, set_days
from tests.node import SERVICE_TOKEN, Node

METRICS = "/v1/metrics"
ACTIVITY = "/v1/metrics/va_metrics"
USAGE = "/v1/users/usageReport"

NOTHING: Object = {
    "projects_metrics": {
        "projects": [],
        "total_message_count": 0,
        "average_daily_messages": 0,
    },
    "total_users_count": 0,
    "total_topics_count": 0,
    "total_subscriptions_count": 0,
}

#: What a day, or a window of days, must not look like.
BAD_DATES = [
    "yesterday",
    "2024-13-01",
    "2023-02-29",
    "2024-5-1",
    "20240501",
    "2024-W18-3",
    "2024-05-01T00:00:00Z",
    "2024-05-01%20",
    "%202024-05-01",
    "2024-05-01%0A",
    "%D9%A2%D9%A0%D9%A2%D9%A4-05-01",
    "-2024-05-01",
    "0000-01-01",
    "12024-05-01",
    "2024-05-01%00",
]


async def report_of(node: Node, *projects: str, token: str = SERVICE_TOKEN, **days: date) -> Object:
    """The activity of projects, or of all."""
    query = {f"{name}_date": str(day) for name, day in days.items()}
    if projects:
        query["projects"] = ",".join(projects)
    return object_in(await node.request("GET", ACTIVITY, params=query, token=token))


def entries(report: Object) -> dict[str, Object]:
    return {each["project"]: each for each in report["projects_metrics"]["projects"]}


class TestActivity:
    async def test_what_was_published_and_made(self, queue: Project) -> None:
        """Contract: ams-users-metrics 8.6. Since 1970 unless the caller says otherwise."""
        await queue.topic("u")
        await queue.user("publisher")
        await queue.publish("t", "a", "b")
        await queue.publish("u", "c")
        today = await move(queue, 0)
        report = await report_of(queue.node, queue.name)
        average = report["projects_metrics"]["average_daily_messages"]
        assert average == 0.01
        assert report == {
            "projects_metrics": {
                "projects": [
                    {
                        "project": queue.name,
                        "message_count": 3,
                        "average_daily_messages": 0.01,
                        "topics_count": 2,
                        "subscriptions_count": 1,
                        "users_count": 1,
                    }
                ],
                "total_message_count": 3,
                "average_daily_messages": 0.01,
            },
            "total_users_count": 1,
            "total_topics_count": 2,
            "total_subscriptions_count": 1,
        }
        explicit = await report_of(queue.node, queue.name, start=date(1970, 1, 1), end=today)
        assert explicit == report
        (entry,) = (await report_of(queue.node, queue.name, start=today))["projects_metrics"][
            "projects"
        ]
        assert entry["average_daily_messages"] == 3

    @pytest.mark.parametrize(
        ("messages", "days", "average"),
        [
            (30, 4, 7.5),
            (1, 3, 0.34),
            (2, 3, 0.67),
            (10, 5, 2),
            (7, 100, 0.08),
            (1, 20_000, 0.01),
            (0, 7, 0),
            (9_007_199_254_740_991, 1, 9_007_199_254_740_991),
        ],
    )
    async def test_an_average_is_rounded_up_to_cents(
        self, queue: Project, messages: int, days: int, average: float
    ) -> None:
        """Contract: ams-users-metrics 8.6, 14 #34: double noise included (0.07 is 0.08)."""
        last = date(2026, 1, 1)
        await set_days(queue, {last: messages})
        first = last - timedelta(days=days - 1)
        report = await report_of(queue.node, queue.name, start=first, end=last)
        assert entries(report)[queue.name]["message_count"] == messages
        assert entries(report)[queue.name]["average_daily_messages"] == average
        assert report["projects_metrics"]["average_daily_messages"] == average

    async def test_whole_numbers_have_no_fraction(self, queue: Project) -> None:
        """Contract: ams-users-metrics 1.5."""
        day = date(2026, 1, 1)
        await set_days(queue, {day: 7})
        query = {"projects": queue.name, "start_date": str(day), "end_date": str(day)}
        answer = await queue.node.request("GET", ACTIVITY, params=query)
        assert answer.text.count('"average_daily_messages":7,') == 1
        assert answer.text.count('"average_daily_messages":7}') == 1

    async def test_a_window_holds_its_first_and_its_last_day(self, queue: Project) -> None:
        """Contract: ams-users-metrics 8.6: 23:59:59 of the last day is in it."""
        days = [date(2024, 2, 28) + timedelta(days=n) for n in range(4)]
        await set_days(queue, {day: 10**n for n, day in enumerate(days)})

        async def count(first: date, last: date) -> int:
            report = await report_of(queue.node, queue.name, start=first, end=last)
            total: int = report["projects_metrics"]["total_message_count"]
            return total

        assert [await count(day, day) for day in days] == [1, 10, 100, 1000]
        assert await count(days[1], days[2]) == 110
        assert await count(days[0], days[-1]) == 1111
        assert await count(days[-1] + timedelta(days=1), date(9999, 12, 31)) == 0
        assert await count(date(1, 1, 1), days[0] - timedelta(days=1)) == 0
        assert await count(date(1, 1, 1), date(9999, 12, 31)) == 1111

    async def test_only_what_was_made_in_the_window_counts(self, queue: Project) -> None:
        """Contract: ams-users-metrics 8.6: today's things are not yesterday's."""
        await queue.user("publisher")
        await queue.publish("t", "a")
        today = await move(queue, 1)
        yesterday = today - timedelta(days=1)
        report = await report_of(queue.node, queue.name, start=yesterday, end=yesterday)
        entry = entries(report)[queue.name]
        assert (entry["message_count"], entry["topics_count"]) == (1, 0)
        assert (entry["subscriptions_count"], entry["users_count"]) == (0, 0)
        report = await report_of(queue.node, queue.name, start=yesterday, end=today)
        entry = entries(report)[queue.name]
        assert (entry["topics_count"], entry["subscriptions_count"]) == (1, 1)
        assert entry["users_count"] == 1

    async def test_a_project_without_a_publish_adds_to_nothing(self, queue: Project) -> None:
        """Contract: ams-users-metrics 8.6, 14 #33; an empty publish is one."""
        await queue.user("publisher")
        assert await report_of(queue.node, queue.name) == NOTHING
        assert queue.name not in entries(await report_of(queue.node))
        await queue.publish("t")
        report = await report_of(queue.node, queue.name)
        assert entries(report)[queue.name]["message_count"] == 0
        assert report["total_users_count"] == 1

    async def test_projects_come_by_name_and_are_summed_up(self, project: Project) -> None:
        """Contract: ams-users-metrics 8.6, 14 #33; who is in two projects counts twice."""
        others = [Project(project.node, f"{project.name}-{letter}") for letter in "bca"]
        day = date(2026, 1, 1)
        for n, each in enumerate([project, *others]):
            if each is not project:
                object_in(await each.request("POST", json={}))
            await each.topic("t")
            await set_days(each, {day: 3 * n + 1})
        user = await create_user(
            project.node, projects={each.name: ["publisher"] for each in (project, *others)}
        )
        names = [each.name for each in others]
        report = await report_of(project.node, project.name, *names, *names, start=day, end=day)
        assert [*entries(report)] == [project.name, *sorted(names)]
        assert report["projects_metrics"]["total_message_count"] == 1 + 4 + 7 + 10
        assert report["total_users_count"] == 0
        third = [day, day + timedelta(days=2)]
        report = await report_of(project.node, *names, start=third[0], end=third[1])
        averages = [each["average_daily_messages"] for each in entries(report).values()]
        assert averages == [3.34, 1.34, 2.34]
        assert report["projects_metrics"]["average_daily_messages"] == 3.34 + 1.34 + 2.34
        report = await report_of(project.node, *names)
        assert report["total_users_count"] == 3
        everything = await report_of(project.node)
        assert [*entries(everything)] == sorted(entries(everything))
        assert {*names, project.name} <= {*entries(everything)}
        for total, part in (
            ("total_users_count", "users_count"),
            ("total_topics_count", "topics_count"),
            ("total_subscriptions_count", "subscriptions_count"),
        ):
            parts = [each[part] for each in entries(everything).values()]
            assert everything[total] == sum(parts)
        await project.node.request("DELETE", f"/v1/users/{user.name}")
        for each in others:
            await each.remove()

    async def test_what_is_deleted_leaves_its_days_until_its_project_goes(
        self, queue: Project
    ) -> None:
        """Contract: ams-users-metrics 14 #36."""
        await queue.publish("t", "a", "b")
        await queue.request("DELETE", "/topics/t")
        entry = entries(await report_of(queue.node, queue.name))[queue.name]
        assert (entry["message_count"], entry["topics_count"]) == (2, 0)
        await queue.request("DELETE")
        assert queue.name not in entries(await report_of(queue.node))
        answer = await queue.node.request("GET", f"{ACTIVITY}?projects={queue.name}")
        assert_error(answer, 404, f"Project {queue.name} doesn't exist")
        object_in(await queue.request("POST", json={}))
        assert await report_of(queue.node, queue.name) == NOTHING

    @pytest.mark.parametrize(
        ("projects", "unknown"),
        [
            ("no-such", "no-such"),
            ("{},no-such,neither", "no-such"),
            ("{},", ""),
            (",{}", ""),
            (",", ""),
            ("{},%20{}", " {}"),
            ("%20", " "),
            ("{}%20", "{} "),
            ("%C3%A4%F0%9F%98%80", "ä😀"),
            ("%00", "\0"),
            ("y" * 3000, "y" * 3000),
        ],
    )
    async def test_an_unknown_project_is_404(
        self, quiet: Project, projects: str, unknown: str
    ) -> None:
        """Contract: ams-users-metrics 8.6; the first that is unknown, and no trimming."""
        query = projects.replace("{}", quiet.name)
        answer = await quiet.node.request("GET", f"{ACTIVITY}?projects={query}")
        assert_error(answer, 404, f"Project {unknown.replace('{}', quiet.name)} doesn't exist")

    async def test_the_first_of_each_parameter_counts(self, quiet: Project) -> None:
        """Contract: ams-users-metrics 8.6, 15: a published UI begins its query with `?&`."""
        query = f"?&start_date=2026-01-01&projects={quiet.name}&start_date=x&projects=no"
        answer = await quiet.node.request("GET", f"{ACTIVITY}{query}")
        assert object_in(answer) == NOTHING
        for empty in ("start_date=&end_date=&projects=", "projects", "start_date"):
            object_in(await quiet.node.request("GET", f"{ACTIVITY}?{empty}"))


class TestDates:
    """Contract: ams-users-metrics 8.6, 16. Both routes read them in the same way."""

    BOTH = pytest.mark.parametrize("path", [ACTIVITY, USAGE])

    async def refusal(self, place: Project, path: str, query: str) -> httpx.Response:
        user = await place.user("project_admin", service_roles=["metrics_viewer"])
        return await place.node.request("GET", f"{path}?{query}", token=user.token)

    @BOTH
    @pytest.mark.parametrize("text", BAD_DATES)
    async def test_one_that_is_none_is_400(self, quiet: Project, path: str, text: str) -> None:
        for name in ("start", "end"):
            answer = await self.refusal(quiet, path, f"{name}_date={text}")
            assert_error(answer, 400, f"{name.title()} date is not in valid format")

    @BOTH
    @pytest.mark.parametrize(
        "query",
        [
            "start_date=2024-05-02&end_date=2024-05-01",
            "end_date=1969-12-31",
            "start_date=9999-12-31",
        ],
    )
    async def test_a_start_after_the_end_is_400(
        self, quiet: Project, path: str, query: str
    ) -> None:
        answer = await self.refusal(quiet, path, query)
        assert_error(answer, 400, "Start date cannot be after the end date")

    @BOTH
    async def test_the_start_is_looked_at_first_and_projects_last(
        self, quiet: Project, path: str
    ) -> None:
        answer = await self.refusal(quiet, path, "projects=no&end_date=x&start_date=x")
        assert_error(answer, 400, "Start date is not in valid format")
        answer = await self.refusal(quiet, path, "projects=no&end_date=x&start_date=9999-12-31")
        assert_error(answer, 400, "End date is not in valid format")
        answer = await self.refusal(quiet, path, "projects=no&start_date=9999-12-31")
        assert_error(answer, 400, "Start date cannot be after the end date")


class TestWhoMaySeeThem:
    @pytest.mark.parametrize("path", [METRICS, ACTIVITY])
    async def test_viewers_of_metrics(self, project: Project, path: str) -> None:
        """Contract: ams-users-metrics 2.3, 14 #9: a project's admin gets 401, not 403."""
        viewer = await project.user(service_roles=["metrics_viewer"])
        object_in(await project.node.request("GET", path, token=viewer.token))
        other = await project.user(service_roles=["admin_viewer"])
        answer = await project.node.request("GET", path, token=other.token)
        assert_error(answer, 403, FORBIDDEN)
        admin = await project.user("project_admin")
        answer = await project.node.request("GET", path, token=admin.token)
        assert_error(answer, 401, "Unauthorized")

    @pytest.mark.parametrize("token", [None, "", "unknown", SERVICE_TOKEN])
    async def test_nobody_who_is_no_user_sees_a_usage_report(
        self, node: Node, token: str | None
    ) -> None:
        """Contract: ams-users-metrics 2.5, 8.7: before anything is said of the dates."""
        answer = await node.request("GET", f"{USAGE}?start_date=x", token=token)
        assert_error(answer, 401, "Unauthorized")


class TestUsageReport:
    async def report(self, node: Node, token: str, **query: str) -> Object:
        return object_in(await node.request("GET", USAGE, params=query, token=token))

    async def test_of_the_projects_that_the_caller_administers(self, queue: Project) -> None:
        """Contract: ams-users-metrics 8.7; users are counted in it, too (14 #7)."""
        elsewhere, foreign = [await Project.create(queue.node) for _ in range(2)]
        roles: Mapping[str, list[str]] = {
            queue.name: ["project_admin"],
            elsewhere.name: ["publisher", "consumer"],
        }
        user = await create_user(queue.node, projects=roles, service_roles=["service_admin"])
        for each in (elsewhere, foreign):
            await each.topic("t")
            await each.publish("t", "not seen")
        await queue.publish("t", "a", "b")
        report = await self.report(queue.node, user.token)
        assert [*report] == ["va_metrics", "operational_metrics"]
        assert report["va_metrics"] == await report_of(queue.node, queue.name)
        assert [*entries(report["va_metrics"])] == [queue.name]
        assert report["va_metrics"]["total_users_count"] == 1
        hosts = report["operational_metrics"]
        assert [*hosts] == ["metrics"]
        assert [each["metric"] for each in hosts["metrics"]][:2] == [
            "ams_node.cpu_usage",
            "ams_node.memory_usage",
        ]
        names = f"{elsewhere.name},no-such,,{queue.name},{foreign.name}"
        report = await self.report(queue.node, user.token, projects=names)
        assert [*entries(report["va_metrics"])] == [queue.name]
        report = await self.report(queue.node, user.token, end_date="2020-01-01")
        assert report["va_metrics"] == NOTHING
        assert report["operational_metrics"]["metrics"]
        report = await self.report(queue.node, user.token, projects=foreign.name)
        assert report == {"va_metrics": NOTHING, "operational_metrics": {"metrics": []}}
        await queue.node.request("DELETE", f"/v1/users/{user.name}")
        for each in (elsewhere, foreign):
            await each.remove()

    @pytest.mark.parametrize("role", ["service_admin", "metrics_viewer", ""])
    async def test_who_administers_nothing_gets_an_empty_one(
        self, queue: Project, role: str
    ) -> None:
        """Contract: ams-users-metrics 8.7."""
        await queue.publish("t", "a")
        user = await queue.user(service_roles=[role] if role else [])
        report = await self.report(queue.node, user.token)
        assert report == {"va_metrics": NOTHING, "operational_metrics": {"metrics": []}}

    async def test_a_deleted_project_is_skipped(self, queue: Project) -> None:
        """Contract: ams-users-metrics 14 #20: no 404."""
        gone = await Project.create(queue.node)
        roles = {each.name: ["project_admin"] for each in (gone, queue)}
        user = await create_user(queue.node, projects=roles)
        await queue.publish("t", "a")
        await self.report(queue.node, user.token)
        await gone.remove()
        report = await self.report(queue.node, user.token)
        assert [*entries(report["va_metrics"])] == [queue.name]
        await queue.request("DELETE")
        report = await self.report(queue.node, user.token)
        assert report == {"va_metrics": NOTHING, "operational_metrics": {"metrics": []}}
        await queue.node.request("DELETE", f"/v1/users/{user.name}")

    async def test_the_token_may_come_in_the_query(self, project: Project) -> None:
        """Contract: ams-users-metrics 2.1, decision 1."""
        user = await project.user("project_admin")
        query = {"key": user.token, "start_date": "2026-01-01"}
        answer = await project.node.request("GET", USAGE, params=query, token=None)
        assert object_in(answer)["va_metrics"] == NOTHING
