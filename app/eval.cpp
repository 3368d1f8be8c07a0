// atoll eval: the loss of a checkpoint's outer parameters on validation tokens, a token file or a text file.
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "app/commands.hpp"
#include "base/error.hpp"
#include "base/exit_code.hpp"
#include "data/corpus.hpp"
#include "data/text_source.hpp"
#include "data/token_file.hpp"
#include "data/token_range.hpp"
#include "data/tokenizer.hpp"
#include "kernels/device.hpp"
#include "kernels/on_host.hpp"
#include "train/evaluation.hpp"
#include "train/trained_model.hpp"

namespace atl::app {

namespace {

// The tokens of a text, in a file that goes when this does.
class TemporaryTokens {
 public:
  TemporaryTokens(std::filesystem::path const& text, std::string const& tokenizer_name)
      : file_(std::filesystem::temp_directory_path() / fmt::format("atoll-eval-{}.bin", getpid())) {
    auto const tokenizer = data::load_tokenizer(tokenizer_name);
    data::TokenFileWriter writer(file_);
    data::EntryReader reader(text);
    for (std::string entry; reader.next(entry);) {
      auto tokens = tokenizer->encode(entry);
      tokens.insert(tokens.begin(), tokenizer->bos_id());
      writer.append(tokens);
      bytes_ += entry.size();
    }
    tokens_ = writer.size();
    if (tokens_ == 0)
      throw base::InputError(text.string(), "the text is empty", "give a file with text in it");
    writer.finish();
  }
  ~TemporaryTokens() {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  }
  TemporaryTokens(TemporaryTokens const&) = delete;
  TemporaryTokens& operator=(TemporaryTokens const&) = delete;

  std::filesystem::path const& file() const { return file_; }
  double bytes_per_token() const { return static_cast<double>(bytes_) / static_cast<double>(tokens_); }

 private:
  std::filesystem::path file_;
  std::uint64_t bytes_ = 0, tokens_ = 0;
};

// `bits_per_byte`: 0 where it is not known.
void say(train::TrainedModel const& trained, model::LossSum const& loss, double bits_per_byte, bool as_json) {
  auto const sequences = loss.targets / static_cast<std::uint64_t>(trained.config.model.context);
  if (as_json) {
    nlohmann::ordered_json json{
        {"checkpoint", trained.folder.string()}, {"step", trained.step},   {"loss", loss.mean()},
        {"perplexity", std::exp(loss.mean())},   {"tokens", loss.targets}, {"sequences", sequences}};
    if (bits_per_byte > 0) json["bits_per_byte"] = bits_per_byte;
    fmt::print("{}\n", json.dump(2));
    return;
  }
  auto const bits = bits_per_byte > 0 ? fmt::format(", {:.4f} bits a byte", bits_per_byte) : "";
  fmt::print("{}: loss {:.4f} nats a token, perplexity {:.2f}{} over {} tokens in {} sequences\n",
             trained.folder.string(), loss.mean(), std::exp(loss.mean()), bits, loss.targets, sequences);
}

}  // namespace

int run_command(EvalFlags const& flags) {
  kernels::Device const device;
  auto trained = train::load_model(flags.checkpoint);
  auto const& config = trained.config;

  std::optional<TemporaryTokens> text;
  std::vector<data::WeightedRange> sources;
  double bytes_per_token = 0.0;  // 0: not known for a bare token file
  std::filesystem::path const file = flags.data;
  if (flags.data.empty() && config.sites.data.front() == "none") {
    throw base::InputError(flags.checkpoint, "is an imported model, which has no text of its own",
                           "give a token file or a text: --data FILE");
  }
  if (file.extension() == ".bin" || file.extension() == ".idx") {
    sources = {data::whole_file(file, config.model.vocab)};
  } else if (flags.data.empty() || std::filesystem::is_directory(file)) {
    auto judged = config;
    if (!flags.data.empty()) judged.sites.data = {flags.data};
    if (!data::is_here(judged.sites.data.front())) {
      throw base::InputError(
          judged.sites.data.front(), "the text is not here",
          "start atoll where the run was started, or give a text or token file: --data FILE");
    }
    auto const corpus = train::open_site_corpus(train::make_plan(judged), 0);
    sources = corpus.validation();
    bytes_per_token = corpus.bytes_per_validation_token();
  } else {
    text.emplace(file, config.data.tokenizer);
    sources = {data::whole_file(text->file(), config.model.vocab)};
    bytes_per_token = text->bytes_per_token();
  }

  int const batches = flags.batches > 0 ? flags.batches : std::numeric_limits<int>::max();
  data::ValidationSet const set({.sources = sources,
                                 .sequences = text ? 1 : config.inner.batch,
                                 .context = config.model.context,
                                 .batches = batches});
  auto const parameters = kernels::copy_of("parameters", std::exchange(trained.parameters, {}));
  kernels::Exec const exec;
  model::Transformer model(exec, train::model_here(config.model), trained.table,
                           train::pass_sequences(config, 1));
  comm::Communicator const alone;
  auto const loss = train::evaluate(model, set, batches, parameters, alone, [] {});
  if (!std::isfinite(loss.mean())) {
    throw base::InputError(trained.folder.string(),
                           fmt::format("its loss is {}: the model has diverged", loss.mean()),
                           "take an earlier checkpoint");
  }
  say(trained, loss, bytes_per_token > 0 ? train::bits_per_byte(loss.mean(), bytes_per_token) : 0.0,
      flags.json);
  return static_cast<int>(base::ExitCode::done);
}

}  // namespace atl::app
