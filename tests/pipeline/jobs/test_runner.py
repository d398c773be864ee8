"""Periodic jobs: at their time, in one process, whatever happens to the others."""

import asyncio

import pytest

from kit.clock import FakeClock
from pillarbox.pipeline.jobs.runner import LEASE_MS, JobRunner, PeriodicJob
from pillarbox.storage import leases
from pillarbox.storage.db import Database


class Counted:
    """A job that counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    async def run(self) -> None:
        self.runs += 1


async def test_runs_once_for_all_processes(database: Database, clock: FakeClock) -> None:
    counted = Counted()
    job = PeriodicJob("count", 600, counted.run)
    runners = [JobRunner(database, clock, name, (job,)) for name in "abcd"]
    for _ in range(3):
        await asyncio.gather(*(runner.run_due() for runner in runners))
    assert counted.runs == 1
    clock.advance(seconds=600)
    await asyncio.gather(*(runner.run_due() for runner in runners))
    assert counted.runs == 2


async def test_job_of_a_killed_process_is_taken_up(database: Database, clock: FakeClock) -> None:
    await database.write(leases.take, "count", "killed", LEASE_MS)
    counted = Counted()
    runner = JobRunner(database, clock, "a", (PeriodicJob("count", 600, counted.run),))
    await runner.run_due()
    assert counted.runs == 0
    clock.advance(seconds=61)
    await runner.run_due()
    assert counted.runs == 1


async def test_failing_job_stops_no_other(database: Database, clock: FakeClock) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    counted = Counted()
    jobs = (PeriodicJob("bad", 600, fail), PeriodicJob("good", 600, counted.run))
    runner = JobRunner(database, clock, "a", jobs)
    assert await runner.run_due() == 60.0
    assert counted.runs == 1


async def test_a_fault_in_claiming_ends_nothing(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted()
    runner = JobRunner(database, clock, "a", (PeriodicJob("count", 600, counted.run),))
    with monkeypatch.context() as faulty:
        faulty.setattr(leases, "take", lambda *arguments: 1 // 0)
        assert await runner.run_due() == 60.0
    await runner.run_due()
    assert counted.runs == 1
