#include "checkpoint/recorded_state.hpp"

namespace atl::checkpoint {

class RecordedState::Recorder final : public base::Writer {
 public:
  explicit Recorder(RecordedState& state) : state_(state) {}

  std::unique_ptr<base::Writer> group(std::string_view name) override {
    auto group = std::make_unique<RecordedState>(state_.standing_);
    auto& inside = *group;
    put(name, std::move(group));
    return inside.writer();
  }
  void write(std::string_view name, std::uint64_t value) override { put(name, value); }
  void write(std::string_view name, double value) override { put(name, value); }
  void write(std::string_view name, std::string_view text) override { put(name, std::string(text)); }
  void write(std::string_view name, std::span<float const> values) override {
    put(name, std::vector(values.begin(), values.end()));
  }
  void write(std::string_view name, std::span<std::uint64_t const> values) override {
    put(name, std::vector(values.begin(), values.end()));
  }
  void write_standing(std::string_view name, std::span<float const> values) override {
    if (state_.standing_ == Standing::copied) return write(name, values);
    put(name, values);
  }

 private:
  void put(std::string_view name, Value value) { state_.values_.emplace_back(name, std::move(value)); }

  RecordedState& state_;
};

std::unique_ptr<base::Writer> RecordedState::writer() { return std::make_unique<Recorder>(*this); }

void RecordedState::write_to(base::Writer& archive) const {
  for (auto const& [name, value] : values_) {
    auto const write = [&archive, &name = name](auto const& each) {
      if constexpr (requires { archive.write(name, each); }) {
        archive.write(name, each);
      } else {
        each->write_to(*archive.group(name));
      }
    };
    std::visit(write, value);
  }
}

}  // namespace atl::checkpoint
