"""Reading a configuration file: what is refused, and where it says the fault is."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.configuration_file import plan_file, plan_text
from app.errors import UserError

ENV = {
    "PBX_SECRET": "whsec_Y2FuYXJ5LXBieC1zZWNyZXQtMDEyMzQ1Njc4OQ==",
    "BOOKS_URL": "postgresql://reader:canary-books@db/ledger",
    "SHORT": "pump",
    "EMPTY": "",
    "T": "a token long enough",
}

PBX = "slug: pbx, kind: generic"
FIRST = r"pop\.yaml:2: phone_systems\[0\]"
BAD = {
    "the file is not YAML": ("users: [", r"pop\.yaml:\d+: \S"),
    "the file is empty": ("", r"pop\.yaml:1: .*empty"),
    "the file is a list": ("- a", r"pop\.yaml:1: .*mapping"),
    "a key is there twice": ("users: []\nusers: []", r"pop\.yaml:2: .*duplicate key"),
    "a top key is unknown": (
        "users: []\nconectors: []",
        r"pop\.yaml:2: conectors: is not a key here; did you mean connectors\?",
    ),
    "a list is not a list": ("users:\n  a: 1", r"pop\.yaml:1: users: must be a list"),
    "a list is left open": ("users:", r"pop\.yaml:1: users: must be a list; write \[\] for none"),
    "an entry is not a mapping": ("users: [ada]", r"pop\.yaml:1: users\[0\]: must be a mapping"),
    "the region is unknown": (
        "default_region: UK",
        r"pop\.yaml:1: default_region: is not an ISO 3166 region",
    ),
    "a region is a number": ("default_region: 44", r"pop\.yaml:1: default_region: should be"),
    "an e-mail is none": (
        "users:\n  - email: ada\n    name: Ada\n    role: agent",
        r"pop\.yaml:2: users\[0\]\.email: is not an e-mail address",
    ),
    "a role is unknown": (
        "users:\n  - email: a@b.c\n    name: Ada\n    role: boss",
        r"pop\.yaml:4: users\[0\]\.role: should be 'agent', 'supervisor' or 'admin'",
    ),
    "a field is missing": (
        "users:\n  - name: Ada\n    role: agent",
        r"pop\.yaml:2: users\[0\]\.email: is missing",
    ),
    "a key of an entry is unknown": (
        "users:\n  - email: a@b.c\n    name: Ada\n    role: agent\n    extension: ['1']",
        r"pop\.yaml:5: users\[0\]\.extension: is not a key here; did you mean extensions\?",
    ),
    "extensions are no list": (
        "users:\n  - {email: a@b.c, name: A, role: agent,\n     extensions: '101'}",
        r"pop\.yaml:3: users\[0\]\.extensions: should be a list",
    ),
    "an extension is a number": (
        "users:\n  - {email: a@b.c, name: A, role: agent,\n     extensions: [\n     101]}",
        r'pop\.yaml:4: users\[0\]\.extensions\[0\]: must be text; write it in quotes: "101"',
    ),
    "an e-mail is there twice": (
        "users:\n  - {email: a@b.c, name: A, role: agent}\n"
        "  - {email: A@B.c, name: B, role: agent}",
        r"pop\.yaml:3: users\[1\]\.email: a@b\.c is there already: users\[0\]",
    ),
    "a password is in the file": (
        "users:\n  - {email: a@b.c, name: A, role: agent, password: canary-typed}",
        r"pop\.yaml:2: users\[0\]\.password: is secret: write \{env: NAME\} or \{file: PATH\}",
    ),
    "a password is too short": (
        "users:\n  - {email: a@b.c, name: A, role: agent, password: {env: SHORT}}",
        r"pop\.yaml:2: users\[0\]\.password: use at least 8 characters",
    ),
    "a slug is missing": (
        "phone_systems:\n  - kind: generic\n    settings: {secret: {env: PBX_SECRET}}",
        r"pop\.yaml:2: phone_systems\[0\]\.slug: is missing",
    ),
    "a slug has capitals": (
        "phone_systems:\n  - slug: PBX\n    kind: generic\n"
        "    settings: {secret: {env: PBX_SECRET}}",
        r"pop\.yaml:2: phone_systems\[0\]\.slug: use lower case letters, digits and dashes",
    ),
    "a slug is there twice": (
        f"phone_systems:\n  - {{{PBX}, settings: {{token: {{env: T}}}}}}\n"
        f"  - {{{PBX}, settings: {{token: {{env: T}}}}}}",
        r"pop\.yaml:3: phone_systems\[1\]\.slug: pbx is there already: phone_systems\[0\]",
    ),
    "a kind is unknown": (
        "phone_systems:\n  - slug: pbx\n    kind: genric",
        r"pop\.yaml:3: phone_systems\[0\]\.kind: genric is not a kind; did you mean generic\?",
    ),
    "a secret is in the file": (
        f"phone_systems:\n  - {{{PBX}, settings: {{secret: whsec_canary}}}}",
        r"pop\.yaml:2: phone_systems\[0\]\.settings\.secret: is secret: write \{env: NAME\}",
    ),
    "a secret in a list is in the file": (
        f"phone_systems:\n  - {{{PBX}, settings: {{secret: [{{env: T}},\n      canary]}}}}",
        r"pop\.yaml:3: phone_systems\[0\]\.settings\.secret\[1\]: is secret",
    ),
    "a variable is not set": (
        f"phone_systems:\n  - {{{PBX}, settings: {{token: {{env: NOT_THERE}}}}}}",
        FIRST + r"\.settings\.token: the environment variable NOT_THERE is not set",
    ),
    "a variable is empty": (
        f"phone_systems:\n  - {{{PBX}, settings: {{token: {{env: EMPTY}}}}}}",
        FIRST + r"\.settings\.token: EMPTY is empty",
    ),
    "a secret file is not there": (
        f"phone_systems:\n  - {{{PBX}, settings: {{token: {{file: no/such}}}}}}",
        FIRST + r"\.settings\.token: no/such cannot be read: No such file or directory",
    ),
    "a setting is unknown": (
        f"phone_systems:\n  - {{{PBX}, settings: {{token: {{env: T}},\n    secrets: []}}}}",
        r"pop\.yaml:3: phone_systems\[0\]\.settings\.secrets: is not a key here; "
        r"did you mean secret\?",
    ),
    "a setting inside a setting is unknown": (
        "connectors:\n  - slug: books\n    kind: sql\n    settings:\n"
        "      url: {env: BOOKS_URL}\n      queries:\n        balanse: SELECT 1",
        r"pop\.yaml:7: connectors\[0\]\.settings\.queries\.balanse: is not a key here; "
        r"did you mean balance\?",
    ),
    "a time-out is no number": (
        "connectors:\n  - slug: books\n    kind: sql\n    timeout_ms: fast\n"
        "    settings: {url: {env: BOOKS_URL}, queries: {balance: SELECT 1}}",
        r"pop\.yaml:4: connectors\[0\]\.timeout_ms: should be a whole number",
    ),
    "a cached section is unknown": (
        "connectors:\n  - slug: books\n    kind: sql\n    cache_s:\n      balanse: 5\n"
        "    settings: {url: {env: BOOKS_URL}, queries: {balance: SELECT 1}}",
        r"pop\.yaml:5: connectors\[0\]\.cache_s\.balanse: should be 'balance'",
    ),
    "the first of several faults": (
        "connectors:\n  - {slug: b, kind: nope}\nusers:\n  - {}\nphone_systems: 3",
        r"pop\.yaml:2: connectors\[0\]\.kind: nope is not a kind",
    ),
    "a control character": ("users:\n  - \x07", r"pop\.yaml:2: .*character"),
    "a tag": (
        "users:\n  - !!python/object:os.system {}",
        r"pop\.yaml:\d: ",
    ),
    "an endless alias": ("users: &a [*a]", r"pop\.yaml:1: "),
}


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_file_is_refused_with_the_line_and_the_place(what: str) -> None:
    text, message = BAD[what]
    with pytest.raises(UserError, match=f"^(?s:{message})") as caught:
        plan_text(text, ENV, "pop.yaml", Path())
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_secret_is_read_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from a file\n")
    file = tmp_path / "pop.yaml"
    file.write_text("phone_systems: [{slug: p, kind: generic, settings: {token: {file: token}}}]")
    systems = plan_file(file, {}).phone_systems
    assert systems is not None
    assert systems[0].settings == {"token": "from a file"}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.yaml: cannot be read: No such file"):
        plan_file(tmp_path / "nowhere.yaml", {})
    (tmp_path / "latin.yaml").write_bytes(b"users: []\n# Zo\xeb\n")
    with pytest.raises(UserError, match=r"latin\.yaml:2: is not UTF-8 text"):
        plan_file(tmp_path / "latin.yaml", {})


PRESET = """
connectors:
  - slug: ledger
    preset: ledgersmb
    settings:
      url: {env: BOOKS_URL}
      queries: {tickets: "SELECT 1 AS number WHERE '1' = :remote_id", find: null}
