"""What a second signal does to a driver that waits in Ray, which lets few exceptions through."""

import subprocess
import sys
import textwrap

import pytest

from tests import ROOT


@pytest.mark.slow
def test_a_later_signal_ends_a_wait_in_ray_at_once():
    code = """
        import os, signal, threading, time, ray
        from omegaconf import OmegaConf
        from recipe.runs import stopping
        import tempfile

        @ray.remote(num_cpus=0)
        def sleep():
            time.sleep(300)

        ray.init(address="local", num_cpus=1, include_dashboard=False)
        stopping.ONE_REQUEST_S = 1
        stopping.listen(OmegaConf.create({"trainer": {"default_local_dir": tempfile.mkdtemp()}}))
        for seconds in (1, 3):
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM)).start()
        start = time.monotonic()
        try:
            ray.get(sleep.remote())
        except KeyboardInterrupt:
            print("ended after", time.monotonic() - start, flush=True)
        os._exit(0)
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200).stdout
    assert 3 <= float(output.rsplit("ended after ", 1)[1]) < 60
