"""Rules before they are saved: everything that is wrong with one, and what one would make of a request."""

from tidegate.core.rules.parse import Engines
from tidegate.ports.desk_configuration import RuleConfigurationRepository


class RuleDrafts:
    """Checks drafts of rules and tries them out; stores nothing."""

    def __init__(self, configuration: RuleConfigurationRepository, engines: Engines) -> None:
        self._configuration = configuration
        self._engines = engines
