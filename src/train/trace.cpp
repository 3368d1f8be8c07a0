#include "train/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

namespace atl::train {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_entries = 4096;
constexpr double flush_interval_s = 1.0;

struct Lane {
  char const* name;
  char const* number;  // what the number of its spans means
};
// In the order of `Work`.
constexpr std::array<Lane, 13> lanes{{{"compute", "step"},
                                      {"reduce", "step"},
                                      {"record", "step"},
                                      {"optimize", "step"},
                                      {"adopt", "fragment"},
                                      {"contribute", "fragment"},
                                      {"evaluate", "step"},
                                      {"checkpoint", "step"},
                                      {"copy_out", "fragment"},
                                      {"copy_in", "fragment"},
                                      {"idle", "step"},
                                      {"merge", "fragment"},
                                      {"round", "fragment"}}};

Lane const& lane_of(Work work) { return lanes.at(static_cast<std::size_t>(work)); }

// A piece holds a line {"who", "rank", "from_us"} for every part of the run, and below it a line
// ["compute", begin_us, end_us, number] for every span.
struct Part {
  std::string who;
  int rank = 0;
  std::int64_t from_us = 0;  // spans of earlier parts that begin later are superseded
};

struct Piece {
  fs::path file;
  std::vector<Part> parts{};
};

std::int64_t microseconds(double seconds) { return static_cast<std::int64_t>(std::floor(seconds * 1e6)); }

std::optional<Part> parse_part(std::string const& text) {
  if (!text.starts_with('{')) return std::nullopt;  // most lines: spares the parsing
  auto line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!line.is_object() || line.size() != 3 || !line["who"].is_string() ||
      !line["rank"].is_number_integer() || !line["from_us"].is_number_integer())
    return std::nullopt;
  return Part{line["who"], line["rank"], line["from_us"]};
}

std::optional<TraceEntry> parse_entry(std::string const& text) {
  auto const line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!line.is_array() || line.size() != 4 || !line[0].is_string()) return std::nullopt;
  if (!std::all_of(line.begin() + 1, line.end(), [](Json const& n) { return n.is_number_integer(); }))
    return std::nullopt;
  auto const* lane = std::ranges::find(lanes, line[0].get<std::string>(), &Lane::name);
  TraceEntry const entry{static_cast<Work>(lane - lanes.begin()), line[1], line[2], line[3]};
  bool const is_sound = lane != lanes.end() && 0 <= entry.begin_us && entry.begin_us <= entry.end_us &&
                        -1 <= entry.number && entry.number < std::int64_t{1} << 48;
  return is_sound ? std::optional(entry) : std::nullopt;
}

Piece survey(fs::path const& file) {
  Piece piece{.file = file};
  std::ifstream in(file);
  for (std::string text; std::getline(in, text);) {
    if (auto part = parse_part(text)) piece.parts.push_back(std::move(*part));
  }
  return piece;
}

// In the order of their ranks in the newest part of the run.
std::vector<Piece> pieces_of(fs::path const& folder) {
  std::vector<Piece> pieces;
  std::error_code none;
  for (auto const& entry : fs::directory_iterator(folder, none)) {
    if (auto piece = survey(entry.path()); !piece.parts.empty()) pieces.push_back(std::move(piece));
  }
  std::ranges::sort(pieces, {}, [](Piece const& piece) {
    return std::tie(piece.parts.back().rank, piece.parts.back().who);
  });
  return pieces;
}

// Writes the events of one process after the other.
class Joined {
 public:
  explicit Joined(fs::path const& file) : file_(file), out_(file) { out_ << R"({"traceEvents":[)"; }

  void add(Piece const& piece, int process) {
    describe(process, 0, "process", piece.parts.back().who, process);
    std::set<std::int64_t> described;
    auto later = piece.parts.begin();  // the parts below the line
    std::int64_t superseded_us = 0;
    std::ifstream in(piece.file);
    for (std::string text; std::getline(in, text);) {
      if (later != piece.parts.end() && parse_part(text)) {
        superseded_us = std::numeric_limits<std::int64_t>::max();
        ++later;
        for (auto part = later; part != piece.parts.end(); ++part)
          superseded_us = std::min(superseded_us, part->from_us);
      } else if (auto entry = parse_entry(text); entry && entry->begin_us < superseded_us) {
        entry->end_us = std::min(entry->end_us, superseded_us);
        write(*entry, process, described);
      }
    }
  }

