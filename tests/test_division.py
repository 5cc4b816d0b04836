"""Groups of ids: none too large, each id in one, and a further id changes few of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from builder.division import Group, divide

IDS = st.sets(st.text("abAB01-._", min_size=1, max_size=6), max_size=60).map(
    lambda found: sorted({key.lower(): key for key in found}.values())
)


def to_groups(ids: list[str], most: int) -> dict[str, tuple[str, ...]]:
    return {group.prefix: group.members for group in divide(ids, most).leaves}


@given(IDS, st.integers(1, 10))
def test_each_id_is_in_one_group_that_is_not_too_large(ids: list[str], most: int) -> None:
    groups = to_groups(ids, most)
    assert sorted(key for members in groups.values() for key in members) == sorted(ids)
    for prefix, members in groups.items():
        assert 0 < len(members) <= most
        assert all(key.lower().startswith(prefix) for key in members)


@given(IDS, st.integers(1, 10), st.text("ab01-", min_size=1, max_size=6))
def test_a_further_id_changes_no_group_but_its_own(ids: list[str], most: int, further: str) -> None:
    before = to_groups([key for key in ids if key.lower() != further], most)
    after = to_groups([*(key for key in ids if key.lower() != further), further], most)
    gone = {prefix for prefix, members in before.items() if after.get(prefix) != members}
    assert len(gone) <= 1
    assert all(further.startswith(prefix) for prefix in gone)


def test_few_ids_are_one_group() -> None:
    assert divide(["b", "a"], 2) == Group("", ("b", "a"))
    assert divide([], 2) == Group("", ())


def test_a_group_is_divided_where_its_ids_begin_to_differ() -> None:
    ids = ["unet", "unet-1", "unet-2", "unet-20", "Swin-b"]
    made = divide(ids, 2)
    assert made.prefix == ""
    assert [group.prefix for group in made.groups] == ["s", "unet"]
    assert made.groups[1].members == ("unet",)
    (versions,) = made.groups[1].groups
    assert (versions.prefix, versions.members) == ("unet-", ())
    assert [(group.prefix, group.members) for group in versions.groups] == [
        ("unet-1", ("unet-1",)),
        ("unet-2", ("unet-2", "unet-20")),
    ]
