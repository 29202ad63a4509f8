"""Where logs go."""

import logging
import sys

import structlog


def log_to_stderr(*more: structlog.typing.Processor) -> None:
    """Log to standard error, one JSON object a line: standard output belongs to the command line's answers.

    What libraries log goes the same way, warnings and worse. ``more`` is done to each line, of ours and of theirs.
    """
    shared: list[structlog.typing.Processor] = [
        *more,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    of_libraries = logging.StreamHandler(sys.stderr)
    of_libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processor=structlog.processors.JSONRenderer(),
        )
    )
    logging.basicConfig(handlers=[of_libraries], level=logging.WARNING, force=True)
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
