#include "model/transformer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/error.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/operations.hpp"
#include "kernels/reduce.hpp"
#include "kernels/staging.hpp"
#include "model/backward.hpp"
#include "model/forward.hpp"
#include "model/head.hpp"

namespace atl::model {

namespace {

// A stray id would read or write outside the embedding.
void check_ids(std::span<std::int32_t const> ids, std::int32_t least, std::int32_t vocab, char const* what) {
  auto const stray = std::ranges::find_if(ids, [&](std::int32_t id) { return id < least || id >= vocab; });
  if (stray == ids.end()) return;
  throw base::RuntimeFailure(fmt::format("{} {} at place {} of a batch lies outside the vocabulary of {}",
                                         what, *stray, stray - ids.begin(), vocab));
}

void copy_in(kernels::Exec const& exec, std::span<std::int32_t const> from, Tensor1<std::int32_t> const& to) {
  Kokkos::View<std::int32_t const*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>> const host(
      from.data(), from.size());
  Kokkos::deep_copy(exec, to, host);
}

std::size_t places(int sequences, int length) {
  return static_cast<std::size_t>(sequences) * static_cast<std::size_t>(length);
}

// Up to `most` sequences of the batch from sequence `first` on. Targets may be absent.
Batch part_of(Batch const& batch, int first, int most) {
  base::ensure(batch.tokens.size() == places(batch.sequences, batch.length) &&
                   (batch.targets.empty() || batch.targets.size() == batch.tokens.size()),
               "a batch holds as many tokens as it says");
  int const count = std::min(most, batch.sequences - first);
  std::size_t const begin = places(first, batch.length), size = places(count, batch.length);
  Batch part{batch.tokens.subspan(begin, size), {}, count, batch.length};
  if (!batch.targets.empty()) part.targets = batch.targets.subspan(begin, size);
  return part;
}

}  // namespace

Transformer::Transformer(kernels::Exec const& exec, deck::ModelSection const& model,
                         tensor::ParamTable const& table, int max_sequences)
    : exec_(exec),
      model_(model),
      map_(model, table),
      buffers_(make_buffers(exec, model, table, max_sequences)),
      max_sequences_(max_sequences),
      loss_sums_("loss sums", 1) {}

Transformer::AnyBuffers Transformer::make_buffers(Exec const& exec, deck::ModelSection const& model,
                                                  tensor::ParamTable const& table, int max_sequences) {
  if (model.precision == deck::Precision::fp32) {
    return Buffers<float>{Activations<float>(exec, model, max_sequences), {}};
  }
  return Buffers<Bf16>{Activations<Bf16>(exec, model, max_sequences),
                       kernels::make_bf16_buffer("matrices", table.size())};
}

// work(params, activations), in the number type of this model.
template <class Work>
auto Transformer::with_buffers(Tensor1<float const> const& params, Work const& work) {
  if (auto* const narrow = std::get_if<Buffers<Bf16>>(&buffers_)) {
    return work(Parameters<Bf16>{params, narrow->matrices}, narrow->activations);
  }
  return work(Parameters<float>{params, params}, std::get<Buffers<float>>(buffers_).activations);
}

LossSum Transformer::forward_backward(Batch const& batch, Tensor1<float const> params, double scale,
                                      Tensor1<float> gradients, Beside const& beside) {
  kernels::trained_tokens += batch.tokens.size();
  for (auto const& added_to : map_.accumulated())
    kernels::fill(exec_, 0.0f, range(gradients, added_to.offset, added_to.size));
  return with_buffers(params, [&](auto const& parameters, auto& act) {
    std::size_t passes = 0;
    for (int first = 0; first < batch.sequences; first += max_sequences_) {
      bool const is_first = first == 0, is_last = first + max_sequences_ >= batch.sequences;
      Update const matrices = is_first ? Update::overwrite : Update::add;
      Batch const part = part_of(batch, first, max_sequences_);
      run_forward(part, parameters, is_first, beside.needed, act);
      head_losses_backward(exec_, map_.head(parameters.matrices), static_cast<float>(scale), act, matrices,
                           map_.head(gradients));
      backward(exec_, map_, parameters, act, gradients, matrices, is_last ? beside.ready : GradientsReady{});
      sum_losses(passes++, act.losses);
      if (!kernels::is_host_memory && beside.meanwhile) beside.meanwhile();
    }
    return loss_of(batch, passes, beside.meanwhile);
  });
}

LossSum Transformer::forward_loss(Batch const& batch, Tensor1<float const> params) {
  return with_buffers(params, [&](auto const& parameters, auto& act) {
    std::size_t passes = 0;
    for (int first = 0; first < batch.sequences; first += max_sequences_) {
      Batch const part = part_of(batch, first, max_sequences_);
      run_forward(part, parameters, first == 0, {}, act);
      head_losses(exec_, map_.head(parameters.matrices), act);
      sum_losses(passes++, act.losses);
    }
    return loss_of(batch, passes, {});
  });
}

void Transformer::next_token_logits(std::span<std::int32_t const> tokens, int sequences, int length,
                                    Tensor1<float const> params, std::span<float> out) {
  auto const vocab = static_cast<std::size_t>(model_.vocab);
  base::ensure(out.size() == static_cast<std::size_t>(sequences) * vocab,
               "logits have room for every sequence");
  with_buffers(params, [&](auto const& parameters, auto& act) {
    for (int first = 0; first < sequences; first += max_sequences_) {
      Batch const part = part_of({tokens, {}, sequences, length}, first, max_sequences_);
      run_forward(part, parameters, first == 0, {}, act);
      last_logits(exec_, map_.head(parameters.matrices), act,
                  out.subspan(static_cast<std::size_t>(first) * vocab));
    }
  });
}

std::vector<tensor::Range> Transformer::in_order() const {
  std::vector<tensor::Range> all;
  auto const append = [&](std::span<tensor::Range const> ranges) {
    all.insert(all.end(), ranges.begin(), ranges.end());
  };
  append(map_.of_embedding());
  for (std::size_t l = 0; l < static_cast<std::size_t>(model_.layers); ++l) {
    append(map_.of_attention(l));
    append(map_.of_ffn(l));
  }
  append(map_.of_head());
  return all;
}

std::size_t Transformer::bytes() const {
  return std::visit(
      [](auto const& buffers) {
        return buffers.activations.bytes() + buffers.matrices.size() * sizeof(buffers.matrices(0));
      },
      buffers_);
}

std::size_t Transformer::bytes_for(deck::ModelSection const& model, tensor::ParamTable const& table,
                                   int max_sequences) {
  if (model.precision == deck::Precision::fp32) return Activations<float>::bytes_for(model, max_sequences);
  return Activations<Bf16>::bytes_for(model, max_sequences) + table.size() * sizeof(Bf16);
}

template <class Real>
void Transformer::run_forward(Batch const& part, Parameters<Real> const& params, bool is_first,
                              ParametersNeeded const& needed, Activations<Real>& act) {
  check_ids(part.tokens, 0, model_.vocab, "token");
  check_ids(part.targets, -1, model_.vocab, "target");
  act.shape_for(part.sequences, part.length);
  copy_in(exec_, part.tokens, act.tokens);
  if (!part.targets.empty()) copy_in(exec_, part.targets, act.targets);
  auto const take = [&](tensor::Range range) {
    if (needed) needed(range);
    if constexpr (std::is_same_v<Real, Bf16>) {
      auto const& matrices = std::get<Buffers<Bf16>>(buffers_).matrices;
      kernels::narrow(exec_, kernels::range(params.values, range.offset, range.size),
                      kernels::range<Bf16>(matrices, range.offset, range.size));
    }
  };
  forward(exec_, map_, params, is_first ? ParametersNeeded(std::cref(take)) : ParametersNeeded{}, act);
}

void Transformer::sum_losses(std::size_t pass, Tensor1<float const> losses) {
  if (loss_sums_.size() <= pass) Kokkos::resize(loss_sums_, 2 * loss_sums_.size());
  kernels::sum(exec_, losses, kernels::Scalar<double>(loss_sums_.data() + pass));
}

LossSum Transformer::loss_of(Batch const& batch, std::size_t passes,
                             std::function<void()> const& meanwhile) const {
  base::ensure(batch.targets.size() == batch.tokens.size(), "a loss has targets");
  if (meanwhile) kernels::meanwhile(exec_, meanwhile);
  std::vector<double> sums(loss_sums_.size());
  Kokkos::View<double*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>> const on_host(
      sums.data(), sums.size());
  Kokkos::deep_copy(exec_, on_host, loss_sums_);
  exec_.fence();
  auto const ignored = static_cast<std::uint64_t>(std::ranges::count(batch.targets, -1));
  return {std::accumulate(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(passes), 0.0),
          batch.targets.size() - ignored};
}

}  // namespace atl::model
