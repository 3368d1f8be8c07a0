#include "train/metrics.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/log.hpp"

namespace atl::train {

namespace {

using Json = nlohmann::ordered_json;

Json head(char const* event, double time_s, std::uint64_t step) {
  return {{"event", event}, {"time_s", time_s}, {"step", step}};
}

}  // namespace

std::string to_json(StartLine const& line) {
  auto json = head("start", 0.0, 0);
  json.update({{"version", line.version},
               {"sites", line.sites},
               {"shards", line.shards},
               {"ranks", line.ranks},
               {"parameters", line.parameters},
               {"unix_s", line.unix_s}});
  return json.dump();
}

std::string to_json(StepLine const& line) {
  auto json = head("step", line.time_s, line.step);
  json.update({{"site", line.site},
               {"loss", line.loss},
               {"lr", line.lr},
               {"grad_norm", line.grad_norm},
               {"tokens", line.tokens},
               {"step_s", line.step_s},
               {"tokens_per_s", line.tokens_per_s}});
  if (line.wait_s > 0) json["wait_s"] = line.wait_s;
  if (line.checkpoint_s > 0) json["checkpoint_s"] = line.checkpoint_s;
  if (line.eval_s > 0) json["eval_s"] = line.eval_s;
  return json.dump();
}

std::string to_json(EvalLine const& line) {
  auto json = head("eval", line.time_s, line.step);
  json.update({{"site", line.site}, {"val_loss", line.val_loss}});
  if (line.val_bits_per_byte > 0) json["val_bits_per_byte"] = line.val_bits_per_byte;
  json.update({{"val_tokens", line.tokens}, {"final", line.is_final}, {"model_digest", line.model.hex()}});
  return json.dump();
}

std::string to_json(CommitLine const& line) {
  auto json = head("commit", line.time_s, line.step);
  json.update({{"fragment", line.fragment},
               {"version", line.version},
               {"members", line.members},
               {"weights", line.weights},
               {"staleness", line.staleness},
               {"rounds_late", line.rounds_late},
               {"absent", line.absent},
               {"wait_s", line.wait_s},
               {"tokens", line.tokens},
               {"wire_bytes", line.wire_bytes}});
  return json.dump();
}

std::string to_json(SiteEndLine const& line) {
  auto json = head("site_end", line.time_s, line.step);
  json.update({{"site", line.site},
               {"tokens", line.tokens},
               {"waited_s", line.waited_s},
               {"sent_bytes", line.sent_bytes},
               {"model", line.model.hex()}});
  return json.dump();
}

std::string to_json(ShardEndLine const& line) {
  auto json = head("shard_end", line.time_s, line.step);
  json.update({{"shard", line.shard}, {"refused", line.refused}});
  return json.dump();
}

std::string to_json(RestoredLine const& line) {
  auto json = head("restored", 0.0, line.step);
  json.update({{"fragment", line.fragment}, {"version", line.version}, {"digest", line.theta.hex()}});
  return json.dump();
}

std::string to_json(CheckpointLine const& line) {
  auto json = head("checkpoint", line.time_s, line.step);
  json.update({{"path", line.path}, {"bytes", line.bytes}, {"seconds", line.seconds}});
  return json.dump();
}

std::string to_json(EndLine const& line) {
  auto json = head("end", line.time_s, line.step);
  json.update({{"outcome", line.outcome},
               {"commits", line.commits},
               {"bytes_sent", line.bytes_sent},
               {"bytes_received", line.bytes_received}});
  return json.dump();
}

std::string resume_json(std::uint64_t step, std::string const& checkpoint, double unix_s) {
  auto json = head("resume", 0.0, step);
  json["checkpoint"] = checkpoint;
  json["unix_s"] = unix_s;
  return json.dump();
}

std::string to_json(ReturnLine const& line) {
  auto json = head("return", line.time_s, line.step);
  json["site"] = line.site;
  json["incarnation"] = line.incarnation;
  return json.dump();
}

std::string fault_json(double time_s, std::uint64_t step, std::string const& what,
                       std::optional<protocol::Participant> who) {
  auto json = head("fault", time_s, step);
  json["what"] = what;
  if (who) json[who->kind == protocol::Participant::Kind::site ? "site" : "shard"] = who->index;
  return json.dump();
}

MetricsFile::MetricsFile(std::filesystem::path const& file) : file_(std::fopen(file.c_str(), "a+")) {
  if (file_ == nullptr)
    throw base::RuntimeFailure(fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
  end_torn_line();
}

void MetricsFile::end_torn_line() {
  // The file of a killed run may end within a line.
  if (std::fseek(file_, -1, SEEK_END) == 0 && std::fgetc(file_) != '\n') std::fputc('\n', file_);
}

MetricsFile::~MetricsFile() { std::fclose(file_); }

void MetricsFile::write(std::string const& line) {
  bool const written =
      std::fputs(line.c_str(), file_) >= 0 && std::fputc('\n', file_) >= 0 && std::fflush(file_) == 0;
  // A full disk must not stop the training.
  if (!written)
    base::log::warn_once("metrics", fmt::format("metrics are being lost: {}", std::strerror(errno)));
}

}  // namespace atl::train
