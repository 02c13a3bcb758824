"""pyproject.toml, the two lock files and environment.yml say the same, and name no machine's mirror."""

import re
import tomllib

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from maillab.places import COURSE, LABS

PROJECT = tomllib.loads((LABS / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GIVEN = {"jupyterlab", "scapy", "matplotlib", "ipywidgets"}
#: where the course is meant to run; each wheel in the lock is for all of them or has a marker
PLATFORMS = [("linux", "posix", "Linux"), ("darwin", "posix", "Darwin"), ("win32", "nt", "Windows")]
PYTHONS = ["3.11.2", "3.12.9", "3.13.4", "3.14.0"]


def locked(name: str) -> list[Requirement]:
    """The pinned requirements of one lock file, each checked to have a hash."""
    text = (LABS / name).read_text(encoding="utf-8").replace("\\\n", " ")
    out = []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        requirement, *hashes = line.split("--hash=")
        assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest.strip()) for digest in hashes), line
        out.append(Requirement(requirement.strip()))
    return out


LOCKS = {name: locked(name) for name in ("requirements.lock", "requirements-test.lock")}


def environments():
    for platform, os_name, system in PLATFORMS:
        for version in PYTHONS:
            out = dict(default_environment())
            out |= {"sys_platform": platform, "os_name": os_name, "platform_system": system}
            out |= {"python_version": version.rpartition(".")[0], "python_full_version": version}
            yield out


def chosen(name: str, environment) -> dict[str, str]:
    """What a lock file installs there: name -> version; no package twice."""
    out: dict[str, str] = {}
    for requirement in LOCKS[name]:
        if requirement.marker is None or requirement.marker.evaluate(environment):
            assert requirement.name not in out, f"{requirement.name} twice on {environment['sys_platform']}"
            (pin,) = requirement.specifier
            assert pin.operator == "==" and "*" not in pin.version
            out[requirement.name] = pin.version
    return out


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_has_what_the_project_asks_for_on_every_system(name):
    asked = [*map(Requirement, PROJECT["dependencies"])]
    if name == "requirements-test.lock":
        asked += map(Requirement, PROJECT["optional-dependencies"]["test"])
    for environment in environments():
        versions = chosen(name, environment)
        for requirement in asked:
            assert requirement.specifier.contains(versions[requirement.name]), requirement


def test_the_tests_lock_is_the_courses_lock_and_more():
    for environment in environments():
        course, tests = (chosen(name, environment) for name in LOCKS)
        assert course.items() <= tests.items()


@pytest.mark.parametrize("name", [*LOCKS, "pyproject.toml", "../environment.yml"])
def test_no_address_of_an_index_or_a_machine_stands_in_it(name):
    text = (LABS / name).read_text(encoding="utf-8")
    assert not re.search(
        r"https?://|file:|--(extra-)?index-url|--find-links|(?<![\w.])/(work|home|root|opt|tmp)/", text
    )


def test_conda_gets_the_given_packages_by_name_and_the_rest_through_our_own_package():
    lines = (COURSE / "environment.yml").read_text(encoding="utf-8").splitlines()
    items = [line.strip().removeprefix("- ") for line in lines if line.strip().startswith("- ")]
    assert items[0] == "conda-forge" and items[-2:] == ["pip:", "-e ./labs"] and items[-3] == "pip"
    specs = {
        name: SpecifierSet(spec) for name, spec in (re.match(r"([\w-]+) ?(.*)", item).groups() for item in items[1:-3])
    }
    assert specs.keys() == GIVEN | {"python"}
    asked = {requirement.name: requirement.specifier for requirement in map(Requirement, PROJECT["dependencies"])}
    for name in GIVEN:
        assert specs[name] == asked[name], name
    assert all(version in specs["python"] for version in PYTHONS)
    assert "3.10.9" not in specs["python"] and PROJECT["requires-python"] == ">=3.11"


def test_the_given_packages_are_dependencies():
    assert {Requirement(text).name for text in PROJECT["dependencies"]} >= GIVEN
