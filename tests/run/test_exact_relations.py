"""Relations between methods that hold exactly, to rounding, as real MPI jobs."""

import unittest

from support import RunTest

PLAIN_SGD = {"inner.optimizer": "sgd", "inner.lr": 0.05, "inner.weight_decay": 0.0, "inner.clip_norm": 0.0,
             "inner.schedule": "constant", "inner.warmup_steps": 0}
AVERAGING = {"outer.merge": "average", "outer.optimizer": "sgd", "outer.lr": 1.0, "outer.momentum": 0.0}


class ExactRelations(RunTest):
    def losses(self, job, site=0):
        return {line["step"]: line["loss"] for line in job.metrics("step") if line["site"] == site}

    def assert_same_losses(self, one, other, steps, tolerance):
        for step in range(1, steps + 1):
            self.assertLessEqual(abs(one[step] - other[step]), tolerance * abs(other[step]), f"step {step}")

    def test_one_site_that_averages_with_itself_trains_as_if_there_were_no_syncer(self):
        steps = 60
        alone = self.finish(2, {**PLAIN_SGD, "run.name": "alone", "run.method": "data_parallel", "sites.count": 1,
                                "run.steps": steps})
        exchanging = self.finish(2, {**PLAIN_SGD, "run.name": "exchanging", "run.method": "decoupled", "sites.count": 1,
                                     "run.steps": steps, "outer.quorum": 1, "outer.interval_steps": 6,
                                     "outer.fragments": 3, **AVERAGING, "outer.receive": "rebase"})
        self.assertGreater(len(exchanging.metrics("commit")), 3 * (steps // 6 - 2), "the exchange did take place")
        self.assert_same_losses(self.losses(exchanging), self.losses(alone), steps, 2e-5)

    def test_diloco_that_averages_after_every_step_is_data_parallel(self):
        steps = 40
        common = {**PLAIN_SGD, **AVERAGING, "run.steps": steps, "eval.batches": 8}
        parallel = self.finish(3, {**common, "run.name": "parallel", "run.method": "data_parallel"})
        diloco = self.finish(3, {**common, "run.name": "diloco", "run.method": "diloco", "outer.interval_steps": 1})
        self.assertEqual(len(diloco.metrics("commit")), steps)
        both = [self.losses(diloco, site) for site in (0, 1)]
        mean = {step: (both[0][step] + both[1][step]) / 2 for step in both[0]}
        self.assert_same_losses(mean, self.losses(parallel), steps, 2e-5)
        final = [job.metrics("eval")[-1]["val_loss"] for job in (parallel, diloco)]
        self.assertLessEqual(abs(final[0] - final[1]), 2e-5 * final[0])

    def test_streaming_of_the_whole_model_without_overlap_or_blending_is_diloco(self):
        common = {"run.steps": 36, "outer.interval_steps": 6}
        diloco = self.finish(3, {**common, "run.name": "diloco", "run.method": "diloco"})
        streaming = self.finish(3, {**common, "run.name": "streaming", "run.method": "streaming", "outer.partition": "whole",
                                    "outer.overlap_steps": 0, "outer.blend": 0.0})
        self.assertEqual(len(diloco.metrics("commit")), 6)
        for site in (0, 1):
            self.assertEqual(self.losses(streaming, site), self.losses(diloco, site), "bit for bit")
        self.assertEqual(streaming.metrics("eval")[-1]["model_digest"], diloco.metrics("eval")[-1]["model_digest"])

    def test_two_ranks_of_a_site_train_as_one_does(self):
        steps = 20
        common = {"run.method": "data_parallel", "sites.count": 1, "run.steps": steps}
        one = self.finish(2, {**common, "run.name": "one", "sites.ranks": 1})
        two = self.finish(3, {**common, "run.name": "two", "sites.ranks": 2})
        self.assert_same_losses(self.losses(two), self.losses(one), steps, 1e-5)


if __name__ == "__main__":
    unittest.main()