  std::uint64_t finish() {
    out_ << "\n]}\n";
    out_.close();
    if (!out_) throw base::RuntimeFailure(fmt::format("cannot write {}", file_.string()));
    return spans_;
  }

 private:
  void write(TraceEntry const& entry, int process, std::set<std::int64_t>& described) {
    auto const& [name, meaning] = lane_of(entry.work);
    bool const is_round = entry.work == Work::round;  // the last: its lanes follow all others
    auto const lane = static_cast<std::int64_t>(entry.work) + 1 + (is_round ? entry.number : 0);
    auto const title = is_round ? fmt::format("round of fragment {}", entry.number) : name;
    if (described.insert(lane).second) describe(process, lane, "thread", title, lane);
    Json event{{"name", name},         {"ph", "X"},
               {"pid", process},       {"tid", lane},
               {"ts", entry.begin_us}, {"dur", entry.end_us - entry.begin_us}};
    if (entry.number >= 0) event["args"] = {{meaning, entry.number}};
    write(event);
    ++spans_;
  }

  // Name and place of a process or of a lane ("thread") in it.
  void describe(int process, std::int64_t lane, std::string const& kind, std::string const& name,
                std::int64_t place) {
    for (auto const& [property, key, value] :
         {std::tuple<char const*, char const*, Json>{"_name", "name", name},
          {"_sort_index", "sort_index", place}}) {
      write(Json{
          {"name", kind + property}, {"ph", "M"}, {"pid", process}, {"tid", lane}, {"args", {{key, value}}}});
    }
  }

  void write(Json const& event) { out_ << (std::exchange(is_first_, false) ? "\n" : ",\n") << event.dump(); }

  fs::path file_;
  std::ofstream out_;
  bool is_first_ = true;
  std::uint64_t spans_ = 0;
};

}  // namespace

Trace::Trace(TraceOptions const& options) {
  if (!options.is_on) return;
  auto const folder = options.run_folder / "trace";
  auto const piece = folder / (options.who + ".jsonl");
  std::error_code error;
  fs::create_directories(folder, error);
  file_.reset(std::fopen(piece.c_str(), "a"));
  if (!file_)
    throw base::RuntimeFailure(fmt::format("cannot write {}: {}", piece.string(), std::strerror(errno)));
  zero_s_ = options.start_s - options.resumed_s;
  flushed_s_ = base::now_s();
  entries_.reserve(most_entries);
  Json const part{{"who", options.who}, {"rank", options.rank}, {"from_us", microseconds(options.resumed_s)}};
  // The piece of a killed process may end within a line.
  std::fprintf(file_.get(), "\n%s\n", part.dump().c_str());
}

Trace::~Trace() { flush(); }

void Trace::add(Work work, double begin_s, double end_s, std::int64_t number) {
  if (!is_on()) return;
  entries_.push_back({work, microseconds(begin_s - zero_s_), microseconds(end_s - zero_s_), number});
  if (entries_.size() == most_entries || end_s - flushed_s_ > flush_interval_s) flush();
}

void Trace::flush() {
  if (!is_on()) return;
  for (auto const& [work, begin_us, end_us, number] : entries_) {
    std::fprintf(file_.get(), "[\"%s\",%lld,%lld,%lld]\n", lane_of(work).name,
                 static_cast<long long>(begin_us), static_cast<long long>(end_us),
                 static_cast<long long>(number));
  }
  entries_.clear();
  flushed_s_ = base::now_s();
  if (std::fflush(file_.get()) != 0)
    base::log::warn_once("trace", fmt::format("the trace is being lost: {}", std::strerror(errno)));
}

std::uint64_t merge_trace(fs::path const& run_folder) {
  auto const pieces = pieces_of(run_folder / "trace");
  if (pieces.empty()) return 0;
  auto const file = run_folder / "trace.json";
  auto const temporary = base::temporary_name(file);
  try {
    Joined joined(temporary);
    int process = 0;
    for (auto const& piece : pieces) joined.add(piece, process++);
    auto const spans = joined.finish();
    base::publish(temporary, file);
    return spans;
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
}

}  // namespace atl::train
