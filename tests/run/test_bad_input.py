"""What is wrong with an input is said once, with the place and the remedy, and exit code 2."""

import json
import struct
import subprocess
import unittest

from support import ATOLL, MPIRUN, TINY, RunTest, atoll


class BadInput(RunTest):
    def refuse(self, arguments, *fragments, ranks=None, code=2):
        """The program must exit with `code` and say every one of `fragments` on stderr, exactly once."""
        command = [ATOLL, *map(str, arguments)]
        if ranks:
            command = [MPIRUN, "-n", str(ranks), *command]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for fragment in fragments:
            self.assertIn(fragment, done.stderr + done.stdout)
        self.assertNotIn("terminate called", done.stderr)
        if done.stderr.count("error: ") > 1:
            self.fail(f"said more than once:\n{done.stderr}")
        return done

    def deck(self, text):
        (self.folder / "deck.toml").write_text(text)
        return ["train", "deck.toml", "--check"]

    def test_decks(self):
        for text, fragments in {
            "[innr]\nlr = 1\n": ("deck.toml:1:", "innr", "inner"),
            "[inner]\nlearning_rat = 1\n": ("deck.toml:2:1", "learning_rat"),
            "[inner]\nlr = 'fast'\n": ("deck.toml:2:1", "lr"),
            "[inner]\nlr = -1.0\n": ("deck.toml:2:1", "lr"),
            "[run]\nmethod = 'decoupeld'\n": ("deck.toml:2:1", "decoupled"),
            "[model]\nprecision = 'fp8'\n": ("fp8", "bf16"),
            "[run\nname = 1": ("deck.toml:",),
            "[model]\nwidth = 100\nheads = 3\n": ("width", "heads"),
            "[outer]\nquorum = 3\n": ("quorum",),
            "[outer]\nfragments = 5000\n": ("fragments",),
            "[run]\nname = '../elsewhere'\n": ("deck.toml:2:1", "name"),
            "[outer]\nreceive = 'rebase'\nlate = 'carry'\n": ("late",),
        }.items():
            with self.subTest(text=text):
                self.refuse(self.deck(text), *fragments)

    def test_all_problems_of_a_deck_are_said_at_once(self):
        self.refuse(self.deck("[inner]\nlr = -1.0\nwarm = 3\n[rum]\nname = 'a'\n"), "deck.toml:2:1", "deck.toml:3:1",
                    "deck.toml:4:")

    def test_deck_files(self):
        self.refuse(["train", "absent.toml"], "absent.toml")
        self.refuse(["train", "data"], "data")
        self.refuse(["train", TINY, "--check", "--set", "run.steps"], "--set run.steps")
        self.refuse(["train", TINY, "--check", "--set", "inner.lr=many"], "inner.lr")

    def test_flags(self):
        self.refuse(["trian", TINY], "trian")
        self.refuse(["train"], "DECK")
        self.refuse(["train", TINY, "--resme"], "--resme")
        self.refuse(["generate", "runs/none", "--tokens", "-4"], "--tokens", "1 to 1000000000")
        self.refuse(["generate", "runs/none", "--seed", "-1"], "--seed")
        self.refuse(["data", "prepare", "text.txt", "--out", "data2", "--validation-fraction", "0"], "not in range")
        self.refuse(["lanch", TINY], "did you mean launch?")
        self.refuse(["data", "inspct", "data/bytes"], "did you mean inspect?")
        self.refuse(["launch", TINY, "--chek"], "did you mean --check?")
        self.refuse([], "subcommand")

    def test_rank_counts(self):
        self.refuse(["train", TINY], "1 ranks", "atoll launch")
        self.refuse(["train", TINY], "3", "rank", ranks=2)
        self.refuse(["train", TINY], "3", "rank", ranks=4)
        self.assertFalse((self.folder / "runs").exists(), "nothing is written before the ranks are right")

    def test_datasets(self):
        self.refuse(["train", TINY, "--check", "--set", 'sites.data=["data/none"]'], "data/none", "data prepare")
        self.refuse(["train", TINY, "--check", "--set", "data.tokenizer=data/none.model"], "data/none.model")
        self.refuse(["train", TINY, "--check", "--set", "data.validation_fraction=0.2"], "--set data.validation_fraction")
        self.refuse(["train", TINY, "--check", "--set", "model.vocab=100"], "--set model.vocab")
        self.refuse(["train", TINY, "--check", "--set", "model.context=64000"], "shorten model.context")
        self.refuse(self.deck("[data]\ntokenizer = 'bytes'\nvalidation_fraction = 0.2\n[sites]\ndata = 'data/bytes'\n"),
                    "deck.toml:3:1: data.validation_fraction: 0.2, but data/bytes")
        (self.folder / "texts").mkdir()
        (self.folder / "texts/a.txt").write_text("text")
        self.refuse(["train", TINY, "--check", "--set", "sites.data=texts"], "atoll data prepare texts --out data/NAME")
        (self.folder / "torn").mkdir()
        (self.folder / "torn/dataset.json").write_text('{"format": "atoll data')
        done = self.refuse(["train", TINY, "--check", "--set", "sites.data=torn"], "torn/dataset.json", "parse error")
        self.assertNotIn("json.exception", done.stderr)

    def test_text_of_other_sites_may_be_elsewhere_but_what_is_here_is_right(self):
        other = self.folder / "other"
        atoll("data", "prepare", self._data / "text.txt", "--out", other, "--vocab", 400, cwd=self.folder)
        check = lambda *data: ["train", TINY, "--check", "--set", f"sites.data={json.dumps([str(d) for d in data])}"]
        self.refuse(check("data/bytes", other), "data.tokenizer", str(other))
        self.refuse(check("data/bytes", "data/absent"), "data/absent, of site 1: not on this machine", code=0)

    def test_token_files(self):
        header = lambda magic=20240520, version=1, count=4: struct.pack("<256i", magic, version, count, *[0] * 253)
        for name, content, fragment in [
            ("magic.bin", header(magic=7) + b"\0" * 8, "magic"),
            ("version.bin", header(version=9) + b"\0" * 8, "version"),
            ("short.bin", header(count=400) + b"\0" * 8, "short.bin"),
            ("header.bin", b"\1\2\3", "header.bin"),
            ("empty.bin", b"", "empty.bin"),
        ]:
            with self.subTest(name=name):
                (self.folder / name).write_bytes(content)
                self.refuse(["data", "inspect", name], name, fragment)
        self.refuse(["data", "inspect", "absent.bin"], "absent.bin")

    def test_tokenizers(self):
        (self.folder / "garbage.model").write_bytes(b"not a model" * 50)
        self.refuse(["data", "inspect", "data/bytes/train.bin", "--tokenizer", "garbage.model"], "garbage.model")

    def test_text_to_prepare(self):
        self.refuse(["data", "prepare", "absent.txt", "--out", "data2"], "absent.txt")
        (self.folder / "empty.txt").write_text("")
        self.refuse(["data", "prepare", "empty.txt", "--out", "data2", "--bytes"], "empty.txt")
        (self.folder / "broken.gz").write_bytes(b"\x1f\x8b\x08\0garbage that is no gzip")
        self.refuse(["data", "prepare", "broken.gz", "--out", "data2", "--bytes"], "broken.gz")
        self.refuse(["data", "prepare", ATOLL, "--out", "data2", "--bytes"], ATOLL, "is not text")
        self.assertFalse((self.folder / "data2").exists(), "what came to nothing leaves nothing")
        (self.folder / "text.txt").write_text("one\ntwo\n\nthree\n" * 50)
        self.refuse(["data", "prepare", "text.txt", "--out", "data/bytes", "--bytes"], "data/bytes", "--force")

    def test_a_run_is_never_overwritten(self):
        self.finish(3, {"run.steps": 12})
        before = {path: path.read_bytes() for path in (self.folder / "runs").rglob("*") if path.is_file()}
        self.refuse(["train", TINY, "--set", "run.steps=12"], "runs/tiny", "--resume", ranks=3)
        self.assertEqual(before, {path: path.read_bytes() for path in (self.folder / "runs").rglob("*") if path.is_file()})

    def test_checkpoints(self):
        self.finish(3, {"run.steps": 12})
        folder = sorted((self.folder / "runs/tiny/checkpoints").iterdir())[-1]
        shard = folder / "shard_0.h5"
        sound = shard.read_bytes()
        flipped = bytearray(sound)
        flipped[len(flipped) // 2] ^= 16
        for content in (bytes(flipped), sound[:-1000]):
            shard.write_bytes(content)
            self.refuse(["eval", folder], "shard_0.h5")
        shard.write_bytes(sound)
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"step"', '"stop"', 1))
        self.refuse(["eval", folder], "manifest.json")
        self.refuse(["generate", "runs/absent"], "runs/absent")
        self.refuse(["eval", "data"], "data")

    def test_a_deck_that_is_not_the_one_that_was_stopped_is_not_resumed(self):
        job = self.start(3, {"run.steps": 5000, "run.walltime_s": 2.0})
        self.assertEqual(job.wait()[0], 75)
        self.refuse(["train", TINY, "--resume", "--set", "run.steps=5000", "--set", "inner.lr=0.5"], "lr", ranks=3)


if __name__ == "__main__":
    unittest.main()
