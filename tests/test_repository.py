"""What the README promises of the repository."""

from __future__ import annotations

import re

import pytest


def test_the_lock_holds_names_versions_and_hashes_and_no_address(root):
    lock = (root / "requirements.lock").read_text()
    pins = re.findall(r"^[\w.\[\]-]+==[\w.+!]+(?: ; .+)? \\$", lock, flags=re.MULTILINE)
    hashes = re.findall(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$", lock, flags=re.MULTILINE)

    assert len(pins) > 50
    assert len(pins) + len(hashes) == len(lock.splitlines())


@pytest.mark.parametrize("target", ["env", "demo", "test", "test-slow", "lint"])
def test_every_command_of_the_readme_is_a_make_target(root, target):
    readme, makefile = ((root / name).read_text() for name in ("README.md", "Makefile"))

    assert f"make {target}" in readme
    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_the_checks_call_the_commands_of_the_readme(root):
    commands = (root / ".ci" / "run").read_text().splitlines()

    assert commands[-2:] == ["make lint", "make test"]
