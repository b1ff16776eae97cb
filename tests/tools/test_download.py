"""download.py against a hub on loopback: whole or not at all, and every way to be interrupted."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import harness
import random_model
import readme
from hub import Hub, git_etag
from tools import published as openai

CONFIG = random_model.config_of(n_layer=2, n_head=4, n_embd=192, n_ctx=128, n_vocab=4096)
SMALL = openai.SIZES["124M"]
MEDIUM = openai.SIZES["355M"]
ASIDE = "mv models/gpt2 models/gpt2.other && python download.py 124M\n"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A model folder as Hugging Face publishes it: an odd first byte, mask buffers; 6.9 MB."""
    place = tmp_path_factory.mktemp("published") / "gpt2"
    return random_model.write_model(place, CONFIG, odd=True, buffers=True)


@dataclass
class House:
    """A copy of the project in which the hashes are those of the small model."""

    folder: Path
    hub: Hub
    environment: dict

    def arguments(self, *arguments):
        return [sys.executable, str(self.folder / "download.py"), *arguments]

    def start(self, *arguments):
        return subprocess.Popen(self.arguments(*arguments), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=self.environment,
                                cwd=self.folder)  # fmt: skip

    def download(self, *arguments, **options):
        options = {"env": self.environment, "cwd": self.folder} | options
        return harness.command(*arguments, program=self.folder / "download.py", **options)

    @property
    def models(self):
        return {path.name for path in (self.folder / "models").iterdir()}

    def edit(self, old, new):
        for name in ("download.py", "tools/hub.py", "tools/published.py"):
            path = self.folder / name
            text = path.read_text("utf-8")
            if old in text:
                path.write_text(text.replace(old, new), "utf-8")
                return
        raise AssertionError(f"{old} is nowhere")

    def hurry(self):
        """Let the library wait for nothing before it tries again."""
        self.edit("import shlex\n", "import shlex\nimport time\n\ntime.sleep = lambda _: None\n")


