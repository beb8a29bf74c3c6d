"""Which tasks a group needs, and their texts."""

from collections import Counter

import pytest
import sqlglot

from snowpark.errors import UsageError
from snowpark.groups import task_graph, task_statements
from snowpark.groups.task_graph import Task
from snowpark.settings.groups import GroupSettings

HOURLY = GroupSettings("hourly", "60 MINUTES")


def names(count: int) -> list[str]:
    return [f"t{number:04d}" for number in range(count)]


def children(tasks: list[Task]) -> Counter[str]:
    return Counter(task.after for task in tasks if task.after)


def test_a_small_group_hangs_below_its_root() -> None:
    tasks = task_graph.build(HOURLY, ["a", "b"], {})
    assert [(t.name, t.after or t.finalizes) for t in tasks] == [
        ("EXTRACT_HOURLY", None),
        ("LOAD_A", "EXTRACT_HOURLY"),
        ("MERGE_A", "LOAD_A"),
        ("LOAD_B", "EXTRACT_HOURLY"),
        ("MERGE_B", "LOAD_B"),
        ("FINISH_HOURLY", "EXTRACT_HOURLY"),
    ]


@pytest.mark.parametrize("count", [1, 90, 91, 150, 494])
def test_no_task_has_more_than_a_hundred_children(count: int) -> None:
    tasks = task_graph.build(HOURLY, names(count), {})
    assert max(children(tasks).values()) <= 100
    assert len(tasks) <= 1000
    known: set[str] = set()
    for task in tasks:
        assert {task.after or task.finalizes} - {None} <= known
        known.add(task.name)
    assert sum(task.name.startswith("MERGE_") for task in tasks) == count


def test_a_group_that_no_graph_can_hold_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        task_graph.build(HOURLY, names(497), {})
    assert caught.value.code == "group_too_large"


def test_a_new_table_moves_no_other_one() -> None:
    before = task_graph.build(HOURLY, names(180), {})
    parents = {t.name: t.after for t in before if t.after}
    after = task_graph.build(HOURLY, ["a_new_one", *names(180)], parents)
    old = {task_statements.digest(t) for t in before}
    new = [t.name for t in after if task_statements.digest(t) not in old]
    assert new == ["FAN_HOURLY_3", "LOAD_A_NEW_ONE", "MERGE_A_NEW_ONE"]


def test_whatever_changes_a_task_changes_its_digest() -> None:
    root, load, *_ = task_graph.build(HOURLY, ["a"], {})
    for other in (
        GroupSettings("hourly", "61 MINUTES"),
        GroupSettings("hourly", "60 MINUTES", warehouse="W"),
        GroupSettings("hourly", "60 MINUTES", timeout_minutes=20),
        GroupSettings("hourly", "60 MINUTES", retry_attempts=2),
        GroupSettings("hourly", "60 MINUTES", serverless_size="LARGE"),
    ):
        changed = task_graph.build(other, ["a"], {})[0]
        assert task_statements.digest(changed) != task_statements.digest(root)
    longer = task_graph.build(GroupSettings("hourly", "61 MINUTES"), ["a"], {})
    assert task_statements.digest(longer[1]) == task_statements.digest(load)


def test_the_comment_says_whose_task_it_is() -> None:
    group = GroupSettings("my-group.x", "60 MINUTES")
    for task in task_graph.build(group, ["a.b-c"], {}):
        text = task_statements.create_task(task).text
        comment = text.split("COMMENT = '")[1].split("'\n")[0]
        digest = task_statements.digest(task)
        assert task_statements.read_comment(comment) == ("my-group.x", digest)
    assert task_statements.read_comment("somebody's own task") is None


def test_hostile_names_stay_inside_their_quotes() -> None:
    group = GroupSettings("g", "60 MINUTES", warehouse='w"; DROP TABLE y; --')
    for task in task_graph.build(group, ["x'); DROP TABLE y; --\\"], {}):
        text = task_statements.create_task(task).text
        assert len(sqlglot.tokenize(text, dialect="snowflake")) < 60
        assert "DROP" not in {
            token.text
            for token in sqlglot.tokenize(text, dialect="snowflake")
            if token.token_type.name not in ("STRING", "IDENTIFIER")
        }
