// The learning-rate schedule: where it starts, where it peaks, where it ends.
#include "optim/lr_schedule.hpp"

#include "support/catch.hpp"

using namespace atl;

namespace {

deck::InnerSection inner_with(deck::Schedule schedule) {
  deck::InnerSection inner;
  inner.lr = 4e-3;
  inner.warmup_steps = 20;
  inner.min_lr_ratio = 0.1;
  inner.schedule = schedule;
  return inner;
}

}  // namespace

TEST_CASE("warm-up rises by equal parts and never starts at zero") {
  auto const inner = inner_with(deck::Schedule::cosine);
  CHECK(optim::learning_rate(inner, 120, 1) == Approx(4e-3 / 20));
  CHECK(optim::learning_rate(inner, 120, 10) == Approx(2e-3));
  CHECK(optim::learning_rate(inner, 120, 20) == Approx(4e-3));
}

TEST_CASE("the cosine passes half height in the middle and ends at the least rate") {
  auto const inner = inner_with(deck::Schedule::cosine);
  CHECK(optim::learning_rate(inner, 120, 70) == Approx(4e-3 * (0.1 + 0.9 * 0.5)));
  CHECK(optim::learning_rate(inner, 120, 120) == Approx(4e-4));
  for (std::uint64_t step = 21; step <= 120; ++step) {
    CHECK(optim::learning_rate(inner, 120, step) < optim::learning_rate(inner, 120, step - 1));
  }
}

TEST_CASE("the line falls by equal parts and ends at the least rate") {
  auto inner = inner_with(deck::Schedule::linear);
  inner.lr = 1.0;
  inner.min_lr_ratio = 0.0;
  inner.warmup_steps = 16;
  CHECK(optim::learning_rate(inner, 80, 8) == 0.5);
  CHECK(optim::learning_rate(inner, 80, 16) == 1.0);
  CHECK(optim::learning_rate(inner, 80, 17) == 1.0 - 1.0 / 64.0);
  CHECK(optim::learning_rate(inner, 80, 48) == 0.5);
  CHECK(optim::learning_rate(inner, 80, 80) == 0.0);
  inner.min_lr_ratio = 0.25;
  CHECK(optim::learning_rate(inner, 80, 48) == 0.25 + 0.75 * 0.5);
  CHECK(optim::learning_rate(inner, 80, 80) == 0.25);
}

TEST_CASE("warm-up, stable, decay: the rate falls along a line in the last part of the run alone") {
  auto inner = inner_with(deck::Schedule::wsd);
  inner.lr = 1.0;
  inner.min_lr_ratio = 0.5;
  inner.decay_fraction = 0.25;  // the last 32 of 128 steps
  CHECK(optim::learning_rate(inner, 128, 10) == 0.5);
  for (std::uint64_t step : {20, 21, 60, 96}) CHECK(optim::learning_rate(inner, 128, step) == 1.0);
  CHECK(optim::learning_rate(inner, 128, 97) == 1.0 - 0.5 / 32.0);
  CHECK(optim::learning_rate(inner, 128, 112) == 0.75);
  CHECK(optim::learning_rate(inner, 128, 128) == 0.5);
  CHECK(optim::learning_rate(inner, 128, 129) == 0.5);
}

TEST_CASE("a decay of no steps never falls, one of all steps falls from the warm-up on") {
  auto inner = inner_with(deck::Schedule::wsd);
  inner.decay_fraction = 0.0;
  CHECK(optim::learning_rate(inner, 120, 120) == 4e-3);
  inner.decay_fraction = 1.0;
  auto const linear = inner_with(deck::Schedule::linear);
  for (std::uint64_t step = 1; step <= 120; ++step)
    CHECK(optim::learning_rate(inner, 120, step) == optim::learning_rate(linear, 120, step));
}

TEST_CASE("a site that steps on after the end keeps the last rate") {
  auto const inner = inner_with(deck::Schedule::cosine);
  CHECK(optim::learning_rate(inner, 120, 500) == optim::learning_rate(inner, 120, 120));
}

TEST_CASE("the constant schedule stays where warm-up left it") {
  auto const inner = inner_with(deck::Schedule::constant);
  CHECK(optim::learning_rate(inner, 120, 10) == Approx(2e-3));
  CHECK(optim::learning_rate(inner, 120, 20) == 4e-3);
  CHECK(optim::learning_rate(inner, 120, 120) == 4e-3);
}

TEST_CASE("a run shorter than its warm-up only warms up") {
  using deck::Schedule;
  auto const inner =
      inner_with(GENERATE(Schedule::constant, Schedule::linear, Schedule::cosine, Schedule::wsd));
  CHECK(optim::learning_rate(inner, 10, 10) == Approx(2e-3));
  CHECK(optim::learning_rate(inner, 20, 20) == Approx(4e-3));
}

TEST_CASE("without warm-up the first step has nearly the full rate") {
  auto inner = inner_with(deck::Schedule::cosine);
  inner.warmup_steps = 0;
  CHECK(optim::learning_rate(inner, 1000, 1) == Approx(4e-3).epsilon(1e-4));
}
