#include "optim/moments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/error.hpp"
#include "kernels/on_host.hpp"

namespace atl::optim {

namespace {

// A share as it was saved.
struct SavedShare {
  tensor::Range range;
  base::Reader const* reader = nullptr;
};

[[noreturn]] void refuse(std::string what) {
  throw base::InputError("the optimizer's moments", std::move(what),
                         "use a checkpoint of this model that holds the state of every rank");
}

// What was saved, in the order of its places; whole, without gap or overlap.
std::vector<SavedShare> shares_in(std::span<std::unique_ptr<base::Reader> const> saved, std::size_t size) {
  std::vector<SavedShare> shares;
  for (auto const& reader : saved) {
    if (std::uint64_t const found = reader->read_uint("size"); found != size) {
      refuse(fmt::format("were saved for {} elements instead of {}", found, size));
    }
    shares.push_back({{reader->read_uint("begin"), reader->read_uint("count")}, reader.get()});
  }
  std::ranges::sort(shares, {},
                    [](auto const& share) { return std::pair(share.range.offset, share.range.size); });
  std::size_t end = 0;
  for (auto const& [range, reader] : shares) {
    if (range.offset != end) {
      refuse(fmt::format("{} at element {}", range.offset > end ? "have a gap" : "overlap",
                         std::min(end, range.offset)));
    }
    if (range.size > size - end) refuse(fmt::format("reach beyond the last of {} elements", size));
    end += range.size;
  }
  if (end != size) refuse(fmt::format("end at element {} of {}", end, size));
  return shares;
}

}  // namespace

Moments::Moments(Extent extent, std::vector<std::string> names) : extent_(extent), names_(std::move(names)) {
  for (auto const& name : names_) vectors_.push_back(kernels::make_float_buffer(name, extent_.share.size));
}

kernels::Tensor1<float> Moments::range(std::size_t i, std::size_t place, std::size_t count) const {
  return kernels::range<float>(vectors_.at(i), place - extent_.share.offset, count);
}

void Moments::save(base::Writer& writer) const {
  writer.write("size", std::uint64_t{extent_.size});
  writer.write("begin", std::uint64_t{extent_.share.offset});
  writer.write("count", std::uint64_t{extent_.share.size});
  for (std::size_t i = 0; i < names_.size(); ++i) {
    writer.write_as_they_are(names_[i], kernels::read_on_host(vectors_[i], room_), kernels::is_host_memory);
  }
}

void Moments::load(std::span<std::unique_ptr<base::Reader> const> saved) {
  std::size_t const begin = extent_.share.offset, end = begin + extent_.share.size;
  auto const shares = shares_in(saved, extent_.size);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    kernels::change_on_host(vectors_[i], room_, [&](std::span<float> own) {
      for (auto const& [range, reader] : shares) {
        std::size_t const first = std::max(begin, range.offset),
                          last = std::min(end, range.offset + range.size);
        if (first >= last) continue;
        std::vector<float> values(range.size);
        reader->read(names_[i], values);
        std::ranges::copy(std::span(values).subspan(first - range.offset, last - first),
                          own.subspan(first - begin).begin());
      }
    });
  }
}

}  // namespace atl::optim
