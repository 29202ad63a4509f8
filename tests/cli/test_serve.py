"""With what ``tidegate serve`` starts a desk."""

import pytest

from tidegate.bootstrap.service import Seeds
from tidegate.cli.serve import with_shipped
from tidegate.core.assessment.managed_list import ManagedList
from tidegate.settings import Profile
from tidegate.usecases.assessment.seed import DeskSeed

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
