"""What leaves this machine with a job, as the server and a proxy in between see it: files, the token, passwords."""

import io
import logging
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pytest

from tests import ROOT
from tests.launch.submission.job_server import JobServer, Proxy, served

TOKEN = "0123456789abcdef" + "0123"
SECRET_FILES = (
    *(".env", ".envrc", ".env.local", ".netrc", "id_rsa", "deep/id_ed25519.pub", "deep/.git-credentials", "tls.key"),
    *("launch/slurm/site.env", "launch/slurm/cluster.env", ".aws/credentials", ".git/config", "auth_token"),
    *(
        ".ENV",
        "Id_Rsa",
        "tls.KEY",
        ".env~",
        ".netrc.bak",
        ".envs/prod",
        "deploy_key",
        "kubeconfig.yaml",
        "wandb/run-1/config.yaml",
    ),
    *(
        ".cache/huggingface/stored_tokens",
        ".config/gh/hosts.yml",
        ".kaggle/kaggle.json",
        "prod.tfvars",
        "deep/.zshrc",
        "core.4711",
    ),
)
HARMLESS = (
    "recipe/htpo/main.py",
    "launch/submission/secret_check.py",
    "launch/slurm/site.env.example",
    "recipe/environment.py",
    "recipe/core.py",
)


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """One job, sent and followed with a runtime environment of one's own, a proxy in the environment and a ~/.netrc."""
    base = tmp_path_factory.mktemp("sent")
    project, home = base / "project", base / "home"
    write(project, *HARMLESS, *SECRET_FILES)
    write(base / "module", "__init__.py", ".env", "id_rsa")
    home.mkdir()
    (base / "own.yaml").write_text("excludes: ['*.bin', '!.env']\n")
    (home / ".netrc").write_text("default login me password of-another-service\n")
    (home / ".netrc").chmod(0o600)
    server, proxy = JobServer(), Proxy()
    with served(server) as address, served(proxy) as between:
        variables = {"RAY_AUTH_TOKEN": TOKEN, "HOME": str(home), "NETRC": str(home / ".netrc"), "PYTHON": sys.executable}
        variables |= dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY", "ws_proxy"), between)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_") and "proxy" not in k.lower()}
        options = ["--address", address, "--working-dir", project, "--runtime-env", base / "own.yaml", "--submission-id", "job"]
        done = subprocess.run(
            [ROOT / "launch/submit.sh", *options, "--", "a=b"],
            env=environment | variables,
            capture_output=True,
            timeout=120,
        )
    out, err = (text.decode() for text in (done.stdout, done.stderr))
    assert done.returncode == 0, err
    return SimpleNamespace(server=server, proxy=proxy, out=out, err=err)


def test_rays_package_holds_no_file_for_secrets_whatever_the_runtime_environment_excludes(sent):
    with zipfile.ZipFile(io.BytesIO(sent.server.package)) as package:
        names = set(package.namelist())
    assert not names & set(SECRET_FILES)
    assert set(HARMLESS) <= names


def test_no_request_to_loopback_goes_through_a_proxy(sent):
    assert sent.proxy.requests == []
    paths = [path for _, path, _ in sent.server.requests]
    assert "/api/jobs/job/logs/tail" in paths
    assert len(paths) >= 6


def test_every_request_has_the_token_and_none_a_password_of_netrc(sent):
    given = {headers.get("Authorization") for _, _, headers in sent.server.requests}
    assert given == {f"Bearer {TOKEN}"}
    assert TOKEN not in sent.out + sent.err


def test_a_followed_log_cannot_command_the_terminal(sent):
    title = "title ⟨U+001B⟩]0;owned⟨U+0007⟩ up⟨U+001B⟩[2A ⟨U+202E⟩back\n"
    assert sent.out == f"first \x1b[36mblue\x1b[0m\ncut \x1b[31mred\x1b[0m 10%\n20%\n{title}"


def plan_of(project, tmp_path, text=""):
    from launch.submission.plan import make_plan

    (tmp_path / "own.yaml").write_text(text)
    return make_plan("htpo", [], False, tmp_path / "own.yaml", project, 1)


@pytest.fixture
def checkout(tmp_path):
    write(tmp_path / "project", *HARMLESS)
    return tmp_path / "project"


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside/notes.txt", "../outside"])
def test_a_link_that_leaves_the_folder_is_refused(checkout, tmp_path, target):
    write(tmp_path / "outside", "notes.txt")
    (checkout / "innocent").symlink_to(target)
    with pytest.raises(ValueError, match=r"innocent.* behind a link that leads out of .*; remove the link"):
        plan_of(checkout, tmp_path)
    plan_of(checkout, tmp_path, "excludes: [/innocent]")


def test_a_link_to_a_file_for_secrets_is_refused_and_one_within_the_folder_is_not(checkout, tmp_path):
    write(checkout, ".env", "data.txt")
    (checkout / "same.txt").symlink_to("data.txt")
    assert "same.txt" in plan_of(checkout, tmp_path).package
    (checkout / "notes.txt").symlink_to(".env")
    with pytest.raises(ValueError, match=r"notes\.txt leads by a link to .*\.env, which is never sent"):
        plan_of(checkout, tmp_path)


def test_a_link_in_a_circle_is_refused_and_one_to_an_excluded_folder_is_not(checkout, tmp_path):
    (tmp_path / "venv").mkdir()
    write(tmp_path / "venv", "bin/python")
    (checkout / ".venv").symlink_to(tmp_path / "venv")
    plan_of(checkout, tmp_path, "excludes: ['.venv/']")
    (checkout / "recipe/up").symlink_to("..")
    with pytest.raises(ValueError, match="link to a folder that it is in"):
        plan_of(checkout, tmp_path)


