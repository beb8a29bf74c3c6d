"""Which tasks a group needs, and their texts."""

import dataclasses
import json

import sqlglot

from local.snowflake_server.tasks import scripting
from snowpark.groups import task_graph, task_statements
from snowpark.settings import groups
from snowpark.settings.groups import GroupSettings

HOURLY = GroupSettings("hourly", "60 MINUTES")


def test_the_lanes_hang_below_the_root_whatever_the_tables() -> None:
    tasks = task_graph.build(dataclasses.replace(HOURLY, lanes=3))
    assert [(t.name, t.after or t.finalizes) for t in tasks] == [
        ("EXTRACT_HOURLY", None),
        ("LOAD_HOURLY_1", "EXTRACT_HOURLY"),
        ("LOAD_HOURLY_2", "EXTRACT_HOURLY"),
        ("LOAD_HOURLY_3", "EXTRACT_HOURLY"),
        ("FINISH_HOURLY", "EXTRACT_HOURLY"),
    ]


def test_there_are_eight_lanes_unless_somebody_says_otherwise() -> None:
    assert len(task_graph.build(HOURLY)) == 10


def test_the_root_has_as_many_lanes_as_it_gives_work_to() -> None:
    for lanes in (1, 90):
        root, *others = task_graph.build(dataclasses.replace(HOURLY, lanes=lanes))
        assert f"extract_lanes('hourly', {lanes})" in root.call
        below = [t for t in others if t.after]
        assert len(below) == lanes <= 100
        for number, task in enumerate(below, start=1):
            assert task.call == f"CALL control.load_lane('hourly', {number})"
            assert task.condition.endswith(f"::NUMBER >= {number}")


def test_a_log_that_is_captured_by_the_clock_is_one_task() -> None:
    config = {
        "sources": {"Shop-1": {"log": {"capture_minutes": 5}}, "crm": {"log": {}}}
    }
    (settings,) = groups.scheduled_captures(json.dumps(config))
    (task,) = task_graph.build(settings)
    assert (task.name, task.call) == (
        "CAPTURE_SHOP-1",
        "CALL control.capture_log('Shop-1')",
    )
    assert task.is_root and settings.schedule == "5 MINUTES"
    text = task_statements.create_task(task).text
    comment = text.split("COMMENT = '")[1].split("'")[0]
    assert task_statements.read_comment(comment) == (
        "#Shop-1",
        task_statements.digest(task),
    )


def test_the_local_task_engine_understands_the_root() -> None:
    root = task_graph.build(HOURLY)[0]
    calls: list[str] = []

    def call(text: str) -> str:
        calls.append(text)
        return '{"lanes": 3}'

    assert scripting.run(root.call, call) == "3"
    assert calls == ["CALL control.extract_lanes('hourly', 8)"]
    for lane in task_graph.build(HOURLY)[1:-1]:
        number = int(lane.name.rpartition("_")[2])
        assert scripting.condition_holds(lane.condition, "3") == (number <= 3)


def test_whatever_changes_a_task_changes_its_digest() -> None:
    root, load, *_ = task_graph.build(HOURLY)
    for other in (
        GroupSettings("hourly", "61 MINUTES"),
        GroupSettings("hourly", "60 MINUTES", warehouse="W"),
        GroupSettings("hourly", "60 MINUTES", timeout_minutes=20),
        GroupSettings("hourly", "60 MINUTES", retry_attempts=2),
        GroupSettings("hourly", "60 MINUTES", serverless_size="LARGE"),
        GroupSettings("hourly", "60 MINUTES", lanes=4),
    ):
        changed = task_graph.build(other)[0]
        assert task_statements.digest(changed) != task_statements.digest(root)
    longer = task_graph.build(GroupSettings("hourly", "61 MINUTES"))
    assert task_statements.digest(longer[1]) == task_statements.digest(load)


def test_the_comment_says_whose_task_it_is() -> None:
    group = GroupSettings("my-group.x", "60 MINUTES")
    for task in task_graph.build(group):
        text = task_statements.create_task(task).text
        comment = text.split("COMMENT = '")[1].split("'\n")[0]
        digest = task_statements.digest(task)
        assert task_statements.read_comment(comment) == ("my-group.x", digest)
    assert task_statements.read_comment("somebody's own task") is None


def test_hostile_names_stay_inside_their_quotes() -> None:
    name = "x'); DROP TABLE y; --\\"
    group = GroupSettings(name, "60 MINUTES", warehouse='w"; DROP TABLE y; --')
    for task in task_graph.build(group):
        text = task_statements.create_task(task).text
        assert len(sqlglot.tokenize(text, dialect="snowflake")) < 90
        assert "DROP" not in {
            token.text
            for token in sqlglot.tokenize(text, dialect="snowflake")
            if token.token_type.name not in ("STRING", "IDENTIFIER")
        }
