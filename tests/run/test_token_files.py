"""Token files of other programs: nanoGPT's and Megatron's are trained on as ours are, alone, mixed and by site."""

import json
import signal
import struct
import subprocess
import unittest

from support import ATOLL, TINY, RunTest, atoll

SAME_WAY = {"run.method": "data_parallel", "run.steps": 12, "eval.every_steps": 6}


def tokens_of(file):
    """The tokens of a file of ours."""
    content = file.read_bytes()[1024:]
    return struct.unpack(f"<{len(content) // 2}H", content)


class TokenFiles(RunTest):
    def setUp(self):
        super().setUp()
        train, validation = (tokens_of(self.folder / "data/bytes" / name) for name in ("train.bin", "validation.bin"))
        nano = self.folder / "nano"
        nano.mkdir()
        (nano / "train.bin").write_bytes(struct.pack(f"<{len(train)}H", *train))
        (nano / "val.bin").write_bytes(struct.pack(f"<{len(validation)}H", *validation))

        lengths = [1000, 0, len(train) - 1000]  # three documents
        with open(self.folder / "mega.idx", "wb") as index:
            index.write(b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, 4, 3, 4))
            index.write(struct.pack("<3i3q4q", *lengths, 0, 4000, 4000, 0, 1, 2, 3))
        (self.folder / "mega.bin").write_bytes(struct.pack(f"<{len(train)}i", *train))

    def losses(self, job):
        return [(line["event"], line["step"], line.get("loss"), line.get("val_loss"))
                for line in job.metrics() if line["event"] in ("step", "eval")]

    def test_the_same_tokens_teach_the_same_whoever_wrote_them(self):
        ours = self.finish(3, {**SAME_WAY, "run.name": "ours"})
        nanogpt = self.finish(3, {**SAME_WAY, "run.name": "nano", "sites.data": ["nano"]})
        self.assertGreater(len(self.losses(ours)), 3)
        self.assertEqual(self.losses(ours), self.losses(nanogpt))
        self.assertIn("val_bits_per_byte", ours.metrics("eval")[0])
        self.assertIsNone(nanogpt.metrics("eval")[0].get("val_bits_per_byte"), "its bytes a token are not known")

    def test_a_mixture_that_is_stopped_goes_on_as_if_it_had_not_been(self):
        deck = {"run.method": "data_parallel", "run.steps": 60, "sites.step_floor_s": 0.03,
                "sites.data": ["nano * 0.75 + mega.bin * 0.25"]}
        whole = self.losses(self.finish(3, {**deck, "run.name": "whole"}))
        job = self.start(3, {**deck, "run.name": "stopped"})
        job.wait_for(lambda job: any(line["step"] >= 20 for line in job.metrics("step")), what="step 20")
        job.process.send_signal(signal.SIGUSR1)
        self.assertEqual(job.wait()[0], 75)
        resumed = self.finish(3, {**deck, "run.name": "stopped"}, resume=True)
        self.assertEqual(set(self.losses(resumed)), set(whole))

    def test_every_site_may_have_its_own_mixture(self):
        job = self.finish(3, {"run.steps": 12, "run.name": "own", "sites.data": ["mega", "nano * 0.75 + mega.bin * 0.25"]})
        self.assertEqual(job.status()["outcome"], "done")
        self.assertTrue(any(line["final"] for line in job.metrics("eval")))

    def test_inspect_tells_kind_documents_and_text(self):
        for name, kind, bits, documents in [("mega", "Megatron", 32, 3), ("mega.idx", "Megatron", 32, 3),
                                            ("nano/train.bin", "nanoGPT", 16, 0), ("data/bytes/train.bin", "llm.c", 16, 0)]:
            with self.subTest(name=name):
                done = atoll("data", "inspect", name, "--tokenizer", "bytes", "--json", cwd=self.folder)
                file = json.loads(done.stdout)["files"][0]
                self.assertEqual((file["format"], file["bits"], file["documents"]), (kind, bits, documents))
                self.assertEqual(file["tokens"], len(tokens_of(self.folder / "data/bytes/train.bin")))
                self.assertIn(file["first_text"].split()[0], (self._data / "text.txt").read_text())

    def test_entries_that_cannot_be_used_are_refused(self):
        (self.folder / "odd.bin").write_bytes(b"\1" * 3001)
        (self.folder / "high.bin").write_bytes(struct.pack("<2000H", *[5000] * 2000))
        (self.folder / "small.bin").write_bytes(struct.pack("<100H", *range(100)))
        (self.folder / "tokens").write_bytes(b"\1" * 3000)
        for entry, fragments in {
            "nano * 0.5 + mega": ("sites.data", "1 of 2 sources have a weight"),
            "nano * many": ("sites.data", "no positive weight"),
            "nano + ": ("sites.data", "a path is empty"),
            "nano + none": ("none", "no such folder or file"),
            "odd.bin": ("odd.bin", "no whole number"),
            "high.bin": ("high.bin", "token 0 is 5000, beyond the vocabulary of 257"),
            "small.bin": ("small.bin", "training tokens, fewer than one sequence"),
            "tokens": ("tokens", "only files named *.bin"),
            "absent.idx": ("absent.idx", "no such folder or file"),
        }.items():
            with self.subTest(entry=entry):
                done = subprocess.run([ATOLL, "train", TINY, "--check", "--set", f"sites.data={json.dumps([entry])}"],
                                      cwd=self.folder, capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                for fragment in fragments:
                    self.assertIn(fragment, done.stderr + done.stdout)


if __name__ == "__main__":
    unittest.main()
