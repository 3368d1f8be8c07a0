// atoll train: all ranks agree on deck, data and folder, or on what is wrong with them; then the run.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "app/agreement.hpp"
#include "app/commands.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "deck/deck.hpp"
#include "kernels/buffer.hpp"
#include "kernels/device.hpp"
#include "train/console.hpp"
#include "train/initial_model.hpp"
#include "train/memory_estimate.hpp"
#include "train/run.hpp"

namespace atl::app {

namespace {

// The text of every site, as far as it lies here: where sites have their own, that of others may not.
std::string describe_data(train::RunPlan const& plan) {
  std::string text;
  int const corpora = plan.config.sites.count / train::sites_per_corpus(plan.config);
  for (int site = 0; site < corpora; ++site) {
    auto const& entry = plan.config.sites.data[static_cast<std::size_t>(site)];
    text += corpora > 1 && !data::is_here(entry)
                ? fmt::format("data    {}, of site {}: not on this machine\n", entry, site)
                : fmt::format("data    {}\n", data::describe(train::open_site_corpus(plan, site)));
  }
  return text;
}

// Its leader reads a site's text through before anything is written: nobody else may have it. Returns what it
// is, "" on ranks that need not look.
std::string check_data(train::RunPlan const& plan, comm::SiteLayout const& layout, int world_rank) {
  auto const here = layout.deck_place(world_rank);
  bool const is_first_reader = here.rank == 0 && here.group % train::sites_per_corpus(plan.config) == 0;
  if (here.role != comm::Role::site || !is_first_reader) return "";
  auto const corpus = train::open_site_corpus(plan, here.group);
  data::check_digests(corpus);
  bool const is_own = plan.config.sites.data.size() > 1;
  return fmt::format("data    {}{}", data::describe(corpus), is_own ? "; every site has its own" : "");
}

// Makes the folder of a new run, or finds where an old one goes on: the set to resume from, "" to start at
// the beginning, or `is_complete`.
constexpr char const* is_complete = "complete";

std::string open_folder(train::RunFolder const& folder, train::RunPlan const& plan, bool may_resume) {
  bool const exists = std::filesystem::exists(folder.root);
  auto const found = may_resume && exists ? train::find_resume_point(folder, plan) : std::nullopt;
  if (!found) train::InitialModel{plan};  // is there what this run starts from?
  if (!may_resume || !exists) {
    train::create(folder, plan.config);
    return "";
  }
  bool const has_all_steps = found && found->step >= plan.config.run.steps;
  if (train::read_outcome(folder) == "done" && has_all_steps) return is_complete;
  train::reopen(folder, plan.config);
  return found ? found->folder.string() : "";
}

void introduce(train::RunPlan const& plan, std::string const& data, train::RunFolder const& folder,
               std::optional<train::ResumePoint> const& resume) {
  if (std::getenv("OMP_NUM_THREADS") == nullptr) {
    base::log::warn("OMP_NUM_THREADS is not set: every rank may use all cores; set it to 1");
  }
  base::log::console(fmt::format("atoll {}, {}", ATOLL_VERSION, comm::describe_mpi()));
  base::log::console(data);
  base::log::console(train::describe(plan));
  base::log::console(resume
                         ? fmt::format("run     {}, resumed from step {}", folder.root.string(), resume->step)
                         : fmt::format("run     {}", folder.root.string()));
}

// Collective over the world. Starts what a site's rank computes on, if this is one. Throws InputError where
// those that share a GPU ask for more memory than it has.
void start(std::optional<kernels::Device>& device, train::RunPlan const& plan, comm::MpiRuntime const& mpi) {
  comm::SiteLayout const layout(plan.config, mpi.size());
  bool const computes = layout.place(mpi.rank()).role == comm::Role::site;
  int const number_on_node = mpi.number_on_node();  // shards and spares take part
  if (computes) device.emplace(kernels::Seat{.number = number_on_node});
  if constexpr (!kernels::is_host_memory) {
    auto const gpu = computes ? kernels::Device::facts() : kernels::Device::Facts{};
    auto const asked = computes ? train::estimate_device_bytes(plan, layout, mpi.rank()) : 0;
    auto const company = mpi.company(gpu.id, asked);
    on_every_rank(mpi, [&] {
      if (computes) train::check_fits({gpu.name, gpu.bytes, company.ranks, company.amount});
    });
  }
}

int check_and_train(TrainFlags const& flags, comm::MpiRuntime& mpi) {
  auto const deck = on_rank_0(mpi, [&] { return deck::echo(deck::load(flags.deck, flags.overrides)); });
  auto const config = deck::parse(deck, flags.deck, {});
  std::optional<train::RunPlan> plan;
  on_every_rank(mpi, [&] { plan.emplace(train::make_plan(config)); });
  if (comm::is_recruit())
    return static_cast<int>(train::run_as_recruit(*plan, train::RunFolder(config.run.name)));
  if (flags.check) {
    auto const data = on_rank_0(mpi, [&] {
      train::InitialModel{*plan};
      return describe_data(*plan);
    });
    if (mpi.rank() == 0) base::log::console(data + train::describe(*plan));
    return static_cast<int>(base::ExitCode::done);
  }
  // Before anything is written: do the ranks fit, and is everyone's text sound?
  std::string data;
  on_every_rank(mpi, [&] { data = check_data(*plan, comm::SiteLayout(config, mpi.size()), mpi.rank()); });
  data = mpi.first_text(data);
  std::optional<kernels::Device> device;
  start(device, *plan, mpi);

  train::RunFolder const folder(config.run.name);
  auto const set = on_rank_0(mpi, [&]() -> std::string { return open_folder(folder, *plan, flags.resume); });
  if (set == is_complete) {
    if (mpi.rank() == 0) {
      base::log::console(fmt::format("{} is complete; there is nothing to resume", folder.root.string()));
    }
    return static_cast<int>(base::ExitCode::done);
  }
  std::optional<train::ResumePoint> resume;
  if (!set.empty()) resume = train::resume_from(set);

  if (mpi.rank() == 0) introduce(*plan, data, folder, resume);
  bool const shows_progress =
      flags.progress == "always" || (flags.progress == "auto" && train::stdout_is_terminal());
  return static_cast<int>(train::run(*plan, folder, resume, mpi, {shows_progress, flags.profile}));
}

}  // namespace

int run_command(TrainFlags const& flags, comm::MpiRuntime& mpi) {
  try {
    return check_and_train(flags, mpi);
  } catch (AgreedInputError const& error) {
    if (mpi.rank() != 0) throw;  // rank 0 speaks for all, and has read the deck
    throw AgreedInputError(deck::located(error, flags.deck, flags.overrides));
  }
}

}  // namespace atl::app
