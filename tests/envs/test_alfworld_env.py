"""The Gymnasium face: one game, many games, and the same promises in each."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from oreo_envs.alfworld.env import AlfworldEnv
from oreo_envs.alfworld.vector import AlfworldVectorEnv

ID = "oreo_envs:oreo/ALFWorld-v0"
KEYS = {"instance", "task_type", "admissible_commands", "won", "valid"}


def make(data: str, **settings):
    return gymnasium.make(ID, data=data, **settings)


def play(env, instance: str, commands):
    env.reset(options={"instance": instance})
    return [env.step(command) for command in commands]


@pytest.fixture
def walkthroughs(data: str) -> dict[str, tuple[str, ...]]:
    env = make(data)
    shelf = env.unwrapped._stage._shelf
    return {id: shelf.game(id).walkthrough for id in shelf.ids}


def test_gymnasium_has_nothing_to_say_against_it(data: str):
    check_env(make(data).unwrapped)


def test_the_walkthrough_is_rewarded_once_at_its_end(data: str, walkthroughs):
    env = make(data)
    for instance, commands in walkthroughs.items():
        steps = play(env, instance, commands)
        assert [reward for _, reward, *_ in steps] == [0.0] * (len(steps) - 1) + [1.0]
        assert [(won, cut) for _, _, won, cut, _ in steps[-2:]] == [(False, False), (True, False)]
        assert steps[-1][4]["won"] is True


def test_every_info_has_the_same_keys_and_kinds(data: str):
    env = make(data)
    _, info = env.reset(seed=0)
    infos = [info, env.step("look")[4], env.step("nonsense")[4]]
    assert all(set(info) == KEYS for info in infos)
    kinds = [{key: type(value) for key, value in info.items()} for info in infos]
    assert kinds[0] == kinds[1] == kinds[2]
    assert [info["valid"] for info in infos] == [True, True, False]


def test_the_step_limit_counts_failed_commands_and_truncates(data: str):
    env = make(data, step_limit=3)
    env.reset(seed=0)
    flags = [env.step("nonsense")[2:4] for _ in range(3)]
    assert flags == [(False, False), (False, False), (False, True)]


def test_a_win_at_the_limit_is_a_win(data: str, walkthroughs):
    instance, commands = next(iter(walkthroughs.items()))
    steps = play(make(data, step_limit=len(commands)), instance, commands)
    assert steps[-1][1:4] == (1.0, True, False)


def test_an_episode_that_is_over_takes_no_more_steps(data: str):
    env = make(data, step_limit=1).unwrapped
    with pytest.raises(ResetNeeded):
        env.step("look")
    env.reset(seed=0)
    env.step("look")
    with pytest.raises(ResetNeeded):
        env.step("look")


def test_the_seed_decides_the_order_and_each_round_has_all_games(data: str):
    def order(seed: int) -> list[str]:
        env = make(data)
        first = env.reset(seed=seed)[1]["instance"]
        return [first, *(env.reset()[1]["instance"] for _ in range(11))]

    assert order(1) == order(1) != order(2)
    assert len(set(order(1))) == 12


def test_the_spaces_hold_what_is_said_and_what_might_be_said(data: str):
    env = make(data)
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    for text in ("", "the desk\u2019s caf\u00e9 \u684c", "a\tb\nc"):
        assert text in env.observation_space
        assert text in env.action_space
    assert 3 not in env.observation_space


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"split": "valid_sen"}, LookupError, "did you mean 'valid_seen'"),
        ({"split": "valid_unseen"}, FileNotFoundError, "valid_unseen"),
        ({"engine": "fast"}, LookupError, "native, textworld"),
        ({"step_limit": 0}, ValueError, "above 0"),
    ],
)
@pytest.mark.parametrize("world", [AlfworldEnv, AlfworldVectorEnv])
def test_wrong_settings_are_refused_with_a_remedy(data: str, settings, error, says: str, world):
    with pytest.raises(error, match=says):
        world(data=data, **settings)


def test_an_unknown_instance_is_refused_with_the_nearest(data: str, walkthroughs):
    id = next(iter(walkthroughs))
    with pytest.raises(LookupError, match=id):
        make(data).reset(options={"instance": f"{id}0"})
    for outside in ("../train/x", "a/../b", "/etc"):
        with pytest.raises(LookupError):
            make(data).reset(options={"instance": outside})


def test_a_folder_without_games_is_refused_with_a_remedy(tmp_path):
    (tmp_path / "json_2.1.1" / "train").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"holds no game\.tw-pddl.*ALFWORLD_DATA"):
        make(str(tmp_path))


def test_render_gives_the_last_observation(data: str):
    env = make(data, render_mode="ansi")
    observation, _ = env.reset(seed=0)
    assert env.render() == observation
    assert env.step("look")[0] == env.render()


# Many games at a time.


def test_gymnasiums_own_vectors_tell_what_single_games_tell(data: str):
    def make_one():
        return make(data)

    sync = SyncVectorEnv([make_one] * 2)
    spawned = AsyncVectorEnv([make_one] * 2, shared_memory=False, context="spawn")
    try:
        for seed in (3, 4):
            told, also = sync.reset(seed=seed), spawned.reset(seed=seed)
            assert told[0] == also[0] == tuple(make_one().reset(seed=seed + i)[0] for i in (0, 1))
            assert (
                told[1]["admissible_commands"].tolist() == also[1]["admissible_commands"].tolist()
            )
            said, again = sync.step(["look", "nonsense"]), spawned.step(["look", "nonsense"])
            assert said[0] == again[0]
            assert said[4]["valid"].tolist() == again[4]["valid"].tolist() == [True, False]
    finally:
        sync.close()
        spawned.close()


def test_the_native_vector_is_the_vector_of_single_games(data: str, walkthroughs):
    """Same observations, rewards, flags and infos, key for key and dtype for dtype."""
    ids = list(walkthroughs)[:4]
    native = gymnasium.make_vec(
        ID, num_envs=4, vectorization_mode="vector_entry_point", data=data, step_limit=5
    )
    singles = [make(data, step_limit=5) for _ in ids]
    convention = SyncVectorEnv([lambda: make(data)] * 4, autoreset_mode=AutoresetMode.DISABLED)
    observations, infos = native.reset(options={"instance": ids})
    expected: dict[str, object] = {}
    for i, (id, single) in enumerate(zip(ids, singles, strict=True)):
        observation, info = single.reset(options={"instance": id})
        assert observations[i] == observation
        expected = convention._add_info(expected, info, i)
    assert_same_infos(infos, expected)
    for turn in range(4):
        actions = [walkthroughs[id][turn] if turn < len(walkthroughs[id]) else None for id in ids]
        said, rewards, won, cut, infos = native.step(actions)
        expected = {}
        for i, (single, action) in enumerate(zip(singles, actions, strict=True)):
            if action is not None:
                told = single.step(action)
                assert (said[i], rewards[i], won[i], cut[i]) == told[:4]
                expected = convention._add_info(expected, told[4], i)
        if expected:
            assert_same_infos(infos, expected)
    assert native.metadata["autoreset_mode"] == AutoresetMode.DISABLED


def assert_same_infos(infos, expected) -> None:
    assert set(infos) == set(expected)
    for key, column in expected.items():
        assert infos[key].dtype == column.dtype, key
        assert infos[key].tolist() == column.tolist(), key


def test_a_slot_given_none_stays_as_it_is(data: str):
    env = AlfworldVectorEnv(3, data=data)
    before, _ = env.reset(seed=0)
    said, rewards, won, cut, infos = env.step([None, "look", None])
    assert said[0] == before[0]
    assert said[2] == before[2]
    assert said[1] != before[1]
    assert not np.stack([rewards, won, cut]).any()
    assert infos["_valid"].tolist() == [False, True, False]
    assert said in env.observation_space


def test_what_a_step_returned_is_not_changed_by_the_next(data: str):
    env = AlfworldVectorEnv(2, data=data, step_limit=2)
    env.reset(seed=0)
    first = env.step(["look", "look"])
    before = [column.copy() for column in first[1:4]]
    env.step(["look", "look"])
    assert all((a == b).all() for a, b in zip(first[1:4], before, strict=True))


def test_a_mask_resets_its_slots_alone(data: str, walkthroughs):
    ids = list(walkthroughs)
    env = AlfworldVectorEnv(3, data=data)
    before, _ = env.reset(options={"instance": ids[:3]})
    mask = np.array([False, True, False])
    for wish in ([ids[5]], [None, ids[5], None], ids[5]):
        after, infos = env.reset(options={"reset_mask": mask, "instance": wish})
        assert (after[0], after[2]) == (before[0], before[2])
        assert infos["instance"].tolist() == [None, ids[5], None]


def test_a_slot_that_is_over_takes_none_until_it_is_reset(data: str):
    env = AlfworldVectorEnv(2, data=data, step_limit=1)
    with pytest.raises(ResetNeeded, match="slot 0"):
        env.step(["look", "look"])
    env.reset(seed=0)
    assert env.step(["look", None])[3].tolist() == [True, False]
    with pytest.raises(ResetNeeded, match="slot 0"):
        env.step(["look", "look"])
    assert env.step([None, "look"])[3].tolist() == [True, True]
    env.reset(options={"reset_mask": np.array([True, False])})
    assert env.step(["look", None])[3].tolist() == [True, True]


@pytest.mark.parametrize(
    "options",
    [
        {"reset_mask": np.array([True])},
        {"reset_mask": np.array([1, 0, 0])},
        {"instance": ["x"]},
        {"instance": ["a", "b", "c"]},
    ],
)
def test_masks_and_instances_that_do_not_fit_are_refused(data: str, options):
    with pytest.raises((ValueError, LookupError)):
        AlfworldVectorEnv(3, data=data).reset(options=options)
