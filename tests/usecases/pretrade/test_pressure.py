"""Whether the serving thread has time to spare."""

from tidegate.usecases.pretrade.pressure import BUSY_SHARE, WINDOW_S, Pressure


class Hands:
    """A wall clock and a CPU clock that are moved by hand."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 100.0

    def pressure(self) -> Pressure:
        return Pressure(wall_s=lambda: self.wall_s, cpu_s=lambda: self.cpu_s)

    def pass_by(self, seconds: float, *, share: float) -> None:
        self.wall_s += seconds
        self.cpu_s += seconds * share


def test_pressure_is_told_from_the_last_whole_window() -> None:
    """Nothing is known before the first window; from then on the last one counts until the next has passed."""
    hands = Hands()
    pressure = hands.pressure()
    hands.pass_by(WINDOW_S / 2, share=1)
    assert not pressure.busy()
    hands.pass_by(WINDOW_S, share=1)
    assert pressure.busy()
    hands.pass_by(WINDOW_S / 2, share=0)
    assert pressure.busy()
    hands.pass_by(WINDOW_S, share=0)
    assert not pressure.busy()


def test_pressure_begins_at_the_busy_share() -> None:
    """Just below it there is time to spare."""
    hands = Hands()
    pressure = hands.pressure()
    hands.pass_by(2 * WINDOW_S, share=BUSY_SHARE - 0.01)
    assert not pressure.busy()
    hands.pass_by(2 * WINDOW_S, share=BUSY_SHARE + 0.01)
    assert pressure.busy()