@pytest.fixture
def house(published, tmp_path):
    folder = harness.house(tmp_path / "house")
    contents = {path.name: path.read_bytes() for path in published.iterdir()}
    hub = Hub(
        {
            f"openai-community/{size.name}/{size.revision}/{name}": content
            for size in (SMALL, MEDIUM)
            for name, content in contents.items()
        }
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    places = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
    house = House(folder, hub, kept | places)
    for name, content in contents.items():
        known = openai.known_hash(SMALL, name)
        if known:
            house.edit(known, hashlib.sha256(content).hexdigest())
    house.edit('{"vocab_size": 50257, "n_positions": 1024, ', '{"vocab_size": 4096, ')
    for size in (SMALL, MEDIUM):
        house.edit(json.dumps(size.config), '{"n_layer": 2, "n_head": 4, "n_embd": 192}')
    yield house
    hub.shutdown()
    hub.server_close()


def succeeded(done, house, folder="gpt2"):
    """The folder is whole, nothing else is left, and the program runs on it; return its output."""
    assert done.returncode == 0, done.stderr
    assert f"models/{folder} is ready; type: python easygpt2.py" in done.stdout
    assert house.models - {"tales"} == {folder}
    files = {path.name for path in (house.folder / "models" / folder).iterdir()}
    assert files == set(openai.FILES)
    run = harness.run("Once upon a time", "--model", str(house.folder / "models" / folder))
    assert run.status == 0, run.stderr
    return run.stdout


def refused(done, *words, next_command="python download.py 124M\n", status=1):
    """One line of complaint."""
    assert done.returncode == status, done.stderr
    [line] = done.stderr.splitlines(keepends=True)
    assert line.startswith("download.py: ") and line.endswith(f"; type: {next_command}"), line
    for word in words:
        assert str(word) in line, line


def test_fresh_download(house, published):
    done = house.download()
    shown = next(output for command, output in readme.commands() if "download.py" in command)
    assert done.stdout == shown
    output = succeeded(done, house)
    assert output == harness.run("Once upon a time", "--model", str(published)).stdout
    program = house.folder / "easygpt2.py"
    run = harness.command("Once upon a time", program=program, cwd=house.folder)
    assert run.stdout == output and "models/gpt2\n" in run.stderr
    for method, path, _, _ in house.hub.requests:
        assert method == "HEAD" or SMALL.revision in path
    for name in openai.FILES:
        assert len(house.hub.asked(name)) == 1
    stored = house.folder / "models" / "gpt2"
    for name in ("vocab.json", "merges.txt"):
        assert (stored / name).read_bytes() == (published / name).read_bytes()
    assert json.loads((stored / "config.json").read_bytes()) == CONFIG


def test_stored_aligned_and_without_mask_buffers(house):
    house.download()
    data = (house.folder / "models" / "gpt2" / "model.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    assert set(header) == set(random_model.shapes_of(CONFIG))
    assert all((start + entry["data_offsets"][0]) % 4 == 0 for entry in header.values())


def test_second_call_asks_nobody(house, without):
    """Not the hub, and not even huggingface_hub."""
    succeeded(house.download(), house)
    n_requests = len(house.hub.requests)
    for more in ({}, {"HF_HUB_OFFLINE": "1"}, without("huggingface_hub")):
        done = house.download(env=house.environment | more)
        assert done.returncode == 0 and done.stderr == ""
        assert done.stdout.startswith("models/gpt2 is there already; type: python easygpt2.py")
    assert len(house.hub.requests) == n_requests


def test_other_size_is_trusted_by_the_hash_that_the_hub_states(house):
    done = house.download("medium")
    assert done.stdout.startswith(
        "GPT-2 355M: 1.5 GB to download, 1.7 GB of memory to run\n"
        f"Its weights are trusted by the sha256 that {house.hub.url} states: none is known here\n"
    )
    succeeded(done, house, "gpt2-medium")
    assert done.stdout.endswith("--model models/gpt2-medium\n")


@pytest.mark.parametrize("parameters", openai.SIZES)
def test_names_of_the_sizes(parameters):
    names = {
        "124M": "124M 124m 117M small gpt2 GPT2 openai-community/gpt2 gpt2-small",
        "355M": "355M 345M medium gpt2-medium",
        "774M": "774M 762M large gpt2-large",
        "1558M": "1558M 1542M 1.5B xl XL gpt2-xl",
    }
    for name in names[parameters].split():
        assert openai.find_size(name) == parameters


def test_hashes_are_those_of_the_real_vocabulary(openai_vocabulary):
    for name in ("vocab.json", "merges.txt"):
        content = (openai_vocabulary / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == openai.SHA256[name]


def test_help_and_arguments(house):
    for flag in ("-h", "--help"):
        done = house.download(flag)
        assert done.returncode == 0 and "1558M" in done.stdout
    for arguments in (["125M"], ["124M", "355M"], ["--fast"], [""]):
        done = house.download(*arguments)
        refused(done, next_command="python download.py --help\n", status=2)
    assert not house.hub.requests


def test_without_the_library(house, without):
    done = house.download(env=house.environment | without("huggingface_hub"))
    refused(done, "huggingface_hub", next_command="python -m pip install huggingface_hub\n")


@pytest.mark.parametrize(
    "wrong", [{"HF_HUB_ETAG_TIMEOUT": "soon"}, {"HF_ENDPOINT": "http://[::1"}], ids=str
)
def test_environment_that_the_library_cannot_read(house, wrong):
    done = house.download(env=house.environment | wrong)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "; type: python download.py" in done.stderr


def test_nobody_reads_what_is_said(house):
    """The work is done all the same."""
    reader, writer = os.pipe()
    os.close(reader)
    done = house.download(capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.returncode == 0 and house.models == {"gpt2"}, done.stderr


# Interrupted


def went_on(house):
    """The last request for the large file began where the part that was kept ends."""
    begin = int(house.hub.asked("model.safetensors")[-1][6:].partition("-")[0])
    assert begin >= 2**20
    assert len(house.hub.asked("vocab.json")) == 1


def test_cut_connection_and_the_call_after_it(house):
    house.hurry()
    house.hub.cut_at = 3_000_000
    refused(house.download(), "model.safetensors", "kept")
    assert "gpt2" not in house.models
    house.hub.broken = False
    done = house.download()
    assert "going on at 3 MB" in done.stdout
    succeeded(done, house)
    went_on(house)


def test_connection_that_comes_back_within_one_call(house):
    house.hub.cut_at = 3_000_000
    house.hurry()
    hub = house.hub
    type(hub).broken = property(lambda self: False, lambda self, value: None)
    try:
        succeeded(house.download(), house)
    finally:
        del type(hub).broken
    assert len(hub.asked("model.safetensors")) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_and_the_call_after_it(house, number):
    house.hub.hold_at = 3_000_000
    process = house.start()
    assert house.hub.held.wait(20)
    part = house.folder / "models" / ".gpt2.download" / "model.safetensors.part"
    while not (part.exists() and part.stat().st_size >= 2**20):
        assert process.poll() is None
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert stderr.splitlines()[-1] == "download.py: stopped; type: python download.py"
    assert "gpt2" not in house.models
    house.hub.hold_at = None
    succeeded(house.download(), house)
    went_on(house)


def test_killed_when_all_had_come(house, published):
    """What is left is to store it; that needs no network."""
    staging = house.folder / "models" / ".gpt2.download"
    shutil.copytree(published, staging)
    stated = git_etag((published / "config.json").read_bytes()).strip('"')
    (staging / "config.json.hash").write_text(stated, "utf-8")
    for left in ("aligned", ".aligned.converting"):
        (staging / left).mkdir()
    succeeded(house.download(env=house.environment | {"HF_HUB_OFFLINE": "1"}), house)
    assert not house.hub.requests
    staging.mkdir()
    (house.folder / "models" / ".gpt2.lock").touch()
    assert house.download().returncode == 0 and house.models == {"gpt2"}


def test_a_conversion_that_runs_meanwhile_is_left_alone(house):
    """Somebody's `convert.py X models/gpt2`: its folder is no business of a download."""
    others = house.folder / "models" / ".gpt2.converting"
    others.mkdir(parents=True)
    (others / "model.safetensors").touch()
    done = house.download()
    assert done.returncode == 0 and "models/gpt2 is ready" in done.stdout, done.stderr
    assert [path.name for path in others.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize(
    "size, name",
    [(SMALL, "model.safetensors"), (MEDIUM, "model.safetensors"), (SMALL, "vocab.json")],
    ids=["124M", "355M", "vocab.json"],
)
def test_what_an_earlier_call_brought_is_checked_again(house, size, name):
    """A bit that has flipped since: that file, and no other, is fetched again."""
    path = f"openai-community/{size.name}/{size.revision}/config.json"
    good = house.hub.files[path]
    house.hub.files[path] = b"{}"
    assert "config.json is removed" in house.download(size.name).stderr
    house.hub.files[path] = good
    house.hub.requests.clear()
    staged = house.folder / "models" / f".{size.name}.download" / name
    content = staged.read_bytes()
    staged.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    succeeded(house.download(size.name), house, size.name)
    assert (house.folder / "models" / size.name / "merges.txt").exists()
    asked = [file for file in openai.FILES if house.hub.asked(file)]
    assert asked == [file for file in openai.FILES if file in ("config.json", name)]


@pytest.mark.parametrize("part", [True, False])
def test_a_part_that_is_whole_is_not_fetched_again(house, published, part):
    """A call that was killed before it could check and rename it."""
    staging = house.folder / "models" / ".gpt2.download"
    staging.mkdir(parents=True)
    content = (published / "model.safetensors").read_bytes()
    (staging / "model.safetensors.part").write_bytes(content if part else content[:5_000_000])
    house.edit("shutil.disk_usage(staging).free", "2_500_000")  # enough for what is missing
    succeeded(house.download(), house)
    assert house.hub.asked("model.safetensors") == ([] if part else ["bytes=5000000-"])


@pytest.mark.parametrize("length", [1000, 3_000_000])
def test_a_page_that_came_in_place_of_the_file(house, length):
    """With status 200, from a proxy that wants a login: the next call brings the file."""
    path = f"openai-community/gpt2/{SMALL.revision}/model.safetensors"
    good = house.hub.files[path]
    house.hub.stated[path] = hashlib.sha256(good).hexdigest()
    house.hub.instead = b"<html>" + length * b"x"
    refused(house.download(), "model.safetensors")
    house.hub.instead = None
    done = house.download()
    assert "from the beginning" in done.stdout
    succeeded(done, house)


@pytest.mark.parametrize(
    "size, field, value",
    [(SMALL, "n_head", 8), (SMALL, "layer_norm_epsilon", 0.5), (MEDIUM, "n_head", 3)],
    ids=["124M-n_head", "124M-epsilon", "355M-n_head"],
)
def test_config_of_another_model(house, published, size, field, value):
    """The tensors fit all the same; the text would be wrong."""
    path = f"openai-community/{size.name}/{size.revision}/config.json"
    good = house.hub.files[path]
    wrong = json.dumps(CONFIG | {field: value}).encode()
    house.hub.files[path] = wrong
    next_command = f"python download.py {openai.find_size(size.name)}\n"
    refused(house.download(size.name), "config", field, "is removed", next_command=next_command)
    house.hub.files[path] = good
    succeeded(house.download(size.name), house, size.name)
    assert len(house.hub.asked("model.safetensors")) == 1
    (house.folder / "models" / size.name / "config.json").write_bytes(wrong)
    aside = ASIDE.replace("124M", openai.find_size(size.name)).replace("gpt2", size.name)
    refused(house.download(size.name), "is there, but: ", field, next_command=aside)


def test_what_is_pinned_is_what_the_paper_says():
    """Table 2 of "Language Models are Unsupervised Multitask Learners": layers, and columns."""
    pinned = [(size.config["n_layer"], size.config["n_embd"]) for size in openai.SIZES.values()]
    assert pinned == [(12, 768), (24, 1024), (36, 1280), (48, 1600)]
    assert {size.config["n_embd"] / size.config["n_head"] for size in openai.SIZES.values()} == {64}
    same = {"vocab_size": 50257, "n_positions": 1024, "layer_norm_epsilon": 1e-5}
    assert openai.CONFIG == same


def test_part_that_is_longer_than_the_file(house):
    staging = house.folder / "models" / ".gpt2.download"
    staging.mkdir(parents=True)
    (staging / "vocab.json.part").write_bytes(b"x" * 10**6)
    succeeded(house.download(), house)


def test_server_that_ignores_ranges(house):
    house.hurry()
    house.hub.cut_at = 3_000_000
    refused(house.download(), "kept")
    house.hub.broken, house.hub.no_ranges = False, True
    succeeded(house.download(), house)


def test_full_disk_and_the_call_after_it(house):
    resource = pytest.importorskip("resource", reason="no limits on files on Windows")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))

    refused(house.download(preexec_fn=limit), "model.safetensors", "too large", "kept")
    assert "gpt2" not in house.models
    succeeded(house.download(), house)
    went_on(house)


def test_disk_that_cannot_hold_it(house):
    house.edit("shutil.disk_usage(staging).free", "5_000_000")
    refused(house.download(), "7 MB have to come", "room for 5 MB")
    assert not house.hub.asked("model.safetensors")


def test_no_room_to_align(house, published):
    """Then it is stored as it came, which runs as well."""
    house.edit("convert(staging, aligned)", "raise OSError('no room')")
    done = house.download()
    succeeded(done, house)
    assert "Stored as published, not aligned: no room" in done.stderr
    for name in openai.FILES:
        path = house.folder / "models" / "gpt2" / name
        assert path.read_bytes() == (published / name).read_bytes()
    assert "is there already" in house.download().stdout


def test_two_downloads_at_once(house):
    house.hub.hold_at = 3_000_000
    first = house.start()
    assert house.hub.held.wait(20)
    second = house.start()
    assert "waiting" in second.stderr.readline()
    house.hub.hold_at = None
    first.kill()
    first.communicate()
    out, err = second.communicate(timeout=120)
    assert second.returncode == 0, err
    third, fourth = house.start(), house.start()
    assert third.wait(60) == 0 and fourth.wait(60) == 0
    assert house.models == {"gpt2"}
    for process in (second, third, fourth):
        process.stdout.close()
        process.stderr.close()


def test_two_downloads_that_both_end_well(house):
    both = [house.start(), house.start()]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0 and "is ready" in out, err
    assert house.models == {"gpt2"}
    assert len(house.hub.asked("model.safetensors")) == 1


# Not what it should be


@pytest.mark.parametrize("name", ["model.safetensors", "vocab.json", "merges.txt"])
def test_wrong_hash(house, name):
    """The hub states the right one, or none, but what comes is another file."""
    path = f"openai-community/gpt2/{SMALL.revision}/{name}"
    good = house.hub.files[path]
    house.hub.files[path] = good[:-10] + b"0123456789"
    house.hub.stated[path] = hashlib.sha256(good).hexdigest()
    refused(house.download(), name, "removed", hashlib.sha256(good).hexdigest())
    assert "gpt2" not in house.models
    left = {path.name for path in (house.folder / "models" / ".gpt2.download").iterdir()}
    assert not {name, f"{name}.part"} & left
    house.hub.files[path] = good
    succeeded(house.download(), house)


def test_hub_that_states_another_hash(house):
    """Then not a byte of it is fetched."""
    path = f"openai-community/gpt2/{SMALL.revision}/model.safetensors"
    house.hub.files[path] += b"more"
    refused(
        house.download(), "model.safetensors", hashlib.sha256(house.hub.files[path]).hexdigest()
    )
    assert not house.hub.asked("model.safetensors")


def test_hash_that_is_known_from_the_hub_only(house):
    """Of gpt2-medium: a wrong body, and a hub that states no sha256 at all."""
    path = f"openai-community/gpt2-medium/{MEDIUM.revision}/model.safetensors"
    good = house.hub.files[path]
    house.hub.stated[path] = hashlib.sha256(b"another").hexdigest()
    refused(house.download("355M"), "removed", next_command="python download.py 355M\n")
    house.hub.stated[path] = "0" * 32
    refused(house.download("355M"), "no sha256", next_command="python download.py 355M\n")
    path = path.replace("model.safetensors", "config.json")
    del house.hub.stated[path.replace("config.json", "model.safetensors")]
    assert house.hub.files[path.replace("config.json", "model.safetensors")] == good
    succeeded(house.download("355M"), house, "gpt2-medium")


@pytest.mark.parametrize("page", [b"", b"<!DOCTYPE html>", b"{}"])
def test_config_that_is_none(house, page):
    """A login page, say, from a mirror that states no hash of small files."""
    house.hub.no_etags = True
    path = f"openai-community/gpt2/{SMALL.revision}/config.json"
    good = house.hub.files[path]
    house.hub.files[path] = page
    refused(house.download(), "config.json is removed")
    assert "gpt2" not in house.models
    house.hub.files[path] = good
    succeeded(house.download(), house)
    assert len(house.hub.asked("model.safetensors")) == 1


@pytest.mark.parametrize("name", openai.FILES)
def test_404(house, name):
    path = f"openai-community/gpt2/{SMALL.revision}/{name}"
    content = house.hub.files.pop(path)
    refused(house.download(), f"{SMALL.revision}/{name}", "404", "by hand")
    assert "gpt2" not in house.models
    house.hub.files[path] = content
    succeeded(house.download(), house)


# Without a network


@pytest.mark.parametrize("how", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_offline(house, how):
    done = house.download(env=house.environment | how)
    page = f"https://huggingface.co/openai-community/gpt2/tree/{SMALL.revision}"
    refused(done, page, "by hand", "into models/gpt2", *openai.FILES)
    assert not house.hub.requests


def test_taken_from_the_librarys_cache(house):
    """What transformers has brought before is not fetched again, also offline."""
    code = "import sys, huggingface_hub as hub\nfor name in sys.argv[3:]:\n"
    code += "    hub.hf_hub_download(sys.argv[1], name, revision=sys.argv[2])\n"
    for size in (SMALL, MEDIUM):
        repository = f"openai-community/{size.name}"
        arguments = [sys.executable, "-c", code, repository, size.revision, *openai.FILES]
        environment = house.environment | {"HF_HUB_DISABLE_XET": "1"}
        subprocess.run(arguments, env=environment, check=True, capture_output=True)
        house.hub.requests.clear()
        done = house.download(size.name, env=house.environment | {"HF_HUB_OFFLINE": "1"})
        assert done.returncode == 0, done.stderr
        assert not house.hub.requests
    assert house.models == {"gpt2", "gpt2-medium"}


def test_damaged_cache_is_not_used(house):
    test_taken_from_the_librarys_cache(house)
    for path in (Path(house.environment["HF_HOME"]) / "hub").rglob("blobs/*"):
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    shutil.rmtree(house.folder / "models")
    succeeded(house.download(), house)
    assert len(house.hub.asked("model.safetensors")) == 1


def test_token_is_for_the_hub_only(house):
    """It goes to the mirror that HF_ENDPOINT names, not to the store to which that redirects."""
    succeeded(house.download(env=house.environment | {"HF_TOKEN": "hf_secret"}), house)
    for _, path, _, token in house.hub.requests:
        assert token == (None if path.startswith("/store/") else "Bearer hf_secret"), path


# A folder that is there already


def test_folder_brought_by_hand(house, published):
    """Its weights are hashed once, and again when they have changed."""
    folder = house.folder / "models" / "gpt2"
    shutil.copytree(published, folder)
    environment = house.environment | {"HF_HUB_OFFLINE": "1"}
    path = folder / "model.safetensors"
    for n_call in range(3):
        done = house.download(env=environment)
        assert done.returncode == 0 and "is there already" in done.stdout, done.stderr
        assert ("Checking" in done.stdout) == (n_call != 1)
        if n_call == 1:
            os.utime(path, (1, 1))
    (folder.parent / ".gpt2.checked").write_bytes(b"\xff")
    assert "Checking" in house.download().stdout
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"\1")
    refused(house.download(), path.name, "not OpenAI's", next_command=ASIDE)


def test_folder_that_is_a_link_to_nowhere(house):
    (house.folder / "models").mkdir()
    try:
        (house.folder / "models" / "gpt2").symlink_to("unmounted")
    except OSError:
        pytest.skip("Windows wants a privilege for links")
    refused(house.download(), "it has no file config.json", next_command=ASIDE)
    assert not house.hub.requests


def test_folder_in_another_layout(house, published):
    """Runs with convert.py, but not as it is."""
    folder = house.folder / "models" / "gpt2"
    shutil.copytree(published, folder)
    (folder / "vocab.json").rename(folder / "encoder.json")
    refused(house.download(), "it has no file vocab.json", next_command=ASIDE)


@pytest.mark.parametrize("name", openai.FILES)
@pytest.mark.parametrize("damage", ["missing", "cut", "another"])
def test_folder_brought_by_hand_that_is_not_whole(house, published, name, damage):
    """It is named, and nothing of it is changed."""
    folder = house.folder / "models" / "gpt2"
    shutil.copytree(published, folder)
    content = (folder / name).read_bytes()
    if damage == "missing":
        (folder / name).unlink()
    elif damage == "cut":
        (folder / name).write_bytes(content[: len(content) // 2])
    elif name == "config.json":
        (folder / name).write_bytes(content.replace(b"192", b"191"))
    else:
        (folder / name).write_bytes(content[:-3] + b" " + content[-2:])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    refused(house.download(), "models/gpt2", next_command=ASIDE)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not house.hub.requests


def test_folder_put_aside_as_it_says(house, published):
    folder = house.folder / "models" / "gpt2"
    shutil.copytree(published, folder).joinpath("config.json").unlink()
    refused(house.download(), "config.json", next_command=ASIDE)
    folder.rename(folder.with_name("gpt2.other"))
    assert house.download().returncode == 0
