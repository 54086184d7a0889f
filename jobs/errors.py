"""What can end a command of ours, each as one sentence for the person at the keyboard.

SakigakeError
├── DatabaseUnavailable      no database answers, or the embedded one cannot be started
│   └── DatabaseTooOld       it answers, and is older than PostgreSQL 16
├── SchemaVersionMismatch    it answers, and its tables are of another version or another program
├── SchemaBusy               its tables are in use, so that a migration had to give up
├── ConfigError              sakigake.yaml or what it points to is not right (exit code 2)
├── NothingProposed          a CRM cannot be looked into, so that no mapping is proposed
├── MappingWaits             the mapping says something else than what a person activated (exit code 2)
├── MirrorStale             the CRM hides what the mapping reads, so nothing is concluded from it
├── PlanRefused             a plan cannot be applied, or a run not be undone
├── RunBusy                  another run of the workspace is under way (exit code 4)
└── NotFound                 what was asked for is not there

The command line prints ``str(error)`` and exits with ``exit_code``. A sentence names what was met, what was expected
and what to do; it carries no secret and no personal data. This file imports nothing, since the keeper of the embedded
database reads it too.
"""


class SakigakeError(Exception):
    """The root of what we raise on purpose; ``exit_code`` is the command's."""

    exit_code = 1


class DatabaseUnavailable(SakigakeError):
    """No database can be reached or started."""


class DatabaseTooOld(DatabaseUnavailable):
    """The server is older than PostgreSQL 16."""


class SchemaVersionMismatch(SakigakeError):
    """The database's tables are not the ones this version of the code works with."""


class SchemaBusy(SakigakeError):
    """A migration waited for a lock for as long as it may; nothing was changed."""


class ConfigError(SakigakeError):
    """The configuration, or something it points to, is not right."""

    exit_code = 2


class NothingProposed(SakigakeError):
    """A CRM cannot be looked into; no mapping is proposed, and no file is touched."""


class MappingWaits(SakigakeError):
    """The mapping's file says something that nobody activated; nothing is done by it."""

    exit_code = 2


class MirrorStale(SakigakeError):
    """The mirror cannot vouch for something that the mapping reads; facts, results and the CRMs stay as they were."""


class PlanRefused(SakigakeError):
    """A plan cannot be applied, or a run not be undone; nothing was written."""


class RunBusy(SakigakeError):
    """Another run of the workspace is under way."""

    exit_code = 4


class NotFound(SakigakeError):
    """What was asked for is not there."""
