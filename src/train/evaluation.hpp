// Validation loss of given parameters, shared out over the ranks of a site.
#pragma once

#include <functional>

#include "comm/communicator.hpp"
#include "data/validation_set.hpp"
#include "model/transformer.hpp"

namespace atl::train {

// Sum of losses over all batches of `set`: rank r of the site takes batches r, r + size, ...; added up in
// rank order. `between_batches` is called on every rank after each of its batches. Collective over the site.
model::LossSum evaluate(model::Transformer& model, data::ValidationSet const& set, int batches,
                        kernels::Tensor1<float const> parameters, comm::Communicator const& site,
                        std::function<void()> const& between_batches);

// Bits per byte of text for a loss in nats per token.
double bits_per_byte(double nats_per_token, double bytes_per_token);

}  // namespace atl::train
