#include "checkpoint/sets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/durable_file.hpp"
#include "base/open_file.hpp"

namespace atl::checkpoint {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "step_";

struct StepFolder {
  fs::path path;
  std::uint64_t step = 0;
};

void check(std::error_code const& error, char const* action, fs::path const& path,
           std::source_location where = std::source_location::current()) {
  if (error) throw base::file_failure(action, path, error, where);
}

std::optional<std::uint64_t> step_of(std::string const& name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  std::uint64_t step = 0;
  char const* const end = name.data() + name.size();
  auto const parsed = std::from_chars(name.data() + prefix.size(), end, step);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return step;
}

// Whatever else lies in `checkpoints` is not ours.
std::vector<StepFolder> step_folders(fs::path const& checkpoints) {
  std::vector<StepFolder> folders;
  std::error_code error;
  for (fs::directory_iterator entry(checkpoints, error); !error && entry != fs::directory_iterator{};
       entry.increment(error)) {
    auto const step = step_of(entry->path().filename().string());
    std::error_code vanished;
    if (step && entry->is_directory(vanished)) folders.push_back({entry->path(), *step});
  }
  check(error, "list the checkpoints", checkpoints);
  std::ranges::sort(folders, std::greater{}, [](StepFolder const& f) { return std::pair(f.step, f.path); });
  return folders;
}

bool has_manifest(fs::path const& folder) {
  std::error_code error;
  bool const there = fs::exists(fs::symlink_status(folder / manifest_name, error));
  return there || (error && error != std::errc::no_such_file_or_directory);
}

// The manifest goes first and for good: a set that is half removed must not pass for a checkpoint.
void remove_set(fs::path const& folder) {
  std::error_code error;
  if (fs::remove(folder / manifest_name, error)) base::sync_folder(folder);
  check(error, "remove the manifest", folder);
  fs::remove_all(folder, error);
  check(error, "remove the checkpoint", folder);
}

Set read_set(StepFolder const& folder) {
  Set set{folder.path, read_manifest(folder.path)};
  if (set.manifest.step != folder.step) {
    throw base::InputError(folder.path.string(),
                           fmt::format("holds the checkpoint of step {}", set.manifest.step),
                           "give the folder its own name back");
  }
  for (auto const& file : set.manifest.files) {
    if (auto damage = find_damage(set.folder, file, false)) throw base::InputError({*std::move(damage)});
  }
  return set;
}

}  // namespace

fs::path set_folder(fs::path const& checkpoints, std::uint64_t step) {
  return checkpoints / fmt::format("{}{:08}", prefix, step);
}

fs::path start_set(fs::path const& checkpoints, std::uint64_t step) {
  fs::path const folder = set_folder(checkpoints, step);
  std::error_code error;
  fs::create_directories(checkpoints, error);
  check(error, "create the folder", checkpoints);
  remove_set(folder);
  for (auto const& left : step_folders(checkpoints)) {
    if (!has_manifest(left.path))
      fs::remove_all(left.path, error);  // or later: someone may still write there
  }
  fs::create_directory(folder, error);
  check(error, "create the folder", folder);
  base::sync_folder(checkpoints);
  return folder;
}

FoundSets find_sets(fs::path const& checkpoints) {
  FoundSets found;
  for (auto const& folder : step_folders(checkpoints)) {
    try {
      found.complete.push_back(read_set(folder));
    } catch (base::InputError const& error) {
      found.skipped.insert(found.skipped.end(), error.problems().begin(), error.problems().end());
    } catch (base::RuntimeFailure const& failure) {
      found.skipped.push_back({folder.path.string(), failure.what(), "mend that, or use another checkpoint"});
    }
  }
  return found;
}

std::optional<Set> newest_complete(fs::path const& checkpoints) {
  auto found = find_sets(checkpoints);
  if (found.complete.empty()) return std::nullopt;
  return std::move(found.complete.front());
}

std::vector<base::Problem> check_files(Set const& set) {
  std::vector<base::Problem> problems;
  for (auto const& file : set.manifest.files) {
    try {
      if (auto damage = find_damage(set.folder, file, true)) problems.push_back(*std::move(damage));
    } catch (base::RuntimeFailure const& failure) {
      problems.push_back({(set.folder / file.name).string(), failure.what(), "use another checkpoint"});
    }
  }
  return problems;
}

std::vector<fs::path> prune(fs::path const& checkpoints, std::uint64_t step, Keep const& keep) {
  auto sets = find_sets(checkpoints).complete;
  std::erase_if(sets, [&](Set const& set) { return set.manifest.step > step; });
  if (sets.empty()) return {};
  auto const span = [&](std::size_t i) {
    return i < sets.size() && keep.every_steps > 0 ? sets[i].manifest.step / keep.every_steps : 0;
  };
  std::vector<fs::path> doomed;
  for (auto i = static_cast<std::size_t>(std::max(keep.newest, 1)); i < sets.size(); ++i) {
    bool const is_first_of_span = span(i) > span(i + 1);
    if (!is_first_of_span) doomed.push_back(sets[i].folder);
  }
  for (auto const& folder : step_folders(checkpoints)) {
    if (folder.step < sets.front().manifest.step && !has_manifest(folder.path)) doomed.push_back(folder.path);
  }
  for (auto const& folder : doomed) remove_set(folder);
  return doomed;
}

}  // namespace atl::checkpoint
