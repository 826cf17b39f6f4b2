"""The manifest for Kubernetes, against the schemas of Kubernetes."""

import subprocess
from pathlib import Path

import pytest

from docs.documents import ROOT
from servers.software import PYTHON, installed


@pytest.mark.skipif(not PYTHON, reason="`just test-servers` runs this test")
def test_kubernetes_accepts_the_manifest() -> None:
    """Each resource of the example has known fields alone, with values of their types."""
    if "kubernetes_validate" not in installed():
        pytest.skip("needs kubernetes-validate")
    program = Path(PYTHON).with_name("kubernetes-validate")
    manifest = ROOT / "docs" / "deploy" / "cronjob.yaml"
    done = subprocess.run([program, "--strict", manifest], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert (done.stderr + done.stdout).count("passed for resource") == 3
