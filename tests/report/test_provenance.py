"""The versions and the machine in a report."""

from icsys.report.provenance import version_facts


def test_versions_are_named():
    facts = dict(version_facts("1.2.3"))
    assert facts["Version"] == "ICS 1.2.3"
    assert "numpy" in facts["Packages"]
