"""With what ``tidegate serve`` starts, and what it refuses to start with."""

from pathlib import Path

import pytest
import typer

from tidegate.bootstrap.service import Seeds
from tidegate.cli.serve import serve, with_shipped
from tidegate.core.assessment.managed_list import ManagedList
from tidegate.settings import Profile, setting_names
from tidegate.usecases.assessment.seed import DeskSeed

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/first-order.json"
OWN = Seeds(desk=DeskSeed((), (), (ManagedList("own", ("a",)),)))


@pytest.mark.parametrize(
    "seed", [Seeds(), Seeds(desk=DeskSeed((), (), ()))], ids=["no seed", "a seed of the gate alone"]
)
def test_demo_profile_starts_an_untouched_desk_with_the_scorecard(seed: Seeds) -> None:
    """PL-124: rules and thresholds of CONSUMER_CREDIT, for untouched desks only."""
    desk = with_shipped(seed, Profile.DEMO).desk
    assert desk is not None
    assert desk.untouched_only
    assert {frozenset({"CONSUMER_CREDIT"})} == {rule.scope["product_type"] for rule in desk.rules}
    assert {frozenset({"CONSUMER_CREDIT"})} == {threshold.scope["product_type"] for threshold in desk.thresholds}


@pytest.mark.parametrize(
    ("seed", "profile"),
    [(Seeds(), Profile.PROD), (OWN, Profile.PROD), (OWN, Profile.DEMO)],
    ids=["prod", "both", "own"],
)
def test_profile_prod_and_a_seed_of_the_desk_are_left_as_they_are(seed: Seeds, profile: Profile) -> None:
    """PL-124: prod never gets the scorecard, and rows of a seed are all that a desk starts with."""
    assert with_shipped(seed, profile) is seed


@pytest.mark.parametrize(
    ("roles", "workers", "seeded", "told"),
    [
        ("gate", None, False, "gate and consumers go together"),
        ("consumers,desk", None, False, "gate and consumers go together"),
        ("kitchen", None, False, "TIDEGATE_SERVE_ROLES"),
        (None, 2, False, "wants a shared account book"),
        ("desk", 2, False, "wants a PostgreSQL of its own"),
        (None, 0, False, "TIDEGATE_SERVE_WORKERS"),
        ("relay", None, True, "--seed holds rows of the order gate"),
    ],
)
def test_roles_that_do_not_fit_are_refused_in_one_line_before_anything_is_opened(
    roles: str | None,
    workers: int | None,
    *,
    seeded: bool,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """RE-330, RE-335: exit 2, and a line that says what to set."""
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    seed = str(EXAMPLE) if seeded else None
    with pytest.raises(typer.Exit) as ended:
        serve(data=tmp_path / "data", roles=roles, workers=workers, seed=seed)
    assert ended.value.exit_code == 2
    assert len(lines := capsys.readouterr().err.splitlines()) == 1
    assert told in lines[0]
    assert not (tmp_path / "data").exists()
