"""Makes what learns from users' mail; part of `compose`."""

from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.base.ids import AccountId
from pillarbox.cluster.bus import Bus
from pillarbox.domain.accounts import users
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import DEFAULT
from pillarbox.pipeline.learning.outcomes import Outcomes
from pillarbox.pipeline.learning.training import Learner, Training
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


@dataclass(frozen=True, slots=True)
class Learning:
    """What learns; both have a `run` that goes on until it is cancelled."""

    training: Training
    outcomes: Outcomes


def learning(
    database: Database,
    content: ContentStore,
    bus: Bus,
    owner: str,
    outcomes: Outcomes,
    learners: Sequence[Learner],
) -> Learning:
    """What learns; `learners` are other filters that are to learn too."""
    training = Training(database, content, bus, owner, wanted, outcomes.corrected, learners)
    return Learning(training, outcomes)


def wanted(tx: Tx, account_id: AccountId) -> bool:
    """Whether an account's domain has learning on; for groups whether `_default` has."""
    user = users.by_account(tx, account_id)
    domain = DEFAULT if user is None else user.address.rpartition("@")[2]
    return policies.of(tx, domain).learning
