"""Values that are plain at run time: the same constructor, equality and hash as the frozen dataclass they were."""

from dataclasses import dataclass, field, replace

from tidegate.core.kernel.quick import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True)
class Shape:
    """A value with every kind of field that the house uses."""

    name: str
    sides: int = 4
    tags: list[str] = field(default_factory=list)
    label: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", f"{self.name}/{self.sides}")


def test_quickly_made_value_takes_arguments_and_defaults_as_declared() -> None:
    """By place, by name, by default; a default that is made anew is not shared."""
    shape, other = Shape("square"), Shape(name="box", sides=6)
    assert (shape.name, shape.sides, shape.tags, shape.label) == ("square", 4, [], "square/4")
    assert (other.name, other.sides, other.label) == ("box", 6, "box/6")
    assert shape.tags is not other.tags


def test_quickly_made_values_are_equal_and_replaced_by_value() -> None:
    """What a frozen dataclass promises beside its constructor stays."""
    assert Shape("a", 3) == replace(Shape("b", 3), name="a")
    assert Shape("a", 3) != Shape("a", 4)
    assert repr(Shape("a", 3)) == "Shape(name='a', sides=3, tags=[], label='a/3')"
