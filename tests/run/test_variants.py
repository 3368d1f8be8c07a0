"""What a deck can choose beside the methods, in runs that learn: payloads, anchors, late contributions, models, optimizers."""

import os
import signal
import time
import unittest

from support import RunTest


class Variants(RunTest):
    def final_loss(self, job):
        return [line["val_loss"] for line in job.metrics("eval") if line["final"]][0]

    def sent(self, job, kind):
        return sum(line["sent_bytes"].get(kind, 0) for line in job.metrics("site_end"))

    def test_bf16_halves_the_bytes_and_learns_as_much(self):
        deck = {"run.steps": 72, "run.method": "streaming", "outer.blend": 0.0}
        fp32 = self.finish(3, {**deck, "run.name": "fp32"})
        bf16 = self.finish(3, {**deck, "run.name": "bf16", "outer.codec": "bf16", "outer.release_codec": "bf16"})
        self.assertEqual(len(fp32.metrics("commit")), len(bf16.metrics("commit")))
        self.assertAlmostEqual(self.sent(bf16, "contribution") / self.sent(fp32, "contribution"), 0.5, delta=0.01)
        self.assertAlmostEqual(self.final_loss(bf16), self.final_loss(fp32), delta=0.02)

    def test_coded_contributions_and_differences_save_bytes_and_learn_as_much(self):
        deck = {"run.steps": 72, "run.method": "streaming", "outer.blend": 0.0}
        fp32 = self.finish(3, {**deck, "run.name": "fp32"})
        for codec, ratio in {"int8": 260 / 1024, "int4": 132 / 1024, "e3m0": 132 / 1024}.items():
            with self.subTest(codec):
                coded = self.finish(3, {**deck, "run.name": codec, "outer.codec": codec, "outer.release_codec": codec})
                self.assertAlmostEqual(self.sent(coded, "contribution") / self.sent(fp32, "contribution"), ratio, delta=0.01)
                sent = [job.metrics("end")[0]["bytes_sent"] for job in (coded, fp32)]
                self.assertLess(sent[0] / sent[1], 0.5, "differences, but for the first version")
                self.assertAlmostEqual(self.final_loss(coded), self.final_loss(fp32), delta=0.05)

    def test_late_contributions_are_carried_and_bases_anchored_anew(self):
        """Rounds wait for nobody, and one site is stopped now and then: what it sends on waking is late."""
        job = self.start(3, {"run.steps": 400, "outer.late": "carry", "outer.anchor": "current", "outer.grace": "none",
                             "outer.partition": "strided", "outer.fragments": 2, "outer.interval_steps": 4,
                             "outer.max_staleness": 100, "sites.step_floor_s": 0.02, "checkpoint.every_steps": 0})
        job.wait_for(lambda job: len(job.metrics("commit")) > 4, what="commits")
        site_1 = job.pids()[2]

        def has_carried(job):
            return any(late > 0 for line in job.metrics("commit") for late in line["rounds_late"])

        while not has_carried(job):
            os.kill(site_1, signal.SIGSTOP)
            time.sleep(0.3)
            os.kill(site_1, signal.SIGCONT)
            time.sleep(0.2)
            self.assertIsNone(job.process.poll(), "something was carried before the end")
        code, out, err = job.wait()
        self.assertEqual(code, 0, out + err)
        self.assertLess(self.final_loss(job), 4.0)
        commits = job.metrics("commit")
        self.assertTrue(any(stale > 0 for line in commits for stale in line["staleness"]))
        self.assertEqual({line["fragment"] for line in commits}, {0, 1})

    def test_gpt2_by_muon_with_recomputed_activations(self):
        job = self.finish(3, {"model.family": "gpt2", "model.recompute": True, "inner.optimizer": "muon", "inner.schedule": "wsd",
                              "inner.lr": 5e-3, "run.steps": 72, "run.stop": "each"})
        self.assertLess(self.final_loss(job), 3.6)
        self.assertEqual([line["step"] for line in job.metrics("site_end")], [72, 72])

    def test_grouped_query_attention_untied(self):
        job = self.finish(3, {"model.kv_heads": 2, "model.tied_embeddings": False, "run.steps": 48})
        self.assertLess(self.final_loss(job), 4.5)

    def test_a_run_starts_from_the_model_of_another(self):
        first = self.finish(3, {"run.name": "first", "run.steps": 60})
        job = self.finish(3, {"run.name": "second", "run.steps": 12, "run.initial_model": "runs/first", "inner.warmup_steps": 0,
                              "inner.lr": 1e-4})
        before = [line["val_loss"] for line in first.metrics("eval") if line["final"]][0]
        self.assertLess(self.final_loss(job), before + 0.05)


if __name__ == "__main__":
    unittest.main()
