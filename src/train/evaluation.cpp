#include "train/evaluation.hpp"

#include <algorithm>
#include <numbers>
#include <vector>

namespace atl::train {

model::LossSum evaluate(model::Transformer& model, data::ValidationSet const& set, int batches,
                        kernels::Tensor1<float const> parameters, comm::Communicator const& site,
                        std::function<void()> const& between_batches) {
  model::LossSum mine;
  for (int b = site.rank(); b < std::min(batches, set.count()); b += site.size()) {
    auto const batch = set.get(b);
    auto const loss =
        model.forward_loss({batch.tokens, batch.targets, batch.sequences, batch.context}, parameters);
    mine.sum += loss.sum;
    mine.targets += loss.targets;
    between_batches();
  }
  std::vector<model::LossSum> all(static_cast<std::size_t>(site.size()));
  site.sleeping_all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
  model::LossSum total;
  for (auto const& part : all) {
    total.sum += part.sum;
    total.targets += part.targets;
  }
  return total;
}

double bits_per_byte(double nats_per_token, double bytes_per_token) {
  return nats_per_token / std::numbers::ln2 / bytes_per_token;
}

}  // namespace atl::train
