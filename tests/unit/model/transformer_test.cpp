// What holds of the transformer as a whole: how batches add up, what repeats exactly, what is reported when.
#include "model/transformer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/cpu_features.hpp"
#include "base/error.hpp"
#include "small_model.hpp"
#include "support/catch.hpp"
#include "support/session.hpp"

using namespace atl;

namespace {

std::vector<float> gradient_of(test::SmallModel const& small, model::Transformer& transformer,
                               model::Batch const& batch) {
  transformer.forward_backward(batch, small.params, 1.0, small.gradients, {});
  return small.gradient_values();
}

std::vector<float> sum(std::vector<float> a, std::vector<float> const& b) {
  std::ranges::transform(a, b, a.begin(), std::plus{});
  return a;
}

}  // namespace

TEST_CASE("the losses and gradients of two half batches add up to those of the whole") {
  auto section = GENERATE(test::small_section(), test::small_gpt2_section());
  section.tied_embeddings = GENERATE(false, true);
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 4, section.context, 21);
  auto transformer = small.transformer(4);

  auto const whole = transformer.forward_loss(sequences.batch(), small.params);
  auto const first = transformer.forward_loss(sequences.batch(0, 2), small.params);
  auto const second = transformer.forward_loss(sequences.batch(2, 2), small.params);
  CHECK(whole.targets == first.targets + second.targets);
  CHECK(whole.sum == Approx(first.sum + second.sum).epsilon(1e-6));

  auto const halves = sum(gradient_of(small, transformer, sequences.batch(0, 2)),
                          gradient_of(small, transformer, sequences.batch(2, 2)));
  CHECK(test::relative_error(halves, gradient_of(small, transformer, sequences.batch())) < 1e-5);
}

TEST_CASE("a batch larger than the buffers goes through in parts, to the same result") {
  auto const section = GENERATE(test::small_section(), test::small_gpt2_section());
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 5, section.context, 22);
  auto roomy = small.transformer(5), tight = small.transformer(2);  // 2 + 2 + 1
  REQUIRE(tight.bytes() < roomy.bytes());

  auto const expected = gradient_of(small, roomy, sequences.batch());
  CHECK(test::relative_error(gradient_of(small, tight, sequences.batch()), expected) < 1e-6);
  CHECK(tight.forward_loss(sequences.batch(), small.params).sum ==
        Approx(roomy.forward_loss(sequences.batch(), small.params).sum).epsilon(1e-6));

  auto const vocab = static_cast<std::size_t>(section.vocab);
  std::vector<float> at_once(5 * vocab), in_parts(5 * vocab);
  roomy.next_token_logits(sequences.tokens, 5, section.context, small.params, at_once);
  tight.next_token_logits(sequences.tokens, 5, section.context, small.params, in_parts);
  CHECK(test::relative_error(in_parts, at_once) < 1e-5);
}

TEST_CASE("gradients are overwritten, whatever their buffer held") {
  auto section = GENERATE(test::small_section(), test::small_gpt2_section());
  section.tied_embeddings = GENERATE(false, true);
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 3, section.context, 23);
  auto transformer = small.transformer(2);
  auto const expected = gradient_of(small, transformer, sequences.batch());
  Kokkos::deep_copy(small.gradients, std::numeric_limits<float>::quiet_NaN());
  CHECK(gradient_of(small, transformer, sequences.batch()) == expected);
}

TEST_CASE("recomputed activations give the same bits in less memory") {
  auto section = GENERATE(test::small_section(), test::small_gpt2_section());
  section.layers = GENERATE(1, 3);
  section.kv_heads = 1;
  test::SmallModel const small(section);
  section.recompute = true;
  test::SmallModel const frugal(section);
  auto keeps = small.transformer(2), recomputes = frugal.transformer(2);
  CHECK((recomputes.bytes() < keeps.bytes()) == (section.layers > 1));

  int const count = GENERATE(1, 3), length = GENERATE(12, 7);  // 3: in two passes
  test::Sequences const sequences(section, count, length, 33);
  auto const loss = keeps.forward_backward(sequences.batch(), small.params, 1.0, small.gradients, {});
  auto const again = recomputes.forward_backward(sequences.batch(), frugal.params, 1.0, frugal.gradients, {});
  CHECK(again.sum == loss.sum);
  CHECK(frugal.gradient_values() == small.gradient_values());
}