def test_modules_of_the_runtime_environment_are_looked_at_too(checkout, tmp_path):
    write(tmp_path / "module", "__init__.py", ".env", "id_rsa")
    made = plan_of(checkout, tmp_path, f"py_modules: [{tmp_path}/module]")
    assert [str(file) for file in made.modules[0].files] == ["__init__.py"]
    (tmp_path / "module/out.txt").symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="leads out of"):
        plan_of(checkout, tmp_path, f"py_modules: [{tmp_path}/module]")


def test_modules_that_are_files_are_looked_at_too(checkout, tmp_path):
    (tmp_path / "module.py").write_text("token = 'hf_" + "a1" * 17 + "'")
    lines = plan_of(checkout, tmp_path, f"py_modules: [{tmp_path}/module.py]").lines()
    assert [line for line in lines if line.startswith("suspicious: ")] == [
        f"suspicious: {tmp_path}/module.py looks like a secret (a Hugging Face token), and would be sent"
    ]
    (tmp_path / "id_rsa.py").touch()
    (tmp_path / "other.py").symlink_to("id_rsa.py")
    for name in ("id_rsa", "other"):
        with pytest.raises(ValueError, match=rf"{name}\.py has a name for secrets"):
            plan_of(checkout, tmp_path, f"py_modules: [{tmp_path}/{name}.py]")


def a_folder_without_end(checkout):
    here = os.open(checkout, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("x", dir_fd=here)
        here, before = os.open("x", os.O_RDONLY, dir_fd=here), here
        os.close(before)
    os.close(here)


ODD = {
    "a link to a device": (lambda checkout: (checkout / "zeros").symlink_to("/dev/zero"), "leads out of"),
    "a name that is no UTF-8": (lambda checkout: open(os.fsencode(checkout) + b"/\xff", "w").close(), "rename it"),
    "an ignore file that is no text": (
        lambda checkout: (checkout / ".gitignore").write_bytes(b"\xff"),
        r"\.gitignore or \.rayignore of .* is no UTF-8",
    ),
    "a folder without end": (a_folder_without_end, "folders in folders without end"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ODD)
def test_what_ray_would_stumble_over_or_never_end_with_is_one_sentence(checkout, tmp_path, name):
    logging.disable(logging.CRITICAL)  # Ray logs the name, which xdist cannot pass on
    make, sentence = ODD[name]
    make(checkout)
    try:
        with pytest.raises(ValueError, match=sentence):
            plan_of(checkout, tmp_path)
    finally:
        logging.disable(logging.NOTSET)
        subprocess.run(["rm", "-rf", checkout], check=True)  # pytest's own way is no match for the depth


@pytest.mark.timeout(60)
def test_pipes_and_sockets_stay_here(checkout, tmp_path):
    os.mkfifo(checkout / "pipe")
    assert "pipe" not in plan_of(checkout, tmp_path).package


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a device")
def test_a_device_is_refused(checkout, tmp_path):
    try:
        os.mknod(checkout / "zeros", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("no devices can be made here")
    with pytest.raises(ValueError, match="zeros is a device, which has no end"):
        plan_of(checkout, tmp_path)


def test_the_plan_names_what_looks_like_a_secret_and_what_is_only_called_so_by_right_not(checkout, tmp_path):
    write(checkout, "my-credentials.txt", "hf_token", "tokenizer.json", "special_tokens_map.json", "token_level.py")
    (checkout / "notes.md").write_text("use hf_" + "a1" * 17)
    (checkout / "deploy").write_text("-----BEGIN OPENSSH PRIVATE " + "KEY-----\n")
    (checkout / "windows.txt").write_text("hf_" + "a1" * 17, encoding="utf-16")
    (checkout / "environment.sh").write_text(f"export WANDB_API_KEY={'0a' * 20}\n")
    (checkout / "innocent").write_text("machine api.wandb.ai login user password abcdefgh\n")
    write(checkout, "secrets/hf", "secrets.py")
    lines = [line for line in plan_of(checkout, tmp_path).lines() if line.startswith("suspicious: ")]
    assert {line.split(" looks")[0].rpartition("/")[2]: line for line in lines}.keys() == {
        *("my-credentials.txt", "hf_token", "notes.md", "deploy", "windows.txt", "environment.sh", "innocent", "hf"),
    }
    assert not [line for line in lines if "a1a1" in line]


def test_nothing_in_this_repository_is_suspicious(tmp_path):
    from launch.submission.working_dir import measure

    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("no git checkout")
    for name in filter(None, tracked.stdout.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    assert measure(tmp_path, []).suspicious == {}


def test_gitignore_knows_all_files_for_secrets():
    from launch.submission.secret_files import patterns

    assert set(patterns(ROOT / ".rayignore")) - {".git", ".hg", ".svn"} <= set(patterns(ROOT / ".gitignore"))


@pytest.mark.parametrize(
    "text", ["a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", f"a: {'[' * 20000}", "excludes: {a: b}", "py_modules: [1]"]
)
def test_a_hostile_or_wrong_runtime_environment_is_one_sentence(checkout, tmp_path, text):
    with pytest.raises(ValueError, match=r"own\.yaml|runtime environment") as refusal:
        plan_of(checkout, tmp_path, text)
    assert len(str(refusal.value)) < 300
