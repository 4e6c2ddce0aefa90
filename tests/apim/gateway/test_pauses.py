"""An authorizer that stood still reads questions and news at once, in any order."""

import signal
import threading

import pytest

from apim.gateway import grants
from apim.keys.models import ApiKey
from benchmarks.callers import tell
from tests.deadline import eventually

pytestmark = pytest.mark.processes


def test_key_that_was_revoked_during_a_pause_is_refused_by_the_first_answer(
    authorizer, world, store
):
    eventually(lambda: authorizer.check(world.path, world.bearer()).status_code == 200)
    answers = []

    def ask():
        answers.append(authorizer.check(world.path, world.bearer()))

    asking = threading.Thread(target=ask)
    tell(authorizer.child.pid, signal.SIGSTOP)
    try:
        asking.start()
        ApiKey.objects.filter(pk=world.key.pk).update(state=ApiKey.State.REVOKED)
        grants.project_key(world.key.pk)
        asking.join(1)
        assert not answers
    finally:
        tell(authorizer.child.pid, signal.SIGCONT)
    asking.join(10)
    # 503 where a starved Redis answers late.
    assert answers[0].status_code in {401, 503}
    assert "apim_authorizer_pauses_total 0" not in authorizer.client.get("/metrics").text