TEST_CASE("of a layer is kept what cannot be made again from the rest") {
  auto section = GENERATE(test::small_section(), test::small_gpt2_section());
  auto const bytes_of = [&](int layers) {
    section.layers = layers;
    return model::Transformer::bytes_for(section, test::SmallModel(section).table, 1);
  };
  bool const is_gpt2 = section.family == deck::Family::gpt2;
  std::size_t const head = section.width / section.heads, statistics = is_gpt2 ? 4 : 2;
  std::size_t const a_row = 3 * section.width + (section.heads + 2 * section.kv_heads) * head +
                            (is_gpt2 ? 1 : 2) * section.ffn_width + section.heads + statistics;
  std::size_t const alignment = 64 * (6 + statistics);
  std::size_t const a_layer = bytes_of(3) - bytes_of(2);
  CHECK(a_layer >= sizeof(float) * section.context * a_row);
  CHECK(a_layer < sizeof(float) * section.context * a_row + alignment);
}

TEST_CASE("in bf16 losses and gradients are those of fp32, to what rounding costs") {
  auto section = GENERATE(test::small_section(), test::small_gpt2_section());
  section.tied_embeddings = GENERATE(false, true);
  test::SmallModel const wide(section);
  test::Sequences const sequences(section, 3, section.context, 33);
  section.precision = deck::Precision::bf16;
  if (!base::has_bf16()) return test::skip("this processor has no bf16 products");
  section.recompute = GENERATE(false, true);
  test::SmallModel const narrow(section);
  auto of_floats = wide.transformer(2), of_bf16 = narrow.transformer(2);
  CHECK(of_bf16.bytes() == model::Transformer::bytes_for(section, narrow.table, 2));

  auto const expected = of_floats.forward_backward(sequences.batch(), wide.params, 1.0, wide.gradients, {});
  auto const loss = of_bf16.forward_backward(sequences.batch(), narrow.params, 1.0, narrow.gradients, {});
  CHECK(loss.sum != expected.sum);
  CHECK(loss.sum == Approx(expected.sum).epsilon(1e-2));
  CHECK(test::relative_error(narrow.gradient_values(), wide.gradient_values()) < 0.05);
  CHECK(of_bf16.forward_loss(sequences.batch(), narrow.params).sum == loss.sum);

  auto const once = narrow.gradient_values();
  of_bf16.forward_backward(sequences.batch(), narrow.params, 1.0, narrow.gradients, {});
  CHECK(narrow.gradient_values() == once);
}

TEST_CASE("with recomputation a layer more costs its input alone") {
  auto section = GENERATE(test::small_section(), test::small_gpt2_section());
  section.recompute = true;
  auto const bytes = model::Activations<float>::bytes_for(section, 4);
  section.layers += 1;
  auto const input = static_cast<std::size_t>(4 * section.context * section.width) * sizeof(float);
  CHECK(model::Activations<float>::bytes_for(section, 4) == bytes + input);
}

TEST_CASE("learned positions beyond a short batch have no gradient, those within it do") {
  auto const section = test::small_gpt2_section();
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 2, 5, 34);
  auto transformer = small.transformer(2);
  auto const gradient = gradient_of(small, transformer, sequences.batch());
  auto const& positions = small.table.find("embedding.positions");
  for (std::size_t i = 0; i < positions.size(); ++i) {
    INFO("position " << i / positions.cols);
    CHECK((gradient[positions.range.offset + i] != 0.0f) == (i / positions.cols < 5));
  }
}

TEST_CASE("a large vocabulary, whose logits are computed in chunks of rows, changes nothing") {
  auto section = test::small_section();
  section.layers = 1;
  section.width = 8;
  section.context = 50;
  section.vocab = 9000;  // one sequence is a single chunk, three are not
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 3, section.context, 23);
  auto transformer = small.transformer(3);

  double loss = 0.0;
  std::vector<float> gradient(small.table.size(), 0.0f);
  for (int b = 0; b < 3; ++b) {
    loss += transformer.forward_loss(sequences.batch(b, 1), small.params).sum;
    gradient = sum(gradient, gradient_of(small, transformer, sequences.batch(b, 1)));
  }
  CHECK(transformer.forward_loss(sequences.batch(), small.params).sum == Approx(loss).epsilon(1e-6));
  CHECK(test::relative_error(gradient_of(small, transformer, sequences.batch()), gradient) < 1e-5);
}

