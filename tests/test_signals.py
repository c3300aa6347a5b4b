"""The first signal sets a flag and an exit code, and what handled signals before handles them again afterwards."""

import signal
import sys
import threading

import pytest

from icsys.signals import Signals


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to oneself")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_sets_the_flag(number, code, capfd):
    before = signal.getsignal(number)
    with Signals() as signals:
        assert not signals.stop.is_set()
        signal.raise_signal(number)
        assert signals.stop.is_set()
        assert signals.code == code
    assert signal.getsignal(number) is before
    assert "once more stops at once" in capfd.readouterr().err


def test_a_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGINT)

    def enter():
        with Signals():
            assert signal.getsignal(signal.SIGINT) is before

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
