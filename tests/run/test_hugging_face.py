"""Out of a run, into Hugging Face's format and back: the same model at every turn. Needs none of their software."""

import json
import struct
import unittest

from support import TINY, RunTest, atoll


def header(file):
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])


class HuggingFace(RunTest):
    def setUp(self):
        super().setUp()
        self.finish(3, {"run.steps": 12, "model.kv_heads": 2})

    def loss(self, model, batches):
        """Over the first so many batches: of one sequence for an imported model, of four for a run of tiny.toml."""
        return json.loads(atoll("eval", model, "--data", "data/bytes/validation.bin", "--batches", batches, "--json",
                                cwd=self.folder).stdout)["loss"]

    def refuse(self, *arguments, fragments):
        done = atoll(*arguments, cwd=self.folder, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        for fragment in fragments:
            self.assertIn(fragment, done.stderr)

    def test_a_run_is_exported_imported_and_goes_on(self):
        atoll("export", "runs/tiny", "--out", "hf", cwd=self.folder)
        config = json.loads((self.folder / "hf/config.json").read_text())
        self.assertEqual((config["model_type"], config["num_key_value_heads"], config["bos_token_id"]), ("llama", 2, 256))
        self.assertEqual(header(self.folder / "hf/model.safetensors")["model.layers.1.self_attn.v_proj.weight"]["shape"], [32, 64])

        atoll("import", "hf", "--out", "models/tiny", "--tokenizer", "bytes", cwd=self.folder)
        atoll("export", "models/tiny", "--out", "hf2", cwd=self.folder)
        for name in ("config.json", "model.safetensors"):
            self.assertEqual((self.folder / "hf" / name).read_bytes(), (self.folder / "hf2" / name).read_bytes())
        self.assertTrue(atoll("generate", "models/tiny", "--tokens", 20, cwd=self.folder).stdout.strip())

        # A run that begins with the imported model and hardly learns ends where it began.
        self.finish(3, {"run.steps": 12, "run.name": "on", "run.initial_model": "models/tiny", "model.kv_heads": 2,
                        "inner.lr": 1e-9})
        self.assertAlmostEqual(self.loss("runs/on", 8), self.loss("models/tiny", 32), places=4)

    def test_a_model_without_its_tokenizer_is_evaluated_on_token_files(self):
        atoll("export", "runs/tiny", "--out", "hf", cwd=self.folder)
        atoll("import", "hf", "--out", "models/tiny", cwd=self.folder)
        atoll("import", "hf", "--out", "models/bytes", "--tokenizer", "bytes", cwd=self.folder)
        self.assertEqual(self.loss("models/tiny", 32), self.loss("models/bytes", 32))
        self.assertAlmostEqual(self.loss("models/tiny", 32), self.loss("runs/tiny", 8), places=6)

    def test_a_model_that_has_diverged_is_found_out(self):
        atoll("export", "runs/tiny", "--out", "hf", cwd=self.folder)
        weights = self.folder / "hf/model.safetensors"
        sound = weights.read_bytes()
        begin = 8 + int.from_bytes(sound[:8], "little") + header(weights)["model.norm.weight"]["data_offsets"][0]
        weights.write_bytes(sound[:begin] + struct.pack("<f", float("nan")) + sound[begin + 4 :])
        self.refuse("import", "hf", "--out", "models/a", fragments=["model.norm.weight", "not finite"])
        weights.write_bytes(sound[:begin] + struct.pack("<64f", *[3e38] * 64) + sound[begin + 256 :])
        atoll("import", "hf", "--out", "models/a", "--tokenizer", "bytes", cwd=self.folder)
        self.refuse("eval", "models/a", "--data", "data/bytes/validation.bin", fragments=["models/a", "diverged"])

    def test_bad_inputs(self):
        atoll("export", "runs/tiny", "--out", "hf", cwd=self.folder)
        self.refuse("export", "runs/tiny", "--out", "hf", fragments=["hf", "is not empty"])
        self.refuse("eval", "hf", fragments=["atoll import hf"])
        self.refuse("train", TINY, "--check", "--set", "run.initial_model=hf", fragments=["atoll import hf"])
        self.refuse("train", TINY, "--check", "--set", "run.initial_model=runs/tiny", "--set", "model.width=32",
                    fragments=["--set run.initial_model", "has model.width = 64,model.kv_heads = 2, unlike the deck"])
        self.refuse("export", "runs/none", "--out", "hf3", fragments=["runs/none"])
        self.refuse("export", "runs/tiny", "--out", "hf3", "--shard-mb", 0, fragments=["--shard-mb"])
        self.refuse("import", "data", "--out", "models/a", fragments=["data/config.json", "is missing"])
        self.refuse("import", "hf", "--out", "models/a", "--tokenizer", "none.model", fragments=["none.model"])
        weights = self.folder / "hf/model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-4])
        self.refuse("import", "hf", "--out", "models/a", fragments=["hf/model.safetensors", "safetensors"])
        self.assertFalse((self.folder / "models").exists(), "nothing is written before all is found to be right")


if __name__ == "__main__":
    unittest.main()