TEST_CASE("the same input gives the same bits, whatever was computed in between") {
  auto const section = GENERATE(test::small_section(), test::small_gpt2_section());
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 3, section.context, 24), shorter(section, 2, 7, 25);
  auto transformer = small.transformer(3), another = small.transformer(3);

  auto const loss = transformer.forward_loss(sequences.batch(), small.params).sum;
  auto const gradient = gradient_of(small, transformer, sequences.batch());
  gradient_of(small, transformer, shorter.batch());
  CHECK(transformer.forward_loss(sequences.batch(), small.params).sum == loss);
  CHECK(gradient_of(small, transformer, sequences.batch()) == gradient);
  CHECK(gradient_of(small, another, sequences.batch()) == gradient);
}

TEST_CASE("a target of -1 counts neither in the loss nor in any gradient") {
  auto const section = test::small_section();
  test::SmallModel const small(section);
  test::Sequences sequences(section, 2, section.context, 26);
  auto transformer = small.transformer(2);

  SECTION("in all of a sequence: as if it were not there") {
    std::fill_n(sequences.targets.begin(), section.context, -1);
    auto const loss = transformer.forward_loss(sequences.batch(), small.params);
    CHECK(loss.targets == static_cast<std::uint64_t>(section.context));
    CHECK(loss.sum ==
          Approx(transformer.forward_loss(sequences.batch(1, 1), small.params).sum).epsilon(1e-6));
    CHECK(test::relative_error(gradient_of(small, transformer, sequences.batch()),
                               gradient_of(small, transformer, sequences.batch(1, 1))) < 1e-5);
  }
  SECTION("everywhere: no loss, no gradient, no target") {
    std::ranges::fill(sequences.targets, -1);
    auto const loss = transformer.forward_backward(sequences.batch(), small.params, 1.0, small.gradients, {});
    CHECK(loss.sum == 0.0);
    CHECK(loss.targets == 0);
    CHECK(loss.mean() == 0.0);
    CHECK(std::ranges::all_of(small.gradient_values(), [](float g) { return g == 0.0f; }));
  }
}

TEST_CASE("gradients carry the scale that is asked for, and nothing of the step before") {
  auto const section = test::small_section();
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 2, section.context, 27);
  auto transformer = small.transformer(2);
  auto doubled = gradient_of(small, transformer, sequences.batch());
  for (float& g : doubled) g *= 0.25f;  // a power of two: exact
  transformer.forward_backward(sequences.batch(), small.params, 0.25, small.gradients, {});
  CHECK(test::relative_error(small.gradient_values(), doubled) < 1e-6);
}

TEST_CASE("each gradient is reported ready once, when it is final") {
  auto section = GENERATE(test::small_section(), test::small_gpt2_section());
  section.tied_embeddings = GENERATE(false, true);
  int const max_sequences = GENERATE(4, 1);
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 4, section.context, 28);
  auto transformer = small.transformer(max_sequences);

  std::vector<int> reports(small.table.size(), 0);
  std::vector<float> reported(small.table.size());
  auto const record = [&](tensor::Range range) {
    auto const now = small.gradient_values();
    for (std::size_t i = range.offset; i < range.offset + range.size; ++i) {
      ++reports[i];
      reported[i] = now[i];
    }
  };
  transformer.forward_backward(sequences.batch(), small.params, 1.0, small.gradients,
                               {.needed = {}, .ready = record});
  CHECK(std::ranges::all_of(reports, [](int times) { return times == 1; }));
  CHECK(reported == small.gradient_values());
}

TEST_CASE("each parameter is asked for once, before it is read, in the order that is told") {
  auto section = GENERATE(test::small_section(), test::small_gpt2_section());
  section.tied_embeddings = GENERATE(false, true);
  section.precision = GENERATE(deck::Precision::fp32, deck::Precision::bf16);
  if (section.precision == deck::Precision::bf16 && !base::has_bf16()) return;  // fp32 is looked at
  int const max_sequences = GENERATE(4, 1);
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 4, section.context, 28);
  auto transformer = small.transformer(max_sequences);
  auto const loss = transformer.forward_loss(sequences.batch(), small.params);

  auto const coming = kernels::make_float_buffer("coming", small.table.size());
  Kokkos::deep_copy(coming, std::numeric_limits<float>::quiet_NaN());
  std::vector<tensor::Range> asked;
  auto const bring = [&](tensor::Range range) {
    asked.push_back(range);
    Kokkos::deep_copy(kernels::range<float>(coming, range.offset, range.size),
                      kernels::range<float>(small.params, range.offset, range.size));
  };
  auto const again = transformer.forward_backward(sequences.batch(), coming, 1.0, small.gradients,
                                                  {.needed = bring, .ready = {}});
  CHECK(again.sum == loss.sum);
  auto const same = [](tensor::Range a, tensor::Range b) { return a.offset == b.offset && a.size == b.size; };
  CHECK(std::ranges::equal(asked, transformer.in_order(), same));
  std::size_t elements = 0;
  for (auto const range : asked) elements += range.size;
  CHECK(elements == small.table.size());
}

