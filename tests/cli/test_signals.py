"""The first signal sets a flag and an exit code; afterwards the earlier signal handlers are back."""

import signal
import sys
import threading

import pytest

from icsys.cli.signals import Signals


@pytest.mark.usefixtures("terminal")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to oneself")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_the_first_signal_sets_the_flag(name, code, capfd):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with Signals() as signals:
        assert not signals.stop.is_set()
        signal.raise_signal(number)
        assert signals.stop.is_set()
        assert signals.code == code
    assert signal.getsignal(number) is before
    assert "press Ctrl-C again to stop at once" in capfd.readouterr().err


@pytest.mark.usefixtures("terminal")
@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows sends none")
def test_a_second_hangup_is_ignored_and_nohup_disables_the_first():
    with Signals() as signals:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)  # this process goes on
        assert signals.code == 129
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals() as signals:
            signal.raise_signal(signal.SIGHUP)
            assert not signals.stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_no_signal_handler_is_set():
    before = signal.getsignal(signal.SIGINT)

    def enter():
        with Signals():
            assert signal.getsignal(signal.SIGINT) is before

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
