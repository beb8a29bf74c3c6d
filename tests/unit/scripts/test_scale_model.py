"""The simulation of groups: what it counts, and what each input does."""

import dataclasses

import pytest

from lambda_extract.protocol.jobs import HOLD_SECONDS, LOOK_SECONDS
from scripts import scale_model
from scripts.cost_inputs import SIMULATED, InputError, inputs, parse
from scripts.scale_model import Pool, held_polls, per_group, per_table, polls
from scripts.simulate_scale import rows

IDLE = {"changed_share": 0.0}


@pytest.mark.parametrize("size", [40, 150, 500])
def test_an_idle_group_sends_few_statements_whatever_its_size(size: int) -> None:
    given = {**IDLE, "tables": float(size)}
    assert scale_model.call_statements(given) <= 15
    cycle = per_group(given)
    assert cycle.procedures == 2 and cycle.invocations <= 30
    assert cycle.sessions == cycle.sessions_at_once == 8


def test_each_further_500_tables_and_each_changed_table_add_few() -> None:
    def sent(size: int, share: float) -> int:
        return scale_model.call_statements({"tables": size, "changed_share": share})

    assert all(sent(n + 500, 0) - sent(n, 0) <= 5 for n in range(500, 5000, 500))
    assert sent(150, 10 / 150) <= 15 + 80


def test_a_group_costs_less_than_a_call_for_each_of_its_tables() -> None:
    for share in (0.0, 0.1, 1.0):
        given = {"tables": 500.0, "changed_share": share}
        each, group = per_table(given), per_group(given)
        i = inputs(given)
        assert group.statements < each.statements
        assert group.invocations < each.invocations / 20
        assert group.wall_seconds < each.wall_seconds
        assert group.usd(i) < each.usd(i)
        # Both read and load the same.
        assert group.megabytes == pytest.approx(each.megabytes)


def test_no_more_sessions_than_the_source_and_lambda_allow() -> None:
    given = {"tables": 100.0, "max_parallel": 30.0, "lambda_concurrency": 20.0}
    assert per_group(given).sessions_at_once == 20
    assert per_group(given | {"max_parallel": 3.0}).sessions_at_once == 3
    assert per_table(given | {"calls_at_once": 5.0}).sessions_at_once <= 5


def test_workers_hand_over_and_what_is_late_is_asked_for_again() -> None:
    short = {"tables": 400.0, "look_seconds": 10.0, "max_parallel": 4.0}
    cycle = per_group(short | {"changed_share": 0.0})
    # 400 x 10 s on 4 workers: 1000 s, of which a reply waits for 285 s at most.
    assert cycle.wall_seconds > 1000 and cycle.sessions > 4 * 3
    never = {"reply_seconds": 1.0, "tables": 8.0}
    assert per_group(short | never).wall_seconds < 100


def test_the_same_inputs_give_the_same_cycle() -> None:
    assert per_group({}) == per_group({})
    assert dataclasses.asdict(per_table({})) == dataclasses.asdict(per_table({}))


@pytest.mark.large
def test_every_input_has_an_effect() -> None:
    usual = {"tables": 3000.0, "changed_share": 0.3, "look_seconds": 4.0}
    usual |= {"lambda_concurrency": 7.0, "max_parallel": 6.0, "moved_share": 1.0}
    before = (per_table(usual), per_group(usual), scale_model.call_statements(usual))
    i = inputs(usual)
    costs = [before[0].usd(i), before[1].usd(i)]
    for name in SIMULATED:
        value = i[name]
        changed = usual | {name: value * 2 if value < 1 else value / 2}
        after = (per_table(changed), per_group(changed))
        j = inputs(changed)
        sent = scale_model.call_statements(changed)
        found = [after[0].usd(j), after[1].usd(j)]
        assert (*after, sent) != before or found != costs, name


def test_polls_come_less_and_less_often() -> None:
    i = inputs({"poll_first_seconds": 1.0, "poll_longest_seconds": 4.0})
    assert [polls(s, i) for s in (0.5, 2, 7, 7.5)] == [(1, 1), (2, 3), (3, 7), (4, 11)]


def test_a_poll_of_a_group_waits_for_its_reply() -> None:
    i = inputs({"poll_first_seconds": 1.0, "poll_hold_seconds": 5.0})
    assert held_polls(0.5, i) == (1, 1, 0)
    assert held_polls(4, i) == (1, 4, 3)
    # The second one comes 2 s after the first one's end.
    assert held_polls(7, i) == (2, 8, 5)
    assert held_polls(9, i) == (2, 9, 6)
    assert (HOLD_SECONDS, LOOK_SECONDS) == (
        inputs({})["poll_hold_seconds"],
        inputs({})["poll_look_seconds"],
    )


def test_who_comes_to_a_full_pool_waits() -> None:
    pool = Pool(1)
    began = pool.take(2.0)
    pool.give(began, 5.0)
    assert pool.take(3.0) == 5.0 and pool.most == 1


def test_the_script_shows_both_shapes() -> None:
    shown = rows([10, 40], IDLE)
    assert [(row[0], row[1]) for row in shown] == [
        *(("10", "each"), ("10", "group"), ("40", "each"), ("40", "group"))
    ]


@pytest.mark.parametrize("text", ["lanes=0", "lanes=-1", "planes=1", "lanes=inf"])
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        inputs(parse([text]))