TEST_CASE("the last layer's gradients are ready before the first layer's") {
  auto const section = test::small_section();
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 1, section.context, 29);
  auto transformer = small.transformer(1);
  std::vector<tensor::Range> order;
  transformer.forward_backward(sequences.batch(), small.params, 1.0, small.gradients,
                               {.needed = {}, .ready = [&](tensor::Range range) { order.push_back(range); }});

  auto const place = [&](char const* name) {
    std::size_t const at = small.table.find(name).range.offset;
    auto const found = std::ranges::find_if(
        order, [&](tensor::Range range) { return at >= range.offset && at < range.offset + range.size; });
    REQUIRE(found != order.end());
    return found - order.begin();
  };
  CHECK(place("layers.1.attention.query") < place("layers.0.attention.query"));
  CHECK(place("embedding.tokens") == static_cast<std::ptrdiff_t>(order.size()) - 1);
}

TEST_CASE("memory grows with the tokens, not with their square, and holds no full logits") {
  auto section = test::small_section();
  section.context = 512;
  auto const bytes = test::SmallModel(section).transformer(4).bytes();
  section.context = 1024;
  auto const twice_the_context = test::SmallModel(section).transformer(4).bytes();
  CHECK(static_cast<double>(twice_the_context) < 2.2 * static_cast<double>(bytes));

  section.vocab = 60000;
  auto const large_vocabulary = test::SmallModel(section).transformer(4).bytes();
  CHECK(large_vocabulary < std::size_t{4} * 1024 * 60000 * sizeof(float) / 10);
}

TEST_CASE("the memory of a model is known before it is allocated") {
  auto section = GENERATE(test::small_section(), test::small_gpt2_section());
  section.recompute = GENERATE(false, true);
  for (int const sequences : {1, 5}) {
    CHECK(model::Activations<float>::bytes_for(section, sequences) ==
          test::SmallModel(section).transformer(sequences).bytes());
  }
}

TEST_CASE("a step allocates no memory of the execution space") {
  auto const section = GENERATE(test::small_section(), test::small_gpt2_section());
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 2, section.context, 30);
  auto transformer = small.transformer(2);

  transformer.forward_loss(sequences.batch(), small.params);  // the first pass, for Kokkos' own scratch

  static int allocations;
  allocations = 0;
  namespace tools = Kokkos::Tools::Experimental;
  tools::set_allocate_data_callback([](auto...) { ++allocations; });
  kernels::make_float_buffer("counted", 1);
  int const counted = allocations;
  transformer.forward_backward(sequences.batch(), small.params, 1.0, small.gradients, {});
  transformer.forward_loss(sequences.batch(), small.params);
  int const after = allocations;
  tools::set_allocate_data_callback(nullptr);
  REQUIRE(counted > 0);  // the count works
  CHECK(after == counted);
}

TEST_CASE("a token outside the vocabulary is refused before it is looked up") {
  auto const section = test::small_section();
  test::SmallModel const small(section);
  test::Sequences sequences(section, 1, section.context, 31);
  auto transformer = small.transformer(1);

  SECTION("a token") { sequences.tokens[3] = GENERATE(-1, 32); }
  SECTION("a target") { sequences.targets[3] = GENERATE(-2, 32); }
  CHECK_THROWS_AS(transformer.forward_loss(sequences.batch(), small.params), base::RuntimeFailure);
  CHECK_THROWS_WITH(transformer.forward_loss(sequences.batch(), small.params),
                    ContainsSubstring("at place 3"));
}

TEST_CASE("a sequence longer than the context is refused") {
  auto const section = test::small_section();
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 1, section.context + 1, 32);
  auto transformer = small.transformer(2);
  CHECK_THROWS_AS(transformer.forward_loss(sequences.batch(), small.params), base::RuntimeFailure);
}