"""


def test_a_preset_is_the_ground_on_which_own_settings_lie(tmp_path: Path) -> None:
    plan = plan_text(PRESET, ENV, "pop.yaml", tmp_path)
    assert plan.connectors is not None
    (ledger,) = plan.connectors
    assert ledger.kind == "sql"
    assert ledger.settings["url"] == ENV["BOOKS_URL"]
    assert "FROM ar" in ledger.settings["queries"]["balance"]
    assert ledger.settings["queries"]["tickets"].startswith("SELECT 1")
    assert "find" not in ledger.settings["queries"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "ledgersmb",
            "ledgersmp",
            r"connectors\[0\].preset: is not a preset; did you mean ledgersmb",
        ),
        ("ledgersmb", "[a]", r"connectors\[0\].preset: is not a preset"),
        (
            "preset:",
            "kind: rest\n    preset:",
            r"connectors\[0\].kind: must be sql with the preset",
        ),
        ("url: {env: BOOKS_URL}", "row_limit: 5", r"connectors\[0\].settings.url: "),
        ("find: null", "fund: x", r"queries.fund: is not a key here; did you mean find"),
    ],
)
def test_a_preset_that_is_wrong_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        plan_text(PRESET.replace(old, new), ENV, "pop.yaml", tmp_path)
